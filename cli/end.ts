/**
 * Ends a program that a deployment runs: with its result on standard output, or with exit code 1 and the reason on
 * standard error.
 */
export function endWith(work: Promise<string | undefined>): Promise<void> {
  return work.then(
    (said) => {
      if (said !== undefined) console.log(said);
    },
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    },
  );
}
