import type { Cloud } from "../contract/clouds";

/** Clouds that the builder supports. */
export type Target = Cloud;

/** Processor architectures, by Lambda's names. */
export type Architecture = "x86_64" | "arm64";

/** A distribution inside a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
}

interface BundleFile {
  readonly name: string;
  /** Names of the functions that use the bundle, in the order of the application's description. */
  readonly functions: readonly string[];
  /** Absolute path of the zip. */
  readonly path: string;
  /** SHA-256 of the zip, in hexadecimal. */
  readonly sha256: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** Bytes of the unpacked content. */
  readonly unpackedSize: number;
}

/** The lock that a bundle was built from, and how. */
interface Dependencies {
  /** SHA-256 of the lock, in hexadecimal. */
  readonly lockSha256: string;
  readonly pythonVersion: string;
  readonly architecture: Architecture;
  /** Name and version of the bytecode compiler. Absent if the bundle has no bytecode. */
  readonly bytecode?: string;
  readonly packages: readonly BundledPackage[];
}

/**
 * Bytes of the largest zip that Lambda accepts in a request; larger ones go through S3 (Lambda developer guide, "Lambda
 * quotas").
 */
export const directUploadLimit = 52_428_800;

/** A Lambda layer: packages under `python/`. */
export interface LayerBundle extends BundleFile, Dependencies {
  readonly target: "aws";
  readonly kind: "layer";
}

interface Code {
  /** The code part of each function's release, by function name: the first half of `x-release`. */
  readonly releases: Readonly<Record<string, string>>;
}

/** The code of an application's Lambda functions. */
export interface ApplicationBundle extends BundleFile, Code, Pick<Dependencies, "pythonVersion" | "architecture"> {
  /** Names of the layers that each function needs, by function name; empty if it has no dependencies. */
  readonly layers: Readonly<Record<string, readonly string[]>>;
  readonly target: "aws";
  readonly kind: "application";
}

/** An Azure Functions package: application and `.python_packages`. */
export interface PackageBundle extends BundleFile, Code, Dependencies {
  readonly target: "azure";
  readonly kind: "package";
}

/** A source archive for a Cloud Run function: application and a folder of wheels. */
export interface SourceBundle extends BundleFile, Code, Dependencies {
  readonly target: "gcp";
  readonly kind: "source";
}

export type Bundle = LayerBundle | ApplicationBundle | PackageBundle | SourceBundle;

/** What `layer build --json` prints. */
export interface BuildResult {
  readonly bundles: readonly Bundle[];
}
