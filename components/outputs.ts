import type * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

import type { LayerBundle, PackageBundle, SourceBundle } from "../layers/bundle";

const text = (description: string) => z.string().describe(description);
const texts = (description: string) => z.array(z.string()).readonly().describe(description);
const byName = <Value extends z.ZodType>(value: Value, description: string) =>
  z.record(z.string(), value).describe(description);

/** Packages that a function needs, as they were built. */
const bundleSchema = z.strictObject({
  sha256: text("SHA-256 of the zip, in hexadecimal."),
  lockSha256: text("SHA-256 of the lock that it was built from, in hexadecimal."),
  pythonVersion: text("Python version that it is for, e.g. `3.12`; a function that uses it runs the same."),
  architecture: text("Processor that it is for, `x86_64` or `arm64`; a function that uses it runs on the same."),
  size: z.number().describe("Bytes of the zip."),
  packages: byName(z.string(), "Version of each package in it, by its name."),
});

const layerSchema = bundleSchema.extend({
  arn: text("ARN of the version, which stays when a newer one is published."),
  version: text("Number of the version, counted by AWS from 1."),
});

const probeSchema = z.strictObject({
  path: text("Path with its query, e.g. `/api/health`."),
  status: z.number().describe("Accepted status of the answer."),
  json: z.unknown().optional().describe("What the answer's JSON contains. Absent: any body."),
});

const functionSchema = z.strictObject({
  functionName: text("The cloud's name of the function."),
  runtimeIdentity: text("Identity that the function runs as: role ARN, client id or service account."),
  logs: text("Where the function's log is: log group, workspace or log name."),
  variables: texts("Names of the environment variables that the description or the settings give it."),
  tables: texts("Names, in the description, of the tables that it uses."),
  settings: byName(
    z.string().optional(),
    "Digest of each app setting's value, by its name, but of secret ones. Absent but on Azure, whose provider does not read " +
      "them back.",
  ).optional(),
  release: text("Release that was deployed last, as its answers' `x-release` names it.").optional(),
  layers: texts(
    "Names of its dependency layers, as in `layers` of the stack. Absent on clouds without layers.",
  ).optional(),
});

const httpFunctionSchema = functionSchema.extend({
  kind: z.literal("http"),
  url: text("Kind `http`: address of the function's routes, without a slash at its end."),
  routes: texts("Kind `http`: paths that it answers."),
  probes: z.array(probeSchema).readonly().describe("Kind `http`: requests below `url` that tell whether it serves."),
  colours: byName(
    z.string(),
    "Kind `http`: names of the two function apps, `blue` and `green`, that Front Door's route goes to in turn. Absent where one " +
      "app serves alone.",
  ).optional(),
});

const scheduledFunctionSchema = functionSchema.extend({
  kind: z.literal("schedule"),
  schedule: text("Kind `schedule`: the schedule as the cloud takes it."),
});

/** What every cloud gives; the fields that are one function's are those of the first that answers requests, or of the first where none does. */
const cloudSchema = z.strictObject({
  functions: byName(
    z.discriminatedUnion("kind", [httpFunctionSchema, scheduledFunctionSchema]),
    "Every function of the application, by its name in the description.",
  ).optional(),
  tables: byName(
    z.string(),
    "The cloud's name of each table or collection, by its name in the description.",
  ).optional(),
  region: text("The cloud's own name of the region, e.g. `ap-northeast-1`."),
  apiUrl: text("Address of the API, without a slash at its end. Absent where no function answers requests.").optional(),
  frontendUrl: text(
    "Address of the frontend, whose API paths are the same API. Absent where the frontend is off.",
  ).optional(),
  functionName: text("The cloud's name of the first function."),
  messagesTable: text("The cloud's name of the first table or collection. Absent without tables.").optional(),
  runtimeIdentity: text("Identity that the first function runs as: role ARN, client id or service account."),
  logs: text("Where the first function's log is: log group, workspace or log name."),
  version: text("Version of the application."),
});

const frontendHost = text(
  "Host name that a domain's CNAME record points to; it answers with a domain too. Absent where the frontend is off.",
).optional();

const packaged = {
  package: bundleSchema.describe("The package that the first function is deployed from, described as a layer is."),
};

const awsSchema = cloudSchema.extend({
  functionArn: text("ARN of the first function."),
  apiId: text("Id of the HTTP API. Absent where no function answers requests.").optional(),
  accessLogs: text("Log group of the HTTP API's access log. Absent where no function answers requests.").optional(),
  alarmTopic: text("ARN of the topic that alarms are sent to. Absent without `notificationEmail`.").optional(),
  publicLayers: byName(
    z.record(z.string(), z.string()),
    "Version of each package, by name, in each public layer that the functions have, by ARN. Absent without any.",
  ).optional(),
  frontendHost,
  distributionId: text(
    "CloudFront's distribution, for cache invalidations. Absent where the frontend is off.",
  ).optional(),
});

