import * as command from "@pulumi/command/local";
import * as cloudfunctionsv2 from "@pulumi/gcp/cloudfunctionsv2";
import * as cloudrunv2 from "@pulumi/gcp/cloudrunv2";
import * as projects from "@pulumi/gcp/projects";
import * as secretmanager from "@pulumi/gcp/secretmanager";
import * as serviceaccount from "@pulumi/gcp/serviceaccount";
import * as pulumi from "@pulumi/pulumi";

import { entryFile } from "../../layers/adapters";
import type { SourceBundle } from "../../layers/bundle";
import { canary, type CanaryArgs, type CanaryFunction, trafficHold } from "../canary";
import { shortDigestOf } from "../digest";
import { nameLimits, resourceName, type Scope } from "../names";
import { type Transform, transformed } from "../transform";
import { deployAgain, refuseEmptyUpdate } from "./failed-deployment";
import type { FunctionBuild } from "./function-build";
import { untilKnown } from "./grant-propagation";
import { enableServices } from "./services";

/** A role of a service account in the project, with a condition. */
export interface Grant {
  readonly role: string;
  /** Restriction of the role, in the Common Expression Language. */
  readonly condition: { readonly title: string; readonly expression: pulumi.Input<string> };
}

export interface CloudFunctionArgs {
  readonly scope: Scope;
  /** Name of the function, unique in the scope. */
  readonly functionName: string;
  readonly project: string;
  readonly location: string;
  /** The shared build resources. */
  readonly build: FunctionBuild;
  /** Application and wheels in one source archive, which also determines the function's runtime. */
  readonly bundle: SourceBundle;
  /** Name of the callable in the builder's entry file: `handle`. */
  readonly entryPoint: string;
  readonly environment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Environment variables with values in Secret Manager; only this function may read them. */
  readonly secrets?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Roles beyond those for running. Default: none. */
  readonly permissions?: readonly Grant[];
  /** Memory of an instance in MiB, which also determines its CPUs: one up to 4096, eight at 32768. Default: 512. */
  readonly memorySize?: number;
  /** Timeout of a request in seconds. Default: 15. */
  readonly timeout?: number;
  /** Whether anyone may call the function. */
  readonly public: boolean;
  /**
   * Probes a twin of the function, which is deployed first and serves no user, and returns the resource for which the
   * function waits: a failed check leaves the function unchanged. The twin of a private function has `MULTICLOUD_TWIN`
   * in its environment, and answers only probes. Default: no twin, and the function itself is the first to run new
   * code.
   */
  readonly verify?: (twin: Deployed, options: pulumi.CustomResourceOptions) => pulumi.Resource;
  /**
   * The canary that a revision has to pass after its twin has answered, if `verify` is given. Default: it gets all
   * requests at once.
   */
  readonly canary?: CanaryArgs;
  /** Who may probe the twin: anyone, or only those who may invoke every function of the project. Default: anyone. */
  readonly twinInvoker?: "anyone" | "owner";
  readonly labels?: Record<string, string>;
  readonly transform?: { readonly function?: Transform<cloudfunctionsv2.FunctionArgs> };
}

/** A deployed function or twin. */
export interface Deployed {
  /** The function resource itself. */
  readonly resource: cloudfunctionsv2.Function;
  readonly functionName: pulumi.Output<string>;
  /** Name of its Cloud Run service: the function's own name, unless that has more than 49 characters. */
  readonly serviceName: pulumi.Output<string>;
  /** `https://<functionName>-<hash>.run.app`, without a trailing slash. */
  readonly url: pulumi.Output<string>;
  /** What its responses depend on: the build with its source, and the service. */
  readonly configuration: pulumi.Output<unknown>;
  /** The `x-release` of its responses: a digest of the code and one of its settings. */
  readonly release: pulumi.Output<string>;
  /** E-mail address of its service account. */
  readonly serviceAccount: pulumi.Output<string>;
  /** Name of its log. */
  readonly logName: string;
}

