import { version } from "../package.json";

/**
 * Imports modules of this project when they are needed, so that a command loads only what it uses.
 *
 * @throws naming the npm package to install, if the modules are in one that is not installed.
 */
export async function onDemand<Modules>(load: () => Promise<Modules>): Promise<Modules> {
  try {
    return await load();
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const [, name] = /^Cannot find module '(multicloud-[a-z-]+)\//.exec(message) ?? [];
    if (name === undefined) throw error;
    const [flag, why] = name === "multicloud-local" ? ["--save-dev ", "the local clouds are"] : ["", "this is"];
    throw new Error(
      `${why} in the package ${name}, which is not installed; run: npm install ${flag}${name}@${version}`,
      { cause: error },
    );
  }
}
