import { didYouMean } from "../contract/suggestion";
import { BuildError } from "./build-error";
import { type Lock, normalisedName } from "./lock";

/** How the packages of a lock are distributed over Lambda layers. */
export type Strategy =
  /** One layer with all packages. */
  | { readonly kind: "full" }
  /** Public layers provide some packages (normalised name to version); one layer of our own has the rest. */
  | { readonly kind: "hybrid"; readonly provided: ReadonlyMap<string, string> }
  /** One layer for each group of packages. */
  | { readonly kind: "split"; readonly groups: Groups }
  /** Layers of packages of similar size: a change of a small package does not publish a large layer again. */
  | { readonly kind: "auto" };

/** Names of the requirements in each group, by group name, in the order of the layers. */
export type Groups = ReadonlyMap<string, readonly string[]>;

/** A planned layer. */
export interface PlannedLayer {
  readonly name: string;
  /** Normalised names of the packages in it, sorted. */
  readonly packages: readonly string[];
}

/**
 * Layers by the smallest wheel size in bytes. A package's layer depends only on its own size, so that no other package
 * moves when one is added, removed or upgraded. A change publishes one layer: most packages are small and change often,
 * most bytes are in a few large ones.
 */
const sizeClasses = [
  { name: "large-packages", from: 8 * 1024 ** 2 },
  { name: "medium-packages", from: 1024 ** 2 },
  { name: "small-packages", from: 0 },
] as const;

/** Lambda's quota of layers per function. */
const mostLayers = 5;

/** The size of a package's wheel. */
export interface SizedPackage {
  /** Normalised. */
  readonly name: string;
  /** Bytes of the wheel. */
  readonly size: number;
}

/** A function and the groups of packages that it uses. */
export interface LayeredFunction {
  readonly name: string;
  /** For strategy `split`. Absent: all groups. */
  readonly layers?: readonly string[];
  /** Names of packages that it always needs, for its adapter. Default: none. */
  readonly packages?: readonly string[];
}

/**
 * Assigns the packages of a lock to layers; each package goes into one layer at most.
 *
 * @param wheels of the lock for the platform, for strategy `auto`.
 * @param functions that use the layers. Default: one that uses all.
 */
export function planLayers(
  strategy: Strategy,
  lock: Lock,
  wheels: readonly SizedPackage[] = [],
  functions: readonly LayeredFunction[] = [],
): PlannedLayer[] {
  const all = [...new Set(lock.packages.map(({ name }) => name))].sort();
  switch (strategy.kind) {
    case "full":
      return [{ name: "dependencies", packages: all }];
    case "hybrid":
      checkProvided(strategy.provided, lock);
      return [{ name: "dependencies", packages: all.filter((name) => !strategy.provided.has(name)) }];
    case "split":
      return splitLayers(strategy.groups, lock, all, functions);
    case "auto":
      return bySize(wheels, all);
  }
}

function bySize(wheels: readonly SizedPackage[], all: readonly string[]): PlannedLayer[] {
  if (wheels.length === 0) return [{ name: "dependencies", packages: all }];
  const classOf = ({ size }: SizedPackage) => sizeClasses.find(({ from }) => size >= from)?.name;
  return sizeClasses.flatMap(({ name }) => {
    const packages = wheels.filter((wheel) => classOf(wheel) === name).map((wheel) => wheel.name);
    return packages.length === 0 ? [] : { name, packages: packages.sort() };
  });
}

/**
 * Names of the layers that a function uses: those with a package of its groups, or with a direct or indirect dependency
 * of one. So no dependency of a used package is missing.
 */
export function layersOf(
  strategy: Strategy,
  lock: Lock,
  plan: readonly PlannedLayer[],
  { layers, packages = [] }: LayeredFunction,
): string[] {
  if (strategy.kind !== "split" || layers === undefined) return plan.map(({ name }) => name);
  const members = layers.flatMap((group) => strategy.groups.get(group) ?? []);
  const needed = withNeeded(lock, [...members, ...packages].map(normalisedName), () => true);
  return plan.filter((layer) => layer.packages.some((name) => needed.has(name))).map(({ name }) => name);
}

/** Packages and their dependencies, by the lock's edges, as far as `follow` allows. */
function withNeeded(lock: Lock, names: readonly string[], follow: (name: string) => boolean): ReadonlySet<string> {
  const found = new Set(names);
  const pending = [...names];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const needed of lock.packages) {
      if (!needed.neededBy.includes(name) || found.has(needed.name) || !follow(needed.name)) continue;
      found.add(needed.name);
      pending.push(needed.name);
    }
  }
  return found;
}

/** Name of the layer with packages that several groups need, if a function uses only some of the groups. */
const sharedLayer = "shared";

