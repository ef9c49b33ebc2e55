import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { cutSymbols } from "../../layers/symbols";
import { makeLibrary } from "./wheels";

const folder = mkdtempSync(path.join(tmpdir(), "symbols-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("a library without its symbols", () => {
  it.skipIf(process.platform !== "linux")("still runs, and is smaller", () => {
    const program = execFileSync("sh", ["-c", "readlink -f $(command -v env)"], { encoding: "utf8" }).trim();
    const original = readFileSync(program);
    const cut = cutSymbols(original);
    if (cut === undefined) throw new Error(`${program} has nothing to cut`);
    expect(cut.length).toBeLessThan(original.length);
    // Program headers and segments are unchanged; only the position of the sections is cleared.
    expect(cut.subarray(0x40).equals(original.subarray(0x40, cut.length))).toBe(true);
    const file = path.join(folder, "env");
    writeFileSync(file, cut);
    chmodSync(file, 0o755);
    const { status, stdout } = spawnSync(file, ["GREETING=hello", "printenv", "GREETING"], { encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "hello\n" });
    expect(cutSymbols(cut)).toBeUndefined();
  });

  it.each([
    ["no ELF file", Buffer.from("#!/usr/bin/python3\n".repeat(10))],
    ["an ELF file without segments", makeLibrary()],
    ["a file for 32 bits", Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1]), Buffer.alloc(200)])],
    ["less than a header", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1])],
  ])("is not made of %s", (_, content) => {
    expect(cutSymbols(content)).toBeUndefined();
  });
});
