import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { sha256 } from "./cache";

let digest: Promise<string> | undefined;

/**
 * SHA-256 in hexadecimal over the builder's source and its compressor. It is part of every cache key, so that a changed
 * builder does not reuse old results.
 */
export function recipeDigest(): Promise<string> {
  return (digest ??= (async () => {
    // TypeScript in the repository, JavaScript in a package. Declaration files do not affect the result.
    const sources = (await readdir(__dirname)).filter((file) => /(?<!\.d)\.(ts|js|mjs|py)$/.test(file)).sort();
    const files = [...sources.map((file) => path.join(__dirname, file)), require.resolve("fflate/package.json")];
    return sha256(JSON.stringify(await Promise.all(files.map((file) => readFile(file, "utf8")))));
  })());
}
