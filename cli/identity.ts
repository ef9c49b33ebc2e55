import path from "node:path";

import { onDemand } from "../layers/on-demand";

/**
 * The header by which a function of Google Cloud knows who asks it.
 *
 * @param identity whose it is; undefined where anyone may ask.
 * @param address of the function.
 * @param state the state folder of the local clouds, where it is one of theirs.
 */
export async function identityHeaders(
  identity: "caller" | undefined,
  address: string,
  state: string | undefined,
): Promise<Record<string, string>> {
  if (identity === undefined) return {};
  const token =
    state === undefined
      ? await (await onDemand(() => import("../operations/gcp-identity"))).gcpIdentity(address)
      : (await onDemand(() => import("../local/gcp/owner"))).ownerToken(path.join(state, "gcp"));
  return { authorization: `Bearer ${token}` };
}
