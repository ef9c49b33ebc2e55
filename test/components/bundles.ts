import type { ApplicationBundle, LayerBundle, PackageBundle, SourceBundle } from "../../layers/bundle";

/** A layer as the builder describes it; without an upload by an engine it needs no file. */
export function layerBundle(overrides: Partial<LayerBundle> = {}): LayerBundle {
  return {
    target: "aws",
    kind: "layer",
    functions: ["api"],
    name: "dependencies",
    path: "/nowhere/dependencies.zip",
    sha256: "a".repeat(64),
    lockSha256: "b".repeat(64),
    size: 8_000_000,
    unpackedSize: 25_000_000,
    pythonVersion: "3.12",
    architecture: "x86_64",
    packages: [
      { name: "fastapi", version: "0.115.0" },
      { name: "mangum", version: "0.17.0" },
      { name: "pydantic", version: "2.9.0" },
    ],
    ...overrides,
  };
}

export const applicationBundle: ApplicationBundle = {
  target: "aws",
  kind: "application",
  functions: ["api"],
  releases: { api: "c0de" },
  layers: { api: ["dependencies"] },
  pythonVersion: "3.12",
  architecture: "x86_64",
  name: "api",
  path: "/nowhere/api.zip",
  sha256: "c".repeat(64),
  size: 20_000,
  unpackedSize: 60_000,
};

const packages = (...names: string[]) => names.map((name) => ({ name, version: "1.0.0" }));

const fullBundle = {
  name: "api",
  path: "/nowhere/api.zip",
  sha256: "d".repeat(64),
  size: 9_000_000,
  unpackedSize: 30_000_000,
  lockSha256: "e".repeat(64),
  pythonVersion: "3.12",
  architecture: "x86_64",
} as const;

export const packageBundle: PackageBundle = {
  ...fullBundle,
  target: "azure",
  kind: "package",
  functions: ["api"],
  releases: { api: "c0de" },
  packages: packages("azure-functions", "fastapi", "pydantic"),
};

export const sourceBundle: SourceBundle = {
  ...fullBundle,
  target: "gcp",
  kind: "source",
  functions: ["api"],
  releases: { api: "c0de" },
  packages: packages("fastapi", "functions-framework", "google-cloud-firestore", "pydantic"),
};
