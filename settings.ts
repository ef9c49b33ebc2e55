import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

import type { LayerStrategy } from "./components/bundles";
import type { FrontendDomain } from "./components/aws/frontend";
import { type Scope, storageAccountName } from "./components/names";
import { awsRegions, azureRegions, gcpRegions } from "./components/regions";
import { type Cloud, clouds } from "./contract/clouds";
import { didYouMean } from "./contract/suggestion";

/** Days that CloudWatch Logs accepts as a retention, from `PutRetentionPolicy` in its API reference. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, { error: `expected one of ${values.join(", ")}` });

const whole = (from: number, to: number) =>
  z
    .int({ error: `expected a whole number from ${from} to ${to}` })
    .min(from)
    .max(to);

/** `arn:<partition>:<service>:<region>:<account>:<resource>` */
const regionIn = (arn: string) => arn.split(":")[3];

/** An empty string in Pulumi.yaml means that the setting is off: the configuration schema has no optional keys. */
const optional = <Schema extends z.ZodType<string, string>>(schema: Schema) =>
  z.union([z.literal("").transform(() => undefined), schema]);

const hostName = z.string().regex(/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/, {
  error: "expected a host name in lower case, e.g. app.example.com",
});

const publicLayer = z.strictObject({
  arn: z.string().regex(/^arn:aws[\w-]*:lambda:[\w-]+:\d{12}:layer:[\w-]+:\d+$/, {
    error: "expected the ARN of one version of a layer, with its number",
  }),
  packages: z.record(z.string(), z.string(), { error: "expected the version of each package in the layer, by name" }),
});

const awsSchema = z.strictObject({
  region: oneOf(awsRegions),
  architecture: oneOf(["x86_64", "arm64"]),
  memorySize: whole(128, 10_240),
  timeout: whole(1, 30),
  reservedConcurrency: whole(-1, 1_000_000).refine((value) => value !== 0, {
    error: "expected -1 for none, or 1 and more: with 0 the API would answer nobody",
  }),
  snapStart: z.boolean(),
  throttlingRate: whole(1, 10_000),
  throttlingBurst: whole(1, 5_000),
  frontend: z.boolean(),
  domain: optional(hostName),
  certificateArn: optional(
    z.string().regex(/^arn:aws[\w-]*:acm:us-east-1:\d{12}:certificate\/[\w-]+$/, {
      error: "expected the ARN of an ACM certificate in us-east-1, where CloudFront looks for it",
    }),
  ),
  waf: z.boolean(),
  logBucket: optional(z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: "expected a bucket name" })),
  publicLayers: z.partialRecord(oneOf(awsRegions), z.array(publicLayer)),
  kmsKeyArn: optional(
    z.string().regex(/^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/, { error: "expected a KMS key ARN" }),
  ),
});

const azureSchema = z.strictObject({
  region: oneOf(azureRegions),
  memorySize: z.literal([512, 2048, 4096], { error: "expected one of 512, 2048, 4096" }),
  maximumInstances: whole(1, 1_000),
  deployment: oneOf(["onedeploy", "az"]),
  frontend: z.boolean(),
  domain: optional(hostName),
  waf: z.boolean(),
  frontDoorOnly: z.boolean(),
  storageAccountName: optional(
    z.string().regex(storageAccountName, { error: "expected 3 to 24 lower-case letters and digits" }),
  ),
});

const gcpSchema = z.strictObject({
  region: oneOf(gcpRegions),
  project: optional(
    z.string().regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, {
      error: "expected the id of a project: 6 to 30 lower-case letters, digits and hyphens",
    }),
  ),
  public: z.boolean(),
  memorySize: whole(128, 32_768),
  timeout: whole(1, 3_600),
  concurrency: whole(1, 1_000),
  maximumInstances: whole(1, 1_000),
  frontend: z.boolean(),
  domain: optional(hostName),
  publicBucket: z.boolean(),
  cloudArmor: z.boolean(),
});

