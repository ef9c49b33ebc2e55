import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, beforeEach, vi } from "vitest";

import { readApplication } from "../../contract/application";
import { build, type BuildOptions } from "../../layers/build";
import type { Bundle, Target } from "../../layers/bundle";
import { cacheDirectory } from "../../layers/cache";
import { relock } from "../../layers/relock";
import { findUv } from "../../layers/uv";
import { listType, type PackageIndex, startIndex } from "./package-index";

/** A test's own requirements, index and empty cache. */
export interface Workspace {
  readonly index: PackageIndex;
  /** Folder of requirements and locks. */
  readonly folder: string;
  readonly progress: string[];
  /** Writes requirements and locks them. */
  require(requirements: readonly string[], target?: Target): Promise<void>;
  build(options?: Partial<BuildOptions>): Promise<Bundle[]>;
  /** Environment of a builder in a separate process. */
  environment(): NodeJS.ProcessEnv;
}

/** A workspace for the tests of a file: a shared index, and for each test a new cache and new requirements. */
export function useWorkspace(): Workspace {
  const root = mkdtempSync(path.join(tmpdir(), "layers-test-"));
  let running: PackageIndex | undefined;
  let uv = "";
  let folder = "";
  let number = 0;
  const progress: string[] = [];

  beforeAll(async () => {
    // Found before the cache is replaced, since the user's cache may contain it.
    uv = await findUv();
    running = await startIndex();
  });
  beforeEach(async () => {
    number += 1;
    folder = path.join(root, String(number), "requirements");
    await mkdir(folder, { recursive: true });
    vi.unstubAllEnvs();
    vi.stubEnv("XDG_CACHE_HOME", path.join(root, String(number), "cache"));
    vi.stubEnv("UV_DEFAULT_INDEX", running?.url);
    vi.stubEnv("UV_NO_CONFIG", "1");
    // The tests of a file share uv's own cache: uv is slow to find a Python.
    vi.stubEnv("UV_CACHE_DIR", path.join(root, "uv"));
    vi.stubEnv("UV_FIND_LINKS", undefined);
    progress.length = 0;
    if (running) {
      running.sent.length = 0;
      running.requests.length = 0;
      running.misbehave = undefined;
      running.login = undefined;
      running.files = "/files/";
      running.listType = listType;
      running.tellsSizes = true;
    }
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await running?.close();
    // The uv of a killed builder may still be writing.
    rmSync(root, { recursive: true, maxRetries: 20, retryDelay: 100 });
  });

  return {
    get index() {
      if (running === undefined) throw new Error("the index has not started");
      return running;
    },
    get folder() {
      return folder;
    },
    progress,
    require: async (requirements, target = "aws") => {
      await writeFile(path.join(folder, `${target}.in`), `${requirements.join("\n")}\n`);
      await relock(path.join(folder, `${target}.in`), { pythonVersion: "3.11" });
    },
    build: (options) =>
      build({
        application: readApplication(path.join(__dirname, "..", ".."), "application"),
        targets: ["aws"],
        pythonVersion: "3.12",
        architecture: "x86_64",
        requirements: folder,
        // It is slow, and has its own tests.
        bytecode: false,
        progress: (line) => progress.push(line),
        ...options,
      }),
    environment: () => ({
      ...process.env,
      PATH: [...(path.isAbsolute(uv) ? [path.dirname(uv)] : []), process.env.PATH].join(path.delimiter),
    }),
  };
}

/** Files in the builder's cache, by folder. */
export async function cached(kind: "addresses" | "builds" | "bundles" | "wheels"): Promise<string[]> {
  return (await readdir(cacheDirectory(kind)).catch(() => [])).sort();
}
