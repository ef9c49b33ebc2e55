import { expect, test } from "vitest";

import { versionTable } from "../../../operations/layer-versions/report";

test("a stack without layers has no table, but a hint how to get the first", async () => {
  expect(await versionTable([], new Date())).toBe(
    "No versions of layers. A deployment with aws in clouds publishes the first.",
  );
});
