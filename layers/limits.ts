import { BuildError } from "./build-error";

/** Lambda's quotas in bytes, from its developer guide. */
const lambda = {
  /** One zip in a direct upload. */
  zipped: 52_428_800,
  /** The function and all of its layers together, unpacked. */
  unpacked: 262_144_000,
} as const;

/** Share of a quota from which a build warns. */
const warnAt = 0.8;

/** The most that pruning has ever saved, with room to spare: a prediction above is certain. */
const mostSaved = 0.3;

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
export function checkPrediction(layer: string, wheels: readonly { readonly size?: number }[]): void {
  const size = wheels.reduce((total, wheel) => total + (wheel.size ?? 0), 0);
  if (size * (1 - mostSaved) > lambda.zipped) throw tooLarge(`layer ${layer}`, size, lambda.zipped, "zipped");
}

/**
 * Checks what a function is made of.
 *
 * @throws {BuildError} where Lambda would refuse it.
 * @returns warnings where it is close to that.
 */
export function checkLayers(layers: readonly Sized[], applications: readonly Sized[]): string[] {
  const unpacked = [...layers, ...applications].reduce((total, { unpackedSize }) => total + unpackedSize, 0);
  return [
    ...layers.map(({ name, size }) => check(`layer ${name}`, size, lambda.zipped, "zipped")),
    check("the function with its layers", unpacked, lambda.unpacked, "unpacked"),
  ].filter((warning) => warning !== undefined);
}

function check(what: string, bytes: number, quota: number, form: string): string | undefined {
  if (bytes > quota) throw tooLarge(what, bytes, quota, form);
  return bytes > quota * warnAt
    ? `Warning: ${what} takes ${megabytes(bytes)} of the ${megabytes(quota)} MB that Lambda accepts ${form}`
    : undefined;
}

function tooLarge(what: string, bytes: number, quota: number, form: string): BuildError {
  return new BuildError(
    `${what} takes ${megabytes(bytes)} MB ${form}, Lambda accepts ${megabytes(quota)}; remove requirements` +
      (form === "zipped" ? ", or use layerStrategy split" : ""),
  );
}

/** Of 1,048,576 bytes, as Lambda counts them. */
function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