const azureSchema = cloudSchema.extend({
  ...packaged,
  subscriptionId: text("Id of the subscription that everything is in."),
  resourceGroup: text("Name of the resource group that everything is in."),
  storageAccount: text("Name of the storage account that the tables are in."),
  workspaceId: text("Id by which the workspace of `logs` is queried."),
  frontendHost,
  frontDoorProfile: text(
    "Front Door profile, for purges of the cache, with `frontDoorEndpoint`. Absent where the frontend is off.",
  ).optional(),
  frontDoorEndpoint: text("Front Door endpoint. Absent where the frontend is off.").optional(),
  domainValidation: z
    .strictObject({ record: text("Name of the record."), value: text("Its value.") })
    .describe("The TXT record that proves a domain to be yours. Absent without a domain.")
    .optional(),
});

const gcpSchema = cloudSchema.extend({
  ...packaged,
  project: text("Id of the project that everything is in."),
  public: z
    .boolean()
    .describe("Whether anyone may call the API; else a caller needs the role `roles/run.invoker` and a token."),
  database: text("Name of the Firestore database that the first collection is in. Absent without tables.").optional(),
  frontendAddress: text(
    "IP address of the load balancer, for the domain's A record. Absent where the frontend is off.",
  ).optional(),
  urlMap: text("URL map of the load balancer, for cache invalidations. Absent where the frontend is off.").optional(),
});

/**
 * The output contract: what other stacks read through a `StackReference`. Names and meanings do not change; a cloud that
 * is switched off has no key, and neither has a frontend that is.
 */
export const stackOutputs = z.strictObject({
  application: text("Folder of the application that is deployed, as the setting `application` names it."),
  layerArns: byName(
    z.string(),
    "ARN of each dependency layer's current version, by layer name. Empty where AWS is off.",
  ),
  layers: byName(layerSchema, "What each dependency layer is, by layer name."),
  aws: awsSchema.describe("Absent where AWS is off.").optional(),
  azure: azureSchema.describe("Absent where Azure is off.").optional(),
  gcp: gcpSchema.describe("Absent where Google Cloud is off.").optional(),
});

/** What the reference shows of the outputs, by the path that each part has in them. */
export const outputParts: Readonly<Record<string, z.ZodObject>> = {
  "": stackOutputs,
  "layers.<layer>": layerSchema,
  "<cloud>": cloudSchema,
  aws: awsSchema,
  azure: azureSchema,
  gcp: gcpSchema,
  "<cloud>.functions.<function>": functionSchema.extend({
    kind: z.string().describe("`http` where it answers requests, `schedule` where it runs on a schedule."),
    ...httpFunctionSchema.pick({ url: true, routes: true, probes: true }).partial().shape,
    colours: httpFunctionSchema.shape.colours,
    ...scheduledFunctionSchema.pick({ schedule: true }).partial().shape,
  }),
};

/** The outputs of a stack, as another program reads them. */
export type StackValues = z.output<typeof stackOutputs>;

/** The same in a program: a text may be known only once it is deployed. */
type Given<T> = [T] extends [string | undefined]
  ? string extends T
    ? pulumi.Input<T>
    : T
  : T extends readonly (infer Item)[]
    ? readonly Given<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Given<T[Key]> }
      : T;

export type StackOutputs = Given<StackValues>;
export type BundleOutputs = Given<z.output<typeof bundleSchema>>;
export type LayerOutputs = Given<z.output<typeof layerSchema>>;
export type FunctionOutputs = Given<z.output<typeof httpFunctionSchema> | z.output<typeof scheduledFunctionSchema>>;
export type AwsOutputs = Given<z.output<typeof awsSchema>>;
export type AzureOutputs = Given<z.output<typeof azureSchema>>;
export type GcpOutputs = Given<z.output<typeof gcpSchema>>;

/** What a bundle is, for other stacks. */
export function describeBundle(bundle: LayerBundle | PackageBundle | SourceBundle): BundleOutputs {
  const { sha256, lockSha256, pythonVersion, architecture, size, packages } = bundle;
  const versions = Object.fromEntries(packages.map(({ name, version }) => [name, version]));
  return { sha256, lockSha256, pythonVersion, architecture, size, packages: versions };
}
