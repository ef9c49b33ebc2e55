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
import { keepFormerVersion } from "./former-version";
import { versionCheck } from "./version-check";

/** AWS attaches at most five layers to a function. */
const maximumLayers = 5;

export interface LambdaFunctionArgs {
  /** Name of the function, of its role and of its log group (`/aws/lambda/<functionName>`). */
  readonly functionName: string;
  /** The function's own code; its dependencies come from `layers`. */
  readonly code: pulumi.asset.Archive;
  /** `<module>.<attribute>` in `code`, e.g. `api.aws.function.handler`. */
  readonly handler: string;
  /**
   * The layers with the function's dependencies, at most five. The function's runtime and architecture are those that the
   * layers were built for, so the two cannot disagree. Layers of another stack come from `DependencyLayer.fromOutputs`; that they
   * have what the code imports, `proveCode` proves.
   */
  readonly layers: readonly PublishedLayer[];
  /** What the code is for, where it has no dependencies and so no layers. */
  readonly platform?: Pick<LayerBundle, "pythonVersion" | "architecture">;
  /** ARNs of public layers, attached after `layers`. Default: none. */
  readonly publicLayerArns?: readonly string[];
  readonly environment?: Record<string, pulumi.Input<string>>;
  /**
   * Environment variables whose values are secret: each is in Secrets Manager, as `<functionName>/<variable>`, and the
   * function finds in `MULTICLOUD_SECRETS` where. Default: none.
   */
  readonly secrets?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Days in which a deleted secret can be restored, 7 to 30; its name is taken as long. Default: 0, deleted at once. */
  readonly secretRecoveryDays?: number;
  /** What the function may do beyond writing its own log and traces. Default: nothing. */
  readonly permissions?: readonly pulumi.Input<iam.PolicyStatement>[];
  /** MiB; the share of a CPU grows with it. Default: 512. */
  readonly memorySize?: number;
  /** Seconds, at most 900. Default: 15. */
  readonly timeout?: number;
  /** How many run at once at most. Default: the account's limit. */
  readonly reservedConcurrency?: number;
  /** Days, one of those CloudWatch accepts. Default: 365. */
  readonly logRetentionDays?: number;
  /** ARN of the policy that the function's role does not get beyond. Default: none. */
  readonly permissionsBoundary?: string;
  /** Resumes from a snapshot of the initialised function instead of starting cold. Default: false. */
  readonly snapStart?: boolean;
  /**
   * The code's half of the release that the function's answers name, in the header `x-release` or, on a schedule, in the
   * answer to its probe. Default: they name none.
   */
  readonly release?: string;
  /** Whether a version is asked before it serves, by its probes. Default: false, a new version serves at once. */
  readonly verified?: boolean;
  /**
   * What a version has to pass, once it is verified, before it has all requests; not for a function on a schedule, whose runs
   * are too few to be shared. Default: it has them all at once.
   */
  readonly canary?: CanaryArgs;
  /** ARN of the KMS key that encrypts the environment. Default: the key that AWS manages. */
  readonly kmsKeyArn?: string;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly role?: Transform<iam.RoleArgs>;
    readonly logGroup?: Transform<cloudwatch.LogGroupArgs>;
    readonly function?: Transform<lambda.FunctionArgs>;
  };
}

/** What invokes a function: an alias has its own ARN and its own resource policy. */
export interface Invocation {
  readonly functionName: pulumi.Output<string>;
  /** ARN of the function, or of its alias. */
  readonly arn: pulumi.Output<string>;
  /** The same as API Gateway takes it. */
  readonly invokeArn: pulumi.Output<string>;
  /** Name of the alias, where the function is invoked through one. */
  readonly qualifier?: pulumi.Output<string>;
}

/**
 * A Lambda function, which cannot be declared without the layers that hold its dependencies, with its role and its log.
 *
 * Each change is a version of its own, and the alias `live` says which one serves. A version keeps its code, its layers and
 * its environment, so neither an update that is under way nor one that failed changes what serves.
 */
export abstract class LambdaFunction extends pulumi.ComponentResource {
  readonly function: lambda.Function;
  /** What the function runs as. */
  readonly role: iam.Role;
  readonly logGroup: cloudwatch.LogGroup;
  readonly functionName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly roleArn: pulumi.Output<string>;
  readonly logGroupName: pulumi.Output<string>;
  /** What its answers depend on, beside its code. */
  readonly configuration: pulumi.Output<unknown>;
  readonly invocation: Invocation;

  /** What its answers name as their release. Absent where they name none. */
  readonly release?: pulumi.Output<string>;

  /** @param probes requests that a new version has to answer; absent where it runs on a schedule. */
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
      child,
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
      // The role is not versioned: the version that serves has its rights until the update has succeeded, when the engine
      // deletes what it replaced.
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
        code: args.code,
        role: role.arn,
        reservedConcurrentExecutions: args.reservedConcurrency,
        environment: {
          variables: {
            ...variables,
            ...(args.release !== undefined && { MULTICLOUD_RELEASE: half }),
            // An answer of status 500 is none of Lambda's errors: the function counts those itself.
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
   * Allows the function more, by a policy of its own: on what is declared after the function. What it needs from its first
   * request on, its probes included, belongs in `permissions`, for which it waits.
   *
   * @param name what tells this grant from the function's others.
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
        // Earlier releases of the function go on reading theirs, which is there as long as the secret is.
        { parent: secret, retainOnDelete: true },
      );
      return [variable, { arn: secret.arn, version: version.versionId }] as const;
    });
    return Object.fromEntries(stored);
  }
}

/** A trust policy by which a service, and nothing else, takes on a role. */
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

/** Where the function finds its secrets: not the values, which would stand in its configuration. */
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

/** X-Ray has no resources to limit these two actions to. */
const writeTraces: iam.PolicyStatement = {
  Effect: "Allow",
  Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
  Resource: "*",
};

/** @throws where nothing says what the function is for: its dependencies have been forgotten. */
function platformOf(name: string, { layers: [first], platform }: LambdaFunctionArgs) {
  const found = first?.bundle ?? platform;
  if (found !== undefined) return found;
  throw new Error(
    `${name}: a function needs the layer with its dependencies; pass at least one in layers, or platform where it has none`,
  );
}

/** Throws where the function could be deployed but could not start. */
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