/** A public layer has to contain exactly the locked versions, since the application was tested with these. */
function checkProvided(provided: ReadonlyMap<string, string>, lock: Lock): void {
  const wrong = [...provided].flatMap(([name, version]) => {
    const locked = lock.packages.filter((candidate) => candidate.name === name).map((candidate) => candidate.version);
    if (locked.includes(version)) return [];
    return `  ${name} ${version}, the lock accepts ${locked.join(" or ") || "no such package"}`;
  });
  if (wrong.length === 0) return;
  throw new BuildError(
    [
      "the public layers carry packages that the lock does not accept:",
      ...wrong,
      "Pin what they carry in the requirements and run: npm run layer -- lock, leave those packages to our own layer, or " +
        "use layerStrategy full",
    ].join("\n"),
  );
}

/**
 * A package that no group lists goes into the group of the package that needs it; not every form of lock says which
 * that is.
 */
function checkEdges({ edgeless, packages }: Lock, groupOf: ReadonlyMap<string, string>): void {
  const unlisted = [...new Set(packages.map(({ name }) => name).filter((name) => !groupOf.has(name)))];
  if (edgeless === undefined || unlisted.length === 0) return;
  throw new BuildError(
    `layerStrategy split cannot tell which group ${unlisted.join(", ")} belongs to: ${edgeless}; or list every package in a ` +
      "group, or use layerStrategy full",
  );
}

function splitLayers(
  groups: Groups,
  lock: Lock,
  all: readonly string[],
  functions: readonly LayeredFunction[],
): PlannedLayer[] {
  if (groups.size === 0) {
    throw new BuildError(
      "layerStrategy split needs groups of requirements: describe them in [tool.multicloud.layers.groups] of the " +
        'application\'s pyproject.toml, one line a group, e.g. web = ["flask"]',
    );
  }
  const groupOf = new Map<string, string>();
  for (const [group, members] of groups) {
    for (const name of members.map(normalisedName)) {
      const other = groupOf.get(name);
      if (other !== undefined) {
        throw new BuildError(`${name} is in the groups ${other} and ${group}; leave it in one of them`);
      }
      if (!all.includes(name)) {
        throw new BuildError(
          `group ${group} lists ${name}, which is not in the lock of ${lock.target}; remove it there`,
        );
      }
      groupOf.set(name, group);
    }
  }
  checkEdges(lock, groupOf);
  const unlisted = lock.packages.filter(({ name, required }) => required && !groupOf.has(name)).map(({ name }) => name);
  if (unlisted.length > 0) {
    throw new BuildError(
      `${unlisted.join(", ")}: in no group, accepted are ${[...groups.keys()].join(", ")}; list each requirement in one`,
    );
  }
  checkTaken(groups, functions);
  const isPartial = functions.some(
    ({ layers }) => layers && [...groups.keys()].some((group) => !layers.includes(group)),
  );
  if (groups.size > mostLayers && !isPartial) {
    throw new BuildError(
      `${groups.size} groups (${[...groups.keys()].join(", ")}) are more than the ${mostLayers} layers that a Lambda ` +
        `function can have; join some of them`,
    );
  }

  // An unlisted package goes into the layer of the first group that needs it, or into the shared layer if some function
  // lacks that group.
  const listed = new Set(groupOf.keys());
  for (const [group, members] of groups) {
    for (const name of withNeeded(lock, members.map(normalisedName), (needed) => !listed.has(needed))) {
      if (!groupOf.has(name)) groupOf.set(name, group);
      else if (isPartial && !listed.has(name)) groupOf.set(name, sharedLayer);
    }
  }
  const lost = all.filter((name) => !groupOf.has(name));
  if (lost.length > 0) {
    throw new BuildError(
      `${lost.join(", ")}: no group has what needs it, as the lock of ${lock.target} tells it; list it in one of ` +
        `${[...groups.keys()].join(", ")}, or make the lock anew: npm run layer -- lock`,
    );
  }
  const plan = [...new Set([...groups.keys(), ...groupOf.values()])].map((group) => ({
    name: group,
    packages: all.filter((name) => groupOf.get(name) === group),
  }));
  for (const fn of functions) {
    const has = layersOf({ kind: "split", groups }, lock, plan, fn);
    if (has.length > mostLayers) {
      throw new BuildError(
        `the function ${fn.name} would have ${has.length} layers (${has.join(", ")}), Lambda mounts ${mostLayers} at most; ` +
          `have it take fewer in functions.${fn.name}.layers, or join some groups`,
      );
    }
  }
  return plan;
}

/** @throws {BuildError} for a function that uses a group which does not exist. */
function checkTaken(groups: Groups, functions: readonly LayeredFunction[]): void {
  for (const { name, layers = [] } of functions) {
    const unknown = layers.find((group) => !groups.has(group));
    if (unknown === undefined) continue;
    const known = [...groups.keys()];
    throw new BuildError(
      `functions.${name}.layers has ${unknown}, accepted are ${known.join(", ")}, the groups in ` +
        `[tool.multicloud.layers.groups]${didYouMean(unknown, known)}`,
    );
  }
}
