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

/** A role in the project: what a service account is allowed, and on what. */
export interface Grant {
  readonly role: string;
  /** What the role is limited to, in the Common Expression Language. */
  readonly condition: { readonly title: string; readonly expression: pulumi.Input<string> };
}

export interface CloudFunctionArgs {
  readonly scope: Scope;
  /** Name of the function in the scope: two functions of one scope have different ones. */
  readonly functionName: string;
  readonly project: string;
  readonly location: string;
  /** What the function is built with. */
  readonly build: FunctionBuild;
  /** Application and wheels in one source archive; the function's runtime is what the wheels are for. */
  readonly bundle: SourceBundle;
  /** Name of what is called in the file that the builder adds to the archive: `handle`. */
  readonly entryPoint: string;
  readonly environment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Environment variables whose values are kept in Secret Manager; this function alone may read them. */
  readonly secrets?: Readonly<Record<string, pulumi.Input<string>>>;
  /** What the function may do beyond running. Default: nothing. */
  readonly permissions?: readonly Grant[];
  /** MiB of an instance, which also say how many CPUs it has: one up to 4096, up to eight at 32768. Default: 512. */
  readonly memorySize?: number;
  /** Seconds that a request may take. Default: 15. */
  readonly timeout?: number;
  /** Lets anyone call the function. */
  readonly public: boolean;
  /**
   * Asks a twin of the function, which is deployed first and serves no user, and returns what the function then waits for: a
   * check that fails leaves the function as it is. The twin of a function which is not public finds `MULTICLOUD_TWIN` in its
   * environment, and answers probes alone. Default: no twin, and the function itself is the first to run new code.
   */
  readonly verify?: (twin: Deployed, options: pulumi.CustomResourceOptions) => pulumi.Resource;
  /**
   * What a revision has to pass, once its twin has answered, before it has all requests; where `verify` is given. Default: it
   * has them all at once.
   */
  readonly canary?: CanaryArgs;
  /** Who may ask the twin: anyone, or those alone who may invoke every function of the project. Default: anyone. */
  readonly twinInvoker?: "anyone" | "owner";
  readonly labels?: Record<string, string>;
  readonly transform?: { readonly function?: Transform<cloudfunctionsv2.FunctionArgs> };
}

/** A function that was deployed, or its twin. */
export interface Deployed {
  /** The function itself, for what needs more of it. */
  readonly resource: cloudfunctionsv2.Function;
  readonly functionName: pulumi.Output<string>;
  /** Name of the Cloud Run service behind it: the function's own, but for one of more than 49 characters. */
  readonly serviceName: pulumi.Output<string>;
  /** `https://<functionName>-<hash>.run.app`, without a slash at its end. */
  readonly url: pulumi.Output<string>;
  /** What its answers depend on: the build with its source, and the service. */
  readonly configuration: pulumi.Output<unknown>;
  /** What its answers say in `x-release`: a digest of the code and one of the settings that it runs with. */
  readonly release: pulumi.Output<string>;
  /** E-mail address of the service account that it runs as. */
  readonly serviceAccount: pulumi.Output<string>;
  /** Name of the log that it writes. */
  readonly logName: string;
}

/** What distinguishes a function and its twin. */
interface Variant extends Pick<Scaling, "maximumInstances">, Pick<CloudFunctionArgs, "public"> {
  /** At the end of the Pulumi names. */
  readonly suffix: string;
  /** What the physical name is made from. */
  readonly part: string;
  /** Environment variables of its own. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whether what is deployed has all requests at once. */
  readonly atOnce: boolean;
}

/** How many requests the instances take. */
export interface Scaling {
  /** How many requests an instance answers at once. */
  readonly concurrency: number;
  /** How many instances run at once at most. */
  readonly maximumInstances: number;
}

/**
 * A Cloud Run function, which answers HTTPS on a host name of its own, to those who may invoke it.
 *
 * It is built from an archive that holds every wheel, so that the build asks no package index, by one service account,
 * and runs as another: neither can do what the other is for.
 */
