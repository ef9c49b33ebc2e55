import path from "node:path";

/** A failure that its reader can correct: the message names what was found, what is accepted and the next step. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/** What went wrong, as the error that was thrown says it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** A file as the reader of a message would name it. */
export function shownPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
}
