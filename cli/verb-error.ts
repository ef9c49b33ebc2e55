/** A failure that has been told; the exit code is all that is left of it. */
export class ToldError extends Error {}

export class InterruptedError extends Error {
  override message = "interrupted; what was deployed until then stays, and the next run goes on from there";
}
