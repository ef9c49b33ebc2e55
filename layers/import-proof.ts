import type { EntryPoint } from "../contract/application";
import { type FoundModule, ModuleFinder, type Owner, type Tree } from "./module-tree";
import type { Expression, ModuleScan, Scalar, Statement } from "./module-scan";
import { inStandardLibrary } from "./standard-library";
import type { Platform } from "./tags";

/** Where a function starts: a module and the attribute that is called. */
export type Entry = Pick<EntryPoint, "module" | "attribute">;

/** What a function can import, and where it starts. */
export interface Importable {
  readonly platform: Platform;
  readonly entryPoints: readonly Entry[];
  /** Full names of modules that the runtime imports before the function. Default: none. */
  readonly runtimeImports?: readonly string[];
  /** The application's files, by path in its package. */
  readonly application: Tree;
  /** The files of the deployed packages, by path in the folder of packages. */
  readonly packages: Tree;
  /**
   * Modules without files here that are assumed to exist with all their submodules: those of the runtime and of public
   * layers.
   */
  readonly provided: readonly string[];
}

/** A line with an import. */
export interface ImportSite {
  readonly file: string;
  readonly line: number;
  /** Owner of the file; undefined for the application. */
  readonly owner?: Owner;
}

/** An import that fails when the entry points are imported. */
export interface ImportFault extends ImportSite {
  readonly kind:
    | "missing module"
    /** The module exists, but does not define the name. */
    | "missing name"
    /** The native module exists only for other Pythons or processors. */
    | "native module for another Python"
    | "syntax error"
    /** The module raises an error of its own when it is imported. */
    | "refuses to be imported";
  /** Full name, e.g. `google.cloud.firestore`. */
  readonly module: string;
  /** For a missing name: the name that the `from` import asks for. */
  readonly name?: string;
  /** Further details: native files that do not fit, or the parser's message. */
  readonly detail?: string;
  /** The chain of imports that leads here, from the entry point on. */
  readonly via: readonly ImportSite[];
}

/** Result of a proof. */
export interface ImportProof {
  /** Imports that fail when an entry point is imported. */
  readonly errors: readonly ImportFault[];
  /** Imports that fail when the application function that contains them is called. */
  readonly warnings: readonly ImportFault[];
}

/**
 * Follows every import from the entry points as Python would, without running any code. A failing import fails its
 * module and every module that imports that one, up to a `try` that catches the error. Conditions are evaluated for the
 * platform as far as they are known (`sys.version_info`, `sys.platform`, flags that a `try` has set). Of unknown
 * conditions, a package is assumed to take a branch that works; in the application every branch is assumed to run.
 */
export function proveImports(importable: Importable): ImportProof {
  const prover = new Prover(importable);
  const starts = [
    ...(importable.runtimeImports ?? []).map((module) => prover.start(module)),
    ...importable.entryPoints.map((entry) => prover.entry(entry)),
  ];
  const errors = distinct(starts.flatMap((failure) => [...(failure?.faults ?? [])]));
  const known = new Set(errors.map(identity));
  const warnings = distinct(prover.functionBodies()).filter((fault) => !known.has(identity(fault)));
  return { errors, warnings };
}

const identity = ({ file, line, module, name }: ImportFault) => JSON.stringify([file, line, module, name]);

function distinct(faults: readonly ImportFault[]): ImportFault[] {
  return [...new Map(faults.map((fault) => [identity(fault), fault])).values()];
}

/** Why a module cannot be imported. */
interface Failure {
  /** Name of the exception class. */
  readonly error: string;
  /** All modules that import a faulty module share the same fault object. */
  readonly faults: ReadonlySet<ImportFault>;
  /** Whether the code after it is unreachable. */
  readonly raised?: true;
}

/** The first failure, with the faults of what fails after it. */
function joined(first: Failure | undefined, next: Failure): Failure {
  return first === undefined ? next : { ...first, faults: new Set([...first.faults, ...next.faults]) };
}

/** What is known of a value. */
type Value =
  | { readonly kind: "constant"; readonly value: Constant }
  | { readonly kind: "module"; readonly name: string }
  /** Truthy, and not None. */
  | { readonly kind: "object" }
  | { readonly kind: "unknown" };

type Constant = Scalar | readonly Scalar[];

