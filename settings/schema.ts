import { z } from "zod";

import { shareable, storageAccountName } from "../components/names";
import { awsRegions, azureRegions, gcpRegions } from "../components/regions";
import { clouds } from "../contract/clouds";
import { cloudPythons, pythonVersions } from "../contract/pythons";
import { functionLimits, type Range, wholeNumber } from "../contract/limits";

/** Description of a setting in the reference, Pulumi.yaml and errors. */
export interface SettingFacts {
  /** Name of the type in JSON and YAML. */
  readonly type: "string" | "integer" | "boolean" | "array" | "object";
  /** Accepted values, as text. */
  readonly accepted: string;
  /** Absent if the setting has no default. */
  readonly initial?: unknown;
  readonly description: string;
}

const facts = z.registry<SettingFacts>();
const groups = z.registry<{ readonly description: string }>();

/** Values of one kind: how they are validated and described. */
interface Kind<Schema extends z.ZodType> extends Pick<SettingFacts, "type" | "accepted"> {
  readonly schema: Schema;
}

const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values, accepted = values.join(", ")) =>
  ({ type: "string", accepted, schema: z.enum(values, { error: `expected one of ${values.join(", ")}` }) }) as const;

const wholeFrom = <const Values extends readonly [number, ...number[]]>(values: Values) =>
  ({
    type: "integer",
    accepted: values.join(", "),
    schema: z.literal(values, { error: `expected one of ${values.join(", ")}` }),
  }) as const;

const whole = (...range: Range) =>
  ({ type: "integer", accepted: `${range[0]} to ${range[1]}`, schema: wholeNumber(range) }) as const;

const flag = {
  type: "boolean",
  accepted: "true, false",
  schema: z.boolean({ error: "expected true or false" }),
} as const;

/** `accepted` follows "expected". */
const text = (accepted: string, pattern: RegExp) => {
  const error = `expected ${accepted}`;
  return { type: "string", accepted, schema: z.string({ error }).regex(pattern, { error }) } as const;
};

/** An empty text switches the setting off, so that a stack can undo a value of Pulumi.yaml. */
const optional = <Output>({ type, accepted, schema }: Kind<z.ZodType<Output, string>>) =>
  ({ type, accepted: `${accepted}; or empty`, schema: z.union([switchedOff, schema], { error: cause }) }) as const;

const switchedOff = z.literal("").transform(() => undefined);

/** Reports the error of the second alternative: an empty text was not intended. */
const cause = ({ errors }: { readonly errors?: unknown }): string | undefined => {
  const [, meant = []] = z
    .array(z.array(z.looseObject({ message: z.string() })))
    .catch([])
    .parse(errors);
  return meant[0]?.message;
};

function setting<Schema extends z.ZodType>(
  { type, accepted, schema }: Kind<Schema>,
  initial: z.core.util.NoUndefined<z.core.input<Schema>>,
  description: string,
) {
  const withInitial = z.prefault(schema, initial);
  facts.add(withInitial, { type, accepted, initial, description });
  return withInitial;
}

/** An optional setting that overrides another value. */
function override<Schema extends z.ZodType>({ type, accepted, schema }: Kind<Schema>, description: string) {
  const absent = z.optional(schema);
  facts.add(absent, { type, accepted, description });
  return absent;
}

function group<Schema extends z.ZodType>(description: string, schema: Schema): Schema {
  groups.add(schema, { description });
  return schema;
}

