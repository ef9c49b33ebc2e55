import path from "node:path";

import { expect, it } from "vitest";

import { findUv } from "../../layers/uv";
import { installedPython } from "../../layers/python";
import { compareSet } from "../nightly/compare-set";

// The nightly test compares more than a hundred packages, and teams' sets of requirements: npm run test:wheels.
it("has the files of popular packages that an installer writes, with every importable module", async ({ skip }) => {
  const python = await installedPython("3.12");
  if (python?.exact !== true) {
    console.warn(`there is no Python 3.12 here to import with: ${await findUv()} python install 3.12`);
    return skip("there is no Python 3.12 here");
  }
  const compared = await compareSet("aws", path.join(__dirname, "popular.in"), python.executable).catch(
    (error: unknown) => String(error),
  );
  if (typeof compared === "string" && /could not be resolved[^]*(connect|dns|timed? ?out)/i.test(compared)) {
    console.warn(`the package index cannot be reached: ${compared.slice(0, 300)}`);
    return skip("the package index cannot be reached");
  }
  expect(compared).toMatchObject({ problems: [], bundle: { kind: "layer" } });
  expect(typeof compared === "string" ? 0 : compared.modules).toBeGreaterThan(500);
});
