import type { PythonFunction } from "../contract/application";
import type { SourceFile } from "./application-files";
import { BuildError } from "./build-error";
import type { Target } from "./bundle";
import { cacheDirectory, readRecord, sha256, writeRecord } from "./cache";
import type { Entry } from "./import-proof";
import type { Lock } from "./lock";
import { onDemand } from "./on-demand";
import { recipeDigest } from "./recipe";
import type { PlannedLayer } from "./strategy";
import type { Platform } from "./tags";

/** A function with its layers and packages. */
export interface FunctionImports {
  readonly target: Target;
  readonly platform: Platform;
  readonly entryPoints: readonly Entry[];
  readonly application: readonly SourceFile[];
  readonly lock: Lock;
  /** Layers of the target. Default: the function has every package of the lock. */
  readonly layers?: readonly PlannedLayer[];
  /** Names of the function's layers. Default: all. */
  readonly functionLayers?: readonly string[];
  /** Versions of the packages in public layers, by normalised name. */
  readonly provided?: ReadonlyMap<string, string>;
}

export interface Surroundings {
  /** The functions whose imports are checked. */
  readonly functions: readonly PythonFunction[];
  /** Locks of the other targets, for messages about a missing package; called only if one is missing. */
  readonly others: () => Promise<readonly Lock[]>;
  /** Receives one line for each slow step. */
  readonly progress: (line: string) => void;
  /** Receives the imports that fail only when an application function is called. Default: `progress`. */
  readonly warn?: (line: string) => void;
}

/**
 * Proves that every import at the start of a function finds its module: in the standard library, the application, the
 * packages of its layers, public layers or the runtime. No code is run. A proof without faults is cached by the content
 * of all its inputs.
 *
 * @throws {BuildError} naming every import that fails, its file and line, the package that would provide the module and
 * the command to run.
 */
export async function checkFunctionImports(checked: FunctionImports, surroundings: Surroundings): Promise<void> {
  if (checked.entryPoints.length === 0) return;
  const { errors, warnings } = await verdict(checked, surroundings);
  for (const warning of warnings) (surroundings.warn ?? surroundings.progress)(warning);
  if (errors.length > 0) throw new BuildError(errors.join("\n"));
}

/** Messages about a function. */
interface Verdict {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

async function verdict(checked: FunctionImports, { functions, others, progress }: Surroundings): Promise<Verdict> {
  const { lock, application, provided = new Map<string, string>(), ...rest } = checked;
  const files = application.map(({ name, content }) => [name, sha256(content)]);
  const inputs = [await recipeDigest(), lock.sha256, files, [...provided], rest];
  const file = cacheDirectory("proofs", `${sha256(JSON.stringify(inputs))}.json`);
  const known = await readRecord<Verdict>(file);
  if (known !== undefined) return known;

  const [{ importable }, { proveImports }, { describeFaults }] = await onDemand(() =>
    Promise.all([import("./importable"), import("./import-proof"), import("./import-faults")]),
  );
  const read = await importable(checked, progress);
  const names = [...read.application.keys(), ...read.packages.keys()];
  const found = await describeFaults(proveImports(read), checked, { functions, others, files: names });
  // Only a proof without faults is cached: a fault's message depends on other locks, which may change.
  if (found.errors.length + found.warnings.length === 0) await writeRecord(file, found);
  return found;
}
