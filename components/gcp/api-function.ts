import * as artifactregistry from "@pulumi/gcp/artifactregistry";
import * as cloudfunctionsv2 from "@pulumi/gcp/cloudfunctionsv2";
import * as cloudrunv2 from "@pulumi/gcp/cloudrunv2";
import * as projects from "@pulumi/gcp/projects";
import * as serviceaccount from "@pulumi/gcp/serviceaccount";
import * as storage from "@pulumi/gcp/storage";
import * as pulumi from "@pulumi/pulumi";

import type { SourceBundle } from "../../layers/bundle";
import { nameLimits, resourceName, type Scope } from "../names";
import { checkPackages } from "../packages";
import { type Transform, transformed } from "../transform";
import { enableServices } from "./services";

/** A role in the project: what a service account is allowed, and on what. */
export interface Grant {
  readonly role: string;
  /** What the role is limited to, in the Common Expression Language. */
  readonly condition: { readonly title: string; readonly expression: pulumi.Input<string> };
}

export interface ApiFunctionArgs {
  readonly scope: Scope;
  readonly project: string;
  /** The project's number, by which Google names what it makes in it. */
  readonly projectNumber: pulumi.Input<string>;
  readonly location: string;
  /** Application and wheels in one source archive; the function's runtime is what the wheels are for. */
  readonly bundle: SourceBundle;
  /** Name of the function in the archive's `main.py`. */
  readonly entryPoint: string;
  /** Packages that the code imports: each must be in `bundle`, or the constructor throws. */
  readonly requires?: readonly string[];
  readonly environment?: Record<string, pulumi.Input<string>>;
  /** What the function may do beyond answering requests. Default: nothing. */
  readonly permissions?: readonly Grant[];
  /**
   * Lets anyone call the function. Default: true. Where an organisation's policy forbids `allUsers`, pass false and run
   * `gcloud run services update <function> --no-invoker-iam-check`.
   */
  readonly public?: boolean;
  /** MiB of an instance, which also say how many CPUs it has: one up to 4096, up to eight at 32768. Default: 512. */
  readonly memorySize?: number;
  /** Seconds that a request may take. Default: 15. */
  readonly timeout?: number;
  /** How many requests an instance answers at once. Default: 80. */
  readonly concurrency?: number;
  /** How many instances run at once at most. Default: 40. */
  readonly maximumInstances?: number;
  readonly labels?: Record<string, string>;
  readonly transform?: {
    readonly function?: Transform<cloudfunctionsv2.FunctionArgs>;
    readonly bucket?: Transform<storage.BucketArgs>;
  };
}

/**
 * The API's Cloud Run function, which answers HTTPS on a host name of its own; no gateway stands before it.
 *
 * It is built from an archive that holds every wheel, so that the build asks no package index, by one service account,
 * and runs as another: neither can do what the other is for.
 *
 * ```ts
 * const api = new ApiFunction("api", {
 *   scope, project, projectNumber, bundle,
 *   location: "asia-northeast1",
 *   entryPoint: "handle",
 *   permissions: [table.readWrite],
 * });
 * ```
 */
export class ApiFunction extends pulumi.ComponentResource {
  readonly functionName: pulumi.Output<string>;
  /** `https://<functionName>-<hash>.run.app`, without a slash at its end. */
  readonly url: pulumi.Output<string>;
  /** E-mail address of the service account that the function runs as. */
  readonly serviceAccount: pulumi.Output<string>;
  /** Name of the log that the function writes. */
  readonly logName: string;
  /** What its answers depend on: the build with its source, and the service. */
  readonly configuration: pulumi.Output<unknown>;

