import type * as pulumi from "@pulumi/pulumi";

/**
 * The output contract: what other stacks read through a `StackReference`. Names and meanings do not change; a cloud that
 * is switched off has no key, and neither has a frontend that is.
 */
export interface StackOutputs {
  /** ARN of each dependency layer's current version, by layer name. Empty where AWS is off. */
  readonly layerArns: Record<string, pulumi.Input<string>>;
  /** What each dependency layer is, by layer name. */
  readonly layers: Record<string, LayerOutputs>;
  readonly aws?: AwsOutputs;
  readonly azure?: AzureOutputs;
  readonly gcp?: GcpOutputs;
}

export interface LayerOutputs {
  /** ARN of the version, which stays when a newer one is published. */
  readonly arn: pulumi.Input<string>;
  /** Number of the version, counted by AWS from 1. */
  readonly version: pulumi.Input<string>;
  /** SHA-256 of the layer's zip, in hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of the lock that it was built from, in hexadecimal. */
  readonly lockSha256: string;
  /** Python version that the layer is for, e.g. `3.12`; a function that uses it runs the same. */
  readonly pythonVersion: string;
  /** Processor that the layer is for, `x86_64` or `arm64`; a function that uses it runs on the same. */
  readonly architecture: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** Version of each package in the layer, by its name. */
  readonly packages: Record<string, string>;
}

/** What every cloud gives. */
export interface CloudOutputs {
  /** The cloud's own name of the region, e.g. `ap-northeast-1`. */
  readonly region: string;
  /** Address of the API, without a slash at its end; `GET` on it answers with its status. */
  readonly apiUrl: pulumi.Input<string>;
  /** Address of the frontend, whose `/api/*` is the same API. Absent where the frontend is off. */
  readonly frontendUrl?: pulumi.Input<string>;
  readonly functionName: pulumi.Input<string>;
  /** Name of the table or collection that the messages are in. */
  readonly messagesTable: pulumi.Input<string>;
  /** The identity that the function runs as: role ARN, client id or service account. */
  readonly runtimeIdentity: pulumi.Input<string>;
  /** Where the function's log is: log group, workspace or log name. */
  readonly logs: pulumi.Input<string>;
  /** Version of the application. */
  readonly version: string;
}

export interface AwsOutputs extends CloudOutputs {
  readonly functionArn: pulumi.Input<string>;
  readonly apiId: pulumi.Input<string>;
  /** Log group of the HTTP API's access log. */
  readonly accessLogs: pulumi.Input<string>;
  /** For cache invalidations. Absent where the frontend is off. */
  readonly distributionId?: pulumi.Input<string>;
}

export interface AzureOutputs extends CloudOutputs {
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

export interface GcpOutputs extends CloudOutputs {
  /** Id of the project that everything is in. */
  readonly project: string;
  /** Name of the Firestore database that the collection `messagesTable` is in. */
  readonly database: pulumi.Input<string>;
  /** Address of the load balancer, for the domain's A record. Absent where the frontend is off. */
  readonly frontendAddress?: pulumi.Input<string>;
  /** URL map of the load balancer, for cache invalidations. Absent where the frontend is off. */
  readonly urlMap?: pulumi.Input<string>;
}
