import * as artifactregistry from "@pulumi/gcp/artifactregistry";
import * as projects from "@pulumi/gcp/projects";
import * as serviceaccount from "@pulumi/gcp/serviceaccount";
import * as storage from "@pulumi/gcp/storage";
import * as pulumi from "@pulumi/pulumi";

import type { SourceBundle } from "../../layers/bundle";
import { nameLimits, resourceName, type Scope } from "../names";
import { type Transform, transformed } from "../transform";
import { enableServices } from "./services";
import { nameIn } from "../../contract/urn";

export interface FunctionBuildArgs {
  readonly scope: Scope;
  readonly project: string;
  /** The project's number, which is part of the names of Google's own accounts. */
  readonly projectNumber: pulumi.Input<string>;
  readonly location: string;
  readonly labels?: Record<string, string>;
  /** URN of the function that owned the build in earlier versions of this program, for existing stacks. */
  readonly formerOwner?: pulumi.Input<string>;
  readonly transform?: { readonly bucket?: Transform<storage.BucketArgs> };
}

/**
 * The build resources of functions: a bucket for sources, a repository for images, and a service account that may only
 * read the one, write to the other and write its log. All functions of a stack share them.
 */
export class FunctionBuild extends pulumi.ComponentResource {
  readonly bucket: storage.Bucket;
  readonly account: serviceaccount.Account;
  readonly repository: artifactregistry.Repository;
  /** Grants that the account needs before it can build. */
  readonly grants: readonly pulumi.CustomResource[];
  /**
   * Google's own accounts that build and run functions. Otherwise they would be created with the first function, which
   * is too late.
   */
  readonly agents: readonly pulumi.CustomResource[];

  constructor(name: string, args: FunctionBuildArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:gcp:FunctionBuild", name, {}, opts);
    const { project, location, labels, formerOwner } = args;
    const aliases = (suffix: string): pulumi.Alias[] =>
      formerOwner === undefined
        ? []
        : [{ name: pulumi.output(formerOwner).apply((urn) => nameIn(urn) + suffix), parent: formerOwner }];
    const child = enableServices(name, [...agents, "artifactregistry", "iam"], this, (api) => aliases(`-${api}`));
    const formerly = (suffix: string) => ({ ...child, aliases: aliases(suffix) });

    this.agents = agents.map(
      (api) => new projects.ServiceIdentity(`${name}-${api}-agent`, { service: `${api}.googleapis.com` }, child),
    );
    this.bucket = new storage.Bucket(
      `${name}-source`,
      transformed<storage.BucketArgs>(
        {
          name: resourceName(args.scope, "source", nameLimits.bucket, project),
          location,
          uniformBucketLevelAccess: true,
          publicAccessPrevention: "enforced",
          forceDestroy: true,
          labels,
        },
        args.transform?.bucket,
      ),
      formerly("-source"),
    );
    this.account = new serviceaccount.Account(
      name,
      {
        accountId: resourceName(args.scope, "build", nameLimits.serviceAccount),
        displayName: "Builds the functions",
      },
      formerly("-build"),
    );
    this.repository = new artifactregistry.Repository(
      name,
      {
        repositoryId: resourceName(args.scope, "images", nameLimits.googleCloud),
        location,
        format: "DOCKER",
        description: "Images of the functions",
        // Each deployment pushes an image for each function.
        cleanupPolicies: [
          { id: "keep-newest", action: "KEEP", mostRecentVersions: { keepCount: 5 } },
          { id: "delete-old", action: "DELETE", condition: { olderThan: `${30 * 86_400}s` } },
        ],
        labels,
      },
      formerly(""),
    );
    const member = pulumi.interpolate`serviceAccount:${this.account.email}`;
    this.grants = [
      new projects.IAMMember(
        `${name}-log`,
        { project, role: "roles/logging.logWriter", member },
        formerly("-build-log"),
      ),
      new artifactregistry.RepositoryIamMember(
        name,
        { repository: this.repository.name, location, role: "roles/artifactregistry.writer", member },
        formerly("-build"),
      ),
      new storage.BucketIAMMember(
        name,
        { bucket: this.bucket.name, role: "roles/storage.objectViewer", member },
        formerly("-build"),
      ),
      // Cloud Functions copies the source to its own bucket, and builds from there.
      new projects.IAMMember(
        `${name}-source`,
        {
          project,
          role: "roles/storage.objectViewer",
          member,
          condition: {
            title: "sources-of-functions",
            expression: pulumi.interpolate`resource.name.startsWith("projects/_/buckets/gcf-v2-sources-${args.projectNumber}-${location}")`,
          },
        },
        formerly("-build-source"),
      ),
    ];
    this.registerOutputs({ bucket: this.bucket.name, repository: this.repository.id });
  }

  /**
   * Uploads a bundle under a name that changes with its content, since a function is not rebuilt for an unchanged name.
   */
  upload(name: string, bundle: SourceBundle): storage.BucketObject {
    return new storage.BucketObject(
      name,
      {
        bucket: this.bucket.name,
        name: `${bundle.name}-${bundle.sha256}.zip`,
        contentType: "application/zip",
        source: new pulumi.asset.FileAsset(bundle.path),
      },
      { parent: this.bucket },
    );
  }
}

/** APIs whose service agents build and run a function. */
const agents = ["cloudbuild", "cloudfunctions", "run"] as const;
