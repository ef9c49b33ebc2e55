import { BuildError } from "./build-error";

interface Limit {
  readonly what: string;
  readonly bytes: number;
}

/** Lambda's quotas, from its developer guide. */
export const lambdaLimits = {
  /** For a direct upload. */
  zipped: { what: "zipped layer", bytes: 52_428_800 },
  /** Over the function and all of its layers. */
  unpacked: { what: "unpacked layer", bytes: 262_144_000 },
} as const satisfies Record<string, Limit>;

/** Share of a limit from which a build warns. */
const warnAt = 0.8;

/**
 * @throws {BuildError} where `bytes` is more than the limit.
 * @returns a warning where it soon will be.
 */
export function checkLimit(bundle: string, bytes: number, { what, bytes: limit }: Limit): string | undefined {
  const figures = `${megabytes(bytes)} of ${megabytes(limit)} MB`;
  if (bytes > limit) {
    throw new BuildError(
      `${bundle}: a ${what} of ${figures} is more than Lambda accepts; remove requirements, or use layerStrategy split`,
    );
  }
  return bytes > limit * warnAt ? `${bundle}: ${figures} of a ${what} are used` : undefined;
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
