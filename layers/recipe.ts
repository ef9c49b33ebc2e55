import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { sha256 } from "./cache";

let digest: Promise<string> | undefined;

/**
 * SHA-256 over what the builder is made of, its source and the compressor, in hexadecimal. Whatever it derives is kept under
 * this, so that a changed recipe never answers with what an old one made.
 */
export function recipeDigest(): Promise<string> {
  return (digest ??= (async () => {
    // TypeScript in the repository, JavaScript in a package, whose declarations do nothing.
    const sources = (await readdir(__dirname)).filter((file) => /(?<!\.d)\.(ts|js|mjs|py)$/.test(file)).sort();
    const files = [...sources.map((file) => path.join(__dirname, file)), require.resolve("fflate/package.json")];
    return sha256(JSON.stringify(await Promise.all(files.map((file) => readFile(file, "utf8")))));
  })());
}