/** Days that CloudWatch Logs accepts as a retention, from `PutRetentionPolicy` in its API reference. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

const hostName = text(
  "a host name in lower case, e.g. app.example.com",
  /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
);

const quoted = "expected text; put numbers in quotes";

const publicLayer = z.strictObject(
  {
    arn: text(
      "the ARN of one version of a layer, with its number",
      /^arn:aws[\w-]*:lambda:[\w-]+:\d{12}:layer:[\w-]+:\d+$/,
    ).schema,
    packages: z.record(z.string(), z.string({ error: quoted }), {
      error: "expected the version of each package in the layer, by name",
    }),
  },
  { error: "expected a layer: {arn, packages: {name: version}}" },
);

const texts = {
  type: "object",
  accepted: "texts by the variable's name",
  schema: z.record(z.string(), z.string({ error: quoted }), { error: "expected texts by the variable's name" }),
} as const;

/** The canary phase of a new release. */
const canary = {
  percentage: setting(
    whole(0, 50),
    0,
    "Initial share of the requests for a new, verified release, in percent; 0 disables the canary phase.",
  ),
  minutes: setting(
    whole(1, 120),
    10,
    "Duration of the canary phase in minutes. Without failures, the release then gets all requests.",
  ),
  errors: setting(
    whole(1, 100_000),
    1,
    "Failed responses (status 500 and above) after which the previous release gets all requests again, and the update fails.",
  ),
} as const;

/** Settings of one function of the application. */
const functionOverrides = z.strictObject({
  environment: setting(texts, {}, "Environment variables, which override those of the application's description."),
  secrets: setting(
    texts,
    {},
    "Values of the secrets that the description lists; set each with `pulumi config set --secret --path`.",
  ),
  memory: override(whole(...functionLimits.memory), "Memory in MiB, instead of the description's or the cloud's."),
  timeout: override(
    whole(...functionLimits.timeout),
    "Time limit of one call in seconds, instead of the description's or the cloud's.",
  ),
  schedule: override(
    { type: "string", accepted: "a schedule as in the description", schema: z.string({ error: quoted }) },
    "Schedule of a scheduled function, instead of the description's.",
  ),
});

