import { verifiedAlias } from "../operations/aws-function";
import path from "node:path";

import type { PublishedVersion } from "../operations/version-check";
import { versionUri } from "../operations/former-version";
import { anotherVersion, versionOf, versionsOf, versionType } from "./aws/versions";
import {
  asker,
  changeResource,
  deleteResource,
  invokeFunction,
  putResource,
  requireCloud,
  runningCloud,
} from "./cloud-process";
import { ResourceStore } from "./store";

const functionType = "aws:lambda/function:Function";

/** A version on the local AWS of a state folder. `arn` is the function's ARN, without a version. */
export function localVersion(state: string, arn: string, version: string): PublishedVersion {
  const functionName = arn.split(":")[6] ?? "";
  const ask = async (...calls: readonly string[]) => {
    for (const call of calls) await asker(state)({ cloud: "aws", call, resource: arn });
  };
  const store = () => new ResourceStore(path.join(state, "aws"));
  return {
    number: version,
    async notInvokable() {
      await ask("lambda get-function-configuration");
      const { outputs } = store().get(versionType, `${functionName}:${version}`) ?? {
        outputs: { state: "Failed", stateReason: "it was deleted, since it failed before" },
      };
      const isFailed = outputs.state === "Failed";
      return isFailed ? { state: "Failed", reason: String(outputs.stateReason) } : undefined;
    },
    async publishAnew() {
      await ask("lambda list-versions-by-function");
      const newest = versionsOf(store(), functionName).at(-1);
      if (newest === undefined) throw new Error(`there is no version of ${functionName}`);
      if (newest.outputs.state !== "Failed") return localVersion(state, arn, String(newest.outputs.version));
      await ask("lambda delete-function", "lambda update-function-configuration", "lambda publish-version");
      const cloud = await requireCloud(state);
      const another = anotherVersion(newest);
      await putResource(cloud, { cloud: "aws", ...another });
      await deleteResource(state, { cloud: "aws", type: versionType, id: newest.id });
      const made = { cloud: "aws", type: functionType, id: functionName, inputs: {}, apply: true };
      // The failure is recorded in the version, as on AWS.
      await changeResource(cloud, made).catch(() => undefined);
      return localVersion(state, arn, String(another.outputs.version));
    },
    async invoke(payload) {
      await ask("lambda invoke");
      const address = await runningCloud(state);
      if (address === undefined) throw new Error(`the local cloud of ${state} does not run`);
      const { log = "", ...answer } = await invokeFunction(address, {
        cloud: "aws",
        functionName,
        qualifier: version,
        payload,
      });
      return { ...answer, log };
    },
    async markVerified() {
      for (const call of ["lambda get-alias", "lambda create-alias"]) await ask(call);
      const address = await runningCloud(state);
      if (address === undefined) throw new Error(`the local cloud of ${state} does not run`);
      const name = verifiedAlias(version);
      await putResource(address, {
        cloud: "aws",
        type: "aws:lambda/alias:Alias",
        id: `${functionName}:${name}`,
        // It is deleted with its function.
        inputs: { name, functionName, functionVersion: version, versionOf: functionName },
      });
    },
  };
}

const permissionType = "aws:lambda/permission:Permission";
const integrationType = "aws:apigatewayv2/integration:Integration";

/** `keepFormerVersion` for the local AWS of a state folder. */
export async function keepLocalFormerVersion(state: string, functionName: string): Promise<void> {
  const cloud = await requireCloud(state);
  const resources = new ResourceStore(path.join(state, "aws"));
  const fn = resources.get(functionType, functionName);
  if (fn === undefined) return;
  const published = versionOf(resources, fn);
  const version = String(published.outputs.version);
  await putResource(cloud, { cloud: "aws", ...published });
  for (const { id, inputs } of resources.list(permissionType)) {
    if (inputs.function !== functionName || inputs.qualifier !== undefined) continue;
    // It is deleted with its function.
    const own = { ...inputs, qualifier: version, versionOf: functionName };
    await putResource(cloud, { cloud: "aws", type: permissionType, id: `${id}:${version}`, inputs: own });
  }
  for (const { id, inputs } of resources.list(integrationType)) {
    const integrationUri = versionUri(String(inputs.integrationUri), functionName, version);
    if (integrationUri === undefined) continue;
    await changeResource(cloud, { cloud: "aws", type: integrationType, id, inputs: { integrationUri } });
  }
}