/** What a stack says of one function of its application. */
const functionSchema = z.strictObject({
  environment: z.record(z.string(), z.string({ error: "expected text; put numbers in quotes" })).default({}),
  secrets: z.record(z.string(), z.string({ error: "expected text; put numbers in quotes" })).default({}),
  memory: whole(128, 10_240).optional(),
  timeout: whole(1, 900).optional(),
  schedule: z.string().optional(),
});

/** Of one function, beside its description; secrets are in clear here, and nothing but `FunctionPlan` may have them. */
export type FunctionSettings = z.output<typeof functionSchema>;

const schema = z
  .strictObject({
    application: z.string().min(1, { error: "expected the folder of the application" }),
    functions: z.record(z.string(), functionSchema),
    clouds: z.array(oneOf(clouds)).nonempty({ error: `expected at least one of ${clouds.join(", ")}` }),
    // Those that Lambda, Azure Functions on Flex Consumption and Cloud Run functions all offer.
    pythonVersion: oneOf(["3.11", "3.12", "3.13"]),
    layerStrategy: oneOf(["full", "hybrid", "split"]),
    bytecode: z.boolean(),
    deletionProtection: z.boolean(),
    smokeCheck: z.boolean(),
    notificationEmail: optional(z.email({ error: "expected an e-mail address" })),
    logRetentionDays: z.literal(retentionDays, { error: `expected one of ${retentionDays.join(", ")}` }),
    auth: z.strictObject({
      issuer: optional(z.url({ protocol: /^https$/, error: "expected an https:// address" })),
      audience: optional(z.string()),
    }),
    aws: awsSchema,
    azure: azureSchema,
    gcp: gcpSchema,
  })
  .check(({ value, issues }) => {
    const together = (path: [string, string], needs: [string, string], present: unknown, needed: unknown) => {
      if (present !== undefined && needed === undefined) {
        issues.push({ code: "custom", path: needs, input: needed, message: `needed when ${path.join(".")} is set` });
      }
    };
    together(["auth", "issuer"], ["auth", "audience"], value.auth.issuer, value.auth.audience);
    together(["auth", "audience"], ["auth", "issuer"], value.auth.audience, value.auth.issuer);
    together(["aws", "domain"], ["aws", "certificateArn"], value.aws.domain, value.aws.certificateArn);
    together(["aws", "certificateArn"], ["aws", "domain"], value.aws.certificateArn, value.aws.domain);

    const wrong = (path: string[], input: unknown, message: string) => {
      issues.push({ code: "custom", path, input, message });
    };
    if (value.clouds.includes("gcp") && value.gcp.project === undefined) {
      wrong(["gcp", "project"], undefined, "needed when clouds has gcp: the id of the project to deploy to");
    }
    if (value.clouds.includes("azure") && (value.logRetentionDays < 30 || value.logRetentionDays > 730)) {
      wrong(["logRetentionDays"], value.logRetentionDays, "expected 30 to 730 with azure, which Log Analytics keeps");
    }
    const publicLayers = value.aws.publicLayers[value.aws.region] ?? [];
    if (value.layerStrategy === "hybrid" && value.clouds.includes("aws") && publicLayers.length === 0) {
      wrong(["aws", "publicLayers"], undefined, `needs layers of ${value.aws.region} when layerStrategy is hybrid`);
    }
    if (value.layerStrategy !== "hybrid" && publicLayers.length > 0) {
      wrong(["aws", "publicLayers"], value.aws.publicLayers, "goes with layerStrategy hybrid only");
    }
    for (const [region, layers] of Object.entries(value.aws.publicLayers)) {
      const elsewhere = layers.find(({ arn }) => regionIn(arn) !== region);
      if (elsewhere) wrong(["aws", "publicLayers", region], elsewhere.arn, `expected layers of ${region}`);
    }
    const { kmsKeyArn, region, snapStart } = value.aws;
    if (kmsKeyArn !== undefined && regionIn(kmsKeyArn) !== region) {
      wrong(["aws", "kmsKeyArn"], kmsKeyArn, `expected a key in ${region}, where the function is`);
    }
    if (snapStart && value.pythonVersion === "3.11") {
      wrong(["pythonVersion"], value.pythonVersion, "expected 3.12 or newer with aws.snapStart");
    }
    if (value.azure.frontDoorOnly && !value.azure.frontend) {
      wrong(["azure", "frontDoorOnly"], true, "nothing could reach the function: set azure.frontend to true too");
    }
  });

