/** A failure that its reader can mend: the message names what was found, what is accepted and the next step. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}
