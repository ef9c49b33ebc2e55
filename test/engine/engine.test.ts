import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import * as resources from "@pulumi/azure-native/resources";
import * as cloudfunctionsv2 from "@pulumi/gcp/cloudfunctionsv2";
import * as firestore from "@pulumi/gcp/firestore";
import * as serviceaccount from "@pulumi/gcp/serviceaccount";
import * as storage from "@pulumi/gcp/storage";
import * as pulumi from "@pulumi/pulumi";
import type { Stack } from "@pulumi/pulumi/automation";
import { zipSync } from "fflate";
import { satisfies } from "semver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { keepSettings } from "../../components/lasting";
import { retryWhilePropagating } from "../../components/propagation";
import type { CloudAddress } from "../../local/control";
import { changeWeather, deleteResource, startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import { UpdateLog } from "../../local/update-log";
import type { WeatherReport } from "../../local/weather";

/**
 * How the pinned engine handles operations that fail half-way, on local clouds whose types fail as the live ones do.
 * The program relies on this behaviour; if a newer engine behaves differently, these tests fail.
 */
const folder = mkdtempSync(path.join(tmpdir(), "engine-"));
const state = path.join(folder, "state");
const source = path.join(folder, "source.zip");
let cloud: CloudAddress;

beforeAll(async () => {
  writeFileSync(source, zipSync({ "main.py": Buffer.from("") }));
  cloud = await startCloud(state, { attached: true });
});

afterAll(async () => {
  await stopCloud(state);
  rmSync(folder, { recursive: true });
});

/** A stack with a changeable program, and its output. */
class Program {
  readonly lines: string[] = [];
  #stack: Stack | undefined;

  constructor(
    private readonly name: string,
    private readonly declare: () => unknown,
  ) {}

  async stack(): Promise<Stack> {
    const engine = await findEngine((line) => process.stderr.write(`${line}\n`));
    const program = async () => {
      await this.declare();
    };
    return (this.#stack ??= await localStack({ engine, cloud, state, stack: this.name, program }));
  }

  /** The errors of an update; empty if it succeeded. */
  async up(weather: WeatherReport = {}): Promise<string> {
    await changeWeather(cloud, weather);
    const log = new UpdateLog((line) => this.lines.push(line), "done");
    const stack = await this.stack();
    await stack.up({ onEvent: log.onEvent }).catch((error: unknown) => {
      if (log.errors.length === 0) throw error;
    });
    return log.errors.join("\n");
  }

  /** The last reported operation on each resource, without changed properties. */
  told(): string[] {
    return this.lines.splice(0).filter((line) => /^[+~±-] /.test(line));
  }

  /** The engine's state of the resources of a type. */
  async saved(type: string) {
    const schema = z.object({
      resources: z.array(
        z.looseObject({
          type: z.string(),
          id: z.string().optional(),
          inputs: z.record(z.string(), z.unknown()).optional(),
          initErrors: z.array(z.string()).optional(),
        }),
      ),
    });
    const exported = await (await this.stack()).exportStack();
    return schema.parse(exported.deployment).resources.filter((resource) => resource.type === type);
  }
}

const deploymentType = "azure-native:resources:Deployment";
const functionType = "gcp:cloudfunctionsv2/function:Function";
const fault = (operation: "create" | "update", type: string, times = 1): WeatherReport => ({
  faults: [{ operation, type, times }],
});

function deployment(name: string, options: pulumi.CustomResourceOptions = {}, parameters = {}): void {
  const group = new resources.ResourceGroup(name, { resourceGroupName: name, location: "japaneast" });
  const properties = { mode: "Incremental", template: { resources: [] }, parameters } as const;
  new resources.Deployment(name, { resourceGroupName: group.name, deploymentName: "onedeploy", properties }, options);
}

/** A hook that retries every failure and records the engine's messages. */
function retrying(name: string, seen: string[]): pulumi.CustomResourceOptions {
  const hook = new pulumi.ErrorHook(name, ({ failedOperation, errors }) => {
    seen.push(failedOperation);
    return errors.length < 3;
  });
  return { hooks: { onError: [hook] } };
}

describe("a create that fails after the cloud took it", () => {
  test("is saved with its error; the next update repeats it without a change, and succeeds", async () => {
    const program = new Program("again", () => {
      deployment("again");
    });
    expect(await program.up(fault("create", deploymentType))).toContain("InaccessibleStorageException (403 Forbidden)");
    expect(await program.saved(deploymentType)).toMatchObject([{ initErrors: [expect.stringContaining("403")] }]);
    program.told();
    expect(await program.up()).toBe("");
    expect(program.told()).toEqual(["~ updated  azure-native:resources:Deployment  again"]);
    const [saved] = await program.saved(deploymentType);
    expect(saved?.initErrors).toBeUndefined();
  });

  test("is created again by an error hook, is then rejected, and no later update succeeds", async () => {
    const seen: string[] = [];
    const program = new Program("hooked", () => {
      deployment("hooked", retrying("hooked-create", seen));
    });
    expect(await program.up(fault("create", deploymentType))).toContain("already exists");
    expect(seen).toEqual(["create", "create", "create"]);
    expect(await program.saved(deploymentType)).toEqual([]);
    expect(await program.up()).toContain("already exists");

    const id =
      "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/hooked/providers/Microsoft.Resources/deployments/onedeploy";
    await deleteResource(state, { cloud: "azure-native", type: deploymentType, id });
    expect(await program.up()).toBe("");
  });

  test("is not created again by the program's own hook, so that the next update continues from there", async () => {
    const program = new Program("own-hook", () => {
      const hooks = retryWhilePropagating("own-hook", { error: /403/, advice: "look here", delaySeconds: 0 });
      deployment("own-hook", { hooks });
    });
    expect(await program.up(fault("create", deploymentType))).toMatch(/run the update again.*look here/);
    expect(await program.saved(deploymentType)).toHaveLength(1);
    expect(await program.up()).toBe("");
    expect((await program.saved(deploymentType))[0]?.initErrors).toBeUndefined();
  });

  test("of a Google Cloud function passes in the next update, which does nothing, although the function does not exist", async () => {
    let entryPoint = "handle";
    const program = new Program("green", () => {
      const bucket = new storage.Bucket("green", { name: "green", location: "asia-northeast1", project: "shop" });
      const object = new storage.BucketObject("green", {
        bucket: bucket.name,
        name: "source.zip",
        source: new pulumi.asset.FileAsset(source),
      });
      const account = new serviceaccount.Account("green", { accountId: "green-api", project: "shop" });
      new cloudfunctionsv2.Function("green", {
        name: "green",
        location: "asia-northeast1",
        project: "shop",
        buildConfig: {
          runtime: "python312",
          entryPoint,
          source: { storageSource: { bucket: bucket.name, object: object.name } },
        },
        serviceConfig: { serviceAccountEmail: account.email },
      });
    });
    expect(await program.up(fault("create", functionType))).toContain("Build failed");
    const [failed] = await program.saved(functionType);
    expect(failed?.initErrors).toHaveLength(1);
    expect(await program.up()).toBe("");
    const [saved] = await program.saved(functionType);
    expect(saved?.initErrors).toBeUndefined();
    expect(saved?.outputs).not.toHaveProperty("url");

    // The failed change is in the provider's state, so only another change repairs it.
    entryPoint = "serve";
    expect(await program.up(fault("update", functionType))).toContain("Build failed");
    program.told();
    expect(await program.up()).toBe("");
    expect(program.told()).toEqual(["~ updated  gcp:cloudfunctionsv2:Function  green"]);
    await (await program.stack()).refresh();
    expect(await program.up()).toBe("");
    expect(program.told()).toEqual([]);
  });
});

describe("an update that fails after the cloud took it", () => {
  let parameters = {};
  const seen: string[] = [];
  const program = new Program("updates", () => {
    deployment("updates", retrying("updates", seen), parameters);
  });

  test("is retried as an update by an error hook, but its error stays: the next update repeats it", async () => {
    expect(await program.up()).toBe("");
    parameters = { code: { value: "2" } };
    expect(await program.up(fault("update", deploymentType))).toBe("");
    expect(seen).toEqual(["update"]);
    expect(await program.saved(deploymentType)).toMatchObject([{ initErrors: [expect.any(String)] }]);
    program.told();
    expect(await program.up()).toBe("");
    expect(program.told()).toEqual(["~ updated  azure-native:resources:Deployment  updates"]);
    expect(await program.up()).toBe("");
    expect(program.told()).toEqual([]);
  });

  test("is saved with the previous inputs if no hook retries it, so that the next update sends it again", async () => {
    const before = parameters;
    parameters = { code: { value: "3" } };
    expect(await program.up(fault("update", deploymentType, 3))).toContain("403");
    expect(await program.saved(deploymentType)).toMatchObject([{ inputs: { properties: { parameters: before } } }]);
    program.told();
    expect(await program.up()).toBe("");
    expect(program.told()).toEqual(["~ updated  azure-native:resources:Deployment  updates  [properties]"]);
  });
});

test("a rejected create reaches the error hook, which makes the engine create again", async () => {
  const databaseType = "gcp:firestore/database:Database";
  const seen: string[] = [];
  const program = new Program("refused-once", () => {
    const inputs = { name: "messages", project: "shop", locationId: "asia-northeast1", type: "FIRESTORE_NATIVE" };
    new firestore.Database("messages", inputs, retrying("messages", seen));
  });
  expect(await program.up(fault("create", databaseType))).toBe("");
  expect(seen).toEqual(["create"]);
  expect(await program.saved(databaseType)).toHaveLength(1);
});

test("another value of a setting that identifies data is rejected before any registration, and the first value is accepted again", async () => {
  let value = "eu-west-1";
  const program = new Program("lasting", async () => {
    await keepSettings([{ setting: "aws.region", value, loss: "the table would be lost" }]);
    deployment(`lasting-${value}`);
  });
  expect(await program.up()).toBe("");
  value = "eu-west-3";
  const refusal = /aws\.region is "eu-west-3", and this stack was deployed with "eu-west-1": the table would be lost\./;
  expect(await program.up()).toMatch(refusal);
  expect(await program.up()).toMatch(refusal);
  await expect((await program.stack()).preview()).rejects.toThrow(refusal);
  const [saved, ...others] = await program.saved(deploymentType);
  expect(String(saved?.urn)).toContain("lasting-eu-west-1");
  expect(others).toEqual([]);
  value = "eu-west-1";
  expect(await program.up()).toBe("");
  await (await program.stack()).destroy();
  value = "eu-west-3";
  expect(await program.up()).toBe("");
});

test("a setting that can be changed otherwise is accepted once the stack allows it", async () => {
  let value = "false";
  const program = new Program("told", () =>
    keepSettings([{ setting: "azure.waf", value, loss: "the site would be gone", instead: "upgrade it" }]),
  );
  expect(await program.up()).toBe("");
  value = "true";
  const refusal = await program.up();
  expect(refusal).toMatch(
    /the site would be gone\. Set it back, or upgrade it; then tell the stack: pulumi up --replace/,
  );
  const [, urn = ""] = /--replace '([^']+)'/.exec(refusal) ?? [];
  await (await program.stack()).up({ replace: [urn] });
  expect(await program.up()).toBe("");
});

