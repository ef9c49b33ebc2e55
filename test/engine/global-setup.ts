import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { TestProject } from "vitest/node";

import { findEngine } from "../../local/engine";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of what one test deploys for others to copy. */
    deployments: string;
  }
}

/** The engine is there before any test's time runs: where it has to be built, that takes minutes. */
export default async function prepareEngine(project: TestProject): Promise<() => void> {
  await findEngine((line) => {
    console.error(line);
  });
  const deployments = mkdtempSync(path.join(tmpdir(), "deployments-"));
  project.provide("deployments", deployments);
  return () => {
    rmSync(deployments, { recursive: true });
  };
}
