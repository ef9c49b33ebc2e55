import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as pulumi from "@pulumi/pulumi";

import type { Probe } from "../../contract/application";
import type { LayerBundle } from "../../layers/bundle";
import { canary, type CanaryArgs } from "../canary";
import type { PublishedLayer } from "../dependency-layer";
import { shortDigestOf } from "../digest";
import { type Transform, transformed } from "../transform";
import { regionOf } from "./arn";
import type { CodeSigning, SignedZip } from "./code-signing";
import { keepFormerVersion } from "./former-version";
import { versionCheck } from "./version-check";

/** AWS attaches at most five layers to a function. */
const maximumLayers = 5;

export interface LambdaFunctionArgs {
  /** Name of the function, of its role and of its log group (`/aws/lambda/<functionName>`). */
  readonly functionName: string;
  /** The function's own code, signed where `codeSigning` is given; its dependencies come from `layers`. */
  readonly code: pulumi.asset.Archive | SignedZip;
  /** `<module>.<attribute>` in `code`, e.g. `api.aws.function.handler`. */
  readonly handler: string;
  /**
   * The layers with the function's dependencies, at most five. They determine the function's runtime and architecture.
   * Layers of another stack come from `DependencyLayer.fromOutputs`; `proveCode` checks that they contain what the code
   * imports.
   */
  readonly layers: readonly PublishedLayer[];
  /** Runtime and architecture of code without dependencies, and so without layers. */
  readonly platform?: Pick<LayerBundle, "pythonVersion" | "architecture">;
  /** ARNs of public layers, attached after `layers`. Default: none. */
  readonly publicLayerArns?: readonly string[];
  readonly environment?: Record<string, pulumi.Input<string>>;
  /**
   * Environment variables with secret values: each value is in Secrets Manager, as `<functionName>/<variable>`, and the
   * function finds its ARN in `MULTICLOUD_SECRETS`. Default: none.
   */
  readonly secrets?: Readonly<Record<string, pulumi.Input<string>>>;
  /**
   * Days in which a deleted secret can be restored, 7 to 30; its name stays reserved for as long. Default: 0, deleted
   * at once.
   */
  readonly secretRecoveryDays?: number;
  /** Permissions beyond writing its own log and traces. Default: none. */
  readonly permissions?: readonly pulumi.Input<iam.PolicyStatement>[];
  /** MiB; the CPU share grows with it. Default: 512. */
  readonly memorySize?: number;
  /** Seconds, at most 900. Default: 15. */
  readonly timeout?: number;
  /** Maximum of concurrent executions. Default: the account's limit. */
  readonly reservedConcurrency?: number;
  /** Days, one of those CloudWatch accepts. Default: 365. */
  readonly logRetentionDays?: number;
  /** Whether the log group cannot be deleted. Default: false. */
  readonly protectLog?: boolean;
  /** ARN of the permissions boundary of the function's role. Default: none. */
  readonly permissionsBoundary?: string;
  /** Whether to resume from a snapshot of the initialised function instead of a cold start. Default: false. */
  readonly snapStart?: boolean;
  /**
   * The code part of the release in the function's responses: in the header `x-release` or, for a function on a
   * schedule, in the response to its probe. Default: no release.
   */
  readonly release?: string;
  /** Whether a version has to answer its probes before it serves. Default: false, a new version serves at once. */
  readonly verified?: boolean;
  /**
   * The canary that a verified version has to pass before it gets all requests. Not for a function on a schedule, which
   * runs too seldom. Default: it gets all requests at once.
   */
  readonly canary?: CanaryArgs;
  /** ARN of the KMS key that encrypts the environment. Default: the key that AWS manages. */
  readonly kmsKeyArn?: string;
  /** By what Lambda checks the signatures of the code and of the layers. Default: none, it checks none. */
  readonly codeSigning?: CodeSigning;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly role?: Transform<iam.RoleArgs>;
    readonly logGroup?: Transform<cloudwatch.LogGroupArgs>;
    readonly function?: Transform<lambda.FunctionArgs>;
  };
}

/** The target of an invocation: an alias has its own ARN and its own resource policy. */
export interface Invocation {
  readonly functionName: pulumi.Output<string>;
  /** ARN of the function, or of its alias. */
  readonly arn: pulumi.Output<string>;
  /** ARN in the form of API Gateway. */
  readonly invokeArn: pulumi.Output<string>;
  /** Name of the alias, if the function is invoked through one. */
  readonly qualifier?: pulumi.Output<string>;
}

/**
 * A Lambda function with its role and its log. It cannot be declared without the layers of its dependencies.
 *
 * Each change publishes a version, and the alias `live` selects the serving one. A version keeps its code, layers and
 * environment, so neither a running nor a failed update changes what serves.
 */
export abstract class LambdaFunction extends pulumi.ComponentResource {
  readonly function: lambda.Function;
  /** The function's execution role. */
  readonly role: iam.Role;
  readonly logGroup: cloudwatch.LogGroup;
  readonly functionName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly roleArn: pulumi.Output<string>;
  readonly logGroupName: pulumi.Output<string>;
  /** What its responses depend on, beside its code. */
  readonly configuration: pulumi.Output<unknown>;
  readonly invocation: Invocation;

