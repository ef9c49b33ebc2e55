import { verifiedAlias } from "../operations/aws-function";
import type { PublishedVersion } from "../operations/version-check";
import { invokeFunction, putResource, runningCloud } from "./cloud-process";

/** A version on the local AWS of a state folder. */
export function localVersion(state: string, functionName: string, version: string): PublishedVersion {
  return {
    pending: () => Promise.resolve(undefined),
    async invoke(payload) {
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
      const address = await runningCloud(state);
      if (address === undefined) throw new Error(`the local cloud of ${state} does not run`);
      const name = verifiedAlias(version);
      await putResource(address, {
        cloud: "aws",
        type: "aws:lambda/alias:Alias",
        id: `${functionName}:${name}`,
        // It goes with its function.
        inputs: { name, functionName, functionVersion: version, versionOf: functionName },
      });
    },
  };
}