/** Differences between a function and its twin. */
interface Variant extends Pick<Scaling, "maximumInstances">, Pick<CloudFunctionArgs, "public"> {
  /** Suffix of the Pulumi names. */
  readonly suffix: string;
  /** Part in the physical name. */
  readonly part: string;
  /** Further environment variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whether a new revision gets all requests at once. */
  readonly atOnce: boolean;
}

/** Scaling of the instances. */
export interface Scaling {
  /** Concurrent requests per instance. */
  readonly concurrency: number;
  /** Maximum number of instances. */
  readonly maximumInstances: number;
}

/**
 * A Cloud Run function, which answers HTTPS on its own host name, for those who may invoke it.
 *
 * It is built from an archive with every wheel, so that the build needs no package index. One service account builds it
 * and another one runs it; neither has the other's permissions.
 */
export abstract class CloudFunction extends pulumi.ComponentResource implements Deployed {
  readonly resource: cloudfunctionsv2.Function;
  readonly functionName: pulumi.Output<string>;
  readonly serviceName: pulumi.Output<string>;
  readonly url: pulumi.Output<string>;
  readonly configuration: pulumi.Output<unknown>;
  readonly release: pulumi.Output<string>;
  readonly serviceAccount: pulumi.Output<string>;
  /** The service account resource. */
  readonly identity: serviceaccount.Account;
  readonly logName: string;
  /** Maximum number of instances. */
  readonly maximumInstances: number;

  readonly #name: string;
  readonly #project: string;

