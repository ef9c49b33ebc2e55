"use strict";

// Runs TypeScript: `node --require ./run-typescript.js cli/local.ts`. esbuild compiles each file as it is loaded; the output
// and V8's code are cached, so that the SDKs and this program load in a third of the time.
// This file itself has to be plain JavaScript.

const { createHash, randomUUID } = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const os = require("node:os");
const path = require("node:path");
const vm = require("node:vm");

const { XDG_CACHE_HOME: chosen = "" } = process.env;
const cache = path.join(
  path.isAbsolute(chosen) ? chosen : path.join(os.homedir(), ".cache"),
  "multicloud-auto-deploy",
  "compiled",
);

/** Loaded by every program that imports `@pulumi/pulumi`, for what makes a cloud's function of a JavaScript closure. */
const rarelyUsed = ["@npmcli/arborist", "typescript"];

const sha256 = (content) => createHash("sha256").update(content).digest("hex");

// What it depends on how a file is translated and compiled, and which program loads which files.
const versions = [process.version, process.arch, require("esbuild/package.json").version, fs.readFileSync(__filename)];
const entry = process.argv[1] ?? "eval";
const store = path.join(cache, `${path.parse(entry).name}-${sha256([...versions, entry].join()).slice(0, 16)}`);

/**
 * What earlier processes translated and compiled: `translated` by the SHA-256 of a source, `compiled` by that of the file's
 * name and its source.
 */
const { translated, compiled } = readStore();
let isChanged = false;

function readStore() {
  const none = { translated: new Map(), compiled: new Map() };
  try {
    const bytes = fs.readFileSync(store);
    const content = bytes.subarray(64);
    // V8 does not look whether what it is given is whole.
    if (bytes.toString("latin1", 0, 64) !== sha256(content)) return none;
    const end = content.indexOf("\n");
    const index = JSON.parse(content.toString("utf8", 0, end));
    let at = end + 1;
    const next = (length) => content.subarray(at, (at += length));
    return {
      translated: new Map(index.translated.map(([key, file, length]) => [key, { file, text: next(length) }])),
      compiled: new Map(index.compiled.map(([key, file, length]) => [key, { file, data: next(length) }])),
    };
  } catch {
    return none;
  }
}

/** Keeps entries that this process did not use, for other programs, unless their file has changed or is gone. */
function writeStore() {
  const last = (entries) => {
    const byFile = new Map([...entries].map(([key, value]) => [value.file, [key, value]]));
    return [...byFile.values()].filter(([, { file, isUsed }]) => isUsed || fs.existsSync(file));
  };
  const texts = last(translated).map(([key, { file, text }]) => [key, file, Buffer.from(text)]);
  const codes = last(compiled).map(([key, { file, data, script }]) => [key, file, data ?? script.createCachedData()]);
  const sizes = (entries) => entries.map(([key, file, { length }]) => [key, file, length]);
  const index = `${JSON.stringify({ translated: sizes(texts), compiled: sizes(codes) })}\n`;
  const content = Buffer.concat([
    Buffer.from(index),
    ...texts.map(([, , text]) => text),
    ...codes.map(([, , data]) => data),
  ]);
  const temporary = `${store}.${randomUUID()}.tmp`;
  // If the cache cannot be written, the next run is only slower.
  const attempt = (write) => {
    try {
      write();
      return true;
    } catch {
      return false;
    }
  };
  const isWritten = attempt(() => {
    fs.mkdirSync(cache, { recursive: true });
    fs.writeFileSync(temporary, Buffer.concat([Buffer.from(sha256(content)), content]));
    fs.renameSync(temporary, store);
  });
  if (!isWritten) attempt(() => fs.rmSync(temporary, { force: true }));
}

process.on("exit", () => {
  if (isChanged) writeStore();
});

let esbuild;

