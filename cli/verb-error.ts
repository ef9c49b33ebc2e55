/** A failure that has been reported; only the exit code remains. */
export class ToldError extends Error {}

export class InterruptedError extends Error {
  override message = "interrupted; the resources deployed so far stay, and the next run continues from there";
}
