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

/** A function, and what it is deployed with. */
export interface FunctionImports {
  readonly target: Target;
  readonly platform: Platform;
  readonly entryPoints: readonly Entry[];
  readonly application: readonly SourceFile[];
  readonly lock: Lock;
  /** Layers that the target has. Default: everything in the lock is with the function. */
  readonly layers?: readonly PlannedLayer[];
  /** Names of those that the function has. Default: all. */
  readonly functionLayers?: readonly string[];
  /** Versions of what public layers provide, by normalised name. */
  readonly provided?: ReadonlyMap<string, string>;
}

export interface Surroundings {
  /** Whose imports they are. */
  readonly functions: readonly PythonFunction[];
  /** Locks of the other targets, to say which has a missing package; asked where something is missing. */
  readonly others: () => Promise<readonly Lock[]>;
  /** Told what takes time, a line each. */
  readonly progress: (line: string) => void;
  /** Told of imports that only a call of one of the application's functions runs. Default: `progress`. */
  readonly warn?: (line: string) => void;
}

/**
 * Proves that every import which runs when a function starts finds its module: in the standard library, the application, the
 * packages of its layers, what public layers provide, or what the runtime brings. Nothing is run, and what was proven once is
 * known by the content of everything that it depends on.
 *
 * @throws {BuildError} naming every import that fails, its file and line, the package that would bring it and what to run.
 */
export async function checkFunctionImports(checked: FunctionImports, surroundings: Surroundings): Promise<void> {
  if (checked.entryPoints.length === 0) return;
  const { errors, warnings } = await verdict(checked, surroundings);
  for (const warning of warnings) (surroundings.warn ?? surroundings.progress)(warning);
  if (errors.length > 0) throw new BuildError(errors.join("\n"));
}

/** What is told of a function. */
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
  // A fault says what other locks have, which may change: silence is kept alone.
  if (found.errors.length + found.warnings.length === 0) await writeRecord(file, found);
  return found;
}
