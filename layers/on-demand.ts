let importing: Promise<unknown> | undefined;

/**
 * Imports modules of this project when they are needed. A process that was started with `--require tsx/cjs` can only load
 * TypeScript that is imported statically; for the rest it needs tsx's loader, whose start costs as much as a whole build that
 * finds everything built.
 */
export async function onDemand<Modules>(load: () => Promise<Modules>): Promise<Modules> {
  if (process.execArgv.includes("tsx/cjs")) {
    await (importing ??= import("tsx/esm/api").then(({ register }) => register()));
  }
  return load();
}