  protected constructor(
    type: string,
    name: string,
    args: CloudFunctionArgs & Scaling,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(type, name, {}, opts);
    this.#name = name;
    this.#project = args.project;
    const { build, location, labels, memorySize = 512 } = args;
    const child = enableServices(name, ["cloudbuild", "cloudfunctions", "iam", "run"], this);

    const object = build.upload(`${name}-source`, args.bundle);
    const runtime = new serviceaccount.Account(
      name,
      {
        accountId: accountId(args.scope, args.functionName),
        displayName: `Runs the function ${args.functionName}`,
      },
      child,
    );
    this.identity = runtime;
    this.serviceAccount = runtime.email;
    this.maximumInstances = args.maximumInstances;
    this.logName = `projects/${args.project}/logs/run.googleapis.com%2Fstdout`;
    const grants = (args.permissions ?? []).map((grant) => this.grant(grant, child));
    const secrets = Object.entries(args.secrets ?? {}).map(([key, value]) => this.secret(key, value, args));

    const variables = secrets.map(({ variable }) => variable);
    const settings = shortDigestOf({
      environment: args.environment,
      variables,
      memorySize,
      timeout: args.timeout,
      concurrency: args.concurrency,
    });
    const code = args.bundle.releases[args.functionName];
    this.release = settings.apply((half) => `${code ?? ""}.${half}`);

    const granted = [...build.grants, ...grants, ...secrets.map(({ grant }) => grant)];
    const waited = [...child.dependsOn, ...build.agents, ...granted, this.awaitGrants(granted)];
    const settingsOf = (variant: Variant) =>
      transformed<cloudfunctionsv2.FunctionArgs>(
        {
          name: resourceName(args.scope, variant.part, nameLimits.googleCloud),
          location,
          buildConfig: {
            runtime: `python${args.bundle.pythonVersion.replace(".", "")}`,
            entryPoint: args.entryPoint,
            serviceAccount: build.account.id,
            dockerRepository: build.repository.id,
            environmentVariables: {
              // The default is `main.py`, which the application may have itself.
              GOOGLE_FUNCTION_SOURCE: entryFile("gcp", args.functionName),
              // pip then installs only from the archive's folder.
              GOOGLE_VENDOR_PIP_DEPENDENCIES: "wheels",
            },
            source: { storageSource: { bucket: build.bucket.name, object: object.name } },
          },
          serviceConfig: {
            serviceAccountEmail: runtime.email,
            environmentVariables: {
              ...args.environment,
              ...variant.variables,
              MULTICLOUD_RELEASE: settings,
              // Marks a revision with its release and whether it was verified.
              ...(code !== undefined && { MULTICLOUD_CODE: code }),
              ...(args.verify !== undefined && { MULTICLOUD_VERIFIED: "true" }),
            },
            ...(variables.length > 0 && { secretEnvironmentVariables: variables }),
            availableCpu: String(cpusFor(memorySize)),
            availableMemory: `${memorySize}Mi`,
            timeoutSeconds: args.timeout ?? 15,
            maxInstanceRequestConcurrency: args.concurrency,
            maxInstanceCount: variant.maximumInstances,
            // With ingress only from the load balancer, the function's own address would not answer.
            ingressSettings: "ALLOW_ALL",
            allTrafficOnLatestRevision: variant.atOnce,
          },
          labels,
        },
        args.transform?.function,
      );
    const declare = (variant: Variant, after: pulumi.Resource[]) => {
      const resource = new cloudfunctionsv2.Function(name + variant.suffix, settingsOf(variant), {
        parent: this,
        dependsOn: [...waited, ...after],
        hooks: {
          ...child.hooks,
          beforeUpdate: [refuseEmptyUpdate(name + variant.suffix, args.functionName)],
        },
      });
      const deployed = {
        ...described(name, args.functionName, resource),
        release: this.release,
        serviceAccount: runtime.email,
        logName: this.logName,
      };
      const invokers = variant.public
        ? [
            new cloudrunv2.ServiceIamMember(
              name + variant.suffix,
              { name: deployed.serviceName, location, role: "roles/run.invoker", member: "allUsers" },
              { parent: this },
            ),
          ]
        : [];
      return { ...deployed, invokers };
    };

    const verified: pulumi.Resource[] = [];
    if (args.verify !== undefined) {
      // Function names have no underscore, and another function may be called `<function>-next`.
      const part = `${args.functionName}_next`;
      const twin = declare(
        {
          ...{ suffix: "-next", part, maximumInstances: 1, public: args.twinInvoker !== "owner" },
          variables: args.public ? {} : { MULTICLOUD_TWIN: "true" },
          atOnce: true,
        },
        [],
      );
      verified.push(args.verify(twin, { parent: this, dependsOn: [twin.resource, ...twin.invokers] }));
    }
    const isShared = args.canary !== undefined && args.verify !== undefined;
    const own: Variant = {
      suffix: "",
      part: args.functionName,
      public: args.public,
      variables: {},
      maximumInstances: args.maximumInstances,
      atOnce: !isShared,
    };
    const shared: CanaryFunction = {
      cloud: "gcp",
      functionName: resourceName(args.scope, own.part, nameLimits.googleCloud),
      region: location,
      project: args.project,
      deployed: settingsOf(own),
    };
    if (isShared) verified.push(trafficHold(`${name}-hold`, shared, { parent: this, dependsOn: verified }));
    const fn = declare(own, verified);
    if (isShared) {
      const options = { parent: this, dependsOn: [fn.resource] };
      canary(`${name}-canary`, shared, args.canary, { release: this.release }, options);
    }
    this.resource = fn.resource;
    this.functionName = fn.functionName;
    this.serviceName = fn.serviceName;
    this.url = fn.url;
    this.configuration = fn.configuration;
  }

  /**
   * A build or revision that fails because a role has not propagated has been accepted already, and no later update
   * repeats it.
   */
  private awaitGrants(grants: readonly pulumi.CustomResource[]): pulumi.Resource {
    return new command.Command(
      `${this.#name}-grants`,
      { create: untilKnown(`what was granted to ${this.#name}`), triggers: grants.map(({ id }) => id) },
      { parent: this, dependsOn: [...grants] },
    );
  }

