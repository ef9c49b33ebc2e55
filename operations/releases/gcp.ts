import { z } from "zod";

import { gcloudCli } from "../vendor-cli";
import { type CanaryPort, canaryTold } from "./canary";
import type { KeptRelease, ReleasePort } from "./port";

/** A revision as read with the Google Cloud CLI or from a local cloud. */
export interface ReadRevision {
  readonly name: string;
  readonly createdAt: Date;
  readonly environment: Readonly<Record<string, string>>;
  /** From 0 to 1. */
  readonly share: number;
  /** Tags that name it. */
  readonly tags?: readonly string[];
}

/**
 * Tag that marks a revision, e.g. `shop-api-00002-abc`, as rejected by its canary phase: a revision itself is immutable. It
 * is short, because it becomes part of a host name with the service's name.
 */
export function refusedTag(revision: string): string {
  const [number, ending = revision] = revision.split("-").slice(-2);
  return `refused-${Number(number) || ending}`;
}

/** Revisions of a function as its releases, from their environment variables (components/gcp/cloud-function.ts). */
export function revisionReleases(revisions: readonly ReadRevision[]): KeptRelease[] {
  return revisions
    .map(({ name, createdAt, environment, share, tags = [] }) => {
      const { MULTICLOUD_CODE: code, MULTICLOUD_RELEASE: settings, MULTICLOUD_VERIFIED: verified } = environment;
      return {
        ...{ name, share, refused: tags.includes(refusedTag(name)) },
        pinned: tags.some((tag) => tag !== refusedTag(name)),
        release: code === undefined ? "" : `${code}.${settings ?? ""}`,
        publishedAt: createdAt,
        verified: verified === "true",
        // A scheduled or private function has no probed twin.
        isAsked: code === undefined || verified === "true",
      };
    })
    .sort((a, b) => b.publishedAt.getTime() - a.publishedAt.getTime() || (a.name < b.name ? 1 : -1));
}

/** Behaviour of both Google Cloud and the local Google Cloud. */
export const gcpMeans: Pick<ReleasePort, "means" | "told"> = {
  means: "the traffic is sent to a revision that is there: seconds",
  // The resource has this as `allTrafficOnLatestRevision` (Cloud Functions API).
  told: (fn, { release }, resource) =>
    resource.type === "gcp:cloudfunctionsv2/function:Function" && resource.outputs.name === fn.functionName
      ? "read"
      : canaryTold(fn, { RELEASE: release }, resource),
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

/** Schemas of the command line's output: resources of Cloud Run's API v1, and a function. */
export const gcpAnswers = { revisions, service, describedFunction };

/** Maximum length of a function name that its Cloud Run service shares. */
const longestServiceName = 49;

/** Location of a project's functions. */
interface Place {
  readonly project: string;
  readonly region: string;
}

/** Name of the Cloud Run service behind a function. */
async function serviceOf(functionName: string, { project, region }: Place): Promise<string> {
  if (functionName.length <= longestServiceName) return functionName;
  const described = ["functions", "describe", functionName, "--gen2", "--region", region];
  const fn = await gcloudCli(project).find(describedFunction, ...described);
  return fn?.serviceConfig.service.split("/").at(-1) ?? functionName;
}

const requests = z.array(z.object({ httpRequest: z.object({ status: z.coerce.number().default(0) }) }));

/** Maximum number of a canary's requests to read from the log: enough for a verdict. */
const mostRequests = 1000;

/** Shifts a share of a service's requests to a revision, with the Google Cloud CLI. */
export function gcpCanary(place: Place): CanaryPort {
  const { project, region } = place;
  const gcloud = gcloudCli(project);
  const change = async (functionName: string, ...changes: string[]) => {
    const name = await serviceOf(functionName, place);
    await gcloud.run("run", "services", "update-traffic", name, "--region", region, ...changes);
  };
  return {
    ...gcpReleases(place),
    async split({ functionName }, serving, candidate, share) {
      const percent = Math.round(share * 100);
      await change(functionName, "--to-revisions", `${serving.name}=${100 - percent},${candidate.name}=${percent}`);
    },
    async answers({ functionName }, { name }, since) {
      const service = await serviceOf(functionName, place);
      const log = `projects/${project}/logs/run.googleapis.com%2Frequests`;
      const read = (more: string) =>
        gcloud.ask(
          requests,
          ...["logging", "read"],
          `logName="${log}" AND resource.labels.service_name="${service}" AND resource.labels.revision_name="${name}" ` +
            `AND timestamp>="${since.toISOString()}"${more}`,
          ...["--limit", String(mostRequests)],
        );
      const [asked, failed] = await Promise.all([read(""), read(" AND httpRequest.status>=500")]);
      return { asked: Math.max(asked.length, failed.length), failed: failed.length };
    },
    firing: () => Promise.resolve([]),
    async noteRefused({ functionName }, { name, refused = false }, isRefused) {
      if (refused === isRefused) return;
      if (isRefused) await change(functionName, "--update-tags", `${refusedTag(name)}=${name}`);
      else await change(functionName, "--remove-tags", refusedTag(name));
    },
  };
}

/** The revisions of the Cloud Run services behind functions, with the Google Cloud CLI. */
export function gcpReleases(place: Place): ReleasePort {
  const { project, region } = place;
  const gcloud = gcloudCli(project);
  return {
    ...gcpMeans,
    async releases({ functionName }) {
      const name = await serviceOf(functionName, place);
      const [found, described] = await Promise.all([
        gcloud.ask(revisions, "run", "revisions", "list", "--service", name, "--region", region),
        gcloud.find(service, "run", "services", "describe", name, "--region", region),
      ]);
      const traffic = described?.status.traffic ?? [];
      const ready = found.filter(
        (each) =>
          !each.status.conditions.some((condition) => condition.type === "Ready" && condition.status === "False"),
      );
      return revisionReleases(
        ready.map(({ metadata, spec }) => {
          const targets = traffic.filter(({ revisionName }) => revisionName === metadata.name);
          const variables = spec.containers.flatMap(({ env }) => env.map((each) => [each.name, each.value] as const));
          return {
            name: metadata.name,
            createdAt: metadata.creationTimestamp,
            environment: Object.fromEntries(variables),
            share: targets.reduce((sum, { percent }) => sum + percent / 100, 0),
            tags: targets.flatMap(({ tag }) => (tag === undefined ? [] : [tag])),
          };
        }),
      );
    },
    async serve({ functionName }, { name }) {
      const to = ["--region", region, "--to-revisions", `${name}=100`];
      await gcloud.run("run", "services", "update-traffic", await serviceOf(functionName, place), ...to);
    },
    async delete({ functionName }, { name, refused = false }) {
      if (refused) {
        const service = await serviceOf(functionName, place);
        const tags = ["--region", region, "--remove-tags", refusedTag(name)];
        await gcloud.run("run", "services", "update-traffic", service, ...tags);
      }
      await gcloud.run("run", "revisions", "delete", name, "--region", region);
    },
  };
}