const unknown: Value = { kind: "unknown" };
const object: Value = { kind: "object" };
const constant = (value: Constant): Value => ({ kind: "constant", value });

/** A module that is imported, or is being imported. */
interface Loaded {
  readonly name: string;
  readonly found: FoundModule;
  readonly names: Map<string, Value>;
  complete: boolean;
  failure?: Failure;
}

/** Where statements run. */
interface Scope {
  readonly module: Loaded;
  /** Names of a class or function, which shadow those of the module. */
  readonly local?: Map<string, Value>;
  /** Whether the first failure ends the block, as in a `try`. */
  readonly stops: boolean;
}

/** Names that a module exports. */
interface Exports {
  readonly names: ReadonlySet<string>;
  /** Whether there may be further names. */
  readonly open: boolean;
}

class Prover {
  private readonly finder: ModuleFinder;
  private readonly loaded = new Map<string, Loaded>();
  private readonly exports = new Map<string, Exports>();
  private readonly path: ImportSite[] = [];
  private readonly provided: ReadonlySet<string>;
  /** Attributes that some module sets on another. */
  private readonly given: ReadonlySet<string>;
  /** Full names of modules that some module creates. */
  private readonly made: ReadonlySet<string>;

  constructor(private readonly importable: Importable) {
    this.finder = new ModuleFinder([importable.application, importable.packages], importable.platform);
    this.provided = new Set(importable.provided);
    const scans = [importable.application, importable.packages].flatMap((tree) => [...tree.values()]);
    this.given = new Set(scans.flatMap(({ scan }) => scan?.attributes ?? []));
    this.made = new Set(scans.flatMap(({ scan }) => scan?.made ?? []));
  }

  start(module: string): Failure | undefined {
    return this.import(module, { file: "", line: 0 });
  }

  entry({ module, attribute }: Entry): Failure | undefined {
    const failure = this.start(module);
    if (failure) return failure;
    const loaded = this.loaded.get(module);
    const [name = attribute] = attribute.split(".", 1);
    if (loaded === undefined || this.has(loaded, name)) return undefined;
    const file = loaded.found.file ?? "";
    return this.fault("ImportError", { file, line: 1 }, { kind: "missing name", module, name });
  }

  /** Imports in the functions of the application's modules, and in all modules that these imports reach. */
  functionBodies(): ImportFault[] {
    const faults: ImportFault[] = [];
    const done = new Set<string>();
    for (let found = true; found;) {
      found = false;
      for (const module of [...this.loaded.values()]) {
        if (!module.found.own || done.has(module.name)) continue;
        done.add(module.name);
        found = true;
        for (const body of module.found.scan?.functions ?? []) {
          const failure = this.run(body, { module, local: new Map(), stops: false });
          faults.push(...(failure?.faults ?? []));
        }
      }
    }
    return faults;
  }

  /** Imports a module and the packages that it is in, as `import a.b.c` does. */
  private import(name: string, site: ImportSite): Failure | undefined {
    const parts = name.split(".");
    for (let length = 1; length <= parts.length; length += 1) {
      const part = parts.slice(0, length).join(".");
      // Where even the first is missing, the whole name tells which distribution brings it: `google` alone is another.
      const failure = this.importOne(part, site, length === 1 ? name : part);
      if (failure) return failure;
    }
    return undefined;
  }

  /** @param told what the import is said to miss. Default: the name. */
  private importOne(name: string, site: ImportSite, told = name): Failure | undefined {
    const loaded = this.loaded.get(name);
    if (loaded) return loaded.failure;
    const [top = ""] = name.split(".", 1);
    const found = this.finder.find(name);
    // The finder's order: application, standard library, packages.
    const first = this.finder.find(top);
    if (!(first !== undefined && "own" in first && first.own) && this.isStandard(top)) {
      if (this.isStandard(name)) return undefined;
      return this.fault("ModuleNotFoundError", site, { kind: "missing module", module: name });
    }
    if (found === undefined || "unfit" in found) {
      if (this.isProvided(name)) return undefined;
      if (found) {
        const detail = found.unfit.join(", ");
        return this.fault("ModuleNotFoundError", site, {
          kind: "native module for another Python",
          module: name,
          detail,
        });
      }
      if (this.isMade(name)) return undefined;
      return this.fault("ModuleNotFoundError", site, { kind: "missing module", module: told });
    }
    return this.load(name, found, site);
  }

