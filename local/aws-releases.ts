import path from "node:path";

import { refusedAlias, verifiedAlias } from "../operations/aws-function";
import { answersOf, asReleases, awsMeans, liveAlias, requireAlarms, versionMetrics } from "../operations/releases/aws";
import type { CanaryPort } from "../operations/releases/canary";
import type { ReleasePort } from "../operations/releases/port";
import { Metrics } from "./aws/metrics";
import { AwsResources } from "./aws/resources";
import { versionsOf, versionType } from "./aws/versions";
import { type Ask, changeResource, deleteResource, putResource, requireCloud } from "./cloud-process";
import { Logs } from "./logs";
import { ResourceStore } from "./store";

const [aliasType, functionType] = ["aws:lambda/alias:Alias", "aws:lambda/function:Function"] as const;

/**
 * Published versions on the local AWS of a state folder.
 *
 * @param ask checks the caller's permissions. Default: the caller is an administrator.
 */
export function localAwsReleases(state: string, ask: Ask = () => Promise.resolve()): ReleasePort {
  // Read for each call, since another process changes the file.
  const stored = () => new ResourceStore(path.join(state, "aws"));
  const asked = async (functionName: string, ...calls: readonly string[]) => {
    const resource = new AwsResources(stored()).find(functionType, ({ name }) => name === functionName)?.arn;
    for (const call of calls) await ask({ cloud: "aws", call, ...(resource !== undefined && { resource }) });
  };
  return {
    ...awsMeans,
    async releases({ functionName }) {
      await asked(functionName, "lambda list-versions-by-function", "lambda list-aliases");
      const resources = stored();
      const aliases = new AwsResources(resources)
        .list(aliasType)
        .filter((alias) => alias.functionName === functionName)
        .map(({ name, functionVersion, routingConfig }) => {
          return { name, version: functionVersion, weights: routingConfig.additionalVersionWeights };
        });
      const versions = versionsOf(resources, functionName).map(({ inputs, outputs }) => ({
        version: String(outputs.version),
        description: typeof inputs.description === "string" ? inputs.description : "",
        publishedAt: new Date(String(outputs.publishedAt)),
      }));
      return asReleases(versions, aliases);
    },
    async serve({ functionName }, { name }) {
      await asked(functionName, "lambda update-alias");
      const id = `${functionName}:${liveAlias}`;
      const hasWeights = stored().get(aliasType, id)?.inputs.routingConfig !== undefined;
      await changeResource(await requireCloud(state), {
        cloud: "aws",
        type: aliasType,
        id,
        inputs: { functionVersion: name, ...(hasWeights && { routingConfig: { additionalVersionWeights: {} } }) },
      });
    },
    async delete({ functionName }, { name, verified }) {
      await asked(functionName, ...(verified ? ["lambda delete-alias"] : []), "lambda delete-function");
      const ids = [
        { type: aliasType, id: `${functionName}:${verifiedAlias(name)}` },
        { type: aliasType, id: `${functionName}:${refusedAlias(name)}` },
        { type: versionType, id: `${functionName}:${name}` },
      ];
      for (const each of ids) await deleteResource(state, { cloud: "aws", ...each });
    },
  };
}

const alarmType = "aws:cloudwatch/metricAlarm:MetricAlarm";

/** Moves a share of an alias's requests to a version, on the local AWS of a state folder. */
export function localAwsCanary(state: string): CanaryPort {
  const folder = path.join(state, "aws");
  const read = () => {
    const resources = new AwsResources(new ResourceStore(folder));
    return { resources, metrics: new Metrics(resources, new Logs(path.join(folder, "logs"))) };
  };
  return {
    ...localAwsReleases(state),
    async split({ functionName }, serving, candidate, share) {
      const inputs = {
        functionVersion: serving.name,
        routingConfig: { additionalVersionWeights: { [candidate.name]: share } },
      };
      const id = `${functionName}:${liveAlias}`;
      await changeResource(await requireCloud(state), { cloud: "aws", type: aliasType, id, inputs });
    },
    answers({ functionName }, { name }, since) {
      const { metrics } = read();
      const all = versionMetrics(functionName, name);
      return Promise.resolve(
        answersOf((id) => {
          const metric = all.find((each) => each.id === id);
          const values = metric === undefined ? [] : metrics.values(metric, since.getTime());
          return values.reduce((sum, value) => sum + value, 0);
        }),
      );
    },
    firing(alarms) {
      const { resources, metrics } = read();
      const watched = resources.list(alarmType).filter(({ name }) => alarms.includes(name));
      requireAlarms(
        alarms,
        watched.map(({ name }) => name),
      );
      return Promise.resolve(watched.filter((alarm) => metrics.fires(alarm)).map(({ name }) => name));
    },
    async noteRefused({ functionName }, { name: version }, isRefused) {
      const name = refusedAlias(version);
      const note = { cloud: "aws", type: aliasType, id: `${functionName}:${name}` };
      // It is deleted with its function.
      const inputs = { name, functionName, functionVersion: version, versionOf: functionName };
      if (isRefused) await putResource(await requireCloud(state), { ...note, inputs });
      else await deleteResource(state, note);
    },
  };
}
