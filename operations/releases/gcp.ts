import { z } from "zod";

import { gcloudCli } from "../vendor-cli";
import type { KeptRelease, ReleasePort } from "./port";

/** A revision as it is read, by the Google Cloud CLI or from a local cloud. */
export interface ReadRevision {
  readonly name: string;
  readonly createdAt: Date;
  readonly environment: Readonly<Record<string, string>>;
  /** From 0 to 1. */
  readonly share: number;
  /** Whether a tag names it. */
  readonly tagged?: boolean;
}

/** Revisions of a function as its releases, by the variables that it is deployed with (components/gcp/cloud-function.ts). */
export function revisionReleases(revisions: readonly ReadRevision[]): KeptRelease[] {
  return revisions
    .map(({ name, createdAt, environment, share, tagged = false }) => {
      const { MULTICLOUD_CODE: code, MULTICLOUD_RELEASE: settings, MULTICLOUD_VERIFIED: verified } = environment;
      return {
        ...{ name, share, pinned: tagged },
        release: code === undefined ? "" : `${code}.${settings ?? ""}`,
        publishedAt: createdAt,
        verified: verified === "true",
        // One on a schedule, or that not everybody may call, has no twin that was asked.
        isAsked: code === undefined || verified === "true",
      };
    })
    .sort((a, b) => b.publishedAt.getTime() - a.publishedAt.getTime() || (a.name < b.name ? 1 : -1));
}

/** What both Google Cloud and the local one do alike. */
export const gcpMeans: Pick<ReleasePort, "means" | "told"> = {
  means: "the traffic is sent to a revision that is there: seconds",
  // It says of itself whether all traffic goes to its latest revision (Cloud Functions API, `allTrafficOnLatestRevision`).
  told: ({ functionName }, _, { type, outputs }) =>
    type === "gcp:cloudfunctionsv2/function:Function" && outputs.name === functionName ? "read" : undefined,
};

const revisions = z.array(
  z.object({
    metadata: z.object({ name: z.string(), creationTimestamp: z.coerce.date() }),
    spec: z.object({
      containers: z
        .array(z.object({ env: z.array(z.object({ name: z.string(), value: z.string().default("") })).default([]) }))
        .default([]),
    }),
    status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) }),
  }),
);
const service = z.object({
  status: z.object({
    traffic: z
      .array(
        z.object({ revisionName: z.string().optional(), percent: z.number().default(0), tag: z.string().optional() }),
      )
      .default([]),
  }),
});
const describedFunction = z.object({ serviceConfig: z.object({ service: z.string() }) });

/** Characters of the longest function name that the Cloud Run service behind it has too. */
const longestServiceName = 49;

/** The revisions of the Cloud Run services behind functions, by the Google Cloud CLI. */
export function gcpReleases({ project, region }: { readonly project: string; readonly region: string }): ReleasePort {
  const gcloud = gcloudCli(project);
  const serviceOf = async (functionName: string) => {
    if (functionName.length <= longestServiceName) return functionName;
    const fn = await gcloud.ask(describedFunction, "functions", "describe", functionName, "--gen2", "--region", region);
    return fn.serviceConfig.service.split("/").at(-1) ?? functionName;
  };
  return {
    ...gcpMeans,
    async releases({ functionName }) {
      const name = await serviceOf(functionName);
      const [found, { status }] = await Promise.all([
        gcloud.ask(revisions, "run", "revisions", "list", "--service", name, "--region", region),
        gcloud.ask(service, "run", "services", "describe", name, "--region", region),
      ]);
      const ready = found.filter(
        (each) =>
          !each.status.conditions.some((condition) => condition.type === "Ready" && condition.status === "False"),
      );
      return revisionReleases(
        ready.map(({ metadata, spec }) => {
          const targets = status.traffic.filter(({ revisionName }) => revisionName === metadata.name);
          const variables = spec.containers.flatMap(({ env }) => env.map((each) => [each.name, each.value] as const));
          return {
            name: metadata.name,
            createdAt: metadata.creationTimestamp,
            environment: Object.fromEntries(variables),
            share: targets.reduce((sum, { percent }) => sum + percent / 100, 0),
            tagged: targets.some(({ tag }) => tag !== undefined),
          };
        }),
      );
    },
    async serve({ functionName }, { name }) {
      const to = ["--region", region, "--to-revisions", `${name}=100`];
      await gcloud.run("run", "services", "update-traffic", await serviceOf(functionName), ...to);
    },
    async delete(_, { name }) {
      await gcloud.run("run", "revisions", "delete", name, "--region", region);
    },
  };
}
