import { readFile } from "node:fs/promises";

import { clouds } from "../contract/clouds";
import { BuildError, reasonOf, shownPath } from "./build-error";
import type { Architecture, Bundle, Target } from "./bundle";
import { type Pruned, pruneReasonNames } from "./pruning";

/** The content of a bundle and its origin. Like the bundle, it depends only on the bundle's inputs. */
export interface Manifest {
  readonly target: Target;
  readonly kind: Bundle["kind"];
  readonly name: string;
  /** Version of the builder: the project's version, and a digest of the builder's source. */
  readonly builder: string;
  /** SHA-256 of the zip, in hexadecimal. */
  readonly sha256: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** Bytes of the unpacked content. */
  readonly unpackedSize: number;
  /** Lock that the bundle was built from. Absent, like the two below, if there is none. */
  readonly lockSha256?: string;
  readonly pythonVersion?: string;
  readonly architecture?: Architecture;
  /** Name and version of the bytecode compiler. Absent if the bundle has no bytecode. */
  readonly bytecode?: string;
  readonly packages: readonly PackageManifest[];
}

/** A package in a bundle. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  /** SPDX expression, or another text of the package; empty if it has none. */
  readonly licence: string;
  /** File name of the wheel. */
  readonly wheel: string;
  /** SHA-256 of the wheel, in hexadecimal. */
  readonly sha256: string;
  /** The source that the wheel was built from, for a package without a published wheel. */
  readonly source?: { readonly filename: string; readonly sha256: string };
  /** Bytes in the zip. */
  readonly size: number;
  /** Bytes of the unpacked content. */
  readonly unpackedSize: number;
  /** Names of the locked packages that it requires. */
  readonly requires: readonly string[];
  /** Files of the wheel that are not in the bundle, by reason. */
  readonly pruned: Pruned;
}

export const manifestFile = (zip: string) => zip.replace(/\.zip$/, ".manifest.json");
export const sbomFile = (zip: string) => zip.replace(/\.zip$/, ".cdx.json");

/**
 * Reads the manifest of a bundle.
 *
 * @param file the zip, or the manifest itself.
 * @throws {BuildError} if there is none.
 */
export async function readManifest(file: string): Promise<Manifest> {
  const source = manifestFile(file);
  try {
    return (await schema()).parse(JSON.parse(await readFile(source, "utf8")));
  } catch (error) {
    throw new BuildError(
      `${shownPath(file)} has no readable manifest beside it: ${reasonOf(error)}; name a zip that ` +
        `layer build has printed, or its manifest`,
    );
  }
}

async function schema() {
  const { z } = await import("zod");
  return z.object({
    target: z.enum(clouds),
    kind: z.enum(["layer", "application", "package", "source"]),
    name: z.string(),
    builder: z.string(),
    sha256: z.string(),
    size: z.number(),
    unpackedSize: z.number(),
    lockSha256: z.string().optional(),
    pythonVersion: z.string().optional(),
    architecture: z.enum(["x86_64", "arm64"]).optional(),
    bytecode: z.string().optional(),
    packages: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        licence: z.string(),
        wheel: z.string(),
        sha256: z.string(),
        source: z.object({ filename: z.string(), sha256: z.string() }).optional(),
        size: z.number(),
        unpackedSize: z.number(),
        requires: z.array(z.string()),
        // Manifests of older builders lack the field.
        pruned: z.partialRecord(z.enum(pruneReasonNames), z.array(z.string())).default({}),
      }),
    ),
  });
}
