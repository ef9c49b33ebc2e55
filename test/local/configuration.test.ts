import { writeFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, test } from "vitest";

import { checkedSettings, type ConfigurationOptions, stackConfiguration } from "../../local/configuration";
import { temporaryDirectory } from "./resources";

const projectFile = `
name: shop
config:
  clouds: {default: [aws]}
  pythonVersion: {default: "3.12"}
  aws.region: {default: eu-west-1}
  aws.memorySize: {default: 512}
`;

/** A separate project with a stack `staging`. */
function project(stackFile: string): string {
  const folder = temporaryDirectory();
  writeFileSync(path.join(folder, "Pulumi.yaml"), projectFile);
  writeFileSync(path.join(folder, "Pulumi.staging.yaml"), stackFile);
  return folder;
}

const configuration = (stackFile: string, options: Partial<ConfigurationOptions> = {}) =>
  stackConfiguration({ stack: "staging", folder: project(stackFile), ...options });

describe("the configuration of a stack", () => {
  test("overrides Pulumi.yaml by the stack's file, and both by the command line, under the project's name", () => {
    const { document, values } = configuration("config:\n  shop:aws: {memorySize: 1024}\n", {
      settings: { "aws.memorySize": "2048", pythonVersion: "3.11" },
    });
    expect(values).toEqual({
      "shop:clouds": ["aws"],
      "shop:pythonVersion": "3.11",
      "shop:aws": { region: "eu-west-1", memorySize: 2048 },
    });
    expect(document.toJS()).toEqual({ config: { "shop:aws": { memorySize: 2048 }, "shop:pythonVersion": "3.11" } });
  });

  test("treats a key without a namespace as the project's, and leaves those of providers unchanged", () => {
    const { values } = configuration("config: {clouds: [gcp], 'aws:profile': dev}", {
      settings: { "aws:region": "eu-west-2" },
    });
    expect(values).toMatchObject({ "shop:clouds": ["gcp"], "aws:profile": "dev", "aws:region": "eu-west-2" });
  });

  test("may be empty", () => {
    expect(configuration("").values).toMatchObject({ "shop:clouds": ["aws"] });
  });
});

describe("a secret of the stack", () => {
  const stackFile = `
secretsprovider: awskms://alias/shop
encryptedkey: AAAA
encryptionsalt: v1:salt
config:
  shop:key: {secure: v1:abc}
  shop:functions:
    api: {secrets: {KEY: {secure: v1:def}, "a.b": {secure: v1:ghi}}}
`;

  test("has a stand-in if its value is not given, and is never plain text", () => {
    const { document, secrets, values } = configuration(stackFile, {
      settings: { "functions.api.secrets.KEY": "open" },
    });
    expect(secrets).toMatchObject([
      { setting: "key", key: "shop:key", value: "stand-in for key", standIn: true },
      { setting: "functions.api.secrets.KEY", key: "shop:functions.api.secrets.KEY", value: "open", standIn: false },
      { key: 'shop:functions.api.secrets["a.b"]', value: "stand-in for functions.api.secrets.a.b", standIn: true },
    ]);
    expect(values["shop:key"]).toBe("stand-in for key");
    expect(document.toString()).not.toMatch(/secure|v1:|open|stand-in|secretsprovider|encrypt/);
  });
});

test("a value of a function's secrets is a secret, also where the command line gives it", () => {
  const { document, secrets, values } = configuration("config: {'shop:functions': {api: {memory: 512}}}", {
    settings: { "functions.api.secrets.KEY": "open", "functions.api.environment.NAME": "shop" },
  });
  expect(secrets).toMatchObject([
    { setting: "functions.api.secrets.KEY", key: "shop:functions.api.secrets.KEY", value: "open", standIn: false },
  ]);
  expect(values["shop:functions"]).toMatchObject({ api: { memory: 512, secrets: { KEY: "open" } } });
  expect(document.toString()).not.toContain("open");
});

describe("what cannot be read is named, with what is accepted:", () => {
  test.each<[string, string, Partial<ConfigurationOptions>, RegExp]>([
    [
      "a stack that there is not",
      "",
      { stack: "stagign" },
      /no stack stagign: .*; did you mean staging\? Stacks are staging;/,
    ],
    [
      "a file that is no YAML",
      "config:\n  shop:clouds: [aws\n",
      {},
      /Pulumi\.staging\.yaml is no YAML at line 3, "shop:clouds: \[aws": /,
    ],
    ["a key that comes twice", "config:\n  a: 1\n  a: 2\n", {}, /at line 3, "a: 2": Map keys must be unique/],
    [
      "a value that is no YAML",
      "",
      { settings: { clouds: "[aws" } },
      /^--config clouds: "\[aws" is no YAML value: Flow/,
    ],
    [
      "a group that is a value",
      "config: {'shop:aws': big}",
      { settings: { "aws.region": "eu-west-1" } },
      /^--config aws\.region: Pulumi\.staging\.yaml gives aws one value, not a group/,
    ],
  ])("%s", (_, stackFile, options, message) => {
    expect(() => configuration(stackFile, options)).toThrow(message);
  });
});

describe("settings that are wrong", () => {
  const failure = (settings: Record<string, string>): string => {
    try {
      checkedSettings({ stack: "staging", settings });
    } catch (error) {
      return String(error);
    }
    return "";
  };

  test("of the command line name it as the place to change", () => {
    expect(failure({ "aws.function.memorySize": "big", colour: "red" })).toMatch(
      /aws\.function\.memorySize: expected a whole number from 128 to 10240 \(found "big"\)\n.*colour: .*\nChange --config (colour, aws\.function\.memorySize|aws\.function\.memorySize, colour)$/,
    );
  });

  test("do not occur in this project's own stacks", () => {
    expect(failure({})).toBe("");
    expect(checkedSettings({ stack: "production" }).deletionProtection).toBe(true);
  });

  test("under another project's name have to be renamed", () => {
    const folder = project("config: {'multicloud-auto-deploy:clouds': [aws]}");
    expect(() => checkedSettings({ stack: "staging", folder })).toThrow(
      /multicloud-auto-deploy:clouds: this project is shop, by Pulumi\.yaml: call it shop:clouds\n[^]*Change Pulumi\.staging\.yaml$/,
    );
  });
});
