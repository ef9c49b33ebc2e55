import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { referenceCommand, referenceFiles } from "../../operations/reference";

const root = path.join(__dirname, "..", "..");

test.each(Object.entries(referenceFiles(root)))("%s matches the schemas", (file, text) => {
  const found = existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), "utf8") : "";
  expect(found, `${file} is stale; run: ${referenceCommand}`).toBe(text);
});
