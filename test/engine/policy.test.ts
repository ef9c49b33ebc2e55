import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn, Stack } from "@pulumi/pulumi/automation";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { CloudAddress } from "../../local/control";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";

const pack = path.join(__dirname, "..", "..", "policy");
let state: string;
let cloud: CloudAddress;

beforeAll(async () => {
  state = await mkdtemp(path.join(tmpdir(), "policy-"));
  cloud = await startCloud(state, { attached: true });
});

afterAll(async () => {
  await stopCloud(state);
  await rm(state, { recursive: true });
});

async function withPack(stackName: string, program?: PulumiFn): Promise<Stack> {
  const engine = await findEngine((line) => {
    console.error(line);
  });
  const stack = await localStack({ engine, cloud, state, stack: stackName, program });
  // The pack's folder has the program with which an engine without the Node.js language host runs a pack.
  stack.workspace.envVars.PATH = [pack, process.env.PATH].join(path.delimiter);
  return stack;
}

/** The engine's error when it refuses to preview a program. */
async function refusal(stackName: string, program: PulumiFn): Promise<string> {
  const stack = await withPack(stackName, program);
  try {
    await stack.preview({ policyPacks: [pack] });
  } catch (error) {
    return error instanceof Error ? error.message.replace(/\s+/g, " ") : String(error);
  }
  throw new Error(`the engine did not refuse ${stackName}`);
}

/** A function that was written without the components. */
function withoutLayer(): Promise<Record<string, unknown>> {
  const role = new iam.Role("hand", {
    name: "hand",
    assumeRolePolicy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
    }),
  });
  new lambda.Function("hand", {
    name: "hand",
    role: role.arn,
    runtime: "python3.12",
    handler: "main.handler",
    code: new pulumi.asset.AssetArchive({ "main.py": new pulumi.asset.StringAsset("def handler(*_): pass") }),
  });
  return Promise.resolve({});
}

/** A secret of the stack that is also plain text in the function's environment. */
function openSecret(): Promise<Record<string, unknown>> {
  const secret = new secretsmanager.Secret("hand", { name: "hand" });
  const secretString = pulumi.secret("pay-s3cret");
  new secretsmanager.SecretVersion("hand", { secretId: secret.id, secretString });
  const role = new iam.Role("hand", {
    name: "hand",
    assumeRolePolicy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
    }),
  });
  const layer = new lambda.LayerVersion("hand", {
    layerName: "hand",
    compatibleRuntimes: ["python3.12"],
    compatibleArchitectures: ["x86_64"],
    code: new pulumi.asset.AssetArchive({ "python/a.py": new pulumi.asset.StringAsset("A = 1") }),
  });
  new lambda.Function("hand", {
    name: "hand",
    role: role.arn,
    runtime: "python3.12",
    layers: [layer.arn],
    tracingConfig: { mode: "Active" },
    handler: "main.handler",
    code: new pulumi.asset.AssetArchive({ "main.py": new pulumi.asset.StringAsset("def handler(*_): pass") }),
    environment: { variables: { PAYMENT_KEY: secretString } },
  });
  return Promise.resolve({});
}

test("the engine deploys the program, on every cloud", async () => {
  const stack = await withPack("staging");
  const { stdout, summary } = await stack.up({ policyPacks: [pack] });
  expect(summary.result).toBe("succeeded");
  expect(stdout).toContain("✅ multicloud-auto-deploy@");
});

test("the engine refuses a function without its layer, and says what to do", async () => {
  const message = await refusal("no-layer", withoutLayer);
  expect(message).toContain("[mandatory] aws-function-has-layer (aws:lambda:Function: hand)");
  expect(message).toContain("hand: the function has no dependency layer. Without it every request ends");
});

test("the engine refuses a secret's value in a function's environment, also where it is sealed", async () => {
  const message = await refusal("open-secret", openSecret);
  expect(message).toContain('its variable "PAYMENT_KEY" holds the value of a secret');
  expect(message).not.toContain("pay-s3cret");
});

test("the engine refuses a bucket for what is missing beside it", async () => {
  const message = await refusal("no-block", () => {
    new s3.Bucket("hand");
    return Promise.resolve({});
  });
  expect(message).toContain("[mandatory] aws-bucket-blocks-public-access");
  expect(message).toContain("[mandatory] aws-bucket-tls-only");
});
