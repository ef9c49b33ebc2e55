// Plain JavaScript: a worker that loads TypeScript takes half a second and 60 MB more.
import { createRequire } from "node:module";
import path from "node:path";
import { parentPort } from "node:worker_threads";

import { deflateSync } from "fflate";

/**
 * A path relative to the layer, since an import puts the real one into its place.
 *
 * A set of strings that two functions have is one object, or two where the interpreter has met one of the strings as a name
 * before, in another module. What has a set is compiled twice, so that it always has.
 */
const program = `
import importlib.util, marshal, warnings

warnings.simplefilter("ignore")

def has_sets(code):
    return any(isinstance(each, frozenset) or isinstance(each, type(code)) and has_sets(each) for each in code.co_consts)

def compiled(name, source):
    source = source.to_bytes()
    try:
        code = compile(source, name, "exec", dont_inherit=True)
        if has_sets(code):
            code = compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    unchecked_hash = (0b01).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + unchecked_hash + importlib.util.source_hash(source) + marshal.dumps(code)

compiled
`;

let loading;

async function start(compiler) {
  const { loadPyodide } = await import(compiler);
  // Where it would look otherwise follows from a stack trace, which source maps change.
  const folder = path.dirname(createRequire(import.meta.url).resolve(`${compiler}/package.json`));
  return (await loadPyodide({ indexURL: folder })).runPython(program);
}

/** Undefined for what is no module of this Python, such as a template, and for one that is nested too deep. */
async function compiled(compiler, name, source) {
  const compile = await (loading ??= start(compiler));
  let bytes;
  try {
    bytes = compile(name, source);
  } catch {
    // The stack is full, and the interpreter may be broken.
    loading = undefined;
    return undefined;
  }
  if (bytes === undefined) return undefined;
  try {
    return bytes.toJs();
  } finally {
    bytes.destroy();
  }
}

parentPort.on("message", async ({ compiler, modules, level }) => {
  const answer = [];
  for (const { name, source } of modules) {
    const content = await compiled(compiler, name, source);
    answer.push(content && { content, data: deflateSync(content, { level }) });
  }
  parentPort.postMessage({ answer });
});
