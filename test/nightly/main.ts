import { readdirSync } from "node:fs";
import path from "node:path";

import { findPython } from "../../layers/python";
import { type Compared, compareSet } from "./compare-set";

/** Sets that exceed Lambda's limits, or were tried on Azure. */
const onAzure = new Set([
  "azure1",
  "dbt",
  "msgraph",
  "numba",
  "playwright",
  "skimage",
  "tables",
  "tbb",
  "popular-cloud",
  "popular-data",
]);

/** Sets that cannot be built, with the expected message. */
const refused: Readonly<Record<string, RegExp>> = { sdist4: /No version of mysqlclient has one/ };

/**
 * Builds each set of requirements like a user, compares it with the tree of `uv pip install --target`, and imports
 * every module that can be imported from that tree.
 */
async function main(): Promise<void> {
  const folder = path.join(__dirname, "sets");
  const all = readdirSync(folder).map((file) => path.basename(file, ".in"));
  const wanted = process.argv.slice(2);
  const python = await findPython("3.12");
  if (!python.exact) throw new Error("there is no Python 3.12 here to import with: uv python install 3.12");
  let failed = 0;
  for (const name of wanted.length > 0 ? wanted : all) {
    const target = onAzure.has(name) ? "azure" : "aws";
    const outcome = await compareSet(target, path.join(folder, `${name}.in`), python.executable).catch(
      (error: unknown): Partial<Compared> & Pick<Compared, "problems"> => ({
        problems: refused[name]?.test(messageOf(error)) === true ? [] : [reason(error)],
      }),
    );
    const { problems, bundle } = outcome;
    if (problems.length > 0) failed += 1;
    const fits = bundle === undefined ? "refused with the reason" : "equal";
    const result = problems.length === 0 ? fits : `${problems.length} problems: ${problems.slice(0, 5).join("; ")}`;
    const megabytes = (bytes = 0) => (bytes / 1e6).toFixed(1);
    const row = [
      name,
      ...[megabytes(bundle?.size), megabytes(bundle?.unpackedSize)],
      ...[outcome.seconds?.toFixed(1) ?? "", outcome.megabytes?.toFixed(0) ?? ""],
      ...[String(outcome.modules ?? ""), result],
    ];
    process.stdout.write(`| ${row.join(" | ")} |\n`);
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
}

/** The last line is the cause. */
function reason(error: unknown): string {
  return messageOf(error).trim().split("\n").slice(-6).join(" ").slice(-600);
}

process.stdout.write(
  "| set | zip, MB | unpacked, MB | seconds | memory, MB | modules imported | result |\n" +
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
);
main().catch((error: unknown) => {
  process.stderr.write(`${reason(error)}\n`);
  process.exitCode = 1;
});
