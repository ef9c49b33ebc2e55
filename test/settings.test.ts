import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";

import { parseSettings, readSettings, type Settings, settingValue } from "../settings";
import { renamed } from "../settings/renamed";
import { settings as known } from "../settings/schema";
import { type Configuration, engineConfiguration, projectName } from "./configuration";

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error("the action did not fail");
}

async function settings(stack: Configuration): Promise<Settings> {
  await pulumi.runtime.setMocks(
    { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
    projectName,
    "staging",
  );
  pulumi.runtime.setAllConfig(engineConfiguration(stack));
  return readSettings();
}

test("the defaults of Pulumi.yaml are a valid configuration", async () => {
  const found = await settings({ clouds: ["aws"] });
  expect(found).toMatchObject({
    scope: { project: "multicloud-auto-deploy", stack: "staging" },
    clouds: ["aws"],
    pythonVersion: "3.12",
    layerStrategy: { kind: "full" },
    aws: { region: "ap-northeast-1", architecture: "x86_64", frontend: { enabled: true, waf: false } },
  });
  expect(found.auth).toBeUndefined();
  expect(found.aws?.frontend.domain).toBeUndefined();
  expect(found.aws?.function.reservedConcurrency).toBeUndefined();
});

test("a different setting of the provider is an error, and an equal one is not", () => {
  const withProvider = (own: Record<string, string>) => {
    const given = Object.entries({ ...engineConfiguration({ clouds: ["aws"] }), ...own });
    const values = given.map(([key, text]) => [key, settingValue(text)] as const);
    return () => parseSettings(Object.fromEntries(values), { project: projectName, stack: "staging" });
  };
  expect(withProvider({ "aws:region": "ap-northeast-1", "aws:profile": "dev" })).not.toThrow();
  expect(withProvider({ "aws:region": "eu-west-1" })).toThrow(
    /aws:region: set aws\.region instead, which is "ap-northeast-1" \(found "eu-west-1"\)/,
  );
});

test("an empty text disables a setting, a value enables it", async () => {
  const certificateArn = "arn:aws:acm:us-east-1:123456789012:certificate/1-2-3";
  const found = await settings({
    clouds: ["aws"],
    auth: { issuer: "https://login.example.com/", audience: "api" },
    aws: { frontend: { domain: "app.example.com", certificateArn }, function: { reservedConcurrency: 5 } },
  });
  expect(found.auth).toEqual({ issuer: "https://login.example.com/", audience: "api" });
  expect(found.aws?.frontend.domain).toEqual({ name: "app.example.com", certificateArn });
  expect(found.aws?.function.reservedConcurrency).toBe(5);
});

test("every enabled cloud has its settings, and a disabled one has none", async () => {
  const all = await settings({ gcp: { project: "shop-123456" } });
  expect(all.clouds).toEqual(["aws", "azure", "gcp"]);
  expect(all.azure).toMatchObject({
    region: "japaneast",
    function: { deployment: "onedeploy", memorySize: 512 },
    frontend: { enabled: true, waf: false },
  });
  expect(all.gcp).toMatchObject({
    region: "asia-northeast1",
    project: "shop-123456",
    function: { public: true, timeout: 15 },
    frontend: { enabled: true, cloudArmor: false },
  });
  for (const absent of [all.azure?.frontend.domain, all.azure?.storageAccountName, all.gcp?.frontend.domain]) {
    expect(absent).toBeUndefined();
  }

  const azureAlone = await settings({ clouds: ["azure", "azure"] });
  expect(azureAlone.clouds).toEqual(["azure"]);
  expect(azureAlone.azure).toBeDefined();
  expect(azureAlone.aws).toBeUndefined();
  expect(azureAlone.gcp).toBeUndefined();
});

describe("a wrong setting is named, with what was found and what is accepted", () => {
  test.each<[string, Configuration, RegExp]>([
    ["an unknown key", { cluods: ["aws"] }, /cluods: there is no such setting; did you mean clouds\?/],
    [
      "a key like no other",
      { colour: "red" },
      /colour: there is no such setting; docs\/reference\/settings\.md lists them all/,
    ],
    ["a key that every object of JavaScript has", { constructor: 1 }, /constructor: there is no such setting;/],
    [
      "a key without its group",
      { memorySize: 512 },
      /memorySize: .*did you mean aws\.function\.memorySize or azure\.function\.memorySize or/,
    ],
    ["an unknown key of a cloud", { aws: { regoin: "eu-west-1" } }, /aws\.regoin: .*did you mean aws\.region\?/],
    ["another cloud's region", { aws: { region: "japaneast" } }, /aws\.region: .*ap-northeast-1.*found "japaneast"/],
    ["no cloud", { clouds: [] }, /clouds: expected at least one of aws, azure, gcp \(found \[\]\)/],
    ["an unknown cloud", { clouds: ["aws", "ibm"] }, /clouds\.1: expected one of aws, azure, gcp \(found "ibm"\)/],
    ["an unknown strategy", { layerStrategy: "fat" }, /layerStrategy: expected .*full.*found "fat"/],
    [
      "hybrid without a public layer of the region",
      { layerStrategy: "hybrid" },
      /aws\.publicLayers: needs layers of ap-northeast-1/,
    ],
    [
      "public layers without hybrid",
      {
        aws: {
          publicLayers: {
            "ap-northeast-1": [{ arn: "arn:aws:lambda:ap-northeast-1:123456789012:layer:x:1", packages: {} }],
          },
        },
      },
      /aws\.publicLayers: goes with layerStrategy hybrid only/,
    ],
    [
      "a signing policy that there is not",
      { aws: { codeSigning: "on" } },
      /aws\.codeSigning: expected one of warn, enforce/,
    ],
    [
      "signatures that the layers of others would fail",
      {
        layerStrategy: "hybrid",
        aws: {
          codeSigning: "enforce",
          publicLayers: {
            "ap-northeast-1": [{ arn: "arn:aws:lambda:ap-northeast-1:123456789012:layer:x:1", packages: {} }],
          },
        },
      },
      /aws\.codeSigning: Lambda would refuse layers of others, .*set it to warn, or layerStrategy to full \(found "enforce"\)/,
    ],
    [
      "a public layer without its version",
      {
        layerStrategy: "hybrid",
        aws: {
          publicLayers: {
            "ap-northeast-1": [{ arn: "arn:aws:lambda:ap-northeast-1:123456789012:layer:x", packages: {} }],
          },
        },
      },
      /aws\.publicLayers\.ap-northeast-1\.0\.arn: expected the ARN of one version/,
    ],
    [
      "a public layer of another region",
      {
        layerStrategy: "hybrid",
        aws: {
          publicLayers: {
            "ap-northeast-1": [{ arn: "arn:aws:lambda:us-east-1:123456789012:layer:x:1", packages: {} }],
          },
        },
      },
      /aws\.publicLayers\.ap-northeast-1: expected layers of ap-northeast-1 \(found .*us-east-1/,
    ],
    [
      "a key of another region",
      { aws: { function: { kmsKeyArn: "arn:aws:kms:us-east-1:123456789012:key/a" } } },
      /aws\.function\.kmsKeyArn: expected a key in ap-northeast-1.*found .*us-east-1/,
    ],
    [
      "SnapStart for a Python that has none",
      { pythonVersion: "3.11", aws: { function: { snapStart: true } } },
      /pythonVersion: expected 3\.12 or newer with aws\.function\.snapStart \(found "3\.11"\)/,
    ],
    ["an unknown architecture", { aws: { architecture: "arm" } }, /aws\.architecture: .*x86_64, arm64 \(found "arm"\)/],
    [
      "a Python that one of the clouds does not offer",
      { clouds: ["aws", "azure"], pythonVersion: "3.14" },
      /pythonVersion: expected one of 3\.11, 3\.12, 3\.13 with azure in clouds \(found "3\.14"\)/,
    ],
    ["a Python that is not offered", { pythonVersion: "3.8" }, /pythonVersion: expected one of .*3\.12.*found "3\.8"/],
    [
      "text for a number",
      { aws: { function: { memorySize: "much" } } },
      /aws\.function\.memorySize: .*128 to 10240 \(found "much"\)/,
    ],
    [
      "too little memory",
      { aws: { function: { memorySize: 64 } } },
      /memorySize: expected a whole number from 128.*found 64/,
    ],
    [
      "a concurrency that answers nobody",
      { aws: { function: { reservedConcurrency: 0 } } },
      /aws\.function\.reservedConcurrency: expected -1 for none, or 1 and more.*found 0/,
    ],
    ["too long a timeout", { aws: { function: { timeout: 31 } } }, /aws\.function\.timeout: .*30.*found 31/],
    [
      "a retention that no log group has",
      { logRetentionDays: 8 },
      /logRetentionDays: expected one of 1, 3, 5.*found 8/,
    ],
    ["an issuer without TLS", { auth: { issuer: "http://x.example", audience: "a" } }, /auth\.issuer: .*https:\/\//],
    [
      "an issuer without an audience",
      { auth: { issuer: "https://x.example" } },
      /auth\.audience: needed when auth\.issuer is set/,
    ],
    [
      "a domain without a certificate",
      { aws: { frontend: { domain: "a.example.com" } } },
      /aws\.frontend\.certificateArn: needed when aws\.frontend\.domain is set/,
    ],
    [
      "a certificate of the wrong region",
      {
        aws: {
          frontend: { certificateArn: "arn:aws:acm:eu-west-1:123456789012:certificate/1", domain: "a.example.com" },
        },
      },
      /aws\.frontend\.certificateArn: expected .*us-east-1/,
    ],
    ["Google Cloud without a project", { clouds: ["gcp"] }, /gcp\.project: needed when clouds has gcp/],
    ["a project's name for its id", { gcp: { project: "My Shop" } }, /gcp\.project: expected the id.*found "My Shop"/],
    [
      "a region of AWS for Google Cloud",
      { gcp: { region: "ap-northeast-1" } },
      /gcp\.region: .*asia-northeast1.*found "ap-northeast-1"/,
    ],
    [
      "a region of Google Cloud for Azure",
      { azure: { region: "asia-northeast1" } },
      /azure\.region: .*japaneast.*found "asia-northeast1"/,
    ],
    [
      "an instance that Azure lacks",
      { azure: { function: { memorySize: 1024 } } },
      /azure\.function\.memorySize: .*512, 2048, 4096.*found 1024/,
    ],
    [
      "a storage account name that does not fit",
      { azure: { storageAccountName: "shop-messages" } },
      /azure\.storageAccountName: expected 3 to 24 lower-case letters and digits \(found "shop-messages"\)/,
    ],
    [
      "a retention that Log Analytics lacks",
      { clouds: ["azure"], logRetentionDays: 14 },
      /logRetentionDays: expected 30 to 730 with azure.*found 14/,
    ],
    [
      "a canary of what is not verified",
      { smokeCheck: false, aws: { function: { canary: { percentage: 10 } } } },
      /aws\.function\.canary\.percentage: a release has a share .* set smokeCheck to true too/,
    ],
    [
      "a function that nothing reaches",
      { azure: { frontend: { enabled: false }, function: { frontDoorOnly: true } } },
      /azure\.function\.frontDoorOnly: nothing could reach the function: set azure\.frontend\.enabled/,
    ],
  ])("%s", async (_, stack, message) => {
    await expect(settings(stack)).rejects.toThrow(message);
    await expect(settings(stack)).rejects.toThrow(/Change Pulumi\.staging\.yaml/);
  });

  test("all of them at once", async () => {
    const wrong = { clouds: ["aws"], pythonVersion: "2.7", aws: { region: "mars", function: { timeout: 99 } } };
    await expect(settings(wrong)).rejects.toThrow(/pythonVersion[^]*aws\.region[^]*aws\.function\.timeout/);
  });
});

describe("the names of release 3.0.0 are errors that name the new ones", () => {
  test.each([...renamed])("%s is %s", async (old, name) => {
    const [cloud = "", key = ""] = old.split(".");
    // Of every type: a setting of release 3.0.0 may have the name of today's group of settings.
    for (const value of [true, 512, "text"]) {
      await expect(settings({ [cloud]: { [key]: value } })).rejects.toThrow(`${old}: renamed to ${name};`);
    }
  });

  test("and none of them is a setting, each new one is", () => {
    const names = known.map(({ name }) => name);
    expect([...renamed.keys()].filter((old) => names.includes(old))).toEqual([]);
    expect([...renamed.values()].filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe("pulumi config set without --path keeps the dots in the key,", () => {
  const parsed = (own: Record<string, unknown>) => {
    const keys = Object.entries(own).map(([key, value]) => [`${projectName}:${key}`, value] as const);
    return parseSettings(Object.fromEntries(keys), { project: projectName, stack: "staging" });
  };

  test("which means the same", () => {
    const { aws } = parsed({
      clouds: ["aws"],
      aws: { region: "eu-west-1" },
      "aws.function.memorySize": 1024,
      "aws.frontend.waf": true,
    });
    expect(aws).toMatchObject({ region: "eu-west-1", function: { memorySize: 1024 }, frontend: { waf: true } });
  });

  test("and is an error beside the nested form, which may have another value", () => {
    expect(() => parsed({ aws: { region: "eu-west-1" }, "aws.region": "us-east-1" })).toThrow(
      /aws\.region: given twice: as multicloud-auto-deploy:aws\.region and inside multicloud-auto-deploy:aws;/,
    );
  });

  const inner = ["aws.frontend.domain", "app.example.com"] as const;
  const switchedOff = ["aws.frontend", false] as const;
  test.each<[string, Record<string, unknown>]>([
    ["before it", Object.fromEntries([switchedOff, inner])],
    ["after it", Object.fromEntries([inner, switchedOff])],
  ])("and names the key whose value holds no other settings, %s", (_, own) => {
    const message = messageOf(() => parsed(own));
    expect(message).toContain(
      "aws.frontend.domain: nothing can be inside aws.frontend, to which multicloud-auto-deploy:aws.frontend gives " +
        "a value that is no group; rename that one to aws.frontend.enabled",
    );
    expect(message).toContain("aws.frontend: renamed to aws.frontend.enabled;");
    expect(message).not.toContain("given twice");
  });

  test("and names the outer key if the value is nested in it", () => {
    expect(() => parsed({ aws: { region: "eu-west-1" }, "aws.region.name": "x" })).toThrow(
      /aws\.region\.name: nothing can be inside aws\.region, to which multicloud-auto-deploy:aws gives a value that is no group; leave one/,
    );
  });

  test("and names the key with the other value, if that one has dots too", () => {
    expect(() => parsed({ "aws.frontend": { waf: true }, "aws.frontend.waf": false })).toThrow(
      /aws\.frontend\.waf: given twice: .* and inside multicloud-auto-deploy:aws\.frontend;/,
    );
  });

  test("without a change to the given configuration", () => {
    const frontend = { waf: true };
    parsed({ clouds: ["aws"], "aws.frontend": frontend, "aws.frontend.enabled": false });
    expect(frontend).toEqual({ waf: true });
  });

  test.each(["aws", "aws.region", "functions.api.memory"])("and %s of another project is an error", (key) => {
    expect(() => parseSettings({ [`old:${key}`]: "x" }, { project: projectName, stack: "staging" })).toThrow(
      `old:${key}: this project is ${projectName}, by Pulumi.yaml: call it ${projectName}:${key}`,
    );
  });

  test("and a provider's own keys are not this program's", () => {
    const keys = { "aws:profile": "dev", "gcp:constructor": "x", "azure-native:location": "japaneast" };
    const clouds = { [`${projectName}:clouds`]: ["aws"] };
    expect(() => parseSettings({ ...clouds, ...keys }, { project: projectName, stack: "staging" })).not.toThrow();
  });
});

test.each<[string, Configuration, RegExp]>([
  [
    "a text for a group",
    { aws: "big" },
    /aws: expected a group of region, .*, function, api, frontend \(found "big"\)/,
  ],
  ["a text for a switch", { bytecode: "yes" }, /bytecode: expected true or false \(found "yes"\)/],
  ["a text for a list", { clouds: "aws" }, /clouds: expected a list of aws, azure, gcp \(found "aws"\)/],
  ["a number for a group", { gcp: { frontend: 3 } }, /gcp\.frontend: renamed to gcp\.frontend\.enabled/],
  ["a list for functions", { functions: [] }, /functions: expected settings by the function's name$/m],
  [
    "a text for a function",
    { functions: { api: "big" } },
    /functions\.api: expected a group of environment, secrets, memory, timeout, schedule$/m,
  ],
  [
    "a text for a function's number",
    { functions: { api: { memory: "big" } } },
    /functions\.api\.memory: expected a whole number from 128 to 10240 \(found "big"\)/,
  ],
])("a value of the wrong type, %s, is named with what is accepted", async (_, stack, message) => {
  await expect(settings(stack)).rejects.toThrow(message);
});

describe("a secret in the wrong place is not printed:", () => {
  const secret = "hunter2";
  test.each<[string, unknown]>([
    ["a list of functions", [{ secrets: { A: secret } }]],
    ["a text for all functions", `api: {secrets: {A: ${secret}}}`],
    ["a text for a function", { api: `secrets: {A: ${secret}}` }],
    ["a list for a function", { api: [{ secrets: { A: secret } }] }],
    ["a text for the secrets", { api: { secrets: `A: ${secret}` } }],
    ["a list for the secrets", { api: { secrets: [secret] } }],
    ["a group for a secret", { api: { secrets: { A: { value: secret } } } }],
    ["a list for the environment", { api: { environment: [secret] } }],
    ["a group for a variable", { api: { environment: { A: { value: secret } } } }],
    ["a group for a number", { api: { memory: { A: secret } } }],
    ["a list for a schedule", { api: { schedule: [secret] } }],
    ["a key that is none", { api: { secret: { A: secret } } }],
    ["a function called secrets", { secrets: { A: secret } }],
  ])("%s", (_, functions) => {
    const own = { [`${projectName}:clouds`]: ["aws"], [`${projectName}:functions`]: functions };
    const message = messageOf(() => parseSettings(own, { project: projectName, stack: "staging" }));
    expect(message).toMatch(/functions/);
    expect(message).not.toContain(secret);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["a group", { aws: { region: secret } }, "aws"],
    ["one setting", { aws: { region: secret } }, "aws.region"],
    ["a text in the place of a group", { aws: secret }, "aws"],
    ["a key with dots", { "aws.function.memorySize": secret }, "aws.function.memorySize"],
  ])("%s that was set with --secret", (_, given, key) => {
    const own: Record<string, unknown> = {};
    for (const [name, value] of Object.entries({ clouds: ["aws"], ...given })) own[`${projectName}:${name}`] = value;
    const scope = { project: projectName, stack: "staging" };
    const message = messageOf(() => parseSettings(own, scope, [`${projectName}:${key}`]));
    expect(message).toMatch(/aws.*\(it is a secret\)/);
    expect(message).not.toContain(secret);
    expect(messageOf(() => parseSettings(own, scope))).toContain(secret);
  });

  test("a number or a schedule of a function is printed, even if the function's name is secrets", () => {
    const functions = { secrets: { memory: 64, schedule: 5 } };
    const own = { [`${projectName}:clouds`]: ["aws"], [`${projectName}:functions`]: functions };
    const message = messageOf(() => parseSettings(own, { project: projectName, stack: "staging" }));
    expect(message).toMatch(/functions\.secrets\.memory: .* \(found 64\)/);
    expect(message).toMatch(/functions\.secrets\.schedule: .* \(found 5\)/);
  });
});

describe("a value of any wrong type gets this program's own error:", () => {
  const nested = (names: readonly string[], value: unknown): unknown => {
    const [first, ...rest] = names;
    return first === undefined ? value : { [first === "<function>" ? "api" : first]: nested(rest, value) };
  };
  const paths = [
    ...new Set(known.flatMap(({ name, group }) => (group === "" ? [name] : [name, group]))),
    "aws.publicLayers.eu-west-1",
    "aws.publicLayers.mars",
    "aws.publicLayers.eu-west-1.0",
    "functions.<function>.secrets.A",
  ];
  test.each(paths)("%s", (name) => {
    for (const value of [
      true,
      0.5,
      "",
      "text",
      [1],
      ["text"],
      [{}],
      [{ arn: 1, packages: { x: 1 } }],
      { x: 1 },
      null,
    ]) {
      const own = nested(name.split("."), value);
      const configuration = Object.entries(own ?? {}).map(
        ([key, inside]) => [`${projectName}:${key}`, inside] as const,
      );
      let message = "";
      try {
        parseSettings(Object.fromEntries(configuration), { project: projectName, stack: "staging" });
      } catch (error) {
        message = String(error);
      }
      expect(message, JSON.stringify(value)).not.toMatch(/Invalid|received|Unrecognized|Too (big|small)|undefined/);
    }
  });
});
