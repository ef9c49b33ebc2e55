import { z } from "zod";

import { refusedAlias, verifiedAlias } from "../aws-function";
import { awsCli, lambdaTime } from "../vendor-cli";
import { type Answers, type CanaryPort, canaryTold } from "./canary";
import type { KeptRelease, ReleasePort } from "./port";

/** Name of the serving alias. */
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

/** Schemas of the command line's output. */
export const awsAnswers = { versions, aliases };

/** A version as read with the AWS CLI or from a local cloud. */
export interface ReadVersion {
  readonly version: string;
  readonly description: string;
  readonly publishedAt: Date;
}

/** An alias as read. */
export interface ReadAlias {
  readonly name: string;
  readonly version: string;
  /** Traffic shares of versions other than `version`. */
  readonly weights: Readonly<Record<string, number>>;
}

/** Versions of a function as its releases: the alias `live` names those that serve, other aliases mark the verified ones. */
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
      refused: aliases.some(({ name }) => name === refusedAlias(version)),
      pinned: aliases.some(
        ({ name, version: named, weights }) =>
          ![liveAlias, verifiedAlias(version), refusedAlias(version)].includes(name) &&
          (named === version || version in weights),
      ),
    }));
}

/** Behaviour of both AWS and the local AWS. */
export const awsMeans: Pick<ReleasePort, "means" | "told"> = {
  means: "the alias is moved to a version that is there: seconds",
  told(fn, { name }, resource) {
    const { type, outputs } = resource;
    const serves = type === "aws:lambda/alias:Alias" && outputs.functionName === fn.functionName;
    return serves && outputs.name === liveAlias ? "read" : canaryTold(fn, { VERSION: name }, resource);
  },
};

const metricData = z.object({
  MetricDataResults: z.array(z.object({ Id: z.string(), Values: z.array(z.number()).default([]) })).default([]),
});
const alarmStates = z.object({
  MetricAlarms: z.array(z.object({ AlarmName: z.string(), StateValue: z.string() })).default([]),
  CompositeAlarms: z.array(z.object({ AlarmName: z.string(), StateValue: z.string() })).default([]),
});

/** A CloudWatch metric, summed, of the responses of one version. */
export interface VersionMetric {
  readonly id: keyof Answers | "serverErrors";
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/**
 * CloudWatch's metrics of a version behind the serving alias (Lambda developer guide, "Types of metrics": with weights,
 * the dimension `ExecutedVersion` has the version). They do not count status 500 as an error: the function counts those itself
 * (layers/runtime/multicloud_runtime/aws.py).
 */
export function versionMetrics(functionName: string, version: string): readonly VersionMetric[] {
  const ofAlias = { FunctionName: functionName, Resource: `${functionName}:${liveAlias}`, ExecutedVersion: version };
  const counted = { FunctionName: functionName, ExecutedVersion: version };
  return [
    { id: "asked", namespace: "AWS/Lambda", name: "Invocations", dimensions: ofAlias },
    { id: "failed", namespace: "AWS/Lambda", name: "Errors", dimensions: ofAlias },
    { id: "serverErrors", namespace: "multicloud", name: "ServerErrors", dimensions: counted },
  ];
}

/** @param sum of one of {@link versionMetrics}. */
export function answersOf(sum: (id: VersionMetric["id"]) => number): Answers {
  return { asked: sum("asked"), failed: sum("failed") + sum("serverErrors") };
}

/** Shifts a share of an alias's requests to a version, with the AWS CLI. */
export function awsCanary(region: string): CanaryPort {
  const aws = awsCli(region);
  return {
    ...awsReleases(region),
    async split({ functionName }, serving, candidate, share) {
      const weights = `AdditionalVersionWeights={${candidate.name}=${share}}`;
      await aws.run(
        ...["lambda", "update-alias", "--function-name", functionName, "--name", liveAlias],
        ...["--function-version", serving.name, "--routing-config", weights],
      );
    },
    async answers({ functionName }, { name }, since) {
      const queries = versionMetrics(functionName, name).map(({ id, namespace, name: metric, dimensions }) => {
        const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
        const Metric = { Namespace: namespace, MetricName: metric, Dimensions };
        return { Id: id, MetricStat: { Metric, Period: 60, Stat: "Sum" } };
      });
      const { MetricDataResults: found } = await aws.ask(
        metricData,
        ...["cloudwatch", "get-metric-data", "--metric-data-queries", JSON.stringify(queries)],
        ...["--start-time", since.toISOString(), "--end-time", new Date(Date.now() + 60_000).toISOString()],
      );
      return answersOf((id) => found.filter(({ Id }) => Id === id).reduce((sum, { Values }) => sum + total(Values), 0));
    },
    async firing(alarms) {
      if (alarms.length === 0) return [];
      const { MetricAlarms, CompositeAlarms } = await aws.ask(
        alarmStates,
        ...["cloudwatch", "describe-alarms", "--alarm-types", "MetricAlarm", "CompositeAlarm"],
        ...["--alarm-names", ...alarms],
      );
      const found = [...MetricAlarms, ...CompositeAlarms];
      requireAlarms(
        alarms,
        found.map(({ AlarmName }) => AlarmName),
      );
      return found.filter(({ StateValue }) => StateValue === "ALARM").map(({ AlarmName }) => AlarmName);
    },
    async noteRefused({ functionName }, { name, refused = false }, isRefused) {
      if (refused === isRefused) return;
      const alias = ["--function-name", functionName, "--name", refusedAlias(name)];
      if (isRefused) await aws.run("lambda", "create-alias", ...alias, "--function-version", name);
      else await aws.run("lambda", "delete-alias", ...alias);
    },
  };
}

/** @throws if a watched alarm does not exist, as it could never fire. */
export function requireAlarms(alarms: readonly string[], known: readonly string[]): void {
  const absent = alarms.filter((name) => !known.includes(name));
  if (absent.length === 0) return;
  throw new Error(`aws.function.canary.alarms: CloudWatch has no alarm ${absent.join(", ")} in the stack's region`);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Lambda's published versions, with the AWS CLI. */
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
    async delete({ functionName }, { name, verified, refused = false }) {
      const named = ["--function-name", functionName];
      if (verified) await aws.run("lambda", "delete-alias", ...named, "--name", verifiedAlias(name));
      if (refused) await aws.run("lambda", "delete-alias", ...named, "--name", refusedAlias(name));
      await aws.run("lambda", "delete-function", ...named, "--qualifier", name);
    },
  };
}