const aws = group(
  "AWS",
  z
    .strictObject({
      region: setting(
        oneOf(awsRegions, "a region of AWS"),
        "ap-northeast-1",
        "Region of everything except CloudFront. It cannot change after the first deployment.",
      ),
      architecture: setting(
        oneOf(["x86_64", "arm64"]),
        "x86_64",
        "Processor of the Lambda functions and of their layers.",
      ),
      publicLayers: setting(
        {
          type: "object",
          accepted: "by region, a list of `{arn, packages: {name: version}}`",
          schema: z.partialRecord(
            oneOf(awsRegions).schema,
            z.array(publicLayer, { error: "expected a list of {arn, packages: {name: version}}" }),
            {
              error: "expected, by region, a list of {arn, packages: {name: version}}",
            },
          ),
        },
        {},
        "Public layers of other accounts, for `layerStrategy` hybrid.",
      ),
      shareLayersWith: setting(
        {
          type: "array",
          accepted: "ids of accounts, in quotes, and of organisations (`o-...`)",
          schema: z.array(
            z
              .string({ error: quoted })
              .regex(shareable, { error: "expected the id of an account, 12 digits, or of an organisation, o-..." }),
            { error: "expected a list of ids" },
          ),
        },
        [],
        "Accounts and organisations that may use the layers, in addition to the stack's own account.",
      ),
      permissionsBoundary: setting(
        optional(text("the ARN of a policy", /^arn:aws[\w-]*:iam::\d{12}:policy\/[\w+=,.@/-]+$/)),
        "",
        "Permissions boundary of every role of the stack, e.g. the one of `bootstrap/`. Empty for none.",
      ),
      codeSigning: setting(
        optional(oneOf(["warn", "enforce"])),
        "",
        "Has AWS Signer sign the functions' code and layers, and Lambda deploy what is not signed and count it (`warn`), or " +
          "refuse it (`enforce`). Empty for no signatures.",
      ),
      function: group(
        "The Lambda functions",
        z
          .strictObject({
            memorySize: setting(
              whole(...functionLimits.memory),
              512,
              "Memory of a function in MiB; its CPU share is proportional.",
            ),
            timeout: setting(whole(1, 30), 15, "Time limit of a request in seconds; an HTTP API waits 30 at most."),
            reservedConcurrency: setting(
              {
                type: "integer",
                accepted: "-1 for none, or 1 to 1000000",
                schema: z
                  .int({ error: "expected a whole number: -1 for none, or 1 and more" })
                  .min(-1, { error: "expected -1 for none, or 1 and more" })
                  .max(1_000_000, { error: "expected -1 for none, or 1 to 1000000" })
                  .refine((value) => value !== 0, {
                    error: "expected -1 for none, or 1 and more: with 0 the API would refuse every request",
                  })
                  .transform((value) => (value === -1 ? undefined : value)),
              },
              -1,
              "Reserved concurrency of a function; -1 for the account's limit.",
            ),
            snapStart: setting(
              flag,
              false,
              "Starts a function from a snapshot of its initialised state; needs Python 3.12 or newer.",
            ),
            kmsKeyArn: setting(
              optional(text("the ARN of a KMS key", /^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/)),
              "",
              "KMS key that encrypts the functions' environment. Empty for the key that AWS manages.",
            ),
            canary: group(
              "Canary phase of a new version",
              z
                .strictObject({
                  ...canary,
                  alarms: setting(
                    {
                      type: "array",
                      accepted: "names of CloudWatch's alarms, in the stack's region",
                      schema: z.array(z.string({ error: quoted }), { error: "expected a list of names" }),
                    },
                    [],
                    "Alarms that also reject the release if they fire during the canary phase.",
                  ),
                })
                .prefault({}),
            ),
          })
          .prefault({}),
      ),
      api: group(
        "The HTTP API",
        z
          .strictObject({
            throttle: z
              .strictObject({
                rate: setting(whole(1, 10_000), 100, "Requests per second that the HTTP API accepts."),
                burst: setting(whole(1, 5_000), 200, "Burst of requests above that rate that it accepts."),
              })
              .prefault({}),
          })
          .prefault({}),
      ),
      frontend: group(
        "The frontend behind CloudFront",
        z
          .strictObject({
            enabled: setting(flag, true, "Whether to deploy the application's site behind CloudFront."),
            domain: setting(optional(hostName), "", "Host name of the frontend. Empty for CloudFront's own."),
            certificateArn: setting(
              optional(
                text(
                  "the ARN of an ACM certificate in us-east-1, where CloudFront looks for it",
                  /^arn:aws[\w-]*:acm:us-east-1:\d{12}:certificate\/[\w-]+$/,
                ),
              ),
              "",
              "Certificate for `aws.frontend.domain`.",
            ),
            waf: setting(
              flag,
              false,
              "Protects CloudFront with AWS's managed common rules (AWS WAF). The API's own address, `apiUrl`, is not protected.",
            ),
            logBucket: setting(
              optional(text("the name of a bucket", /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)),
              "",
              "Existing bucket for CloudFront's access logs. Empty for none.",
            ),
          })
          .prefault({}),
      ),
    })
    .prefault({}),
);

const azure = group(
  "Azure",
  z
    .strictObject({
      region: setting(
        oneOf(azureRegions, "a region of Azure"),
        "japaneast",
        "Region of everything except Front Door. It cannot change after the first deployment.",
      ),
      storageAccountName: setting(
        optional(text("3 to 24 lower-case letters and digits", storageAccountName)),
        "",
        "Name of the storage account that holds the tables. Empty for a generated one. It cannot change after the first deployment.",
      ),
      function: group(
        "The function apps",
        z
          .strictObject({
            memorySize: setting(wholeFrom([512, 2048, 4096]), 512, "Memory of an instance in MiB."),
            maximumInstances: setting(whole(1, 1_000), 40, "Maximum number of instances of a function app."),
            concurrency: setting(
              whole(1, 1_000),
              10,
              "Concurrent requests of an instance; Azure's own default for Python is 1.",
            ),
            frontDoorOnly: setting(
              flag,
              false,
              "Rejects requests that do not come through Front Door, so that `apiUrl` answers 403; needs the frontend.",
            ),
            blueGreen: setting(
              flag,
              false,
              "Two apps, blue and green, for each function that answers requests, behind Front Door's route: an update goes to the one " +
                "that does not serve, which is probed before the route moves. `apiUrl` is then Front Door's address; needs the frontend.",
            ),
            deployment: setting(
              oneOf(["onedeploy", "az"]),
              "onedeploy",
              "How a function app gets its package: by a template (`onedeploy`), or by an Azure CLI that is signed in (`az`).",
            ),
          })
          .prefault({}),
      ),
      frontend: group(
        "The frontend behind Front Door",
        z
          .strictObject({
            enabled: setting(flag, true, "Whether to deploy the application's site behind Front Door."),
            domain: setting(
              optional(hostName),
              "",
              "Host name of the frontend, with a certificate that Azure manages. Empty for Front Door's own.",
            ),
            waf: setting(
              flag,
              false,
              "Protects Front Door with Microsoft's managed rules; this upgrades it to Front Door Premium permanently. " +
                "`azure.function.frontDoorOnly` prevents requests that bypass them.",
            ),
          })
          .prefault({}),
      ),
    })
    .prefault({}),
);

