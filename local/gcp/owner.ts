import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * The identity token of the local project's owner, who may invoke everything. Only this user can read the file.
 *
 * @param state folder of the cloud, with the file of the token.
 */
export function ownerToken(state: string): string {
  const file = path.join(state, "owner-token");
  if (!existsSync(file)) {
    mkdirSync(state, { recursive: true });
    writeFileSync(file, randomUUID(), { mode: 0o600 });
  }
  return readFileSync(file, "utf8");
}
