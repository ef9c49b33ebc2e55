import type { ModuleScan } from "./module-scan";
import type { Platform } from "./tags";

/** The distribution that installed a file. */
export interface Owner {
  /** Normalised name. */
  readonly name: string;
  readonly version: string;
}

/** A file below a folder on `sys.path`. */
export interface TreeFile {
  /** Undefined for the application. */
  readonly owner?: Owner;
  /** Present if the module's source was read. */
  readonly scan?: ModuleScan;
}

/** The files below a folder on `sys.path`, by path. */
export type Tree = ReadonlyMap<string, TreeFile>;

interface Place {
  readonly tree: IndexedTree;
  /** Folder in the tree, with a trailing slash; empty for the root. */
  readonly folder: string;
}

interface IndexedTree {
  readonly files: Tree;
  readonly folders: ReadonlySet<string>;
}

/** A module as an import would find it. */
export interface FoundModule extends TreeFile {
  /** Undefined for a namespace package. */
  readonly file?: string;
  /** Search path for submodules; undefined for a module that is no package. */
  readonly places?: readonly Place[];
  /** Whether it is in the first tree, which is the application. */
  readonly own: boolean;
}

/** Native modules that exist only for other Pythons or processors. */
export interface Unfit {
  readonly unfit: readonly string[];
}

const processors = { x86_64: "x86_64", arm64: "aarch64" } as const;

/** Finds modules in trees as Python's path finder does; earlier trees take precedence. */
export class ModuleFinder {
  private readonly trees: readonly IndexedTree[];
  private readonly suffixes: readonly string[];
  private readonly known = new Map<string, FoundModule | Unfit | undefined>();

  constructor(trees: readonly Tree[], { pythonVersion, architecture }: Platform) {
    this.trees = trees.map((files) => ({ files, folders: foldersOf(files.keys()) }));
    const tag = `.cpython-${pythonVersion.replace(".", "")}`;
    this.suffixes = [`${tag}-${processors[architecture]}-linux-gnu.so`, ".abi3.so", ".so", ".py", ".pyc"];
  }

  /** Undefined if there is none. */
  find(name: string): FoundModule | Unfit | undefined {
    if (!this.known.has(name)) this.known.set(name, this.search(name));
    return this.known.get(name);
  }

  private search(name: string): FoundModule | Unfit | undefined {
    const dot = name.lastIndexOf(".");
    const parent = dot === -1 ? undefined : this.find(name.slice(0, dot));
    if (parent !== undefined && "unfit" in parent) return undefined;
    const places = dot === -1 ? this.trees.map((tree) => ({ tree, folder: "" })) : (parent?.places ?? []);
    const portions: Place[] = [];
    let unfit: string[] = [];
    for (const place of places) {
      const file = `${place.folder}${name.slice(dot + 1)}`;
      const below = { tree: place.tree, folder: `${file}/` };
      const isFolder = place.tree.folders.has(below.folder);
      const init = isFolder ? this.moduleFile(below, "__init__") : undefined;
      if (init !== undefined) return this.package(init, below, places, name.slice(dot + 1));
      const module = this.moduleFile(place, name.slice(dot + 1));
      if (module !== undefined) return { ...place.tree.files.get(module), file: module, own: this.isOwn(place) };
      if (isFolder) portions.push(below);
      unfit = [...unfit, ...nativeFiles(place, name.slice(dot + 1))];
    }
    const [first] = portions;
    if (first !== undefined) return { places: portions, own: portions.every((place) => this.isOwn(place)) };
    return unfit.length > 0 ? { unfit } : undefined;
  }

  private package(file: string, own: Place, siblings: readonly Place[], name: string): FoundModule {
    const found = own.tree.files.get(file);
    const others = siblings
      .map(({ tree, folder }) => ({ tree, folder: `${folder}${name}/` }))
      .filter((place) => place.tree !== own.tree && place.tree.folders.has(place.folder));
    const places = found?.scan?.path === "extended" ? [own, ...others] : [own];
    return { ...found, file, places, own: this.isOwn(own) };
  }

  private moduleFile({ tree, folder }: Place, name: string): string | undefined {
    return this.suffixes.map((suffix) => `${folder}${name}${suffix}`).find((file) => tree.files.has(file));
  }

  private isOwn({ tree }: Place): boolean {
    return tree === this.trees[0];
  }
}

function nativeFiles({ tree, folder }: Place, name: string): string[] {
  const start = `${folder}${name}.`;
  return [...tree.files.keys()].filter(
    (file) => file.startsWith(start) && /^[^/]+\.(so|pyd)$/.test(file.slice(start.length)),
  );
}

function foldersOf(files: Iterable<string>): Set<string> {
  const folders = new Set<string>();
  for (const file of files) {
    for (let slash = file.lastIndexOf("/"); slash > 0; slash = file.lastIndexOf("/", slash - 1)) {
      const folder = file.slice(0, slash + 1);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}