const gcp = group(
  "Google Cloud",
  z
    .strictObject({
      region: setting(
        oneOf(gcpRegions, "a region of Google Cloud"),
        "asia-northeast1",
        "Region of everything except the load balancer. It cannot change after the first deployment.",
      ),
      project: setting(
        optional(
          text("the id of a project: 6 to 30 lower-case letters, digits and hyphens", /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/),
        ),
        "",
        "Id of the project to deploy to; required if `clouds` has gcp. It cannot change after the first deployment.",
      ),
      function: group(
        "The Cloud Run functions",
        z
          .strictObject({
            public: setting(
              flag,
              true,
              "Whether anyone may call a function. Set it to false if a policy forbids allUsers; docs/clouds.md describes the alternative.",
            ),
            memorySize: setting(
              whole(128, 32_768),
              512,
              "Memory of an instance in MiB; above 4096 it has more than one CPU.",
            ),
            timeout: setting(whole(1, 3_600), 15, "Seconds that a request may take."),
            concurrency: setting(whole(1, 1_000), 80, "Concurrent requests of an instance."),
            maximumInstances: setting(
              whole(1, 1_000),
              16,
              "Maximum number of instances of a function; a new project has 20 CPUs in a region.",
            ),
            canary: group("Canary phase of a new revision", z.strictObject(canary).prefault({})),
          })
          .prefault({}),
      ),
      frontend: group(
        "The frontend behind the global load balancer",
        z
          .strictObject({
            enabled: setting(flag, true, "Whether to deploy the application's site behind the global load balancer."),
            domain: setting(
              optional(hostName),
              "",
              "Host name of the frontend, with a certificate that Google manages. Empty for plain HTTP on an IP address.",
            ),
            publicBucket: setting(
              flag,
              false,
              "Whether anyone may read the frontend's bucket, if the load balancer's own account cannot get access.",
            ),
            cloudArmor: setting(
              flag,
              false,
              "Protects the frontend's API paths with Cloud Armor's rules against injection. `apiUrl` is not protected.",
            ),
          })
          .prefault({}),
      ),
    })
    .prefault({}),
);

