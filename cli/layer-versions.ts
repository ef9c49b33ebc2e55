import path from "node:path";

import { BuildError, reasonOf } from "../layers/build-error";
import { awsRegistry } from "../operations/layer-versions/aws";
import { type LayerSource, signedInWorkspace } from "../operations/layer-versions/versions";

/** AWS and the stacks of pulumi's backend, or the local clouds of a state folder. */
export async function layerSource(
  local: string | undefined,
  stack: string,
  progress: (line: string) => void,
): Promise<LayerSource> {
  if (local === undefined) return { registries: awsRegistry, workspace: signedInWorkspace };
  const state = path.resolve(local);
  const [{ localRegistries }, { findEngine }, { localWorkspace }] = await Promise.all([
    import("../local/layer-registry"),
    import("../local/engine"),
    import("../local/stack"),
  ]);
  return {
    registries: localRegistries(state),
    workspace: async () => {
      try {
        return await localWorkspace({ engine: await findEngine(progress), state, stack });
      } catch (error) {
        throw new BuildError(reasonOf(error));
      }
    },
  };
}