  /** The release in its responses. Absent if they have none. */
  readonly release?: pulumi.Output<string>;

  /** @param probes requests that a new version has to answer; absent for a function on a schedule. */
  constructor(
    type: string,
    private readonly logicalName: string,
    args: LambdaFunctionArgs,
    probes: readonly Probe[] | undefined,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(type, logicalName, {}, opts);
    const name = logicalName;
    checkLayers(name, args);
    const { pythonVersion, architecture } = platformOf(name, args);
    const child: pulumi.CustomResourceOptions = { parent: this };

    const logGroup = new cloudwatch.LogGroup(
      name,
      transformed<cloudwatch.LogGroupArgs>(
        {
          name: `/aws/lambda/${args.functionName}`,
          retentionInDays: args.logRetentionDays ?? 365,
          tags: args.tags,
        },
        args.transform?.logGroup,
      ),
      { ...child, protect: args.protectLog },
    );
    const role = new iam.Role(
      name,
      transformed<iam.RoleArgs>(
        {
          name: args.functionName,
          assumeRolePolicy: assumedBy("lambda.amazonaws.com"),
          permissionsBoundary: args.permissionsBoundary,
          tags: args.tags,
        },
        args.transform?.role,
      ),
      child,
    );
    const secrets = this.storeSecrets(name, args);
    const policy = new iam.RolePolicy(
      name,
      {
        role: role.name,
        policy: pulumi.jsonStringify({
          Version: "2012-10-17",
          Statement: [writeLog(logGroup.arn), writeTraces, ...readSecrets(secrets), ...(args.permissions ?? [])],
        }),
      },
      // The role is not versioned: the serving version keeps its permissions until the update has succeeded, when the
      // engine deletes replaced policies.
      { ...child, replaceOnChanges: ["policy"] },
    );
    const versioned = {
      handler: args.handler,
      runtime: `python${pythonVersion}`,
      architectures: [architecture],
      layers: [...args.layers.map((layer) => layer.arn), ...(args.publicLayerArns ?? [])],
      memorySize: args.memorySize ?? 512,
      timeout: args.timeout ?? 15,
      kmsKeyArn: args.kmsKeyArn,
      snapStart: args.snapStart ? { applyOn: "PublishedVersions" } : undefined,
    } satisfies Partial<lambda.FunctionArgs>;
    const variables = { ...args.environment, ...locations(secrets) };
    const isShared = probes !== undefined && args.verified === true && args.canary !== undefined;
    const half = shortDigestOf({ ...versioned, variables });
    if (args.release !== undefined) this.release = pulumi.interpolate`${args.release}.${half}`;
    const functionArgs = transformed<lambda.FunctionArgs>(
      {
        ...versioned,
        name: args.functionName,
        // What says of a version, among others, which release it is.
        description: this.release,
        ...codeOf(name, args),
        role: role.arn,
        reservedConcurrentExecutions: args.reservedConcurrency,
        environment: {
          variables: {
            ...variables,
            ...(args.release !== undefined && { MULTICLOUD_RELEASE: half }),
            // Lambda does not count a response with status 500 as an error, so the function counts those itself.
            ...(isShared && { MULTICLOUD_CANARY: "true" }),
          },
        },
        loggingConfig: { logFormat: "JSON", logGroup: logGroup.name },
        tracingConfig: { mode: "Active" },
        publish: true,
        tags: args.tags,
      },
      args.transform?.function,
    );
    const fn = new lambda.Function(name, functionArgs, {
      ...child,
      dependsOn: [policy],
      hooks: { beforeUpdate: [keepFormerVersion(name)] },
    });

    this.function = fn;
    this.role = role;
    this.logGroup = logGroup;
    this.functionName = fn.name;
    this.arn = fn.arn;
    this.roleArn = role.arn;
    this.logGroupName = logGroup.name;
    // Of the inputs: what the provider leaves out of its outputs would be unknown in every preview.
    const { handler, layers, runtime, architectures, memorySize, timeout, environment } = functionArgs;
    const { kmsKeyArn, reservedConcurrentExecutions, snapStart } = functionArgs;
    this.configuration = pulumi.output({
      ...{ handler, layers, runtime, architectures, memorySize, timeout, environment },
      ...{ kmsKeyArn, reservedConcurrentExecutions, snapStart, policy: policy.policy },
    });
    const check = args.verified
      ? versionCheck(
          `${name}-version`,
          {
            functionArn: fn.arn,
            version: fn.version,
            probes,
            release: this.release,
            snapStart: args.snapStart,
            dependsOnToo: this.configuration,
          },
          child,
        )
      : undefined;
    // Of two versions with the same code the one that answered, where the first of them had no snapshot.
    const version = check !== undefined && args.snapStart ? check.stdout : fn.version;
    const passed = [
      ...(check === undefined ? [] : [check]),
      ...(isShared
        ? [
            canary(
              `${name}-canary`,
              { cloud: "aws", functionName: fn.name, region: fn.arn.apply(regionOf), deployed: this.configuration },
              args.canary,
              { version },
              { ...child, dependsOn: check },
            ),
          ]
        : []),
    ];
    const alias = new lambda.Alias(
      name,
      { name: "live", functionName: fn.name, functionVersion: version },
      { ...child, dependsOn: passed },
    );
    this.invocation = { functionName: fn.name, arn: alias.arn, invokeArn: alias.invokeArn, qualifier: alias.name };
  }

