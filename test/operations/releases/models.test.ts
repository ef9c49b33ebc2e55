import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";

import { describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { findPython, pythonEnvironment } from "../../../layers/python";
import { awsAnswers, awsReleases } from "../../../operations/releases/aws";
import { azureAnswers } from "../../../operations/releases/azure";
import { gcpAnswers } from "../../../operations/releases/gcp";
import { discoveryDocuments } from "../../conformance/gcp/discovery";

/** The parts of a JSON schema that lead to its paths. */
interface Described {
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
  readonly additionalProperties?: Described | boolean;
}

/** Every path that a schema reads; `[]` is an item of a list, `*` a value of a map. */
function pathsOf(schema: z.ZodType): string[][] {
  const below = ({ properties = {}, items, additionalProperties: values }: Described): string[][] => [
    ...Object.entries(properties).flatMap(([key, inner]) => prefixed(key, inner)),
    ...(items ? prefixed("[]", items) : []),
    ...(typeof values === "object" && Object.keys(values).length > 0 ? prefixed("*", values) : []),
  ];
  const prefixed = (key: string, inner: Described): string[][] => {
    const paths = below(inner);
    return paths.length === 0 ? [[key]] : paths.map((each) => [key, ...each]);
  };
  return below(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Described);
}

/** Paths that are missing in a vendor's models, from a lock of the conformance tests. */
async function missing(lock: string, asked: readonly { model: object; paths: readonly string[][] }[]) {
  const file = path.join(__dirname, "..", "..", "conformance", lock);
  const install = ["--require-hashes", "--requirement", file];
  const python = await pythonEnvironment(await findPython("3.12"), readFileSync(file, "utf8"), install);
  const child = spawn(python, [path.join(__dirname, "models.py")], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(asked));
  return z.array(z.array(z.array(z.string()))).parse(JSON.parse(await text(child.stdout)));
}

describe("every path that is read from a command line's output is in the vendor's own model", () => {
  test("AWS", async () => {
    const model = (operation: string) => ({ service: "lambda", operation, of: "output" });
    const asked = [
      { model: model("ListVersionsByFunction"), paths: pathsOf(awsAnswers.versions) },
      { model: model("ListAliases"), paths: pathsOf(awsAnswers.aliases) },
      // The model rejects unknown paths.
      { model: model("ListAliases"), paths: [["Aliases", "[]", "FunctionVersions"]] },
    ];
    expect(asked[0]?.paths).toContainEqual(["Versions", "[]", "LastModified"]);
    expect(await missing("aws/judge.lock", asked)).toEqual([[], [], [["Aliases", "[]", "FunctionVersions"]]]);
  }, 120_000);

  test("Azure", async () => {
    const of = (name: string, model: string, flat = false) => ({ package: `azure.mgmt.${name}`, class: model, flat });
    const asked = [
      { model: of("cdn", "Route", true), paths: pathsOf(azureAnswers.route) },
      { model: of("web", "Site"), paths: pathsOf(azureAnswers.app) },
      {
        model: of("resource.resources.v2024_11_01", "DeploymentExtended"),
        paths: pathsOf(azureAnswers.deployment),
      },
      {
        model: of("web", "Site"),
        paths: [
          ["properties", "modifiedAt"],
          ["tags", "[]"],
        ],
      },
    ];
    expect(asked[0]?.paths).toEqual([["originGroup", "id"]]);
    expect(await missing("azure/models.lock", asked)).toEqual([[], [], [], asked[3]?.paths]);
    // No model of the management API has it: `az storage blob list` calls the storage API.
    console.log("not compared with a model: azureAnswers.blobs");
  }, 120_000);

  test("Google Cloud", async () => {
    const documents = await discoveryDocuments();
    const without = (api: string, schema: string, paths: readonly string[][]) =>
      paths.filter((each) => !documents.has(api, schema, each));
    // A list of them, which the command line unpacks.
    const revision = pathsOf(gcpAnswers.revisions).map(([, ...each]) => each);
    expect(revision).toContainEqual(["metadata", "creationTimestamp"]);
    expect(without("run.v1", "Revision", revision)).toEqual([]);
    expect(without("run.v1", "Service", pathsOf(gcpAnswers.service))).toEqual([]);
    expect(without("cloudfunctions.v2", "Function", pathsOf(gcpAnswers.describedFunction))).toEqual([]);
    expect(without("run.v1", "Service", [["status", "traffics"]])).toEqual([["status", "traffics"]]);
  }, 120_000);
});

test("calls of AWS's command line have parameters of the operation", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "releases-"));
  const log = path.join(folder, "asked");
  const script = `#!${process.execPath}
require("node:fs").appendFileSync(${JSON.stringify(log)}, JSON.stringify(process.argv.slice(2)) + "\\n");
process.stdout.write("{}");
`;
  writeFileSync(path.join(folder, "aws"), script, { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}${path.delimiter}${path.dirname(process.execPath)}`);
  const port = awsReleases("eu-west-1");
  const fn = { name: "api", functionName: "shop-api", probes: [] };
  const release = { name: "3", release: "a", publishedAt: new Date(), share: 0, verified: true };
  await port.releases(fn);
  await port.serve(fn, release);
  await port.delete(fn, release);
  vi.unstubAllEnvs();
  const asked = readFileSync(log, "utf8").trim().split("\n");
  rmSync(folder, { recursive: true });
  const global = ["--region", "--output"];
  const pascal = (words: string) =>
    words
      .split("-")
      .map((word) => `${word[0]?.toUpperCase() ?? ""}${word.slice(1)}`)
      .join("");
  const calls = asked.map((line) => {
    const [service = "", operation = "", ...args] = JSON.parse(line) as string[];
    const flags = args.filter((arg) => arg.startsWith("--") && !global.includes(arg));
    const paths = flags.map((flag) => [pascal(flag.slice(2))]);
    return { model: { service, operation: pascal(operation), of: "input" }, paths };
  });
  expect(calls.map(({ model }) => model.operation).sort()).toEqual([
    ...["DeleteAlias", "DeleteFunction", "ListAliases", "ListVersionsByFunction", "UpdateAlias"],
  ]);
  expect(await missing("aws/judge.lock", calls)).toEqual(calls.map(() => []));
}, 120_000);