test("a delete hook would protect data in an update, but it blocks destroy, so the program has none", async () => {
  const database = "gcp:firestore/database:Database";
  const program = new Program("delete-hook", () => {
    const kept = new pulumi.ResourceHook("kept", () => undefined);
    const inputs = { name: "kept", project: "shop", locationId: "asia-northeast1", type: "FIRESTORE_NATIVE" };
    new firestore.Database("kept", inputs, { hooks: { beforeDelete: [kept] } });
  });
  expect(await program.up()).toBe("");
  await expect((await program.stack()).destroy()).rejects.toThrow(
    /delete hooks registered, but the program is not running/,
  );
  expect(await program.saved(database)).toHaveLength(1);
});

test("a create that was pending when the engine died causes a warning, and stays pending", async () => {
  const program = new Program("pending", () => {
    deployment("pending");
  });
  expect(await program.up()).toBe("");
  // An import clears pending operations, so edit the engine's file.
  const file = path.join(state, "engine", ".pulumi", "stacks", "multicloud-auto-deploy", "pending.json");
  const resource = z.looseObject({ urn: z.string(), type: z.string() });
  const checkpointSchema = z.looseObject({
    checkpoint: z.looseObject({
      latest: z.looseObject({ resources: z.array(resource), pending_operations: z.array(z.unknown()).optional() }),
    }),
  });
  const read = () => checkpointSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  const saved = read();
  const [lost] = saved.checkpoint.latest.resources.filter(({ type }) => type === deploymentType);
  const operation = { resource: { ...lost, urn: `${String(lost?.urn)}-lost`, id: "" }, type: "creating" };
  saved.checkpoint.latest.pending_operations = [operation];
  writeFileSync(file, JSON.stringify(saved));

  for (const run of ["next", "one after"]) {
    expect(await program.up(), run).toBe("");
    expect(program.lines.splice(0).join("\n")).toMatch(
      /1 pending operations.*pending-lost, interrupted while creating/s,
    );
    expect(read().checkpoint.latest.pending_operations).toHaveLength(1);
  }
});

test("an engine that is too old for Pulumi.yaml is rejected with the required version", async () => {
  const project = z.object({ requiredPulumiVersion: z.string() });
  const { requiredPulumiVersion } = project.parse(
    parse(readFileSync(path.join(__dirname, "../../Pulumi.yaml"), "utf8")),
  );
  const engine = await findEngine(() => undefined);
  expect(satisfies(engine.version ?? "", requiredPulumiVersion)).toBe(true);

  const program = new Program("old-engine", () => undefined);
  const file = path.join((await program.stack()).workspace.workDir, "Pulumi.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(requiredPulumiVersion, ">=99.0.0"));
  await expect(program.up()).rejects.toThrow(/>=99\.0\.0/);
});
