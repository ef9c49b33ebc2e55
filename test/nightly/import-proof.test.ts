import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, it } from "vitest";

import { findPython } from "../../layers/python";
import { install, type Installed, prove, reallyImport, without } from "./installed-package";
import { popularPackages } from "./popular-packages";

const root = mkdtempSync(path.join(tmpdir(), "popular-packages-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});

const wanted = 200;
/** Linear congruential generator (Numerical Recipes), so that every run has the same mutants. */
let seed = 7;
const random = () => (seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;

it("accepts every popular package, and finds each missing module that one imports at module level", async ({
  skip,
}) => {
  if (process.env.NIGHTLY === undefined) {
    console.warn("popular packages are fetched and broken at night: npm run test:nightly");
    return skip("it runs at night");
  }
  const python = await findPython("3.12");
  if (!python.exact) {
    console.warn("there is no Python 3.12 here, which alone tells what really fails");
    return skip("there is no Python 3.12 here");
  }
  const installed = new Map<string, Installed>();
  for (const popular of popularPackages) {
    const name = popular.requirement;
    const done = await install(popular, path.join(root, name)).catch((error: unknown) => String(error));
    if (typeof done !== "string") installed.set(name, done);
    else if (installed.size === 0) {
      console.warn(`the package index gave nothing: ${done}`);
      return skip("the package index cannot be reached");
    } else console.warn(`${name} is left out: ${done}`);
  }

  const alarms: string[] = [];
  const working: (readonly [string, Installed, readonly string[]])[] = [];
  for (const [name, each] of installed) {
    const { error, loaded } = await reallyImport(python.executable, each);
    if (error) continue;
    working.push([name, each, loaded]);
    for (const { file, line, module } of (await prove(each.program, each.tree)).errors) {
      alarms.push(`${name}: ${file}:${line} ${module}`);
    }
  }

  const planted = { atModuleLevel: 0, found: 0, inCalls: 0, foundInCalls: 0, harmless: 0, alarms: 0 };
  const missed: string[] = [];
  for (let index = 0; planted.atModuleLevel < wanted && index < 5 * wanted; index += 1) {
    const [name, each, loaded] = working[index % working.length] ?? [];
    const victim = loaded?.[Math.floor(random() * loaded.length)];
    if (name === undefined || each === undefined || victim === undefined) continue;
    await without(each, victim, async (mutant) => {
      const { error } = await reallyImport(python.executable, mutant);
      const found = (await prove(mutant.program, mutant.tree)).errors.length > 0;
      if (error === undefined) {
        planted.harmless += 1;
        if (found) planted.alarms += 1;
      } else if (error.type.includes("ImportError") && error.frames.every((frame) => frame === "<module>")) {
        planted.atModuleLevel += 1;
        if (found) planted.found += 1;
        else missed.push(`${name} without ${victim}: ${error.message}`);
      } else {
        planted.inCalls += 1;
        if (found) planted.foundInCalls += 1;
      }
    });
  }

  console.log(`${working.length} packages, ${alarms.length} false alarms`, planted, missed);
  expect(working.length).toBeGreaterThanOrEqual(40);
  expect(alarms).toEqual([]);
  expect(planted.alarms).toBe(0);
  expect(missed).toEqual([]);
}, 3_600_000);
