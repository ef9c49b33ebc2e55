import type { SourceFile } from "./application-files";
import { BuildError } from "./build-error";
import type { Target } from "./bundle";
import { cacheDirectory, readRecord, sha256, writeRecord } from "./cache";
import type { ImportProof } from "./import-proof";
import type { EntryPoint } from "./import-proof";
import type { Lock } from "./lock";
import { onDemand } from "./on-demand";
import { recipeDigest } from "./recipe";
import type { PlannedLayer } from "./strategy";
import type { Platform } from "./tags";

/** A function, and what it is deployed with. */
export interface FunctionImports {
  readonly target: Target;
  readonly platform: Platform;
  readonly entryPoints: readonly EntryPoint[];
  readonly application: readonly SourceFile[];
  readonly lock: Lock;
  /** Layers that the target has. Default: everything in the lock is with the function. */
  readonly layers?: readonly PlannedLayer[];
  /** Names of those that the function has. Default: all. */
  readonly functionLayers?: readonly string[];
  /** Versions of what public layers provide, by normalised name. */
  readonly provided?: ReadonlyMap<string, string>;
  /** Folder of requirements and locks, to say which lock has a missing package. Default: the project's own. */
  readonly requirements?: string;
}

/**
 * Proves that every import which runs when a function starts finds its module: in the standard library, the application, the
 * packages of its layers, what public layers provide, or what the runtime brings. Nothing is run, and what was proven once is
 * known by the content of everything that it depends on.
 *
 * Imports that only a call of one of the application's functions runs are told as warnings.
 *
 * @throws {BuildError} naming every import that fails, its file and line, the package that would bring it and what to run.
 */
export async function checkFunctionImports(checked: FunctionImports, progress: (line: string) => void): Promise<void> {
  const { errors, warnings } = await verdict(checked, progress);
  for (const warning of warnings) progress(warning);
  if (errors.length > 0) throw new BuildError(errors.join("\n"));
}

/** What is told of a function. */
interface Verdict {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

async function verdict(checked: FunctionImports, progress: (line: string) => void): Promise<Verdict> {
  const { lock, application, provided = new Map<string, string>(), requirements, ...rest } = checked;
  const files = application.map(({ name, content }) => [name, sha256(content)]);
  const inputs = [await recipeDigest(), lock.sha256, files, [...provided], rest];
  const file = cacheDirectory("proofs", `${sha256(JSON.stringify(inputs))}.json`);
  const known = await readRecord<Verdict>(file);
  if (known !== undefined) return known;

  const [{ importable }, { proveImports }, { describeFaults }] = await onDemand(() =>
    Promise.all([import("./importable"), import("./import-proof"), import("./import-faults")]),
  );
  const proof: ImportProof = proveImports(await importable(checked, progress));
  const found = await describeFaults(proof, checked);
  // A fault names what other locks have, which may be mended there: only silence is kept.
  if (proof.errors.length === 0 && proof.warnings.length === 0) await writeRecord(file, found);
  return found;
}