  /**
   * Grants the function a further role. Roles for its first request belong in `permissions`: the function waits for
   * those.
   */
  grant({ role, condition }: Grant, options: pulumi.CustomResourceOptions = { parent: this }): projects.IAMMember {
    return new projects.IAMMember(
      `${this.#name}-${condition.title}`,
      { project: this.#project, role, member: this.#member, condition },
      options,
    );
  }

  get #member(): pulumi.Output<string> {
    return pulumi.interpolate`serviceAccount:${this.serviceAccount}`;
  }

  /**
   * Stores a variable's value in Secret Manager. A changed value is a new version; old ones stay, since earlier
   * revisions read them.
   */
  private secret(key: string, value: pulumi.Input<string>, args: CloudFunctionArgs) {
    const { scope, functionName, location, project, labels } = args;
    const part = `${this.#name}-${key}`;
    const child = enableServices(part, ["secretmanager"], this);
    const secret = new secretmanager.Secret(
      part,
      {
        secretId: resourceName(scope, `${functionName}-${key}`, nameLimits.secret),
        replication: { userManaged: { replicas: [{ location }] } },
        labels,
      },
      child,
    );
    const version = new secretmanager.SecretVersion(
      part,
      { secret: secret.id, secretData: pulumi.secret(value), deletionPolicy: "ABANDON" },
      { ...child, parent: secret },
    );
    const grant = new secretmanager.SecretIamMember(
      part,
      { secretId: secret.secretId, role: "roles/secretmanager.secretAccessor", member: this.#member },
      { ...child, parent: secret },
    );
    return { grant, variable: { key, projectId: project, secret: secret.secretId, version: version.version } };
  }
}

function described(name: string, functionName: string, resource: cloudfunctionsv2.Function) {
  const service = resource.serviceConfig.apply((config) => {
    if (config?.uri !== undefined) return { ...config, uri: config.uri };
    // A preview of the update that repairs it does not know the address either.
    if (pulumi.runtime.isDryRun()) return { ...config, uri: "https://not-known-yet.invalid" };
    // The provider keeps a function whose creation failed and does not retry it: an update without a change succeeds.
    throw new Error(`${name}: the function has no address, since its creation failed. ${deployAgain(functionName)}`);
  });
  // Without its address, which does not affect its responses.
  const configured = resource.serviceConfig.apply((config) => {
    const { uri: _uri, ...others } = config ?? {};
    return others;
  });
  return {
    resource,
    functionName: resource.name,
    serviceName: serviceName(resource, service.service),
    url: service.uri,
    configuration: pulumi.output({ build: resource.buildConfig, service: configured }),
  };
}

/** Function names that are also their services' names; longer ones are shortened by Google Cloud. */
const sharedName = /^[a-z0-9-]{1,49}$/;

/**
 * Name of a function's Cloud Run service. A preview does not know the function's future outputs, and would announce a
 * replacement of everything that uses the service; the update itself uses Google Cloud's name.
 */
function serviceName(
  { name }: cloudfunctionsv2.Function,
  service: pulumi.Input<string | undefined>,
): pulumi.Output<string> {
  const told = pulumi.all([service, name]).apply(([id, own]) => lastPart(id) ?? own);
  if (!pulumi.runtime.isDryRun()) return told;
  return name.apply((own) => (sharedName.test(own) ? pulumi.output(own) : told));
}

/** The builder's account has the part `build`, which may also be the name of a function. */
function accountId(scope: Scope, functionName: string): string {
  return resourceName(scope, functionName === "build" ? "build_" : functionName, nameLimits.serviceAccount);
}

function lastPart(id: string | undefined): string | undefined {
  return id?.split("/").at(-1);
}

/**
 * The minimum number of CPUs for this memory, from "Configure memory limits"; at least one, which concurrent requests
 * require.
 */
export function cpusFor(memorySize: number): number {
  const fewest = [
    { over: 24 * 1024, cpus: 8 },
    { over: 16 * 1024, cpus: 6 },
    { over: 8 * 1024, cpus: 4 },
    { over: 4 * 1024, cpus: 2 },
  ];
  return fewest.find(({ over }) => memorySize > over)?.cpus ?? 1;
}