  private load(name: string, found: FoundModule, site: ImportSite): Failure | undefined {
    const module: Loaded = { name, found, names: new Map(), complete: false };
    this.loaded.set(name, module);
    const { scan, own, file = "" } = found;
    this.path.push(site);
    if (scan === undefined) {
      module.failure = this.nativeImports(module);
    } else if (scan.error === undefined) {
      const failure = this.run(scan.body ?? [], { module, stops: false });
      if (failure) module.failure = { error: failure.error, faults: failure.faults };
    } else if (own) {
      const [line, detail] = scan.error;
      module.failure = this.fault("SyntaxError", { file, line }, { kind: "syntax error", module: name, detail });
    }
    this.path.pop();
    module.complete = true;
    return module.failure;
  }

  /** Imports of a native module, as far as they are known. */
  private nativeImports(module: Loaded): Failure | undefined {
    const { file = "", owner } = module.found;
    const failures = (importedByNative[module.name] ?? []).map((name) => this.import(name, { file, line: 0, owner }));
    return failures.find((failure) => failure !== undefined);
  }

  private isStandard(name: string): boolean {
    return inStandardLibrary(name, this.importable.platform.pythonVersion);
  }

  /**
   * Whether some module creates it, or may: the closest existing parent creates modules dynamically or changes its
   * search path.
   */
  private isMade(name: string): boolean {
    for (let dot = name.length; dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
      const part = name.slice(0, dot);
      const module = this.loaded.get(part);
      if (module === undefined && this.made.has(part)) return true;
      if (module) return module.found.scan?.makes_modules ?? module.found.scan?.path === "changed";
    }
    return false;
  }

  /** Whether the runtime or a public layer provides the module, a parent of it or a submodule of it. */
  private isProvided(name: string): boolean {
    const parts = name.split(".");
    if (parts.some((_, index) => this.provided.has(parts.slice(0, index + 1).join(".")))) return true;
    return this.importable.provided.some((module) => module.startsWith(`${name}.`));
  }

  private fault(
    error: string,
    { file, line, owner }: ImportSite,
    what: Pick<ImportFault, "kind" | "module" | "name" | "detail">,
  ): Failure {
    const [, ...via] = this.path;
    return { error, faults: new Set([{ file, line, owner, ...what, via }]) };
  }

  private run(statements: readonly Statement[], scope: Scope): Failure | undefined {
    let failure: Failure | undefined;
    for (const statement of statements) {
      const found = this.step(statement, scope);
      if (found === undefined) continue;
      failure = joined(failure, found);
      if (scope.stops || found.raised) return { ...failure, ...(found.raised && { raised: true }) };
    }
    return failure;
  }

  private step(statement: Statement, scope: Scope): Failure | undefined {
    switch (statement[0]) {
      case "import":
        return this.importStatement(statement, scope);
      case "from":
        return this.fromStatement(statement, scope);
      case "call": {
        const [, line, level, module] = statement;
        const name = resolve(scope.module, level, module);
        return name === undefined ? undefined : this.import(name, siteOf(scope, line));
      }
      case "set": {
        const [, names, value] = statement;
        const found = value === null ? unknown : this.evaluate(value, scope);
        for (const name of names) this.bind(scope, name, found);
        return undefined;
      }
      case "all":
        return undefined;
      case "class":
        return this.run(statement[1], { ...scope, local: new Map(scope.local) });
      case "if":
        return this.condition(statement, scope);
      case "try":
        return this.attempt(statement, scope);
      case "raise": {
        const [, line, error] = statement;
        const refusal = this.fault(error ?? "", siteOf(scope, line), {
          kind: "refuses to be imported",
          module: scope.module.name,
        });
        return { ...refusal, error: error ?? "", raised: true };
      }
    }
  }

  private bind(scope: Scope, name: string, value: Value): void {
    (scope.local ?? scope.module.names).set(name, value);
  }

  private importStatement(
    [, line, module, bound]: Extract<Statement, readonly ["import", ...unknown[]]>,
    scope: Scope,
  ) {
    const failure = this.import(module, siteOf(scope, line));
    if (failure) return failure;
    const [top = ""] = module.split(".", 1);
    this.bind(scope, bound ?? top, { kind: "module", name: bound === null ? top : module });
    return undefined;
  }

