import path from "node:path";

import { onDemand } from "../layers/on-demand";

/**
 * The header that authenticates a caller to a function on Google Cloud.
 *
 * @param identity source of the token; undefined if the function is public.
 * @param address of the function.
 * @param state the state folder of the local clouds, if the function is on them.
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
