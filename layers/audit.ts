import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory, sha256 } from "./cache";
import type { Lock } from "./lock";
import { findUv } from "./uv";

const run = promisify(execFile);

/** A known vulnerability of a locked package. */
export interface Vulnerability {
  readonly name: string;
  readonly version: string;
  /** E.g. `PYSEC-2024-1` or `GHSA-...`. */
  readonly id: string;
  /** Versions without the vulnerability; empty if there is none. */
  readonly fixedIn: readonly string[];
}

/** Sources of advisories: PyPI's own database, or OSV. */
export const advisorySources = ["pypi", "osv"] as const;
export type AdvisorySource = (typeof advisorySources)[number];

/**
 * Known vulnerabilities of a lock's packages, on every platform, as pip-audit reports them.
 *
 * @throws {BuildError} if the source of advisories cannot be reached or does not know a package: an empty answer would
 * prove nothing.
 */
export async function audit(lock: Lock, source: AdvisorySource): Promise<Vulnerability[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "audit-"));
  try {
    const files = await Promise.all(
      withoutRepetition(lock).map(async (pins, index) => {
        const file = path.join(folder, `${index}.txt`);
        await writeFile(file, pins.join("\n"));
        return file;
      }),
    );
    const reports = await Promise.all(files.map((file) => pipAudit(file, source)));
    return await Promise.all(reports.map((text) => vulnerabilitiesIn(text, source))).then((found) => found.flat());
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A lock may hold a package several times, with different markers; pip-audit accepts each package once. */
function withoutRepetition({ packages }: Lock): string[][] {
  const seen = new Map<string, number>();
  const lists: string[][] = [];
  for (const { name, version, local } of packages) {
    // No advisory source knows the project's own packages.
    if (local !== undefined) continue;
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    (lists[times] ??= []).push(`${name}==${version}`);
  }
  return lists;
}

async function pipAudit(requirements: string, source: AdvisorySource): Promise<string> {
  const program = await installedPipAudit();
  const args = ["--requirement", requirements, "--no-deps", "--disable-pip", "--format", "json", "-s", source];
  try {
    return (await run(program, [...args, "--progress-spinner", "off"], { maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    // pip-audit also exits with an error when it found vulnerabilities.
    if (error instanceof Error && "stdout" in error && String(error.stdout).startsWith("{"))
      return String(error.stdout);
    const reason = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw unreachable(source, reason.trim().split("\n").at(-1) ?? "");
  }
}

async function vulnerabilitiesIn(report: string, source: AdvisorySource): Promise<Vulnerability[]> {
  const { z } = await import("zod");
  const vulnerability = z.object({ id: z.string(), fix_versions: z.array(z.string()) });
  const { dependencies } = z
    .object({
      dependencies: z.array(
        z.union([
          z.object({ name: z.string(), version: z.string(), vulns: z.array(vulnerability) }),
          z.object({ name: z.string(), skip_reason: z.string() }),
        ]),
      ),
    })
    .parse(JSON.parse(report));
  const skipped = dependencies.flatMap((each) => ("skip_reason" in each ? [each.name] : []));
  if (skipped.length > 0) throw unreachable(source, `it does not know ${skipped.join(", ")}`);
  return dependencies.flatMap((each) =>
    "vulns" in each
      ? each.vulns.map(({ id, fix_versions }) => ({
          name: each.name,
          version: each.version,
          id,
          fixedIn: fix_versions,
        }))
      : [],
  );
}

function unreachable(source: AdvisorySource, reason: string): BuildError {
  const other = advisorySources.find((each) => each !== source) ?? source;
  return new BuildError(
    `nothing was audited: the advisories of ${source} could not be fetched (${reason}); try again with a connection, or with ` +
      `--source ${other}`,
  );
}

let installation: Promise<string> | undefined;

function installedPipAudit(): Promise<string> {
  return (installation ??= installPipAudit());
}

/** Installs pip-audit into its own environment in the cache, from its own lock. */
async function installPipAudit(): Promise<string> {
  const lock = path.join(__dirname, "requirements", "audit.lock");
  const environment = cacheDirectory("audit", sha256(await readFile(lock)).slice(0, 16));
  const program = path.join(environment, "bin", "pip-audit");
  const installed = () => access(program).then(() => program);
  return installed().catch(async () => {
    process.stderr.write("Installing pip-audit into the cache\n");
    const staging = `${environment}.${randomUUID()}.tmp`;
    try {
      const uv = await findUv();
      await run(uv, ["venv", "--quiet", "--no-project", "--relocatable", "--python", ">=3.10", staging]);
      const python = path.join(staging, "bin", "python");
      await run(uv, ["pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", lock]);
      // Another process may have finished first; its environment is the same.
      await rename(staging, environment).catch(installed);
    } catch (error) {
      throw new BuildError(`nothing was audited: pip-audit could not be installed: ${reasonOf(error)}`);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
    return program;
  });
}