type Configuration = z.output<typeof schema>;

/** What the program is told: the stack's configuration, validated and typed. */
export interface Settings extends Omit<Configuration, "clouds" | "auth" | "layerStrategy" | Cloud> {
  /** Project and stack, with which every name begins. */
  readonly scope: Scope;
  /** Where to deploy, without repetition, in the order of the contract. */
  readonly clouds: readonly Cloud[];
  /** How the packages of the Lambda function are put into layers. */
  readonly layerStrategy: LayerStrategy;
  /** Sign-in for posting; absent where it is off. */
  readonly auth?: { readonly issuer: string; readonly audience: string };
  /** Absent where the cloud is switched off, as in the outputs. */
  readonly aws?: AwsSettings;
  readonly azure?: AzureSettings;
  readonly gcp?: GcpSettings;
}

export interface AwsSettings extends Omit<
  Configuration["aws"],
  "domain" | "certificateArn" | "reservedConcurrency" | "publicLayers"
> {
  readonly domain?: FrontendDomain;
  readonly reservedConcurrency?: number;
}

export type AzureSettings = Configuration["azure"];

export interface GcpSettings extends Omit<Configuration["gcp"], "project"> {
  readonly project: string;
}

/**
 * The stack's configuration; Pulumi.yaml describes every key and gives its default.
 *
 * @throws {pulumi.RunError} naming every setting that is wrong, what was found and what is accepted.
 */
export function readSettings(): Settings {
  const scope = { project: pulumi.getProject(), stack: pulumi.getStack() };
  try {
    const values = Object.entries(pulumi.runtime.allConfig()).map(([key, text]) => [key, settingValue(text)] as const);
    return parseSettings(Object.fromEntries(values), scope);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new pulumi.RunError(
      `${error.message}\nChange Pulumi.${scope.stack}.yaml, or run: pulumi config set --path <setting> <value>`,
    );
  }
}

/** Settings that nothing can be deployed with: the message has a line for each. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";

  constructor(
    stack: string,
    /** Each with its path, what was found and what is accepted. */
    readonly problems: readonly SettingProblem[],
  ) {
    const lines = problems.map(({ setting, message }) => `  ${setting}: ${message}`);
    super([`The configuration of stack ${stack} cannot be deployed:`, ...lines].join("\n"));
  }
}

export interface SettingProblem {
  /** Path, e.g. `aws.region`. */
  readonly setting: string;
  readonly message: string;
}

/**
 * The settings of a stack by its whole configuration: Pulumi.yaml's defaults with the stack's own values over them, by
 * their keys, e.g. `shop:aws`.
 *
 * @throws {SettingsError} naming every setting that is wrong.
 */
