import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { diagnose, type Environment } from "../../../operations/diagnose/diagnose";
import { type InspectedCloud } from "../../../operations/diagnose/inspected-cloud";
import { exitCode, findingsOf, latencyText, layersText } from "../../../operations/diagnose/report";
import { InspectedStack } from "../../../operations/diagnose/stack";
import { text } from "../../../operations/diagnose/text";
import { CloudDownError, UnansweredError } from "../../../operations/unanswered-error";
import { cloudOf, healthy, subject } from "./environment";

const folder = mkdtempSync(path.join(tmpdir(), "diagnose-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A stack whose engine prints the given output, by the words of the command. */
function stackOf(printed: Readonly<Record<string, string>>): InspectedStack {
  const command = path.join(mkdtempSync(path.join(folder, "pulumi-")), "pulumi");
  const answers = { "stack history": "[]", "stack export": '{"deployment": {}}', version: "v3.248.0", ...printed };
  const cases = Object.entries(answers).map(([words, out]) => `"${words}"*) printf '%s' '${out}';;`);
  const otherwise = `*) echo "error: no stack named 'shop' found" >&2; exit 1;;`;
  writeFileSync(command, ["#!/bin/sh", 'case "$*" in', ...cases, otherwise, "esac"].join("\n"));
  chmodSync(command, 0o755);
  return new InspectedStack("shop", { command, cwd: folder });
}

function environment(clouds: Environment["clouds"], printed: Readonly<Record<string, string>> = {}): Environment {
  const { outputs, layers, commands } = subject();
  return {
    project: "shop",
    stack: stackOf(printed),
    outputs: { application: "application", layers, aws: { ...outputs, functionArn: "", accessLogs: "" } },
    clouds,
    commands,
  };
}

const options = { timeout: 5_000, drift: false };

describe("a look", () => {
  test("the cause of other findings comes first, and passed checks last", async () => {
    const aws = cloudOf({ hasTable: false, function: healthy.function && { ...healthy.function, layerArns: [] } });
    const only = ["credentials", "table", "function", "api"];
    const report = await diagnose(environment({ aws }), { ...options, only });
    expect(report.results.map(({ check, status }) => [check, status])).toEqual([
      ["function", "failed"],
      ["table", "failed"],
      ["api", "failed"],
      ["credentials", "passed"],
    ]);
    expect(exitCode(report)).toBe(1);
    expect(report.clouds).toMatchObject([{ cloud: "aws", functionName: "shop-api", layers: [] }]);
  });

  test("an unanswered check is unknown, with the command that makes it answerable", async () => {
    const aws: InspectedCloud = {
      ...cloudOf(),
      identity: () => Promise.reject(new UnansweredError("the session has ended", "aws sso login")),
    };
    const report = await diagnose(environment({ aws }), { ...options, only: ["credentials", "table"] });
    expect(report.results).toMatchObject([
      {
        check: "credentials",
        status: "unknown",
        findings: [{ title: "the session has ended", next: "aws sso login" }],
      },
      { check: "table", status: "passed" },
    ]);
    expect(exitCode(report)).toBe(2);
  });

  test("a cloud that is not running is the only cause, and its consequences are folded", async () => {
    const down = new CloudDownError("the clouds are not running", "npm run local -- -s shop up --detach");
    const aws: InspectedCloud = { ...cloudOf({ hasTable: false }), identity: () => Promise.reject(down) };
    const report = await diagnose(environment({ aws }), { ...options, only: ["credentials", "table", "function"] });
    expect(report.results[0]).toMatchObject({
      check: "credentials",
      findings: [{ severity: "error", next: down.next }],
    });
    expect(report.results.slice(1)).toMatchObject([
      { status: "unknown", summary: "not checked: the clouds are not running", findings: [] },
      { status: "unknown", findings: [] },
    ]);
    expect(exitCode(report)).toBe(2);
    const everywhere = {
      ...report,
      results: report.results.flatMap((each) => [each, { ...each, cloud: "gcp" as const }]),
    };
    expect(findingsOf(everywhere)).toHaveLength(1);
  });

  test("a function without its layer has this finding, not the missing answer", async () => {
    const aws = cloudOf({ function: healthy.function && { ...healthy.function, layerArns: [] } });
    const report = await diagnose(environment({ aws }), { ...options, only: ["function", "api", "compatibility"] });
    const results = report.results.map((each) =>
      each.check === "api" ? { ...each, summary: "GET / answers 500" } : each,
    );
    expect(report.clouds.map(layersText)).toEqual(["none attached"]);
    expect(report.clouds.map((each) => latencyText(each, results))).toEqual(["GET / answers 500"]);
    expect(report.results.find(({ check }) => check === "compatibility")?.summary).toMatch(/^no layer attached/);
  });

  test("a check that does not end is unknown, and delays no other", async () => {
    const aws: InspectedCloud = { ...cloudOf(), hasTable: () => new Promise(() => undefined) };
    const report = await diagnose(environment({ aws }), { ...options, timeout: 50, only: ["credentials", "table"] });
    expect(report.results).toMatchObject([
      { check: "table", status: "unknown", findings: [{ title: "took longer than 0.05 s" }] },
      { check: "credentials", status: "passed" },
    ]);
  });

  test("a cloud without credentials is unknown, reported once", async () => {
    const refuse = () => Promise.reject(new UnansweredError("aws: the session has ended", "aws sso login"));
    const aws = { identity: refuse, function: refuse, layer: refuse, hasTable: refuse, log: refuse };
    const report = await diagnose(environment({ aws }), { ...options, only: ["credentials", "function", "table"] });
    expect(report.results.map(({ status }) => status)).toEqual(["unknown", "unknown", "unknown"]);
    const told = text(report, { colour: false });
    expect(told.match(/the session has ended/g)).toHaveLength(1);
    expect(told).not.toContain("\x1b[");
    expect(text(report, { colour: true })).toContain("\x1b[");
  });
});

describe("the state of a stack", () => {
  const at = "2026-11-23T03:35:42.000Z";
  const state = async (printed: Readonly<Record<string, string>>) => {
    const report = await diagnose(environment({}, printed), { ...options, only: ["state"] });
    return report.results[0];
  };

  test("an update that failed, and what it left pending, are findings", async () => {
    const history = JSON.stringify([{ kind: "update", result: "failed", startTime: at, endTime: at }]);
    const pending = [{ type: "creating", resource: { urn: "urn:pulumi:shop::shop::aws:s3:Bucket::web" } }];
    const exported = JSON.stringify({ deployment: { pending_operations: pending } });
    expect(await state({ "stack history": history, "stack export": exported })).toMatchObject({
      status: "failed",
      findings: [
        { severity: "warning", title: "the last update is failed", next: "deploy" },
        { title: "1 operations were interrupted", evidence: ["creating urn:pulumi:shop::shop::aws:s3:Bucket::web"] },
      ],
    });
  });

  test("a successful update passes", async () => {
    const history = JSON.stringify([{ kind: "update", result: "succeeded", startTime: at, endTime: at }]);
    expect(await state({ "stack history": history })).toMatchObject({
      status: "passed",
      summary: `update succeeded ${at}, 0 pending`,
    });
  });

  test("the engine's error has its own words, with the next step", async () => {
    await expect(stackOf({}).outputs("deploy")).rejects.toThrow(/no stack named 'shop' found/);
    await expect(stackOf({}).outputs("deploy")).rejects.toMatchObject({
      next: expect.stringContaining("pulumi stack ls") as string,
    });
    await expect(
      new InspectedStack("shop", { command: "no-such-pulumi", cwd: folder }).outputs("deploy"),
    ).rejects.toThrow(/there is no no-such-pulumi on the PATH/);
  });

  test.each([
    ["nothing is deployed in stack shop", ["pulumi:pulumi:Stack"]],
    ["stack shop has 2 resources and no outputs: its first update has failed or was interrupted", ["a:b:C", "a:b:D"]],
  ])("without outputs, %s, with the command that deploys it", async (message, types) => {
    const exported = JSON.stringify({
      deployment: { resources: types.map((type) => ({ urn: `urn:pulumi:shop::shop::${type}::one`, type })) },
    });
    const stack = stackOf({ "stack output": "{}", "stack export": exported });
    await expect(stack.outputs("npm run deploy")).rejects.toMatchObject({ message, next: "npm run deploy" });
  });
});
