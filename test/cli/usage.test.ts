import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, test } from "vitest";

import { version } from "../../package.json";
import { temporaryDirectory } from "../local/resources";

const checkout = path.join(__dirname, "..", "..");

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npx mcad <args>`, which runs the same programs as npm's scripts. */
function mcad(...args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join("cli", "mcad.js"), ...args], { cwd: checkout }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** `npx mcad --state <own folder> <args>`; also returns the state folder. */
async function local(...args: readonly string[]): Promise<Run & { state: string }> {
  const state = path.join(temporaryDirectory(), "state");
  return { ...(await mcad("--state", state, ...args)), state };
}

describe("a mistake in the command line exits with 2 and a suggestion:", () => {
  test.each<[string, string[], RegExp]>([
    ["a verb", ["destory"], /^error: there is no verb destory; did you mean destroy\?\n/],
    ["a verb like no other", ["deploy"], /^error: there is no verb deploy; expected one of up, preview, outputs, /],
    ["an option", ["up", "--detahc"], /^error: unknown option '--detahc'\n\(Did you mean --detach\?\)\n/],
    [
      "a setting without a value",
      ["--config", "aws.frontend.enabled"],
      /expected <path>=<value>, e\.g\. aws\.frontend\.enabled=false\n/,
    ],
    ["a check", ["local", "diagnose", "--only", "lgo"], /there is no check lgo; expected some of /],
    ["no stack", ["diagnose"], /^error: required option '-s, --stack <name>' not specified\n/],
    ["no stack to go back", ["rollback"], /^error: required option '-s, --stack <name>' not specified\n/],
    ["an option of the list", ["releases", "-s", "staging", "--jsno"], /^error: unknown option '--jsno'\n/],
    ["a builder's option", ["layer", "build", "--tagret", "aws"], /^error: unknown option '--tagret'\n/],
  ])("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await mcad(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(3);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

test.each([[[]], [["layer"]], [["diagnose"]], [["releases"]], [["rollback"]]])(
  "%s tells its version",
  async (command) => {
    expect(await mcad(...command, "--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  },
);

test("help shows no empty default", async () => {
  expect((await mcad("--help")).stdout).not.toContain("{}");
});

describe("before an engine or a cloud is started,", () => {
  test("a wrong setting is named, with the flag that gave it", async () => {
    const run = await local("--config", "aws.function.memorySize=big", "--config", "regoin=mars", "up");
    expect(run.stderr).toMatch(/^Deploying stack staging onto this machine\nerror: The configuration of stack staging/);
    expect(run.stderr).toMatch(
      /aws\.function\.memorySize: expected a whole number from 128 to 10240 \(found "big"\)\n/,
    );
    expect(run.stderr).toMatch(
      /regoin: there is no such setting.*\nChange --config aws\.function\.memorySize, regoin\n$/,
    );
    expect(run.code).toBe(1);
    expect(existsSync(run.state)).toBe(false);
  });

  test.each([
    ["no folder", "nowhere", /application is "nowhere", but there is no nowhere\/pyproject\.toml; expected a folder/],
    ["another checkout", "../elsewhere", /application is "\.\.\/elsewhere", which lies outside the project; expected /],
  ])("an application in %s is named", async (_, application, message) => {
    const run = await local("--config", `application=${application}`, "up");
    expect(run.stderr).toMatch(message);
    expect(run.code).toBe(1);
    expect(existsSync(run.state)).toBe(false);
  });

  test("an unknown stack is named, with the existing ones", async () => {
    const run = await local("--stack", "stagign", "preview");
    expect(run.stderr).toMatch(
      /error: there is no stack stagign: .*; did you mean staging\? Stacks are production, staging;/,
    );
    expect(existsSync(run.state)).toBe(false);
  });

  test("a lost state of the engine is named, with the verb to start again", async () => {
    const state = temporaryDirectory();
    mkdirSync(path.join(state, "aws"));
    const resource = { urn: "urn", type: "aws:s3/bucket:Bucket", id: "site", inputs: {}, outputs: {} };
    const resources = { counters: {}, resources: { [`${resource.type} ${resource.id}`]: resource } };
    writeFileSync(path.join(state, "aws", "resources.json"), JSON.stringify(resources));
    writeFileSync(path.join(state, "a file of the user's own"), "");

    for (const verb of ["up", "preview", "destroy"]) {
      const { code, stderr } = await mcad("--state", state, verb);
      expect(stderr).toContain(`the local clouds have 1 resources, and the engine's record of them`);
      expect(stderr).toContain(`npm run local -- --state ${state} reset\n`);
      expect(code).toBe(1);
    }
    expect((await mcad("--state", state, "reset")).stderr).toBe(
      `Deleting the state of the local clouds in ${state}\nDeleted aws of ${state}.\n`,
    );
    expect(existsSync(path.join(state, "aws"))).toBe(false);
    expect(existsSync(path.join(state, "a file of the user's own"))).toBe(true);
  });
});

describe("what cannot be read or written is named, with the next step:", () => {
  test("a damaged file of a local cloud, which reset deletes", async () => {
    const state = temporaryDirectory();
    const file = path.join(state, "gcp", "resources.json");
    mkdirSync(path.dirname(file));
    writeFileSync(file, '{"counters": {}, "resour');
    const { code, stderr } = await mcad("--state", state, "up");
    expect(stderr).toMatch(new RegExp(`error: ${file} is damaged: .*JSON.*; put it back as it was, or .* reset\n`));
    expect(code).toBe(1);
    expect((await mcad("--state", state, "reset")).code).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  test("a state folder that cannot be created", async () => {
    const file = path.join(temporaryDirectory(), "file");
    writeFileSync(file, "");
    const { code, stderr } = await mcad("--state", path.join(file, "state"), "up");
    expect(stderr).toMatch(
      /error: the state folder \S+ cannot be written: .*; name another one with --state <folder>\n/,
    );
    expect(code).toBe(1);
  });
});

describe("where nothing was deployed,", () => {
  test("outputs says so and how to deploy, prints nothing on standard output and creates no state folder", async () => {
    const run = await local("--stack", "production", "outputs", "--json");
    expect(run.stdout).toBe("");
    expect(run.stderr).toMatch(
      /stack production has no outputs: .*npm run local -- --state \S+ --stack production up --detach\n$/,
    );
    expect(run.code).toBe(1);
    expect(existsSync(run.state)).toBe(false);
  });

  test("diagnose says so, and its next step names the same stack and state folder", async () => {
    const state = path.join(temporaryDirectory(), "state");
    const run = await mcad("local", "--state", state, "--stack", "production", "diagnose");
    expect(run.stderr).toBe(
      `error: nothing was deployed in ${state}\nnext: npm run local -- --state ${state} --stack production up --detach\n`,
    );
    expect(run.code).toBe(2);
  });
});

test("the builder's verbs are for any application, on the clouds that its functions can run on", async () => {
  const { code, stdout } = await mcad("layer", "inspect", "--application", "examples/plain", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ target: "aws", kind: "application", name: "hello" })]);

  const refused = await mcad("layer", "build", "--application", "examples/plain", "--target", "gcp");
  expect(refused.stderr).toContain("function hello has an entry point for aws, but none for gcp; add one to its descr");
  expect(refused.code).toBe(1);
});
