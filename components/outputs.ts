import type * as pulumi from "@pulumi/pulumi";

import type { Probe } from "../contract/application";
import type { LayerBundle, PackageBundle, SourceBundle } from "../layers/bundle";

/**
 * The output contract: what other stacks read through a `StackReference`. Names and meanings do not change; a cloud that
 * is switched off has no key, and neither has a frontend that is.
 */
export interface StackOutputs {
  /** Folder of the application that is deployed, as the setting `application` names it. */
  readonly application: string;
  /** ARN of each dependency layer's current version, by layer name. Empty where AWS is off. */
  readonly layerArns: Record<string, pulumi.Input<string>>;
  /** What each dependency layer is, by layer name. */
  readonly layers: Record<string, LayerOutputs>;
  readonly aws?: AwsOutputs;
  readonly azure?: AzureOutputs;
  readonly gcp?: GcpOutputs;
}

/** Packages that a function needs, as they were built. */
export interface BundleOutputs {
  /** SHA-256 of the zip, in hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of the lock that it was built from, in hexadecimal. */
  readonly lockSha256: string;
  /** Python version that it is for, e.g. `3.12`; a function that uses it runs the same. */
  readonly pythonVersion: string;
  /** Processor that it is for, `x86_64` or `arm64`; a function that uses it runs on the same. */
  readonly architecture: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** Version of each package in it, by its name. */
  readonly packages: Record<string, string>;
}

export interface LayerOutputs extends BundleOutputs {
  /** ARN of the version, which stays when a newer one is published. */
  readonly arn: pulumi.Input<string>;
  /** Number of the version, counted by AWS from 1. */
  readonly version: pulumi.Input<string>;
}

/** What a bundle is, for other stacks. */
export function describeBundle(bundle: LayerBundle | PackageBundle | SourceBundle): BundleOutputs {
  const { sha256, lockSha256, pythonVersion, architecture, size, packages } = bundle;
  const versions = Object.fromEntries(packages.map(({ name, version }) => [name, version]));
  return { sha256, lockSha256, pythonVersion, architecture, size, packages: versions };
}

/** One function of the application. */
export type FunctionOutputs = HttpFunctionOutputs | ScheduledFunctionOutputs;

interface DeployedFunctionOutputs {
  /** The cloud's name of the function. */
  readonly functionName: pulumi.Input<string>;
  /** The identity that the function runs as: role ARN, client id or service account. */
  readonly runtimeIdentity: pulumi.Input<string>;
  /** Where the function's log is: log group, workspace or log name. */
  readonly logs: pulumi.Input<string>;
  /** Names of the environment variables, of the description or the settings, that the function's configuration lists. */
  readonly variables: readonly string[];
  /** Names, in the description, of the tables that it uses. */
  readonly tables: readonly string[];
  /** Names of the dependency layers that it has, as in the stack's `layers`. Absent on clouds without layers. */
  readonly layers?: readonly string[];
}

export interface HttpFunctionOutputs extends DeployedFunctionOutputs {
  readonly kind: "http";
  /** Address of the function's routes, without a slash at its end. */
  readonly url: pulumi.Input<string>;
  readonly routes: readonly string[];
  /** Requests below `url` that tell whether it serves. */
  readonly probes: readonly Probe[];
}

export interface ScheduledFunctionOutputs extends DeployedFunctionOutputs {
  readonly kind: "schedule";
  /** As the cloud takes it. */
  readonly schedule: string;
}

/** What every cloud gives; the fields that are one function's are those of the first that answers requests. */
export interface CloudOutputs {
  /** Every function of the application, by its name in the description. */
  readonly functions?: Record<string, FunctionOutputs>;
  /** The cloud's name of each table or collection, by its name in the description. */
  readonly tables?: Record<string, pulumi.Input<string>>;
  /** The cloud's own name of the region, e.g. `ap-northeast-1`. */
  readonly region: string;
  /** Address of the API, without a slash at its end. Absent where no function answers requests. */
  readonly apiUrl?: pulumi.Input<string>;
  /** Address of the frontend, whose `/api/*` is the same API. Absent where the frontend is off. */
  readonly frontendUrl?: pulumi.Input<string>;
  readonly functionName: pulumi.Input<string>;
  /** The cloud's name of the first table or collection. Absent without tables. */
  readonly messagesTable?: pulumi.Input<string>;
  /** The identity that the function runs as: role ARN, client id or service account. */
  readonly runtimeIdentity: pulumi.Input<string>;
  /** Where the function's log is: log group, workspace or log name. */
  readonly logs: pulumi.Input<string>;
  /** Version of the application. */
  readonly version: string;
}

/** Host name that a domain's CNAME record points to: the frontend's own, which answers with a domain too. */
interface HostedFrontend {
  /** Absent where the frontend is off. */
  readonly frontendHost?: pulumi.Input<string>;
}

/** What a cloud gives whose function is deployed together with its packages. */
export interface PackagedOutputs extends CloudOutputs {
  /** The package that the function is deployed from. */
  readonly package: BundleOutputs;
}

export interface AwsOutputs extends CloudOutputs, HostedFrontend {
  readonly functionArn: pulumi.Input<string>;
  readonly apiId: pulumi.Input<string>;
  /** Log group of the HTTP API's access log. */
  readonly accessLogs: pulumi.Input<string>;
  /** Version of each package, by name, in each layer of others that the function has, by ARN. Absent without any. */
  readonly publicLayers?: Record<string, Record<string, string>>;
  /** For cache invalidations. Absent where the frontend is off. */
  readonly distributionId?: pulumi.Input<string>;
}

export interface AzureOutputs extends PackagedOutputs, HostedFrontend {
  /** Id of the subscription that everything is in. */
  readonly subscriptionId: pulumi.Input<string>;
  /** Name of the resource group that everything is in. */
  readonly resourceGroup: pulumi.Input<string>;
  /** Name of the storage account that the messages are in. */
  readonly storageAccount: pulumi.Input<string>;
  /** Id by which the workspace of `logs` is queried. */
  readonly workspaceId: pulumi.Input<string>;
  /** For purges of the cache, with `frontDoorEndpoint`. Absent where the frontend is off. */
  readonly frontDoorProfile?: pulumi.Input<string>;
  readonly frontDoorEndpoint?: pulumi.Input<string>;
  /** The TXT record that proves a domain to be yours. Absent without a domain. */
  readonly domainValidation?: { readonly record: string; readonly value: pulumi.Input<string> };
}

export interface GcpOutputs extends PackagedOutputs {
  /** Id of the project that everything is in. */
  readonly project: string;
  /** Whether anyone may call the API; else a caller needs the role `roles/run.invoker` and a token. */
  readonly public: boolean;
  /** Name of the Firestore database that the collection `messagesTable` is in. */
  readonly database: pulumi.Input<string>;
  /** Address of the load balancer, for the domain's A record. Absent where the frontend is off. */
  readonly frontendAddress?: pulumi.Input<string>;
  /** URL map of the load balancer, for cache invalidations. Absent where the frontend is off. */
  readonly urlMap?: pulumi.Input<string>;
}
