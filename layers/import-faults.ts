import { pythonVersions } from "../contract/pythons";
import { didYouMean, didYouMeanThen } from "../contract/suggestion";
import { entryFile } from "./adapters";
import { distributionFor, moduleName, providedModules } from "./distributions";
import type { ImportFault, ImportProof, ImportSite } from "./import-proof";
import { functionPackages } from "./importable";
import type { FunctionImports, Surroundings } from "./imports";
import type { Lock } from "./lock";
import { shownPath } from "./build-error";
import { descriptionAbove } from "./lock-command";
import { changeOfRequirements } from "./lock-forms";
import { inStandardLibrary } from "./standard-library";

/** A message for each fault of a proof: where it is, what is missing, and the next step. */
export async function describeFaults(
  { errors, warnings }: ImportProof,
  checked: FunctionImports,
  { functions, others, files }: Pick<Surroundings, "functions" | "others"> & { readonly files: readonly string[] },
): Promise<{ errors: string[]; warnings: string[] }> {
  const known = errors.length + warnings.length === 0 ? [] : await others();
  const context = { ...checked, functions, others: known, modules: files.flatMap(moduleName) };
  return {
    errors: errors.map((fault) => `${place(fault, context)} ${problem(fault, context)}`),
    warnings: warnings.map(
      (fault) => `${place(fault, context)} ${problem(fault, context)} (it runs when its function is called)`,
    ),
  };
}

interface Context extends FunctionImports {
  readonly functions: Surroundings["functions"];
  /** Locks of the other targets. */
  readonly others: readonly Lock[];
  /** Full names of all modules of the application and of the function's packages. */
  readonly modules: readonly string[];
}

function place(fault: ImportFault, context: Context): string {
  const key = entryKey(fault, context);
  if (key !== undefined) return key;
  const [origin] = fault.via;
  const way = fault.owner && origin ? `, which ${site(origin)} leads to,` : "";
  return fault.file === "" ? "the entry point" : `${site(fault)}${way}`;
}

/** The entry is generated; the user finds its import in the application's description. */
function entryKey({ file, module }: ImportFault, { functions, target }: Context): string | undefined {
  const fn = functions.find(
    ({ name, entryPoints }) => file === entryFile(target, name) && entryPoints[target]?.module === module,
  );
  const entry = fn?.entryPoints[target];
  if (fn === undefined || entry === undefined) return undefined;
  const description = descriptionAbove(fn.requirements[target] ?? "") ?? "pyproject.toml";
  const key = `tool.multicloud.functions.${fn.name}.${entry.protocol}`;
  return `${shownPath(description)}: ${key} is "${entry.module}:${entry.attribute}", which`;
}

function site({ file, line, owner }: ImportSite): string {
  // A native module has no line numbers.
  return owner ? `${line === 0 ? file : `${file}:${line}`} of ${owner.name} ${owner.version}` : `${file}:${line}`;
}

function problem(fault: ImportFault, context: Context): string {
  const { kind, module, name, detail, owner } = fault;
  const { platform } = context;
  const correct = owner
    ? `require another version of ${owner.name}, then run: ${relock(context)}`
    : "correct the import";
  switch (kind) {
    case "syntax error":
      return `is no Python: ${detail ?? ""}; correct it`;
    case "refuses to be imported":
      return `raises an error when ${module} is imported, whatever is installed; import something else`;
    case "missing name":
      return `imports ${name ?? ""} from ${module}, which has no such name; ${correct}`;
    case "native module for another Python":
      return (
        `imports ${module}, which exists only for another Python or processor (${detail ?? ""}), not for Python ` +
        `${platform.pythonVersion} on ${platform.architecture}; require a release that has it, then run: ${relock(context)}`
      );
    case "missing module":
      return `imports ${module}, ${missing(module, context, correct, entryKey(fault, context) !== undefined)}`;
  }
}

const minorOf = (pythonVersion: string) => Number(pythonVersion.split(".")[1]);

/** @param isEntry whether the application's description names the module, which then belongs to the application. */
function missing(module: string, context: Context, correct: string, isEntry: boolean): string {
  const { target, platform, application, lock, layers = [], others } = context;
  const [top = module] = module.split(".", 1);
  if (isEntry || application.some(({ name }) => name.startsWith(`${top}/`) || name === `${top}.py`)) {
    const own = application.flatMap((file) => moduleName(file.name));
    return `which the application does not have${didYouMeanThen(module, own, "correct the import, or add the file")}`;
  }
  if (inStandardLibrary(top, platform.pythonVersion)) {
    return `which the standard library of Python ${platform.pythonVersion} does not have; ${correct}`;
  }
  const having = pythonVersions.filter((version) => inStandardLibrary(top, version));
  const isOlder = (version: string) => minorOf(version) < minorOf(platform.pythonVersion);
  const [had, has] = [having.filter(isOlder).at(-1), having[0]];
  if (had === undefined && has !== undefined) {
    return `which the standard library has from Python ${has} on; deploy with pythonVersion ${has}, or import something else`;
  }
  if (had !== undefined && top !== "distutils") {
    return `which left the standard library after Python ${had}; import something else, or deploy with pythonVersion ${had}`;
  }
  const names = new Set([lock, ...others].flatMap(({ packages }) => packages.map((locked) => locked.name)));
  const distribution = distributionFor(module, names);
  if (functionPackages(context).includes(distribution)) {
    const version = lock.packages.find((locked) => locked.name === distribution)?.version ?? "";
    const next = `correct the import, or require another version, then run: ${relock(context)}`;
    return `which ${distribution} ${version} does not have${didYouMeanThen(module, context.modules, next)}`;
  }
  const layer = layers.find(({ packages }) => packages.includes(distribution));
  if (layer) {
    return `which is in layer ${layer.name} (${distribution}); give the function that layer too`;
  }
  const files = new Set(
    context.functions
      .flatMap(({ requirements }) => requirements[target] ?? [])
      .map((file) => {
        return changeOfRequirements(file, target).edited;
      }),
  );
  const add = `add ${distribution} to ${[...files].join(" and ")}, then run: ${relock(context)}`;
  // Do not recommend a package that no lock contains where a similar name is known: the misspelt name may belong to a
  // malicious package.
  const meant = names.has(distribution)
    ? ""
    : didYouMean(module, [...context.modules, ...[...names].flatMap(providedModules)]);
  if (meant !== "")
    return `which no deployed package has${meant} Correct the import; or, where ${distribution} is meant, ${add}`;
  return `which no deployed package has; ${distribution} ${names.has(distribution) ? "brings" : "should bring"} it: ${add}`;
}

function relock({ functions, target }: Context): string {
  return changeOfRequirements(functions[0]?.requirements[target] ?? "requirements.in", target).command;
}
