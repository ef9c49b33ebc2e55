import { z } from "zod";

import { verifiedAlias } from "../aws-function";
import { awsCli, lambdaTime } from "../vendor-cli";
import type { KeptRelease, ReleasePort } from "./port";

/** Name of the alias that serves. */
export const liveAlias = "live";

const versions = z.object({
  Versions: z
    .array(z.object({ Version: z.string(), Description: z.string().default(""), LastModified: lambdaTime }))
    .default([]),
});
/** Answer of `list-aliases`. */
export const aliases = z.object({
  Aliases: z
    .array(
      z.object({
        Name: z.string(),
        FunctionVersion: z.string(),
        RoutingConfig: z
          .object({ AdditionalVersionWeights: z.record(z.string(), z.number()).default({}) })
          .default({ AdditionalVersionWeights: {} }),
      }),
    )
    .default([]),
});

/** A version as it is read, by the AWS CLI or from a local cloud. */
export interface ReadVersion {
  readonly version: string;
  readonly description: string;
  readonly publishedAt: Date;
}

/** An alias as it is read. */
export interface ReadAlias {
  readonly name: string;
  readonly version: string;
  /** Shares of other versions than `version`. */
  readonly weights: Readonly<Record<string, number>>;
}

/** Versions of a function as its releases: the alias `live` says which serve, an alias of its own that one was verified. */
export function asReleases(versions: readonly ReadVersion[], aliases: readonly ReadAlias[]): KeptRelease[] {
  const live = aliases.find(({ name }) => name === liveAlias);
  const others = Object.values(live?.weights ?? {}).reduce((sum, weight) => sum + weight, 0);
  const shareOf = (version: string) => (version === live?.version ? 1 - others : (live?.weights[version] ?? 0));
  return versions
    .filter(({ version }) => version !== "$LATEST")
    .sort((a, b) => Number(b.version) - Number(a.version))
    .map(({ version, description, publishedAt }) => ({
      name: version,
      release: description,
      publishedAt,
      share: shareOf(version),
      verified: aliases.some(({ name }) => name === verifiedAlias(version)),
      pinned: aliases.some(
        ({ name, version: named, weights }) =>
          name !== liveAlias && name !== verifiedAlias(version) && (named === version || version in weights),
      ),
    }));
}

/** What both AWS and the local one do alike. */
export const awsMeans: Pick<ReleasePort, "means" | "told"> = {
  means: "the alias is moved to a version that is there: seconds",
  told({ functionName }, _, { type, outputs }) {
    const serves = type === "aws:lambda/alias:Alias" && outputs.functionName === functionName;
    return serves && outputs.name === liveAlias ? "read" : undefined;
  },
};

/** Lambda's published versions, by the AWS CLI. */
export function awsReleases(region: string): ReleasePort {
  const aws = awsCli(region);
  return {
    ...awsMeans,
    async releases({ functionName }) {
      const [{ Versions }, { Aliases }] = await Promise.all([
        aws.ask(versions, "lambda", "list-versions-by-function", "--function-name", functionName),
        aws.ask(aliases, "lambda", "list-aliases", "--function-name", functionName),
      ]);
      return asReleases(
        Versions.map(({ Version, Description, LastModified }) => {
          return { version: Version, description: Description, publishedAt: new Date(LastModified) };
        }),
        Aliases.map(({ Name, FunctionVersion, RoutingConfig }) => {
          return { name: Name, version: FunctionVersion, weights: RoutingConfig.AdditionalVersionWeights };
        }),
      );
    },
    async serve({ functionName }, { name }) {
      await aws.run(
        ...["lambda", "update-alias", "--function-name", functionName, "--name", liveAlias],
        ...["--function-version", name, "--routing-config", "AdditionalVersionWeights={}"],
      );
    },
    async delete({ functionName }, { name, verified }) {
      const named = ["--function-name", functionName];
      if (verified) await aws.run("lambda", "delete-alias", ...named, "--name", verifiedAlias(name));
      await aws.run("lambda", "delete-function", ...named, "--qualifier", name);
    },
  };
}
