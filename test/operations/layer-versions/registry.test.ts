import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { sha256 } from "../../../layers/cache";
import { findPython, pythonEnvironment } from "../../../layers/python";
import { vendorClouds } from "../../../operations/diagnose/vendors";
import { awsRegistry } from "../../../operations/layer-versions/aws";
import { prunable, versionsInUse } from "../../../operations/layer-versions/retention";

const run = promisify(execFile);
const region = "ap-northeast-1";
const folder = mkdtempSync(path.join(tmpdir(), "layer-versions-"));
const zip = Buffer.from(zipSync({ "main.py": Buffer.from("") }));

/** The users' AWS CLI against moto's Lambda: the adapter reads what the CLI prints. */
describe("layer versions on AWS", () => {
  let bin: string;
  let stop: () => Promise<unknown>;

  beforeAll(async () => {
    const lock = path.join(__dirname, "moto.lock");
    const python = await pythonEnvironment(await findPython("3.12"), readFileSync(lock, "utf8"), [
      "--require-hashes",
      "--requirement",
      lock,
    ]);
    bin = path.dirname(python);
    // Port 0 selects any free port, which the server prints.
    const server = spawn(python, ["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", "0"]);
    stop = () => {
      server.kill();
      return once(server, "exit");
    };
    const endpoint = await new Promise<string>((resolve, reject) => {
      let said = "";
      server.stderr.on("data", (text: Buffer) => {
        said += text.toString();
        const address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
        if (address !== undefined) resolve(address);
      });
      server.on("exit", () => {
        reject(new Error(`moto ended: ${said}`));
      });
    });
    vi.stubEnv("PATH", `${bin}${path.delimiter}${process.env.PATH ?? ""}`);
    vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    vi.stubEnv("AWS_CONFIG_FILE", path.join(folder, "config"));
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", path.join(folder, "credentials"));
    vi.stubEnv("AWS_ACCESS_KEY_ID", "id");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "key");

    const file = path.join(folder, "content.zip");
    writeFileSync(file, zip);
    for (const name of [
      "shop-dependencies",
      "shop-dependencies",
      "shop-dependencies",
      "shop-dependencies-web",
      "other",
    ]) {
      await aws("lambda", "publish-layer-version", "--layer-name", name, "--zip-file", `fileb://${file}`);
    }
    const role = { Version: "2012-10-17", Statement: [] };
    await aws("iam", "create-role", "--role-name", "api", "--assume-role-policy-document", JSON.stringify(role));
    await aws(
      ...[
        "lambda",
        "create-function",
        "--function-name",
        "api",
        "--runtime",
        "python3.12",
        "--handler",
        "main.handler",
      ],
      ...["--role", "arn:aws:iam::123456789012:role/api", "--zip-file", `fileb://${file}`, "--layers", arn(2)],
    );
  }, 300_000);

  afterAll(async () => {
    vi.unstubAllEnvs();
    await stop();
    rmSync(folder, { recursive: true });
  });

  const aws = (...args: string[]) => run("aws", [...args, "--region", region]);
  const arn = (version: number) => `arn:aws:lambda:${region}:123456789012:layer:shop-dependencies:${version}`;

  test(
    "are listed with hash, size and the functions that use them, and deleted for good",
    { timeout: 60_000 },
    async () => {
      const registry = awsRegistry(region);
      const { versions } = await versionsInUse(registry, "shop-dependencies", []);
      expect(versions.map(({ layerName, version }) => `${layerName} ${version}`)).toEqual([
        "shop-dependencies 3",
        "shop-dependencies 2",
        "shop-dependencies 1",
        "shop-dependencies-web 1",
      ]);
      expect(versions[1]).toMatchObject({
        arn: arn(2),
        sha256: sha256(zip),
        size: zip.length,
        usedBy: ["function api"],
      });
      expect(Date.now() - Number(versions[0]?.createdAt)).toBeLessThan(300_000);

      const [unused, ...others] = prunable(versions, 1);
      expect(others).toEqual([]);
      expect(unused?.arn).toBe(arn(1));
      if (unused) await registry.delete(unused);
      expect((await registry.versions("shop-dependencies")).map((version) => version.arn)).not.toContain(arn(1));
    },
  );

  test("are read by diagnose with the same CLI", async () => {
    const outputs = {
      ...{ region, apiUrl: "https://api.example.com", functionName: "api", functions: {}, tables: {} },
      ...{ logs: "/aws/lambda/api", version: "1", functionArn: "arn:aws:lambda:r:123456789012:function:api" },
      ...{ accessLogs: "/aws/apigateway/api", public: true, publicLayers: {} },
    };
    const inspected = vendorClouds({ application: "application", layers: {}, aws: outputs }).aws;
    expect((await inspected?.identity())?.account).toBe("123456789012");
    expect(await inspected?.function("api")).toMatchObject({ runtime: "python3.12", layerArns: [arn(2)] });
    expect(await inspected?.hasTable("messages")).toBe(false);
    expect(await inspected?.log(outputs, new Date())).toEqual([]);
    expect(await inspected?.gatewayErrors?.(new Date())).toEqual([]);
  });

  test("without credentials, the error says how to sign in", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    await expect(awsRegistry(region).functions()).rejects.toMatchObject({
      message: expect.stringContaining("Unable to locate credentials") as string,
      next: expect.stringContaining("aws configure") as string,
    });
  });
});

describe("versions that may be deleted", () => {
  const version = (layerName: string, number: number, ...usedBy: string[]) => ({
    ...{ layerName, version: number, usedBy },
    arn: `${layerName}:${number}`,
    createdAt: new Date(0),
    size: 1,
    sha256: "",
  });
  const pruned = (keep: number, ...versions: ReturnType<typeof version>[]) =>
    prunable(versions, keep).map(({ arn }) => arn);

  test("are old and unused, counted for each layer", () => {
    expect(pruned(1, version("a", 3), version("a", 2), version("a", 1), version("b", 1))).toEqual(["a:2", "a:1"]);
  });

  test("are never in use, however old", () => {
    expect(pruned(0, version("a", 3), version("a", 1, "function api:7"))).toEqual(["a:3"]);
  });
});
