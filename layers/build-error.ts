import path from "node:path";

/** An error that the user can correct. The message names what was found, what is accepted and the next step. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/** The message of a caught error. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** A path for a message: relative to the working directory where possible. */
export function shownPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
}
