import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * The identity token of who runs this machine's Google Cloud, who may invoke everything: a text that no other user can read.
 *
 * @param state folder of the cloud, where it is kept.
 */
export function ownerToken(state: string): string {
  const file = path.join(state, "owner-token");
  if (!existsSync(file)) {
    mkdirSync(state, { recursive: true });
    writeFileSync(file, randomUUID(), { mode: 0o600 });
  }
  return readFileSync(file, "utf8");
}
