import { resolve } from "./import-proof";
import type { Statement } from "./module-scan";
import { type FoundModule, ModuleFinder, type Owner, type Tree } from "./module-tree";
import type { Platform } from "./tags";

/** When a module imports another. */
export type ImportEdge =
  /** Whenever it is imported itself. */
  | "always"
  /** Under a condition, or in a `try`. */
  | "guarded"
  /** When one of its functions is called. */
  | "call"
  /**
   * A string in it equals the other's name, and the module turns strings into imports: `__getattr__`,
   * `import_module(name)`.
   */
  | "reference";

/** A module, and the modules of the trees that it may import. */
export interface GraphModule {
  /** Undefined for the application and for namespace packages. */
  readonly owner?: Owner;
  readonly file?: string;
  /** Whether its imports are unknown, because it is native or was not read. */
  readonly opaque: boolean;
  /** The strongest edge to each imported module and its parent packages, by full name. */
  readonly imports: ReadonlyMap<string, ImportEdge>;
}

/** Modules by their full names. */
export type ImportGraph = ReadonlyMap<string, GraphModule>;

const closest: readonly ImportEdge[] = ["always", "guarded", "call", "reference"];

/**
 * The imports among all modules that are reachable from the given ones, under any condition and in any function or
 * string. No source code imports a module that is not in the graph. Imports for type checkers are left out.
 *
 * A module without source may import any module of its own package and of those that the package requires
 * (cryptography's native module imports `_cffi_backend`). Modules that packages load by entry points
 * (`entry_points.txt`, as opentelemetry does) belong in `from`.
 *
 * ```ts
 * const { application, packages } = await importable(checked, progress);
 * const graph = importGraph([application, packages], platform, ["api.aws.function"]);
 * graph.get("fastapi.testclient"); // undefined: no deployed module imports it
 * ```
 *
 * @param trees in the order of `sys.path`, as `packageTree` and `applicationTree` of ./importable return them.
 * @param from full names of modules.
 */
export function importGraph(trees: readonly Tree[], platform: Platform, from: readonly string[]): ImportGraph {
  const finder = new ModuleFinder(trees, platform);
  const graph = new Map<string, GraphModule>();
  const pending = [...from];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const found = finder.find(name);
    if (graph.has(name) || found === undefined || "unfit" in found) continue;
    const imports = importsOf({ name, found }, finder);
    graph.set(name, { owner: found.owner, file: found.file, opaque: isOpaque(found), imports });
    pending.push(...imports.keys());
  }
  return graph;
}

function isOpaque({ file, scan }: FoundModule): boolean {
  return file !== undefined && (scan === undefined || scan.error !== undefined);
}

interface Module {
  readonly name: string;
  readonly found: FoundModule;
}

function importsOf(module: Module, finder: ModuleFinder): ReadonlyMap<string, ImportEdge> {
  const imports = new Map<string, ImportEdge>();
  const add = (name: string | undefined, edge: ImportEdge) => {
    if (name === undefined || name === module.name) return;
    const parts = name.split(".");
    for (const [index] of parts.entries()) {
      const each = parts.slice(0, index + 1).join(".");
      const found = finder.find(each);
      if (each === module.name || found === undefined || "unfit" in found) continue;
      const known = imports.get(each);
      if (known === undefined || closest.indexOf(edge) < closest.indexOf(known)) imports.set(each, edge);
    }
  };
  const visit = (statements: readonly Statement[], edge: ImportEdge) => {
    const inner = edge === "always" ? "guarded" : edge;
    for (const statement of statements) {
      switch (statement[0]) {
        case "import":
          add(statement[2], edge);
          break;
        case "from": {
          const from = resolve(module, statement[2], statement[3]);
          add(from, edge);
          for (const [name] of statement[4]) if (from !== undefined) add(`${from}.${name}`, edge);
          break;
        }
        case "call":
          add(resolve(module, statement[2], statement[3]), edge);
          break;
        case "class":
          visit(statement[1], edge);
          break;
        case "if":
          visit(statement[2], inner);
          visit(statement[3], inner);
          break;
        case "try":
          visit(statement[1], inner);
          for (const [, handler] of statement[2]) visit(handler, inner);
          visit(statement[3], inner);
          visit(statement[4], inner);
          break;
        case "set":
        case "all":
        case "raise":
          break;
      }
    }
  };
  add(module.name.slice(0, Math.max(0, module.name.lastIndexOf("."))) || undefined, "always");
  const { scan } = module.found;
  visit(scan?.body ?? [], "always");
  for (const body of scan?.functions ?? []) visit(body, "call");
  for (const reference of scan?.references ?? []) {
    for (const name of referenced(module, reference)) add(name, "reference");
  }
  return imports;
}

/** Modules that a string may name: relative to the module's package, and by full name. */
function referenced(module: Module, reference: string): string[] {
  const name = reference.replace(/^\.+/, "");
  const dots = reference.length - name.length;
  return [resolve(module, dots || 1, name), ...(dots === 0 ? [name] : [])].filter((each) => each !== undefined);
}
