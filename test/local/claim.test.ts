import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, it } from "vitest";

import { claim, giveUp } from "../../local/claim";
import { temporaryDirectory } from "./resources";

/** A state folder whose claim has this content. */
function claimedBy(content: string) {
  const state = temporaryDirectory();
  const file = path.join(state, "cloud.pid");
  writeFileSync(file, content);
  return { state, file };
}

describe("the claim of a state folder", () => {
  it.each([
    ["nothing, as a crash may leave it", ""],
    ["no number", "cloud"],
    ["a group of processes", "-1"],
    ["a process that there is not", String(2 ** 22 + 1)],
  ])("is taken over from %s", (_, content) => {
    const { state, file } = claimedBy(content);
    claim(state);
    expect(readFileSync(file, "utf8")).toBe(String(process.pid));
    expect(readdirSync(state)).toEqual(["cloud.pid"]);
  });

  it("is refused while its owner runs, naming the file", () => {
    const { state, file } = claimedBy(String(process.ppid));
    expect(() => {
      claim(state);
    }).toThrow(`(process ${process.ppid}) is running on ${state}; stop it, or delete ${file}`);
    expect(readFileSync(file, "utf8")).toBe(String(process.ppid));
    expect(readdirSync(state)).toEqual(["cloud.pid"]);
  });

  it("is free again after its release", () => {
    const { state, file } = claimedBy("");
    claim(state);
    giveUp(state);
    expect(existsSync(file)).toBe(false);
    claim(state);
  });
});