export abstract class CloudFunction extends pulumi.ComponentResource implements Deployed {
  readonly resource: cloudfunctionsv2.Function;
  readonly functionName: pulumi.Output<string>;
  readonly serviceName: pulumi.Output<string>;
  readonly url: pulumi.Output<string>;
  readonly configuration: pulumi.Output<unknown>;
  readonly release: pulumi.Output<string>;
  readonly serviceAccount: pulumi.Output<string>;
  /** The service account itself. */
  readonly identity: serviceaccount.Account;
  readonly logName: string;
  /** How many instances run at once at most. */
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
              // Without it, `main.py`: the application may have one.
              GOOGLE_FUNCTION_SOURCE: entryFile("gcp", args.functionName),
              // pip then installs from the archive's folder, and from nowhere else.
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
              // What says of a revision, among others, which release it is, and whether it may serve again.
              ...(code !== undefined && { MULTICLOUD_CODE: code }),
              ...(args.verify !== undefined && { MULTICLOUD_VERIFIED: "true" }),
            },
            ...(variables.length > 0 && { secretEnvironmentVariables: variables }),
            availableCpu: String(cpusFor(memorySize)),
            availableMemory: `${memorySize}Mi`,
            timeoutSeconds: args.timeout ?? 15,
            maxInstanceRequestConcurrency: args.concurrency,
            maxInstanceCount: variant.maximumInstances,
            // Only from the load balancer, and the function's own address would stop answering.
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
      // An underscore no function's name has: another function may be called `<function>-next`.
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
   * A build or a revision that is refused for a grant that is not known yet fails after Google Cloud has taken it, which no
   * later update repeats.
   */
  private awaitGrants(grants: readonly pulumi.CustomResource[]): pulumi.Resource {
    return new command.Command(
      `${this.#name}-grants`,
      { create: untilKnown(`what was granted to ${this.#name}`), triggers: grants.map(({ id }) => id) },
      { parent: this, dependsOn: [...grants] },
    );
  }

  /**
   * Allows the function more. What it needs from its first request on belongs into `permissions`, for which it waits.
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
   * A variable's value in Secret Manager. A changed value is a new version; old ones stay, since revisions that traffic may
   * go back to read them.
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
    // A preview of the update that mends it does not know the address either.
    if (pulumi.runtime.isDryRun()) return { ...config, uri: "https://not-known-yet.invalid" };
    // The provider keeps a function whose creation failed and does not try again: an update without a change is green.
    throw new Error(`${name}: the function has no address, since its creation failed. ${deployAgain(functionName)}`);
  });
  // Without its address, which says nothing of what it answers.
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

/** Names of functions that their services have too; of a longer one Google Cloud makes a shorter one. */
const sharedName = /^[a-z0-9-]{1,49}$/;

/**
 * Name of the Cloud Run service that a function is. A preview does not know what an update makes of the function, and would
 * announce a replacement of all that names the service; the update itself goes by what Google Cloud says.
 */
function serviceName(
  { name }: cloudfunctionsv2.Function,
  service: pulumi.Input<string | undefined>,
): pulumi.Output<string> {
  const told = pulumi.all([service, name]).apply(([id, own]) => lastPart(id) ?? own);
  if (!pulumi.runtime.isDryRun()) return told;
  return name.apply((own) => (sharedName.test(own) ? pulumi.output(own) : told));
}

/** The builder's account has the part `build`, which a function may be called too. */
function accountId(scope: Scope, functionName: string): string {
  return resourceName(scope, functionName === "build" ? "build_" : functionName, nameLimits.serviceAccount);
}

function lastPart(id: string | undefined): string | undefined {
  return id?.split("/").at(-1);
}

/**
 * The fewest CPUs that Cloud Run gives so many MiB to, from "Configure memory limits"; never less than a whole one, from
 * which on an instance answers several requests at once.
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
