import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { z } from "zod";

import { awsCli } from "./vendor-cli";
import type { PublishedVersion } from "./version-check";

const configuration = z.object({ State: z.string().default("Active"), StateReason: z.string().optional() });
const published = z.object({ Version: z.string() });
const versions = z.object({ Versions: z.array(published).default([]) });
const described = z.object({ Description: z.string().default("") });
const invoked = z.object({ FunctionError: z.string().optional(), LogResult: z.string().default("") });

/** Name of the alias that marks a version as verified: versions themselves have no tags. */
export const verifiedAlias = (version: string) => `verified-${version}`;

/** Name of the alias that marks a version as rejected by its canary phase. */
export const refusedAlias = (version: string) => `refused-${version}`;

/**
 * A version on AWS, read with the AWS CLI.
 *
 * @param functionArn ARN without a version.
 */
export function awsVersion(functionArn: string, version: string): PublishedVersion {
  const aws = awsCli(functionArn.split(":")[3] ?? "");
  const named = ["--function-name", functionArn, "--qualifier", version];
  return {
    number: version,
    async notInvokable() {
      const found = await aws.find(configuration, "lambda", "get-function-configuration", ...named);
      const { State, StateReason } = found ?? {
        State: "Failed",
        StateReason: "it was deleted, since it failed before",
      };
      if (State === "Active" || State === "Inactive") return undefined;
      return { state: State === "Failed" ? State : "Pending", reason: StateReason ?? "no reason is given" };
    },
    async publishAnew() {
      const fn = ["--function-name", functionArn];
      const { Versions } = await aws.ask(versions, "lambda", "list-versions-by-function", ...fn);
      const numbers = Versions.map(({ Version }) => Number(Version)).filter((number) => number > 0);
      if (numbers.length > 0) {
        const newest = awsVersion(functionArn, String(Math.max(...numbers)));
        if ((await newest.notInvokable())?.state !== "Failed") return newest;
        await aws.run("lambda", "delete-function", ...fn, "--qualifier", newest.number);
      }
      const { Description } = await aws.ask(described, "lambda", "get-function-configuration", ...fn);
      // Lambda publishes nothing without a change: it would return the last version.
      for (const description of [`${Description} again`, Description]) {
        await aws.run("lambda", "update-function-configuration", ...fn, "--description", description);
        await aws.run("lambda", "wait", "function-updated-v2", ...fn);
      }
      const { Version } = await aws.ask(published, "lambda", "publish-version", ...fn);
      return awsVersion(functionArn, Version);
    },
    async invoke(event) {
      const folder = await mkdtemp(path.join(tmpdir(), "version-check-"));
      try {
        const [request, answer] = [path.join(folder, "event.json"), path.join(folder, "answer.json")];
        await writeFile(request, event);
        const { FunctionError, LogResult } = await aws.ask(
          invoked,
          ...["lambda", "invoke", ...named, "--log-type", "Tail"],
          ...["--cli-binary-format", "raw-in-base64-out", "--payload", `file://${request}`, answer],
        );
        return {
          payload: await readFile(answer, "utf8"),
          failed: FunctionError !== undefined,
          log: Buffer.from(LogResult, "base64").toString(),
        };
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    async markVerified() {
      const alias = ["--function-name", functionArn, "--name", verifiedAlias(version)];
      if ((await aws.find(z.looseObject({}), "lambda", "get-alias", ...alias)) !== undefined) return;
      await aws.run("lambda", "create-alias", ...alias, "--function-version", version);
    },
  };
}
