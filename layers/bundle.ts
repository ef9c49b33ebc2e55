import type { Cloud } from "../contract/clouds";

/** Clouds that the builder builds for. */
export type Target = Cloud;

/** Processor architectures, by the names that Lambda gives them. */
export type Architecture = "x86_64" | "arm64";

/** A distribution inside a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
}

interface BundleFile {
  readonly name: string;
  /** Names of the functions that it is for, in the order of the application's description. */
  readonly functions: readonly string[];
  /** Absolute path of the zip. */
  readonly path: string;
  /** SHA-256 of the zip, in hexadecimal. */
  readonly sha256: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** Bytes of its content. */
  readonly unpackedSize: number;
}

/** What was built from a lock. */
interface Dependencies {
  /** SHA-256 of the lock, in hexadecimal. */
  readonly lockSha256: string;
  readonly pythonVersion: string;
  readonly architecture: Architecture;
  /** Name and version of what compiled the bytecode beside the modules. Absent where there is none. */
  readonly bytecode?: string;
  readonly packages: readonly BundledPackage[];
}

/**
 * Bytes of the largest zip that Lambda takes in a request; it takes larger ones from S3 (Lambda developer guide, "Lambda
 * quotas").
 */
export const directUploadLimit = 52_428_800;

/** A Lambda layer: packages under `python/`. */
export interface LayerBundle extends BundleFile, Dependencies {
  readonly target: "aws";
  readonly kind: "layer";
}

interface Code {
  /** The code's half of each function's release, by the function's name: what `x-release` begins with. */
  readonly releases: Readonly<Record<string, string>>;
}

/** The code of an application's Lambda functions. */
export interface ApplicationBundle extends BundleFile, Code, Pick<Dependencies, "pythonVersion" | "architecture"> {
  /** Names of the layers that each function cannot run without, by the function's name; none where it has no dependencies. */
  readonly layers: Readonly<Record<string, readonly string[]>>;
  readonly target: "aws";
  readonly kind: "application";
}

/** An Azure Functions package: application and `.python_packages`. */
export interface PackageBundle extends BundleFile, Code, Dependencies {
  readonly target: "azure";
  readonly kind: "package";
}

/** A source archive for a Cloud Run function: application and a directory of wheels. */
export interface SourceBundle extends BundleFile, Code, Dependencies {
  readonly target: "gcp";
  readonly kind: "source";
}

export type Bundle = LayerBundle | ApplicationBundle | PackageBundle | SourceBundle;

/** What `layer build --json` prints. */
export interface BuildResult {
  readonly bundles: readonly Bundle[];
}
