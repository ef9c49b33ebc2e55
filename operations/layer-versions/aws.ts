import { z } from "zod";

import { aliases } from "../releases/aws";
import { awsCli, lambdaTime } from "../vendor-cli";
import { type LayerRegistry, type LayerVersion, signedHash } from "./registry";

/** Concurrent requests: Lambda's control plane allows 15 per second. */
const parallel = 4;

const layers = z.object({ Layers: z.array(z.object({ LayerName: z.string() })).default([]) });
const versions = z.object({
  LayerVersions: z
    .array(z.object({ LayerVersionArn: z.string(), Version: z.number(), CreatedDate: lambdaTime }))
    .default([]),
});
const layerVersion = z.object({
  Content: z.object({ CodeSha256: z.base64(), CodeSize: z.number(), SigningJobArn: z.string().optional() }),
});
const signingJob = z.object({ source: z.object({ s3: z.object({ key: z.string() }) }) });
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

const latest = "$LATEST";

/** The layer versions of an AWS region, read with the AWS CLI, which follows pages itself. */
export function awsRegistry(region: string): LayerRegistry {
  const aws = awsCli(region);
  const builtHash = async (jobArn: string | undefined) => {
    if (jobArn === undefined) return undefined;
    const job = jobArn.slice(jobArn.lastIndexOf("/") + 1);
    const { source } = await aws.ask(signingJob, "signer", "describe-signing-job", "--job-id", job);
    return signedHash(source.s3.key);
  };
  return {
    async versions(prefix) {
      const { Layers: all } = await aws.ask(layers, "lambda", "list-layers");
      const names = all.map(({ LayerName }) => LayerName).filter((name) => name.startsWith(prefix));
      const listed = await inTurns(names, async (layerName) => {
        const { LayerVersions: found } = await aws.ask(
          versions,
          "lambda",
          "list-layer-versions",
          "--layer-name",
          layerName,
        );
        return found.map((version) => ({ layerName, ...version }));
      });
      return inTurns(listed.flat(), async ({ layerName, LayerVersionArn: arn, Version: version, CreatedDate }) => {
        const named = ["--layer-name", layerName, "--version-number", String(version)];
        const { Content } = await aws.ask(layerVersion, "lambda", "get-layer-version", ...named);
        return {
          ...{ layerName, version, arn },
          createdAt: new Date(CreatedDate),
          size: Content.CodeSize,
          sha256: (await builtHash(Content.SigningJobArn)) ?? Buffer.from(Content.CodeSha256, "base64").toString("hex"),
        };
      });
    },
    async functions() {
      const { Functions: found } = await aws.ask(functions, "lambda", "list-functions", "--function-version", "ALL");
      const versioned = [...new Set(found.filter(({ Version }) => Version !== latest).map((fn) => fn.FunctionName))];
      const aliasesOf = new Map(
        await inTurns(versioned, async (name) => {
          return [name, (await aws.ask(aliases, "lambda", "list-aliases", "--function-name", name)).Aliases] as const;
        }),
      );
      return found.map(({ FunctionName, Version, Layers }) => {
        const layerArns = Layers.map(({ Arn }) => Arn);
        if (Version === latest) return { name: `function ${FunctionName}`, layerArns };
        const named = (aliasesOf.get(FunctionName) ?? []).filter(
          ({ FunctionVersion, RoutingConfig }) =>
            FunctionVersion === Version || Version in RoutingConfig.AdditionalVersionWeights,
        );
        const published = {
          functionName: FunctionName,
          version: Number(Version),
          aliases: named.map(({ Name }) => Name),
        };
        return { name: `function ${FunctionName}:${Version}`, layerArns, published };
      });
    },
    async deleteFunction({ functionName, version, aliases: noted }) {
      const named = ["--function-name", functionName];
      for (const name of noted) await aws.run("lambda", "delete-alias", ...named, "--name", name);
      await aws.run("lambda", "delete-function", ...named, "--qualifier", String(version));
    },
    async delete({ layerName, version }: LayerVersion) {
      await aws.run("lambda", "delete-layer-version", "--layer-name", layerName, "--version-number", String(version));
    },
  };
}

/** Like `Promise.all` over `use`, with limited concurrency. */
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
