import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { TestProject } from "vitest/node";

import { findEngine } from "../../local/engine";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of deployments that one test makes and others copy. */
    deployments: string;
  }
}

/** Provides the engine before any test starts, since building it takes minutes. */
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
