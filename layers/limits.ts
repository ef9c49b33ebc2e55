import { BuildError } from "./build-error";
import { directUploadLimit } from "./bundle";

/** Bytes of a function and all of its layers together, unpacked (Lambda developer guide, "Lambda quotas"). */
const unpackedLimit = 262_144_000;

/** Share of a quota from which a build warns. */
const warnAt = 0.8;

/** The most that pruning has saved of a large set, with room to spare: what is above zipped is above unpacked. */
const mostSaved = 0.15;

interface Sized {
  readonly name: string;
  readonly size: number;
  readonly unpackedSize: number;
}

/**
 * Checks layers before anything of them is fetched, by the sizes that the index gives.
 *
 * @throws {BuildError} where no pruning would bring them below the quota.
 */
export function checkPrediction(wheels: readonly { readonly size?: number }[]): void {
  const size = wheels.reduce((total, wheel) => total + (wheel.size ?? 0), 0);
  if (size * (1 - mostSaved) > unpackedLimit) {
    throw tooLarge(`the wheels of the layers take ${megabytes(size)} MB before they are unpacked`);
  }
}

/**
 * Checks what a function is made of.
 *
 * @throws {BuildError} where Lambda would refuse it.
 * @returns warnings where it is close to that, and notes for what cannot be uploaded directly.
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

/** Of 1,048,576 bytes, as Lambda counts them. */
function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
