import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { makeLibrary } from "./wheels";
import { useWorkspace } from "./workspace";

const run = promisify(execFile);
const repository = path.join(__dirname, "..", "..");
const workspace = useWorkspace();

/** A second checkout, with other dates and in another order on disk. */
const checkout = mkdtempSync(path.join(tmpdir(), "another checkout-"));
beforeAll(() => {
  for (const folder of ["application", "cli", "contract", "layers"]) {
    const entries = readdirSync(path.join(repository, folder), { recursive: true, withFileTypes: true }).reverse();
    for (const entry of entries.filter((each) => each.isFile() && !each.parentPath.includes("__pycache__"))) {
      const from = path.join(entry.parentPath, entry.name);
      const to = path.join(checkout, path.relative(repository, from));
      mkdirSync(path.dirname(to), { recursive: true });
      cpSync(from, to);
    }
  }
  for (const name of ["node_modules", "package.json", "run-typescript.js", "tsconfig.json"]) {
    symlinkSync(path.join(repository, name), path.join(checkout, name));
  }
});
afterAll(() => {
  rmSync(checkout, { recursive: true });
});

async function layerCommand(args: string, { cwd = repository, umask = "022", cache = "cache", env = {} } = {}) {
  const { stdout } = await run(
    "sh",
    ["-c", `umask ${umask} && exec node --require ./run-typescript.js cli/layer.ts ${args}`],
    {
      cwd,
      env: { ...workspace.environment(), XDG_CACHE_HOME: path.join(workspace.folder, cache), ...env },
    },
  );
  return stdout;
}

/** One segment, followed by symbols. */
function libraryWithSymbols(): Buffer {
  const header = makeLibrary().subarray(0, 64);
  const segment = Buffer.from(JSON.stringify(Array.from({ length: 5000 }, (_, number) => number * number)));
  const table = Buffer.alloc(56);
  table.writeBigUInt64LE(BigInt(header.length + table.length + segment.length), 0x20);
  const library = Buffer.concat([header, table, segment, randomBytes(5000)]);
  library.writeBigUInt64LE(BigInt(header.length), 0x20);
  library.writeUInt16LE(table.length, 0x36);
  library.writeUInt16LE(1, 0x38);
  return library;
}

interface Printed {
  readonly bundles: readonly { readonly sha256: string; readonly path: string; readonly kind: string }[];
}

describe("the same bytes", () => {
  it("do not depend on path, umask, time zone, locale or file order", async () => {
    workspace.index.publish(
      { name: "zeta", requires: ["eta"] },
      { name: "eta", files: { "eta/größe.py": "x = 1", "eta/Z.py": "", "eta/a.py": "" } },
    );
    for (const target of ["aws", "azure", "gcp"] as const) await workspace.require(["zeta"], target);
    const build = `build --json --requirements "${workspace.folder}"`;
    const built = await Promise.all([
      layerCommand(build),
      layerCommand(build, {
        cwd: checkout,
        umask: "077",
        cache: "other cache",
        env: { TZ: "Pacific/Kiritimati", LANG: "de_DE.UTF-8", LC_ALL: "tr_TR.UTF-8", SOURCE_DATE_EPOCH: "1700000000" },
      }),
    ]);
    const [first, second] = built.map((text) => (JSON.parse(text) as Printed).bundles);
    expect(first?.map(({ kind }) => kind)).toEqual(["layer", "application", "package", "source"]);
    expect(second?.map(({ sha256 }) => sha256)).toEqual(first?.map(({ sha256 }) => sha256));
    expect(second?.map(({ path: file }) => path.dirname(file))).not.toEqual(
      first?.map(({ path: file }) => path.dirname(file)),
    );
  });

  it.each([
    ["bytecode", "bytecode.ts", ""],
    ["libraries", "symbols.ts", "--no-bytecode"],
  ])("come from a cache whose %s an older recipe made", async (_, file, flags) => {
    workspace.index.publish({ name: "older", files: { "older/core.so": libraryWithSymbols() } });
    await workspace.require(["older"]);
    const layerFrom = async (cache: string, cwd: string) => {
      const text = await layerCommand(`build --target aws --json --requirements "${workspace.folder}" ${flags}`, {
        cache,
        cwd,
      });
      return (JSON.parse(text) as Printed).bundles[0]?.sha256;
    };
    const older = await layerFrom("cache", repository);
    const source = path.join(checkout, "layers", file);
    const recipe = readFileSync(source, "utf8");
    writeFileSync(source, recipe.replace(/level: \d/, "level: 1"));
    const [warm, clean] = await Promise.all([layerFrom("cache", checkout), layerFrom("clean cache", checkout)]);
    writeFileSync(source, recipe);
    expect(clean).not.toBe(older);
    expect(warm).toBe(clean);
  });
});

describe("the command line", () => {
  it.each([
    ["an unknown cloud", "build --target ibm", 2, /Allowed choices are aws, azure, gcp/],
    ["an unknown strategy", "build --strategy half", 2, /Allowed choices are full, hybrid, split/],
    ["an unknown architecture", "build --architecture mips", 2, /Allowed choices are x86_64, arm64/],
    ["a Python that no cloud offers", "build --python-version 3.7", 2, /Allowed choices are 3\.11, 3\.12, 3\.13/],
    ["an unreadable pin", "build --strategy hybrid --provided pyjwt", 2, /Expected a package and its version/],
    ["hybrid without public layers", "build --strategy hybrid", 2, /--provided and --strategy hybrid need each other/],
    ["an unknown command", "destroy", 2, /unknown command/],
    ["a folder without requirements", "build --requirements /nowhere", 1, /aws\.in cannot be read/],
  ])("refuses %s", async (_, args, code, message) => {
    await expect(layerCommand(args)).rejects.toMatchObject({
      code,
      stdout: "",
      stderr: expect.stringMatching(message) as string,
    });
  });

  it("prints a table without --json", async () => {
    workspace.index.publish({ name: "shown" });
    await workspace.require(["shown"]);
    expect(await layerCommand(`build --target aws --requirements "${workspace.folder}"`)).toMatch(
      /aws +│ layer +│ dependencies +│ 1 /,
    );
  });

  it("prints the changes of a lock", async () => {
    workspace.index.publish({ name: "moving", version: "1.0" });
    await workspace.require(["moving"]);
    workspace.index.publish({ name: "moving", version: "2.0" });
    const lock = `lock --target aws --requirements "${workspace.folder}"`;
    expect(await layerCommand(lock)).toBe("aws: no change, 1 packages\n");
    await expect(layerCommand(`${lock} --upgrade moving mvoing`)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nothing to upgrade: mvoing is in no lock; did you mean moving\?/) as string,
    });
    expect(await layerCommand(`${lock} --upgrade moving`)).toBe("aws: moving 1.0 -> 2.0\n");
  });
});