  private fromStatement(
    [, line, level, module, names]: Extract<Statement, readonly ["from", ...unknown[]]>,
    scope: Scope,
  ): Failure | undefined {
    const site = siteOf(scope, line);
    const from = resolve(scope.module, level, module);
    // A relative import beyond the top-level package also fails in Python, but that is the package author's fault.
    if (from === undefined) return undefined;
    const failed = this.import(from, site);
    if (failed) return failed;
    const source = this.loaded.get(from);
    let failure: Failure | undefined;
    for (const [name, bound] of names) {
      if (name === "*") {
        if (source) this.bindAll(source, scope);
        continue;
      }
      const found = source === undefined ? this.take(from, name, site) : this.takeFrom(source, name, site);
      if (found === undefined) this.bind(scope, bound ?? name, this.valueOf(from, name));
      else failure = joined(failure, found);
    }
    return failure;
  }

  /** Takes a name from a module without a file here, such as one of the standard library. */
  private take(from: string, name: string, site: ImportSite): Failure | undefined {
    // A package of the runtime may be a namespace package to which a deployed package adds modules.
    const found = this.finder.find(`${from}.${name}`);
    return found !== undefined && "own" in found && !this.isStandard(from)
      ? this.import(`${from}.${name}`, site)
      : undefined;
  }

  private takeFrom(source: Loaded, name: string, site: ImportSite): Failure | undefined {
    if (source.complete && source.names.has(name)) return undefined;
    const below = `${source.name}.${name}`;
    const isPackage = source.found.places !== undefined;
    if (isPackage && this.finder.find(below) !== undefined) return this.importOne(below, site);
    if (this.isProvided(below)) return undefined;
    const { names, open } = this.exportsOf(source);
    if (names.has(name)) return undefined;
    const { scan, file } = source.found;
    // While a package is still being imported, its `__getattr__` is not defined yet: a name that it or its modules take
    // from it has to be bound already, or be a submodule.
    const fromItself = site.file === file && !source.complete;
    const isEarly = !source.complete && boundBy(scan?.body ?? []).names.has("__getattr__");
    if (scan?.getattr && !fromItself && !(isEarly && !source.names.has("__getattr__"))) {
      return this.lazily(source, scan, name, site);
    }
    if (!fromItself && (open || (source.complete && this.given.has(name)))) return undefined;
    // A namespace package contains only modules.
    const kind = file === undefined ? ({ kind: "missing module", module: below } as const) : undefined;
    return this.fault("ImportError", site, kind ?? { kind: "missing name", module: source.name, name });
  }

  /**
   * A name that `__getattr__` returns: it comes from the module that the imports for type checkers or the source's own
   * table names.
   */
  private lazily(source: Loaded, scan: ModuleScan, name: string, site: ImportSite): Failure | undefined {
    const typed = (scan.typing ?? []).flatMap((statement) => {
      if (statement[0] !== "from") return [];
      const [, , level, module, names] = statement;
      const from = resolve(source, level, module);
      if (from === undefined) return [];
      return names.flatMap(([taken, bound]) =>
        (bound ?? taken) === name || (taken === "*" && this.staticNames(from).has(name)) ? [from] : [],
      );
    });
    const listed = (scan.lazy_names?.[name] ?? []).flatMap((reference) => {
      const level = reference.length - reference.replace(/^\.+/, "").length;
      const relative = resolve(source, level || 1, reference.slice(level));
      return [relative, ...(level === 0 ? [reference] : [])].filter((each) => each !== undefined);
    });
    for (const module of [...typed, ...listed]) {
      const found = this.finder.find(module);
      if (found === undefined || "unfit" in found || module === source.name) continue;
      return this.import(module, site);
    }
    return undefined;
  }

  /** Names that the statements of a module bind, whether or not it was imported. */
  private staticNames(module: string): ReadonlySet<string> {
    const found = this.finder.find(module);
    return new Set(found !== undefined && "own" in found ? boundBy(found.scan?.body ?? []).names : []);
  }

  private bindAll(source: Loaded, scope: Scope): void {
    for (const name of this.exportsOf(source).names) this.bind(scope, name, source.names.get(name) ?? unknown);
  }

