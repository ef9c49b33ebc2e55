import { BuildError } from "./build-error";
import { directUploadLimit } from "./bundle";

/** Bytes of a function with all of its layers, unpacked (Lambda developer guide, "Lambda quotas"). */
const unpackedLimit = 262_144_000;

/** Share of a quota above which a build warns. */
const warnAt = 0.8;

/**
 * The largest share that pruning saved of a large set of packages, rounded up. If the zipped wheels exceed the limit by
 * more, the unpacked layers exceed it too.
 */
const mostSaved = 0.15;

interface Sized {
  readonly name: string;
  readonly size: number;
  readonly unpackedSize: number;
}

/**
 * Checks the sizes of layers before any wheel is fetched, by the sizes in the index.
 *
 * @throws {BuildError} if pruning cannot bring them below the quota.
 */
export function checkPrediction(wheels: readonly { readonly size?: number }[]): void {
  const size = wheels.reduce((total, wheel) => total + (wheel.size ?? 0), 0);
  if (size * (1 - mostSaved) > unpackedLimit) {
    throw tooLarge(`the wheels of the layers take ${megabytes(size)} MB before they are unpacked`);
  }
}

/**
 * Checks the sizes of a function's code and layers.
 *
 * @throws {BuildError} if Lambda would reject them.
 * @returns warnings if they are close to the quota, and notes for zips that are too large for a direct upload.
 */
export function checkLayers(layers: readonly Sized[], applications: readonly Sized[]): string[] {
  const unpacked = [...layers, ...applications].reduce((total, { unpackedSize }) => total + unpackedSize, 0);
  const shown = `${megabytes(unpacked)} MB unpacked`;
  if (unpacked > unpackedLimit) throw tooLarge(`the function with its layers takes ${shown}`);
  const application = applications.find(({ size }) => size > directUploadLimit);
  if (application !== undefined) {
    throw new BuildError(
      `the function's own code ${application.name} takes ${megabytes(application.size)} MB zipped, Lambda accepts ` +
        `${megabytes(directUploadLimit)} in an upload; move data out of it, e.g. into a bucket`,
    );
  }
  return [
    ...layers
      .filter(({ size }) => size > directUploadLimit)
      .map(({ name, size }) => {
        const accepted = `${megabytes(directUploadLimit)} MB that Lambda accepts in an upload`;
        return `Note: layer ${name} takes ${megabytes(size)} MB zipped, more than the ${accepted}: it goes through S3`;
      }),
    ...(unpacked > unpackedLimit * warnAt
      ? [
          `Warning: the function with its layers takes ${shown} of the ${megabytes(unpackedLimit)} MB that Lambda accepts`,
        ]
      : []),
  ];
}

function tooLarge(found: string): BuildError {
  return new BuildError(
    `${found}, Lambda accepts ${megabytes(unpackedLimit)} MB unpacked over a function and all of its layers, whatever the ` +
      `strategy; container images, which may be larger, are not made here. Remove requirements, give functions requirements of ` +
      `their own (the limit is that of each function), or build without bytecode (setting bytecode, --no-bytecode)`,
  );
}

/** In units of 1,048,576 bytes, as Lambda counts them. */
function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