const anySetting = z.strictObject({
  application: setting(
    text("a folder of the project", /./),
    "application",
    "Folder of the application, whose `pyproject.toml` describes it in `[tool.multicloud]`.",
  ),
  functions: setting(
    {
      type: "object",
      accepted: "settings by the function's name",
      schema: z.record(z.string(), functionOverrides, { error: "expected settings by the function's name" }),
    },
    {},
    "Settings of a function in this stack, which override the application's description.",
  ),
  clouds: setting(
    {
      type: "array",
      accepted: `any of ${clouds.join(", ")}, at least one`,
      schema: z
        .array(oneOf(clouds).schema, { error: `expected a list of ${clouds.join(", ")}` })
        .nonempty({ error: `expected at least one of ${clouds.join(", ")}` }),
    },
    [...clouds],
    "Clouds to deploy to.",
  ),
  pythonVersion: setting(
    oneOf(pythonVersions),
    "3.12",
    "Python version of the functions and their layers. 3.14 needs `clouds` without azure, where it is a preview.",
  ),
  layerStrategy: setting(
    oneOf(["full", "hybrid", "split", "auto"]),
    "full",
    "How dependencies are put into layers on AWS; docs/layers.md describes each strategy.",
  ),
  bytecode: setting(
    flag,
    true,
    "Adds bytecode to Lambda layers and to the Azure package, which halves the start time of a function.",
  ),
  deletionProtection: setting(
    flag,
    false,
    "Prevents the deletion of resources with data (the tables, on AWS also the logs), until it is set to false and deployed.",
  ),
  smokeCheck: setting(
    flag,
    true,
    "Probes each deployed API, and fails the update with the cause if it does not answer as expected.",
  ),
  notificationEmail: setting(
    optional({
      type: "string",
      accepted: "an e-mail address",
      schema: z.email({ error: "expected an e-mail address" }),
    }),
    "",
    "Recipient of alarms about errors, throttling and latency (p95). Empty for no alarms and no dashboard.",
  ),
  logRetentionDays: setting(
    wholeFrom(retentionDays),
    365,
    "Retention of logs in days; 30 to 730 with Azure. On Google Cloud the project's log bucket decides instead.",
  ),
  auth: group(
    "Sign-in",
    z
      .strictObject({
        issuer: setting(
          optional({
            type: "string",
            accepted: "an https:// address",
            schema: z.url({ protocol: /^https$/, error: "expected an https:// address" }),
          }),
          "",
          "OIDC issuer whose tokens the API accepts for posting, e.g. https://login.example.com/. Empty for no sign-in.",
        ),
        audience: setting(
          optional({ type: "string", accepted: "any text", schema: z.string({ error: quoted }) }),
          "",
          "Audience that a token must be for; needed with `auth.issuer`.",
        ),
      })
      .prefault({}),
  ),
  aws,
  azure,
  gcp,
});

/** `arn:<partition>:<service>:<region>:<account>:<resource>` */
const regionIn = (arn: string) => arn.split(":")[3];