  /**
   * Grants the function further permissions by a separate policy, on resources that are declared after the function.
   * Permissions for its first request and its probes belong in `permissions`: the function waits for those.
   *
   * @param name distinguishes this grant from the function's others.
   */
  grant(name: string, ...statements: readonly pulumi.Input<iam.PolicyStatement>[]): iam.RolePolicy {
    const own = `${this.logicalName}-${name}`;
    const policy = pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements });
    return new iam.RolePolicy(own, { role: this.role.name, policy }, { parent: this });
  }

  /** By the variable that each is for. */
  private storeSecrets(name: string, args: LambdaFunctionArgs): StoredSecrets {
    const stored = Object.entries(args.secrets ?? {}).map(([variable, value]) => {
      const secret = new secretsmanager.Secret(
        `${name}-${variable}`,
        {
          name: `${args.functionName}/${variable}`,
          recoveryWindowInDays: args.secretRecoveryDays ?? 0,
          tags: args.tags,
        },
        { parent: this },
      );
      const version = new secretsmanager.SecretVersion(
        `${name}-${variable}`,
        { secretId: secret.id, secretString: pulumi.secret(value) },
        // Earlier versions of the function continue to read their version of the secret, which exists as long as the
        // secret.
        { parent: secret, retainOnDelete: true },
      );
      return [variable, { arn: secret.arn, version: version.versionId }] as const;
    });
    return Object.fromEntries(stored);
  }
}

/** A trust policy that lets only one service assume a role. */
export function assumedBy(service: string): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: service } }],
  } satisfies iam.PolicyDocument);
}

type StoredSecrets = Readonly<
  Record<string, { readonly arn: pulumi.Output<string>; readonly version: pulumi.Output<string> }>
>;

function readSecrets(secrets: StoredSecrets): pulumi.Input<iam.PolicyStatement>[] {
  const arns = Object.values(secrets).map(({ arn }) => arn);
  if (arns.length === 0) return [];
  return [
    pulumi.all(arns).apply((all): iam.PolicyStatement => ({
      Effect: "Allow",
      Action: "secretsmanager:GetSecretValue",
      Resource: all,
    })),
  ];
}

/** ARNs of the secrets, since values would be visible in the function's configuration. */
function locations(secrets: StoredSecrets): Record<string, pulumi.Output<string>> {
  return Object.keys(secrets).length === 0 ? {} : { MULTICLOUD_SECRETS: pulumi.jsonStringify(secrets) };
}

function writeLog(logGroupArn: pulumi.Output<string>): pulumi.Output<iam.PolicyStatement> {
  return logGroupArn.apply((arn): iam.PolicyStatement => ({
    Effect: "Allow",
    Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
    Resource: `${arn}:*`,
  }));
}

/** @throws where Lambda would be asked to check the signature of code that has none. */
function codeOf(name: string, { code, codeSigning }: LambdaFunctionArgs): Partial<lambda.FunctionArgs> {
  if ("s3Key" in code) return { ...code, codeSigningConfigArn: codeSigning?.configArn };
  if (codeSigning === undefined) return { code };
  throw new Error(`${name}: codeSigning is given, and code is not signed; pass what codeSigning.sign gives`);
}

/** X-Ray has no resources to limit these two actions to. */
const writeTraces: iam.PolicyStatement = {
  Effect: "Allow",
  Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
  Resource: "*",
};

/** @throws if there is neither a layer nor a platform: the dependencies were forgotten. */
function platformOf(name: string, { layers: [first], platform }: LambdaFunctionArgs) {
  const found = first?.bundle ?? platform;
  if (found !== undefined) return found;
  throw new Error(
    `${name}: a function needs the layer with its dependencies; pass at least one in layers, or platform where it has none`,
  );
}

/** Throws if the function could be deployed but not started. */
function checkLayers(name: string, args: LambdaFunctionArgs): void {
  const first = platformOf(name, args);
  for (const { bundle: other } of args.layers) {
    if (other.pythonVersion !== first.pythonVersion || other.architecture !== first.architecture) {
      throw new Error(
        `${name}: layer ${other.name} is for Python ${other.pythonVersion} on ${other.architecture}, ` +
          `others for Python ${first.pythonVersion} on ${first.architecture}; build all for one target`,
      );
    }
  }

  const count = args.layers.length + (args.publicLayerArns?.length ?? 0);
  if (count > maximumLayers) {
    throw new Error(
      `${name}: ${count} layers, Lambda attaches at most ${maximumLayers}; use fewer groups or layerStrategy full`,
    );
  }
}