  private has(module: Loaded, name: string): boolean {
    const { names, open } = this.exportsOf(module);
    return names.has(name) || open || module.found.scan?.getattr === true;
  }

  /** Names that a module may have after its import. */
  private exportsOf(module: Loaded, within: ReadonlySet<string> = new Set()): Exports {
    const known = this.exports.get(module.name);
    if (known) return known;
    const { name, found, complete } = module;
    const { scan } = found;
    // A name that a package imports from itself has to come from elsewhere: it is a submodule.
    const { names, stars } = boundBy(scan?.body ?? [], (level, from) => resolve(module, level, from) === name);
    for (const each of [...(scan?.globals ?? []), ...standardNames]) names.add(each);
    let open =
      scan === undefined
        ? found.file !== undefined
        : (scan.open !== undefined && scan.open <= this.reached(module)) ||
          (scan.makes_modules ?? scan.error !== undefined);
    for (const { level, from } of stars) {
      const source = resolve(module, level, from);
      const loaded = source === undefined ? undefined : this.loaded.get(source);
      // Two modules may import `*` from each other.
      if (source !== undefined && within.has(source)) continue;
      if (loaded === undefined) open = true;
      else {
        const taken = this.exportsOf(loaded, new Set([...within, name]));
        for (const each of taken.names) names.add(each);
        open ||= taken.open || loaded.found.scan?.getattr === true;
      }
    }
    const exports = { names, open };
    if (complete && within.size === 0) this.exports.set(name, exports);
    return exports;
  }

  /** The line that a module is currently executing. */
  private reached({ complete, found: { file } }: Loaded): number {
    if (complete) return Infinity;
    return this.path.findLast((site) => site.file === file)?.line ?? Infinity;
  }

  private valueOf(from: string, name: string): Value {
    const known = knownAttribute(from, name, this.importable.platform.pythonVersion);
    if (known) return known;
    const value = this.loaded.get(from)?.names.get(name);
    if (value) return value;
    return this.loaded.has(`${from}.${name}`) ? { kind: "module", name: `${from}.${name}` } : unknown;
  }

  private condition([, test, then, otherwise]: Extract<Statement, readonly ["if", ...unknown[]]>, scope: Scope) {
    const truth = truthOf(test === null ? unknown : this.evaluate(test, scope));
    if (truth !== undefined) return this.run(truth ? then : otherwise, scope);
    const { own } = scope.module.found;
    const branches = [then, otherwise].map((branch) => this.run(branch, own ? scope : { ...scope, stops: true }));
    for (const name of boundBy([...then, ...otherwise]).names) this.bind(scope, name, unknown);
    const failures = branches.filter((failure) => failure !== undefined);
    if (!own) return failures.length === branches.length ? failures[0] : undefined;
    const faults = failures
      .flatMap((failure) => [...failure.faults])
      .filter(({ kind }) => kind !== "refuses to be imported");
    const [first] = failures;
    return first && faults.length > 0 ? { error: first.error, faults: new Set(faults) } : undefined;
  }

  private attempt(
    [, body, handlers, otherwise, final]: Extract<Statement, readonly ["try", ...unknown[]]>,
    scope: Scope,
  ): Failure | undefined {
    const failed = this.run(body, { ...scope, stops: scope.stops || handlers.length > 0 });
    let failure = failed;
    if (failed === undefined) {
      failure = this.run(otherwise, scope);
    } else {
      const handler = handlers.find(([caught]) => catches(caught, failed.error));
      if (handler) failure = this.handle(handler[1], failed, scope);
    }
    const cleanup = this.run(final, scope);
    return failure ?? cleanup;
  }

  /** An error that a handler raises replaces the one that it handles, but the import remains the cause. */
  private handle(handler: readonly Statement[], failed: Failure, scope: Scope): Failure | undefined {
    const failure = this.run(handler, { ...scope, stops: true });
    if (!failure?.raised) return failure;
    return { error: failure.error || failed.error, faults: failed.faults, raised: true };
  }

