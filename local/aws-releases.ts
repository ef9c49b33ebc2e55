import path from "node:path";

import { verifiedAlias } from "../operations/aws-function";
import { asReleases, awsMeans, liveAlias } from "../operations/releases/aws";
import type { ReleasePort } from "../operations/releases/port";
import { AwsResources } from "./aws/resources";
import { versionsOf, versionType } from "./aws/versions";
import { changeResource, deleteResource, requireCloud } from "./cloud-process";
import { ResourceStore } from "./store";

const aliasType = "aws:lambda/alias:Alias";

/** Published versions on the local AWS of a state folder. */
export function localAwsReleases(state: string): ReleasePort {
  // Read anew at each question: another process changes the file.
  const stored = () => new ResourceStore(path.join(state, "aws"));
  return {
    ...awsMeans,
    releases({ functionName }) {
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
      return Promise.resolve(asReleases(versions, aliases));
    },
    async serve({ functionName }, { name }) {
      const id = `${functionName}:${liveAlias}`;
      const hasWeights = stored().get(aliasType, id)?.inputs.routingConfig !== undefined;
      await changeResource(await requireCloud(state), {
        cloud: "aws",
        type: aliasType,
        id,
        inputs: { functionVersion: name, ...(hasWeights && { routingConfig: { additionalVersionWeights: {} } }) },
      });
    },
    async delete({ functionName }, { name }) {
      const ids = [
        { type: aliasType, id: `${functionName}:${verifiedAlias(name)}` },
        { type: versionType, id: `${functionName}:${name}` },
      ];
      for (const each of ids) await deleteResource(state, { cloud: "aws", ...each });
    },
  };
}
