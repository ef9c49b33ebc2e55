import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { referenceFiles } from "../operations/reference";

const root = path.join(__dirname, "..");

for (const [file, text] of Object.entries(referenceFiles(root))) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}