export function parseSettings(configuration: Readonly<Record<string, unknown>>, scope: Scope): Settings {
  const misplaced = [
    ...Object.keys(configuration).flatMap((key) => misplacedSetting(key, scope.project)),
    ...contradictions(configuration, scope.project),
  ];
  // A key which nobody reads is an error and not a silence.
  const own = Object.entries(configuration).filter(([key]) => key.startsWith(`${scope.project}:`));
  const result = schema.safeParse(
    Object.fromEntries(own.map(([key, value]) => [key.slice(scope.project.length + 1), value])),
    { reportInput: true },
  );
  if (misplaced.length > 0 || !result.success) {
    throw new SettingsError(scope.stack, [...misplaced, ...(result.success ? [] : problemsOf(result.error))]);
  }

  const { clouds: on, auth, layerStrategy, aws, azure, gcp, ...common } = result.data;
  return {
    ...common,
    scope,
    clouds: clouds.filter((cloud) => on.includes(cloud)),
    layerStrategy:
      layerStrategy === "hybrid"
        ? { kind: layerStrategy, publicLayers: aws.publicLayers[aws.region] ?? [] }
        : { kind: layerStrategy },
    auth: auth.issuer && auth.audience ? { issuer: auth.issuer, audience: auth.audience } : undefined,
    aws: on.includes("aws") ? awsSettings(aws) : undefined,
    azure: on.includes("azure") ? azure : undefined,
    gcp: on.includes("gcp") && gcp.project !== undefined ? { ...gcp, project: gcp.project } : undefined,
  };
}

function awsSettings({
  domain,
  certificateArn,
  reservedConcurrency,
  publicLayers: _,
  ...rest
}: Configuration["aws"]): AwsSettings {
  return {
    ...rest,
    domain: domain && certificateArn ? { name: domain, certificateArn } : undefined,
    reservedConcurrency: reservedConcurrency === -1 ? undefined : reservedConcurrency,
  };
}

/** Pulumi hands every value over as text; objects, arrays, numbers and booleans are JSON in it. */
export function settingValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // "3.12" is a version, not a number.
    return typeof value === "number" && !Number.isInteger(value) ? text : value;
  } catch {
    return text;
  }
}

/** Settings of a provider that one of this program's own decides: two values could not both be meant. */
const decided: readonly (readonly [key: string, cloud: Cloud, name: string])[] = [
  ["aws:region", "aws", "region"],
  ["gcp:project", "gcp", "project"],
  ["gcp:region", "gcp", "region"],
];

function contradictions(configuration: Readonly<Record<string, unknown>>, project: string): SettingProblem[] {
  return decided.flatMap(([key, cloud, name]) => {
    const [given, group] = [configuration[key], configuration[`${project}:${cloud}`]];
    const own: unknown = typeof group === "object" && group !== null ? Reflect.get(group, name) : undefined;
    if (given === undefined || given === own) return [];
    return [
      {
        setting: key,
        message: `set ${cloud}.${name} instead, which is ${JSON.stringify(own)} (found ${JSON.stringify(given)})`,
      },
    ];
  });
}

/** A setting of this program under the name of another project, as a renamed project's stacks have them. */
function misplacedSetting(key: string, project: string): SettingProblem[] {
  const [namespace = "", name = ""] = key.split(":");
  if (namespace === project || !(name in schema.shape)) return [];
  return [{ setting: key, message: `this project is ${project}, by Pulumi.yaml: call it ${project}:${name}` }];
}

function problemsOf(error: z.ZodError): SettingProblem[] {
  return error.issues.flatMap((issue): SettingProblem[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const setting = [...issue.path, key].join(".");
        return { setting, message: `there is no such setting${suggestion(setting)}` };
      });
    }
    const isSecret = issue.path.includes("secrets");
    const found = issue.input === undefined || isSecret ? "" : ` (found ${JSON.stringify(issue.input)})`;
    return [{ setting: issue.path.join("."), message: `${issue.message}${found}` }];
  });
}

/** Every setting by its path, e.g. `aws.region`. */
const settingNames = Object.entries(schema.shape).flatMap(([name, value]) =>
  value instanceof z.ZodObject ? Object.keys(value.shape).map((key) => `${name}.${key}`) : [name],
);

/** A setting that is called nearly the same, or the same in a group that was left out. */
function suggestion(setting: string): string {
  const grouped = settingNames.filter((name) => name.endsWith(`.${setting}`));
  if (grouped.length > 0) return `; did you mean ${grouped.join(" or ")}?`;
  return didYouMean(setting, settingNames) || "; Pulumi.yaml lists them all";
}