/** Every setting, with the constraints between them. */
export const settingsSchema = anySetting.check(({ value, issues }) => {
  const wrong = (path: string, input: unknown, message: string) => {
    issues.push({ code: "custom", path: path.split("."), input, message });
  };
  const together = (group: string, values: Readonly<Record<string, unknown>>, a: string, b: string) => {
    for (const [given, needed] of [
      [a, b],
      [b, a],
    ] as const) {
      if (values[given] !== undefined && values[needed] === undefined) {
        wrong(`${group}.${needed}`, undefined, `needed when ${group}.${given} is set`);
      }
    }
  };
  together("auth", value.auth, "issuer", "audience");
  together("aws.frontend", value.aws.frontend, "domain", "certificateArn");

  if (value.clouds.includes("gcp") && value.gcp.project === undefined) {
    wrong("gcp.project", undefined, "needed when clouds has gcp: the id of the project to deploy to");
  }
  if (value.clouds.includes("azure") && (value.logRetentionDays < 30 || value.logRetentionDays > 730)) {
    wrong("logRetentionDays", value.logRetentionDays, "expected 30 to 730 with azure, which Log Analytics keeps");
  }
  for (const cloud of value.clouds) {
    const accepted = cloudPythons[cloud];
    if (accepted.includes(value.pythonVersion)) continue;
    wrong("pythonVersion", value.pythonVersion, `expected one of ${accepted.join(", ")} with ${cloud} in clouds`);
  }
  const publicLayers = value.aws.publicLayers[value.aws.region] ?? [];
  if (value.layerStrategy === "hybrid" && value.clouds.includes("aws") && publicLayers.length === 0) {
    wrong("aws.publicLayers", undefined, `needs layers of ${value.aws.region} when layerStrategy is hybrid`);
  }
  if (value.layerStrategy !== "hybrid" && publicLayers.length > 0) {
    wrong("aws.publicLayers", value.aws.publicLayers, "goes with layerStrategy hybrid only");
  }
  if (value.aws.codeSigning === "enforce" && value.layerStrategy === "hybrid" && value.clouds.includes("aws")) {
    const reason =
      "Lambda would refuse layers of others, which this stack does not sign: set it to warn, or layerStrategy to full";
    wrong("aws.codeSigning", value.aws.codeSigning, reason);
  }
  for (const [region, layers] of Object.entries(value.aws.publicLayers)) {
    const elsewhere = layers.find(({ arn }) => regionIn(arn) !== region);
    if (elsewhere) wrong(`aws.publicLayers.${region}`, elsewhere.arn, `expected layers of ${region}`);
  }
  const { region, function: fn } = value.aws;
  if (fn.kmsKeyArn !== undefined && regionIn(fn.kmsKeyArn) !== region) {
    wrong("aws.function.kmsKeyArn", fn.kmsKeyArn, `expected a key in ${region}, where the function is`);
  }
  if (fn.snapStart && value.pythonVersion === "3.11") {
    wrong("pythonVersion", value.pythonVersion, "expected 3.12 or newer with aws.function.snapStart");
  }
  for (const cloud of ["aws", "gcp"] as const) {
    const { percentage } = value[cloud].function.canary;
    if (percentage === 0 || value.smokeCheck) continue;
    const reason = "a release has a share of the requests only once it is verified: set smokeCheck to true too";
    wrong(`${cloud}.function.canary.percentage`, percentage, reason);
  }
  if (value.azure.function.frontDoorOnly && !value.azure.frontend.enabled) {
    const way = "nothing could reach the function: set azure.frontend.enabled to true too";
    wrong("azure.function.frontDoorOnly", true, way);
  }
  if (value.azure.function.blueGreen && !value.azure.frontend.enabled) {
    const way = "the route that goes to blue or green is Front Door's: set azure.frontend.enabled to true too";
    wrong("azure.function.blueGreen", true, way);
  }
});

export type Configuration = z.output<typeof settingsSchema>;

/** One setting, with its whole path. */
export interface Setting extends SettingFacts {
  /** E.g. `aws.function.memorySize`; `<function>` stands for any function's name. */
  readonly name: string;
  /** Path of its group; empty for none. */
  readonly group: string;
}

/** Every setting, in the order of the schema. */
export const settings: readonly Setting[] = settingsIn(anySetting.shape, "");

/** Title of each group of settings, by its path. */
export const groupDescriptions: ReadonlyMap<string, string> = new Map([
  ["functions.<function>", "One function, by its name in the application's description"],
  ...groupsIn(anySetting.shape, ""),
]);

function settingsIn(shape: z.core.$ZodShape, group: string): Setting[] {
  return Object.entries(shape).flatMap(([key, schema]): Setting[] => {
    const name = group === "" ? key : `${group}.${key}`;
    const known = facts.get(schema);
    if (known === undefined) return settingsIn(shapeOf(schema), name);
    const inEach = name === "functions" ? settingsIn(functionOverrides.shape, `${name}.<function>`) : [];
    return [{ name, group, ...known }, ...inEach];
  });
}

function groupsIn(shape: z.core.$ZodShape, prefix: string): [string, string][] {
  return Object.entries(shape).flatMap(([key, schema]): [string, string][] => {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    const known = groups.get(schema);
    return [
      ...(known === undefined ? [] : [[name, known.description] as [string, string]]),
      ...groupsIn(shapeOf(schema), name),
    ];
  });
}

/** Entries of a group; none for a setting. */
function shapeOf(schema: z.core.$ZodType): z.core.$ZodShape {
  if (facts.has(schema) || !(schema instanceof z.ZodPrefault)) return {};
  const inner = schema.def.innerType;
  return inner instanceof z.ZodObject ? inner.shape : {};
}