  private evaluate(expression: Expression, scope: Scope): Value {
    const value = (part: Expression | null) => (part === null ? unknown : this.evaluate(part, scope));
    switch (expression[0]) {
      case "constant":
        return constant(expression[1]);
      case "object":
        return object;
      case "tuple":
        return constant(expression[1].map(([, each]) => each));
      case "name":
        return this.nameValue(expression[1], scope);
      case "not": {
        const truth = truthOf(value(expression[1]));
        return truth === undefined ? unknown : constant(!truth);
      }
      case "and":
      case "or": {
        const [operator, parts] = expression;
        let last: Value = unknown;
        let undecided = false;
        for (const part of parts) {
          last = value(part);
          const truth = truthOf(last);
          if (truth === (operator === "or")) return last;
          undecided ||= truth === undefined;
        }
        return undecided ? unknown : last;
      }
      case "compare":
        return compared(expression[1], value(expression[2]), value(expression[3]));
      case "attribute": {
        const of = value(expression[1]);
        if (of.kind === "module") return this.valueOf(of.name, expression[2]);
        const index = ["major", "minor", "micro"].indexOf(expression[2]);
        return item(of, index);
      }
      case "item":
        return item(value(expression[1]), expression[2]);
      case "slice": {
        const of = value(expression[1]);
        if (of.kind !== "constant" || !isTuple(of.value)) return unknown;
        return constant(of.value.slice(0, expression[2]));
      }
      case "found":
        return this.canFind(expression[1]) ? object : constant(null);
      case "starts": {
        const [text, start] = [value(expression[1]), value(expression[2])];
        if (text.kind !== "constant" || start.kind !== "constant" || typeof text.value !== "string") return unknown;
        const { value: whole } = text;
        const starts = isTuple(start.value) ? start.value : [start.value];
        return constant(starts.some((each) => typeof each === "string" && whole.startsWith(each)));
      }
    }
  }

  private nameValue(name: string, { module, local }: Scope): Value {
    const own = local?.get(name) ?? module.names.get(name);
    if (own) return own;
    if (name === "__name__") return constant(module.name);
    if (name === "__debug__") return constant(true);
    return unknown;
  }

  private canFind(name: string): boolean {
    const found = this.finder.find(name);
    return (found !== undefined && "own" in found) || this.isStandard(name) || this.isProvided(name);
  }
}

/** Packages that native modules import; no source shows these imports. */
const importedByNative: Readonly<Record<string, readonly string[]>> = {
  "cryptography.hazmat.bindings._rust": ["_cffi_backend"],
};

/** Names that Python sets in every module. */
const standardNames = [
  "__name__",
  "__doc__",
  "__file__",
  "__path__",
  "__package__",
  "__spec__",
  "__dict__",
  "__loader__",
];

function siteOf({ module: { found } }: Scope, line: number): ImportSite {
  return { file: found.file ?? "", line, owner: found.owner };
}

/** Full name of a relative import's module; undefined beyond the top-level package. */
export function resolve(
  { name, found }: { readonly name: string; readonly found: Pick<FoundModule, "places"> },
  level: number,
  module: string,
): string | undefined {
  if (level === 0) return module;
  const parts = name.split(".");
  const up = found.places === undefined ? level : level - 1;
  if (up >= parts.length) return undefined;
  const base = parts.slice(0, parts.length - up).join(".");
  return module === "" ? base : `${base}.${module}`;
}

interface Bound {
  readonly names: Set<string>;
  readonly stars: readonly { readonly level: number; readonly from: string }[];
}

/** Names that statements bind, in any branch. */
function boundBy(
  statements: readonly Statement[],
  isOwn: (level: number, from: string) => boolean = () => false,
): Bound {
  const names = new Set<string>();
  const stars: { level: number; from: string }[] = [];
  const visit = (block: readonly Statement[]) => {
    for (const statement of block) {
      switch (statement[0]) {
        case "import":
          names.add(statement[3] ?? statement[2].split(".", 1)[0] ?? "");
          break;
        case "from":
          for (const [name, bound] of statement[4]) {
            if (name === "*") stars.push({ level: statement[2], from: statement[3] });
            else if (bound !== null || !isOwn(statement[2], statement[3])) names.add(bound ?? name);
          }
          break;
        case "set":
          for (const name of statement[1]) names.add(name);
          break;
        case "all":
          names.add("__all__");
          break;
        case "if":
          visit(statement[2]);
          visit(statement[3]);
          break;
        case "try":
          visit(statement[1]);
          for (const [, handler] of statement[2]) visit(handler);
          visit(statement[3]);
          visit(statement[4]);
          break;
        case "call":
        case "class":
        case "raise":
          break;
      }
    }
  };
  visit(statements);
  return { names, stars };
}

