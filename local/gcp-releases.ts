import path from "node:path";

import type { CanaryPort } from "../operations/releases/canary";
import { gcpMeans, refusedTag, revisionReleases } from "../operations/releases/gcp";
import type { ReleasePort } from "../operations/releases/port";
import { type Ask, changeResource, deleteRevision, requireCloud, sendTraffic } from "./cloud-process";
import { LogReader } from "./log-reader";
import { type RequestRecord, requestLogs } from "./logs";
import { functionSchema, GcpResources } from "./gcp/resources";
import { Revisions } from "./gcp/revisions";
import { ResourceStore } from "./store";

const functionType = "gcp:cloudfunctionsv2/function:Function";

/**
 * Revisions on the local Google Cloud of a state folder.
 *
 * @param ask checks the caller's permissions. Default: the caller is an administrator.
 */
export function localGcpReleases(state: string, ask: Ask = () => Promise.resolve()): ReleasePort {
  const asked = async (functionName: string, ...calls: readonly string[]) => {
    for (const call of calls) await ask({ cloud: "gcp", call, resource: functionName });
  };
  const folder = path.join(state, "gcp");
  // Read for each call, since another process changes the files.
  const stored = () => new ResourceStore(folder);
  const functionNamed = (resources: ResourceStore, functionName: string) =>
    new GcpResources(resources).find(functionType, ({ name }) => name === functionName);
  const ready = (resources: ResourceStore, functionName: string) => {
    const fn = functionNamed(resources, functionName);
    const revisions = new Revisions(path.join(folder, "revisions.json"));
    return fn === undefined
      ? { all: [], traffic: {}, tagsOf: () => [] }
      : {
          all: revisions.ready(fn.id),
          traffic: revisions.traffic(fn.id),
          tagsOf: (revision: string) => revisions.tagsOf(fn.id, revision),
        };
  };
  return {
    ...gcpMeans,
    async releases({ functionName }) {
      await asked(functionName, "functions describe", "run revisions list", "run services describe");
      const { all, traffic, tagsOf } = ready(stored(), functionName);
      return revisionReleases(
        all.map(({ name, createdAt, fn }) => ({
          name,
          createdAt: new Date(createdAt),
          environment: fn.serviceConfig.environmentVariables,
          share: traffic[name] ?? 0,
          tags: tagsOf(name),
        })),
      );
    },
    async serve({ functionName }, { name }) {
      await asked(functionName, "run services update-traffic");
      const cloud = await requireCloud(state);
      await sendTraffic(cloud, { cloud: "gcp", functionName, traffic: { [name]: 1 } });
      const resources = stored();
      const id = functionNamed(resources, functionName)?.id ?? "";
      const found = resources.get(functionType, id);
      // The cloud's new description of the function.
      const allTrafficOnLatestRevision = ready(resources, functionName).all.at(-1)?.name === name;
      const now = (values: unknown) => ({
        serviceConfig: { ...functionSchema.shape.serviceConfig.loose().parse(values), allTrafficOnLatestRevision },
      });
      await changeResource(cloud, {
        ...{ cloud: "gcp", type: functionType, id },
        inputs: now(found?.inputs.serviceConfig),
        outputs: now(found?.outputs.serviceConfig),
      });
    },
    async delete({ functionName }, { name }) {
      await asked(functionName, "run revisions delete");
      await deleteRevision(await requireCloud(state), { cloud: "gcp", functionName, revision: name });
    },
  };
}

/** Moves a share of a service's requests to a revision, on the local Google Cloud of a state folder. */
export function localGcpCanary(state: string): CanaryPort {
  return {
    ...localGcpReleases(state),
    async split({ functionName }, serving, candidate, share) {
      const traffic = { [serving.name]: 1 - share, [candidate.name]: share };
      await sendTraffic(await requireCloud(state), { cloud: "gcp", functionName, traffic });
    },
    answers({ functionName }, { name }, since) {
      const log = `${requestLogs}/${functionName}`;
      const requests = new LogReader(state, { cloud: "gcp", name: log })
        .next()
        .filter((event) => event.log === log && event.timestamp >= since.getTime())
        .map(({ message }) => JSON.parse(message) as RequestRecord)
        .filter(({ version }) => version === name);
      const failed = requests.filter(({ status }) => status >= 500);
      return Promise.resolve({ asked: requests.length, failed: failed.length });
    },
    firing: () => Promise.resolve([]),
    async noteRefused({ functionName }, { name }, isRefused) {
      const tags = { [refusedTag(name)]: isRefused ? name : null };
      await sendTraffic(await requireCloud(state), { cloud: "gcp", functionName, tags });
    },
  };
}
