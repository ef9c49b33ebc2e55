import { isCompiled } from "../contract/form";
import { version } from "../package.json";

let importing: Promise<unknown> | undefined;

/**
 * Imports modules of this project when they are needed. A process that was started with `--require tsx/cjs` can only load
 * TypeScript that is imported statically; for the rest it needs tsx's loader, whose start costs as much as a whole build that
 * finds everything built.
 *
 * @throws naming the package of this project that has them, where it is not installed.
 */
export async function onDemand<Modules>(load: () => Promise<Modules>): Promise<Modules> {
  if (!isCompiled && process.execArgv.includes("tsx/cjs")) {
    await (importing ??= import("tsx/esm/api").then(({ register }) => register()));
  }
  try {
    return await load();
  } catch (error) {
    const [, name] =
      /^Cannot find module '(multicloud-[a-z-]+)\//.exec(error instanceof Error ? error.message : "") ?? [];
    if (name === undefined) throw error;
    const [flag, why] = name === "multicloud-local" ? ["--save-dev ", "the local clouds are"] : ["", "this is"];
    throw new Error(
      `${why} in the package ${name}, which is not installed; run: npm install ${flag}${name}@${version}`,
      { cause: error },
    );
  }
}