/** Exceptions that a failing import never raises. */
const otherErrors: ReadonlySet<string> = new Set([
  ...["ArithmeticError", "AssertionError", "AttributeError", "EOFError", "FileNotFoundError", "IndexError", "KeyError"],
  ...["LookupError", "NameError", "NotImplementedError", "OSError", "IOError", "EnvironmentError", "RuntimeError"],
  ...["RuntimeWarning", "DeprecationWarning", "SyntaxError", "SystemError", "TypeError", "UnicodeError", "ValueError"],
  ...["KeyboardInterrupt", "SystemExit", "Warning", "UserWarning", "StopIteration", "PackageNotFoundError"],
]);

/** Whether a handler of these exceptions catches one. A handler of exceptions that are not builtin is assumed to. */
function catches(caught: readonly string[], error: string): boolean {
  return caught.some(
    (name) =>
      ["*", "BaseException", "Exception", error].includes(name) ||
      (name === "ImportError" && error === "ModuleNotFoundError") ||
      (!otherErrors.has(name) && !["ImportError", "ModuleNotFoundError"].includes(name)),
  );
}

function truthOf(value: Value): boolean | undefined {
  switch (value.kind) {
    case "constant":
      return isTuple(value.value) ? value.value.length > 0 : Boolean(value.value);
    case "module":
    case "object":
      return true;
    case "unknown":
      return undefined;
  }
}

const isTuple = (value: Constant): value is readonly Scalar[] => Array.isArray(value);

function item(value: Value, index: number): Value {
  if (value.kind !== "constant" || !isTuple(value.value)) return unknown;
  const found = value.value.at(index);
  return index < -value.value.length || found === undefined ? unknown : constant(found);
}

function compared(operator: string, left: Value, right: Value): Value {
  const negated = { "!=": "==", "is not": "is", "not in": "in", ">": "<=", ">=": "<" }[operator];
  if (negated !== undefined) {
    const truth = truthOf(compared(negated, left, right));
    return truth === undefined ? unknown : constant(!truth);
  }
  if (operator === "is" && [left, right].some(({ kind }) => kind === "object" || kind === "module")) {
    const other = [left, right].find(({ kind }) => kind === "constant");
    return other === undefined ? unknown : constant(false);
  }
  if (left.kind !== "constant" || right.kind !== "constant") return unknown;
  const [a, b] = [left.value, right.value];
  switch (operator) {
    case "==":
    case "is":
      return constant(JSON.stringify(a) === JSON.stringify(b));
    case "in":
      if (isTuple(b)) return isTuple(a) ? unknown : constant(b.includes(a));
      return typeof a === "string" && typeof b === "string" ? constant(b.includes(a)) : unknown;
    case "<":
    case "<=": {
      const order = orderOf(a, b);
      return order === undefined ? unknown : constant(operator === "<" ? order < 0 : order <= 0);
    }
  }
  return unknown;
}

function orderOf(a: Constant, b: Constant): number | undefined {
  if (isTuple(a) && isTuple(b)) {
    for (const [index, left] of a.entries()) {
      const right = b[index];
      if (right === undefined) return 1;
      const order = orderOf(left, right);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a === b ? 0 : 1;
  return undefined;
}

/** Attributes of the standard library that packages check before they import. */
function knownAttribute(module: string, name: string, pythonVersion: string): Value | undefined {
  switch (`${module}.${name}`) {
    case "sys.platform":
      return constant("linux");
    case "sys.version_info":
      // The runtimes follow the newest patch release.
      return constant([...pythonVersion.split(".").map(Number), 99, "final", 0]);
    case "sys.byteorder":
      return constant("little");
    case "sys.implementation":
    case "os.path":
      return { kind: "module", name: `${module}.${name}` };
    case "sys.implementation.name":
      return constant("cpython");
    case "os.name":
      return constant("posix");
    case "os.sep":
      return constant("/");
    case "platform.system":
      return constant("Linux");
    case "platform.python_implementation":
      return constant("CPython");
    case "typing.TYPE_CHECKING":
      return constant(false);
  }
  return undefined;
}
