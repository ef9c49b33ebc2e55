import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { z } from "zod";

import { BuildError } from "../../layers/build-error";
import type { LayerRegistry, LayerVersion } from "./registry";

const run = promisify(execFile);

/** Requests at the same time: Lambda's control plane answers 15 a second. */
const parallel = 4;

/** Bytes of the longest answer: a region may have many functions. */
const longest = 256 * 1024 * 1024;

const layers = z.object({ Layers: z.array(z.object({ LayerName: z.string() })).default([]) });
const versions = z.object({
  LayerVersions: z
    .array(z.object({ LayerVersionArn: z.string(), Version: z.number(), CreatedDate: z.string() }))
    .default([]),
});
const layerVersion = z.object({ Content: z.object({ CodeSha256: z.base64(), CodeSize: z.number() }) });
const functions = z.object({
  Functions: z
    .array(
      z.object({
        FunctionName: z.string(),
        Version: z.string(),
        Layers: z.array(z.object({ Arn: z.string() })).default([]),
      }),
    )
    .default([]),
});

/** The layer versions of an AWS region, by the AWS CLI, which reads every page by itself. */
export function awsRegistry(region: string): LayerRegistry {
  const ask = async <Schema extends z.ZodType>(schema: Schema, command: string, ...args: string[]) =>
    schema.parse(JSON.parse(await aws(region, command, args)));
  return {
    async versions(prefix) {
      const { Layers: all } = await ask(layers, "list-layers");
      const names = all.map(({ LayerName }) => LayerName).filter((name) => name.startsWith(prefix));
      const listed = await inTurns(names, async (layerName) => {
        const { LayerVersions: found } = await ask(versions, "list-layer-versions", "--layer-name", layerName);
        return found.map((version) => ({ layerName, ...version }));
      });
      return inTurns(listed.flat(), async ({ layerName, LayerVersionArn: arn, Version: version, CreatedDate }) => {
        const named = ["--layer-name", layerName, "--version-number", String(version)];
        const { Content } = await ask(layerVersion, "get-layer-version", ...named);
        return {
          ...{ layerName, version, arn },
          // `2018-11-14T23:03:52.894+0000`, which is not quite ISO 8601.
          createdAt: new Date(CreatedDate.replace(/([+-]\d{2})(\d{2})$/, "$1:$2")),
          size: Content.CodeSize,
          sha256: Buffer.from(Content.CodeSha256, "base64").toString("hex"),
        };
      });
    },
    async functions() {
      const { Functions: found } = await ask(functions, "list-functions", "--function-version", "ALL");
      return found.map(({ FunctionName, Version, Layers }) => ({
        name: `function ${FunctionName}${Version === "$LATEST" ? "" : `:${Version}`}`,
        layerArns: Layers.map(({ Arn }) => Arn),
      }));
    },
    async delete({ layerName, version }: LayerVersion) {
      await aws(region, "delete-layer-version", ["--layer-name", layerName, "--version-number", String(version)]);
    },
  };
}

async function aws(region: string, command: string, args: readonly string[]): Promise<string> {
  const all = ["lambda", command, "--region", region, "--output", "json", ...args];
  try {
    return (await run("aws", all, { maxBuffer: longest, env: { ...process.env, AWS_PAGER: "" } })).stdout;
  } catch (error) {
    throw failure(all, error);
  }
}

/** What the CLI refuses for, and the command that mends it. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /Unable to locate credentials|NoCredentials/,
    "sign in: aws configure sso (or aws login), then: aws sts get-caller-identity",
  ],
  [/ExpiredToken|token .*expired|sso session/i, "sign in again: aws sso login"],
  [/AccessDenied|not authorized/, "see who is signed in: aws sts get-caller-identity"],
];

function failure(args: readonly string[], error: unknown): BuildError {
  const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
  if (code === "ENOENT") {
    return new BuildError(
      "there is no aws on the PATH, which asks AWS for layer versions; install it " +
        "(https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html), then run: aws --version; or ask a " +
        "local cloud with --local",
    );
  }
  const said = stderr.trim() || String(error);
  const remedy = remedies.find(([pattern]) => pattern.test(said))?.[1] ?? `see for yourself: aws ${args.join(" ")}`;
  return new BuildError(`aws ${args.join(" ")}: ${said}; ${remedy}`);
}

/** Like `Promise.all` over `use`, with a few at a time. */
async function inTurns<Item, Result>(items: readonly Item[], use: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const queue = [...items.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, item] = next;
      results[index] = await use(item);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return results;
}
