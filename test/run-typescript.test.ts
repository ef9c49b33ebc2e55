import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "run-typescript-"));
  writeFileSync(path.join(folder, "word.ts"), 'export const word: string = "first";\n');
  writeFileSync(path.join(folder, "main.ts"), main);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Lines with types only, so that the line number of the error changes once they are removed. */
const main = `
interface Unused {
  readonly one: number;
}
async function run(): Promise<void> {
  const { word } = await import("./word");
  if (process.argv[2] === "fail") throw new Error(word);
  console.log(word);
}
run().catch((error: unknown) => console.log((error as Error).stack));
`;

const compiled = () => path.join(folder, "multicloud-auto-deploy", "compiled");
const stored = () => readdirSync(compiled()).map((name) => path.join(compiled(), name));

/** The output of the program. */
async function run(...args: string[]): Promise<string> {
  const loader = path.join(__dirname, "..", "run-typescript.js");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--require", loader, path.join(folder, "main.ts"), ...args],
    { env: { ...process.env, XDG_CACHE_HOME: folder } },
  );
  return stdout;
}

test("TypeScript runs, and its translation is cached and not written again", async () => {
  expect(await run()).toBe("first\n");
  const [store = ""] = stored();
  const { mtimeMs, ino } = statSync(store);
  expect(await run()).toBe("first\n");
  expect(stored()[0]).toBe(store);
  expect(statSync(store)).toMatchObject({ mtimeMs, ino });
});

test("a changed file is translated again", async () => {
  await run();
  writeFileSync(path.join(folder, "word.ts"), 'export const word: string = "second";\n');
  expect(await run()).toBe("second\n");
});

test("a stack trace has the line numbers of the source, also with a cached translation", async () => {
  for (const time of ["first", "second"]) {
    expect(await run("fail"), time).toMatch(/^Error: first\n {4}at run \(\S*main\.ts:7:41\)/);
  }
});

test("a JavaScript file with a dynamic import works, also with a cached translation", async () => {
  writeFileSync(path.join(folder, "later.js"), 'exports.later = () => import("./module.mjs");\n');
  writeFileSync(path.join(folder, "module.mjs"), 'export const word = "later";\n');
  writeFileSync(
    path.join(folder, "main.ts"),
    'import { later } from "./later";\nvoid later().then(({ word }: { word: string }) => console.log(word));\n',
  );
  for (const time of ["first", "second", "third"]) expect(await run(), time).toBe("later\n");
});

test("a damaged cache is written again", async () => {
  await run();
  const [store = ""] = stored();
  const bytes = readFileSync(store);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 0xff, bytes.length - 100);
  writeFileSync(store, bytes);
  expect(await run()).toBe("first\n");
  expect(readFileSync(store)).not.toEqual(bytes);
});

test("a read-only cache is no error", async () => {
  mkdirSync(path.join(folder, "multicloud-auto-deploy"));
  // A file in place of the folder, since an administrator may write into any folder.
  writeFileSync(compiled(), "");
  chmodSync(compiled(), 0o400);
  expect(await run()).toBe("first\n");
});
