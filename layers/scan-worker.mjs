// Plain JavaScript: a worker that loads TypeScript takes half a second and 60 MB more.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { parentPort } from "node:worker_threads";

/** An interpreter of its own: other code in the bytecode compiler's interpreter would change the compiled bytes. */
async function start(parser) {
  const { loadPyodide } = await import(parser);
  const program = await readFile(new URL("module_scan.py", import.meta.url), "utf8");
  // Without this, pyodide derives its folder from a stack trace, which source maps change.
  const indexURL = path.dirname(createRequire(import.meta.url).resolve(`${parser}/package.json`));
  const python = await loadPyodide({ indexURL });
  return python.runPython(`${program}\nscan_all`);
}

let scanner;

parentPort.on("message", async ({ parser, modules }) => {
  const scanAll = await (scanner ??= start(parser));
  const [names, sources] = [modules.map(({ name }) => name), modules.map(({ source }) => source)];
  parentPort.postMessage({ answer: JSON.parse(scanAll(names, sources)) });
});
