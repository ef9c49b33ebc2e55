import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { shownPath } from "./build-error";
import type { Target } from "./bundle";

/**
 * The description of the application that a file belongs to: the nearest `pyproject.toml` above it with
 * `[tool.multicloud]`.
 */
export function descriptionAbove(file: string): string | undefined {
  const folder = path.dirname(path.resolve(file));
  const description = path.join(folder, "pyproject.toml");
  if (existsSync(description) && /^\[tool\.multicloud\b/m.test(readFileSync(description, "utf8"))) return description;
  return folder === path.dirname(folder) ? undefined : descriptionAbove(folder);
}

/** The command that writes the locks of a file's application, or only the lock of a target. */
export function lockCommand(file: string, target?: Target): string {
  const description = descriptionAbove(file);
  const folder = description === undefined ? "application" : shownPath(path.dirname(description));
  return [
    "npm run layer -- lock",
    ...(folder === "application" ? [] : [`--application ${folder || "."}`]),
    ...(target === undefined ? [] : [`--target ${target}`]),
  ].join(" ");
}