  constructor(name: string, args: ApiFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:gcp:ApiFunction", name, {}, opts);
    checkPackages(name, args.bundle, args.requires);
    const { project, location, labels, memorySize = 512 } = args;
    const child = enableServices(name, ["artifactregistry", "cloudbuild", "cloudfunctions", "iam", "run"], this);

    const source = this.source(name, args, child);
    const build = this.builder(name, args, source.bucket, child);
    const runtime = new serviceaccount.Account(
      name,
      {
        accountId: resourceName(args.scope, "api", nameLimits.serviceAccount),
        displayName: "Runs the API",
      },
      child,
    );
    const member = pulumi.interpolate`serviceAccount:${runtime.email}`;
    const grants = (args.permissions ?? []).map(
      ({ role, condition }) =>
        new projects.IAMMember(`${name}-${condition.title}`, { project, role, member, condition }, child),
    );

    const fn = new cloudfunctionsv2.Function(
      name,
      transformed<cloudfunctionsv2.FunctionArgs>(
        {
          name: resourceName(args.scope, "api", nameLimits.googleCloud),
          location,
          buildConfig: {
            runtime: `python${args.bundle.pythonVersion.replace(".", "")}`,
            entryPoint: args.entryPoint,
            serviceAccount: build.account.id,
            dockerRepository: build.repository.id,
            // pip then installs from the archive's folder, and from nowhere else.
            environmentVariables: { GOOGLE_VENDOR_PIP_DEPENDENCIES: "wheels" },
            source: { storageSource: { bucket: source.bucket.name, object: source.object.name } },
          },
          serviceConfig: {
            serviceAccountEmail: runtime.email,
            environmentVariables: args.environment ?? {},
            availableCpu: String(cpusFor(memorySize)),
            availableMemory: `${memorySize}Mi`,
            timeoutSeconds: args.timeout ?? 15,
            maxInstanceRequestConcurrency: args.concurrency ?? 80,
            maxInstanceCount: args.maximumInstances ?? 40,
            // Only from the load balancer, and the API's own address would stop answering.
            ingressSettings: "ALLOW_ALL",
            allTrafficOnLatestRevision: true,
          },
          labels,
        },
        args.transform?.function,
      ),
      { ...child, dependsOn: [...build.grants, ...grants] },
    );
    if (args.public ?? true) {
      new cloudrunv2.ServiceIamMember(
        name,
        { name: fn.name, location, role: "roles/run.invoker", member: "allUsers" },
        child,
      );
    }

    this.functionName = fn.name;
    this.url = fn.serviceConfig.apply((service) => {
      if (service === undefined) throw new Error(`${name}: the function has no service, and so no address`);
      return service.uri;
    });
    this.serviceAccount = runtime.email;
    this.configuration = pulumi.output({ build: fn.buildConfig, service: fn.serviceConfig });
    this.logName = `projects/${project}/logs/run.googleapis.com%2Fstdout`;
    this.registerOutputs({ functionName: this.functionName, url: this.url });
  }

  /** The archive, under a name that changes with its content: a function whose source has its old name is not rebuilt. */
  private source(name: string, args: ApiFunctionArgs, child: pulumi.CustomResourceOptions) {
    const bucket = new storage.Bucket(
      `${name}-source`,
      transformed<storage.BucketArgs>(
        {
          name: resourceName(args.scope, "source", nameLimits.bucket, args.project),
          location: args.location,
          uniformBucketLevelAccess: true,
          publicAccessPrevention: "enforced",
          forceDestroy: true,
          labels: args.labels,
        },
        args.transform?.bucket,
      ),
      child,
    );
    const object = new storage.BucketObject(
      `${name}-source`,
      {
        bucket: bucket.name,
        name: `${args.bundle.name}-${args.bundle.sha256}.zip`,
        contentType: "application/zip",
        source: new pulumi.asset.FileAsset(args.bundle.path),
      },
      { ...child, parent: bucket },
    );
    return { bucket, object };
  }

  /** The service account that builds: it reads the source, writes its log, and writes to its own repository. */
  private builder(name: string, args: ApiFunctionArgs, bucket: storage.Bucket, child: pulumi.CustomResourceOptions) {
    const { project, location } = args;
    const account = new serviceaccount.Account(
      `${name}-build`,
      {
        accountId: resourceName(args.scope, "build", nameLimits.serviceAccount),
        displayName: "Builds the API",
      },
      child,
    );
    const member = pulumi.interpolate`serviceAccount:${account.email}`;
    const repository = new artifactregistry.Repository(
      name,
      {
        repositoryId: resourceName(args.scope, "images", nameLimits.googleCloud),
        location,
        format: "DOCKER",
        description: "Images of the API",
        // Each deployment pushes one.
        cleanupPolicies: [
          { id: "keep-newest", action: "KEEP", mostRecentVersions: { keepCount: 5 } },
          { id: "delete-old", action: "DELETE", condition: { olderThan: `${30 * 86_400}s` } },
        ],
        labels: args.labels,
      },
      child,
    );
    const grants = [
      new projects.IAMMember(`${name}-build-log`, { project, role: "roles/logging.logWriter", member }, child),
      new artifactregistry.RepositoryIamMember(
        `${name}-build`,
        { repository: repository.name, location, role: "roles/artifactregistry.writer", member },
        child,
      ),
      new storage.BucketIAMMember(
        `${name}-build`,
        { bucket: bucket.name, role: "roles/storage.objectViewer", member },
        child,
      ),
      // Cloud Functions copies the source to a bucket of its own making, and builds from there.
      new projects.IAMMember(
        `${name}-build-source`,
        {
          project,
          role: "roles/storage.objectViewer",
          member,
          condition: {
            title: "sources-of-functions",
            expression: pulumi.interpolate`resource.name.startsWith("projects/_/buckets/gcf-v2-sources-${args.projectNumber}-${location}")`,
          },
        },
        child,
      ),
    ];
    return { account, repository, grants };
  }
}

/**
 * The fewest CPUs that Cloud Run gives so many MiB to, from "Configure memory limits"; never less than a whole one, from
 * which on an instance answers several requests at once.
 */
function cpusFor(memorySize: number): number {
  const fewest = [
    { over: 24 * 1024, cpus: 8 },
    { over: 16 * 1024, cpus: 6 },
    { over: 8 * 1024, cpus: 4 },
    { over: 4 * 1024, cpus: 2 },
  ];
  return fewest.find(({ over }) => memorySize > over)?.cpus ?? 1;
}
