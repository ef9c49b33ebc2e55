import type { Cloud } from "./clouds";

/** Versions of Python that at least one cloud supports. */
export const pythonVersions = ["3.11", "3.12", "3.13", "3.14"] as const;
export type PythonVersion = (typeof pythonVersions)[number];

/**
 * Versions that each cloud offers for general use: Lambda developer guide, "Lambda runtimes"; Azure Functions, "Supported
 * languages" (3.14 is a preview there); Cloud Run functions, "Runtime support".
 */
export const cloudPythons: Readonly<Record<Cloud, readonly PythonVersion[]>> = {
  aws: pythonVersions,
  azure: ["3.11", "3.12", "3.13"],
  gcp: pythonVersions,
};