Module._extensions[".ts"] = (module, file) => {
  const source = fs.readFileSync(file, "utf8");
  const key = sha256(source);
  let found = translated.get(key);
  if (found === undefined) {
    esbuild ??= require("esbuild");
    const { code } = esbuild.transformSync(source, {
      loader: "ts",
      format: "cjs",
      target: `node${process.versions.node}`,
      sourcefile: file,
      sourcemap: "inline",
      sourcesContent: false,
      // Dynamic imports become `require`: Node's import() would not find TypeScript.
      supported: { "dynamic-import": false },
    });
    found = { file, text: code };
    translated.set(key, found);
    isChanged = true;
  }
  found.isUsed = true;
  module._compile(found.text.toString(), file);
};

const compileByNode = Module.prototype._compile;

// Node.js 22 and later have a compile cache of their own.
if (Module.enableCompileCache !== undefined) Module.enableCompileCache(path.join(cache, "node"));
else Module.prototype._compile = compile;

/** What Node.js does with a CommonJS module, with what V8 kept of it where it was compiled before. */
function compile(content, filename, format) {
  // What V8 keeps of a file forgets who imports for it.
  if (format === "module" || /\bimport\s*\(/.test(content)) return compileByNode.call(this, content, filename, format);
  const [before, after] = Module.wrapper;
  const source = `${before}${content.replace(/^#!/, "//")}${after}`;
  const key = sha256(`${filename}\n${source}`);
  const known = compiled.get(key);
  let script;
  try {
    script = new vm.Script(source, { filename, columnOffset: -before.length, cachedData: known?.data });
  } catch {
    // It is an ECMAScript module, or its error is Node's to tell.
    return compileByNode.call(this, content, filename, format);
  }
  if (known === undefined || script.cachedDataRejected) {
    compiled.set(key, { file: filename, script, isUsed: true });
    isChanged = true;
  } else known.isUsed = true;
  const require = (id) => this.require(id);
  require.resolve = (request, options) => Module._resolveFilename(request, this, false, options);
  require.resolve.paths = (request) => Module._resolveLookupPaths(request, this);
  require.main = process.mainModule;
  require.extensions = Module._extensions;
  require.cache = Module._cache;
  const run = script.runInThisContext();
  return run.call(this.exports, this.exports, require, this, filename, path.dirname(filename), process, globalThis);
}

/** Replaces a package, if it is installed. */
function replaceModule(name, exports) {
  let file;
  try {
    file = require.resolve(name);
  } catch {
    return;
  }
  require.cache[file] = Object.assign(new Module(file), { filename: file, loaded: true, exports: exports(file) });
}

for (const name of rarelyUsed) {
  replaceModule(name, (file) => {
    let real;
    const load = () => {
      if (real === undefined) {
        delete require.cache[file];
        real = require(file);
      }
      return real;
    };
    const get = (_, key) => (key === "__esModule" ? true : load()[key]);
    return new Proxy({}, { get, has: (_, key) => key in load() });
  });
}

// Pulumi's host reads the source map of every file of every stack trace, and the SDK takes one of each promise. Here the
// program's own files have theirs read, once a trace is shown.
replaceModule("source-map-support/register", () => ({}));

const maps = new Map();

function mapOf(file) {
  if (!file?.endsWith(".ts")) return undefined;
  if (!maps.has(file)) {
    const { text = "" } = translated.get(sha256(fs.readFileSync(file, "utf8"))) ?? {};
    const [, encoded] = /base64,([^\n]+)\s*$/.exec(text.toString()) ?? [];
    maps.set(file, encoded && new Module.SourceMap(JSON.parse(Buffer.from(encoded, "base64").toString())));
  }
  return maps.get(file);
}

function shown(frame) {
  const text = String(frame);
  const place = mapOf(frame.getFileName())?.findEntry(frame.getLineNumber() - 1, frame.getColumnNumber() - 1);
  if (place?.originalLine === undefined) return text;
  return text.replace(/:\d+:\d+(\)?)$/, `:${place.originalLine + 1}:${place.originalColumn + 1}$1`);
}

Error.prepareStackTrace = (error, frames) =>
  [Error.prototype.toString.call(error), ...frames.map((frame) => `    at ${shown(frame)}`)].join("\n");
