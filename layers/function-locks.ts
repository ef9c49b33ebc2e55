import path from "node:path";

import type { Application, PythonFunction } from "../contract/application";
import { adapterPackages } from "./adapters";
import { BuildError, shownPath } from "./build-error";
import type { Target } from "./bundle";
import { sha256 } from "./cache";
import type { Lock, LockedPackage } from "./lock";
import { readLock } from "./lock-forms";

/** Functions of an application that have the same packages on a cloud, and these packages. */
export interface LockedFunctions {
  /** In the order of the description; at least one. */
  readonly functions: readonly PythonFunction[];
  readonly lock: Lock;
}

/** Requirements and locks of the adapters' packages, by cloud. */
const adapters = (target: Target) => path.join(__dirname, "adapters", `${target}.in`);

/**
 * The packages of each function on a cloud: its own lock, plus what its adapter needs. Functions with equal locks are
 * grouped.
 *
 * @param folder of `<target>.in` files that replace the requirements of all functions and their adapters.
 * @throws {BuildError} if a function cannot run on the cloud, or has no matching lock.
 */
export async function lockedFunctions(
  { functions, layers }: Pick<Application, "functions" | "layers">,
  target: Target,
  folder?: string,
): Promise<LockedFunctions[]> {
  const together = new Map<string, LockedFunctions>();
  for (const fn of functions) {
    if (fn.entryPoints[target] === undefined) {
      const elsewhere = Object.keys(fn.entryPoints).join(", ");
      throw new BuildError(
        `function ${fn.name} has an entry point for ${elsewhere || "no cloud"}, but none for ${target}; add one to its ` +
          `description, or leave ${target} out of the setting clouds`,
      );
    }
    const file = folder === undefined ? fn.requirements[target] : path.join(folder, `${target}.in`);
    if (file === undefined) {
      throw new BuildError(`function ${fn.name} has no requirements for ${target}; name a file, which may be empty`);
    }
    const lock = { ...(await readLock(target, file)), sdists: layers.sdists };
    const earlier = together.get(lock.sha256);
    together.set(lock.sha256, { functions: [...(earlier?.functions ?? []), fn], lock });
  }
  return Promise.all(
    [...together.values()].map(async ({ functions, lock }) => ({
      functions,
      lock: folder === undefined ? await withAdapters(lock, functions) : lock,
    })),
  );
}

/** The application's own pins take precedence; the rest comes from the adapters' lock. */
async function withAdapters(lock: Lock, functions: readonly PythonFunction[]): Promise<Lock> {
  const { target } = lock;
  const has = new Set(lock.packages.map(({ name }) => name));
  const missing = new Set(
    functions
      .flatMap(({ entryPoints }) => entryPoints[target] ?? [])
      .flatMap(({ protocol }) => adapterPackages[target][protocol] ?? [])
      .filter((name) => !has.has(name)),
  );
  if (missing.size === 0) return lock;
  const adapterLock = await readLock(target, adapters(target));
  const added: LockedPackage[] = [];
  const pending = [...missing];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const found = adapterLock.packages.filter((candidate) => candidate.name === name);
    if (found.length === 0) {
      throw new BuildError(
        `${shownPath(adapters(target))} does not lock ${name}; run: npm run layer -- lock --adapters`,
      );
    }
    added.push(...found.map((each) => ({ ...each, required: missing.has(each.name) })));
    has.add(name);
    for (const needed of adapterLock.packages) {
      if (!needed.neededBy.includes(name) || has.has(needed.name)) continue;
      has.add(needed.name);
      pending.push(needed.name);
    }
  }
  return { ...lock, sha256: sha256(`${lock.sha256} ${adapterLock.sha256}`), packages: [...lock.packages, ...added] };
}
