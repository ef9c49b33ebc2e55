import { execFile, spawn } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, it, vi } from "vitest";

import type { Bundle } from "../../layers/bundle";
import { cacheDirectory, sha256 } from "../../layers/cache";
import { readZip } from "../../layers/unzip";
import { cached, useWorkspace } from "./workspace";

const run = promisify(execFile);
const repository = path.join(__dirname, "..", "..");
const workspace = useWorkspace();

/** How often a build is killed: each day a few times are enough, each night they are to meet every stage of it. */
const kills = process.env.NIGHTLY === undefined ? 12 : 50;

const builder = () => [
  "--require",
  "./run-typescript.js",
  "cli/layer.ts",
  "build",
  "-t",
  "aws",
  "--json",
  "--no-bytecode",
  "--requirements",
  workspace.folder,
];

async function require20(): Promise<void> {
  const names = Array.from({ length: 20 }, (_, index) => `package-${index}`);
  workspace.index.publish(...names.map((name) => ({ name, files: { [`${name}/data.bin`]: name.repeat(5000) } })));
  await workspace.require(names);
}

async function checkBundles(bundles: readonly Bundle[]): Promise<void> {
  for (const bundle of bundles) {
    const zip = await readFile(bundle.path);
    expect(sha256(zip)).toBe(bundle.sha256);
    expect((await readZip(zip)).length).toBeGreaterThan(0);
  }
}

describe("a build", () => {
  it(`killed at ${kills} moments leaves nothing partial behind that a later one would use`, async () => {
    await require20();
    // The reference comes from a cache of its own.
    const own = process.env.XDG_CACHE_HOME ?? "";
    vi.stubEnv("XDG_CACHE_HOME", path.join(workspace.folder, "reference"));
    const started = Date.now();
    await run(process.execPath, builder(), { cwd: repository, env: workspace.environment() });
    const duration = Date.now() - started;
    const reference = await workspace.build();
    vi.stubEnv("XDG_CACHE_HOME", own);

    let killed = 0;
    for (let round = 0; round < kills; round += 1) {
      const child = spawn(process.execPath, builder(), {
        cwd: repository,
        env: workspace.environment(),
        stdio: "ignore",
      });
      const exited = new Promise<NodeJS.Signals | null>((resolve) => {
        child.on("exit", (_, signal) => {
          resolve(signal);
        });
      });
      // One moment of each equal part, so that few of them meet as many stages as they can.
      const moment = ((round + Math.random()) / kills) * duration;
      const timer = setTimeout(() => child.kill("SIGKILL"), moment);
      if ((await exited) === "SIGKILL") killed += 1;
      clearTimeout(timer);
      // Whatever carries a hash for its name has that hash: files appear whole or not at all.
      for (const name of (await cached("wheels")).filter((file) => file.endsWith(".whl"))) {
        expect(sha256(await readFile(path.join(own, "multicloud-auto-deploy", "wheels", name)))).toBe(
          path.parse(name).name,
        );
      }
      // Back to the beginning now and then, so that every stage is interrupted.
      if (round % 5 === 4) await rm(own, { recursive: true, force: true });
    }
    expect(killed).toBeGreaterThan(kills / 5);
    const bundles = await workspace.build();
    expect(bundles.map((bundle) => bundle.sha256)).toEqual(reference.map((bundle) => bundle.sha256));
    await checkBundles(bundles);
  });

  it("gives the same as seven others at once, which wait for the work of the first", async () => {
    await require20();
    workspace.index.sent.length = 0;
    const outputs = await Promise.all(
      Array.from({ length: 8 }, () =>
        run(process.execPath, builder(), { cwd: repository, env: workspace.environment() }),
      ),
    );
    expect(new Set(outputs.map(({ stdout }) => stdout)).size).toBe(1);
    expect(workspace.index.sent).toHaveLength(20);
    await checkBundles(await workspace.build());
    expect((await cached("bundles")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("says so where the cache cannot be written, and is right once it can", async () => {
    await require20();
    // With the addresses known, uv is not asked: it would be the first to fail, and not always in the same way.
    await workspace.build();
    for (const kind of ["builds", "bundles", "wheels"]) await rm(cacheDirectory(kind), { recursive: true });
    // Files may not grow beyond 4 blocks: the disk is full for whatever is larger, even for root.
    const full = run("sh", ["-c", 'ulimit -f 4 && exec "$@"', "sh", process.execPath, ...builder()], {
      cwd: repository,
      env: workspace.environment(),
    });
    await expect(full).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/cannot be written.*XDG_CACHE_HOME/s) as string,
    });
    expect(await cached("builds")).toEqual([]);
    await checkBundles(await workspace.build());
  });

  it("says so where the cache is no folder", async () => {
    await require20();
    vi.stubEnv("XDG_CACHE_HOME", path.join(workspace.folder, "file"));
    await writeFile(path.join(workspace.folder, "file"), "");
    await expect(workspace.build()).rejects.toThrow(/cannot be written.*XDG_CACHE_HOME/s);
  });

  it("fails where its output cannot be written, but not where nobody reads it to the end", async () => {
    workspace.index.publish({ name: "told" });
    await workspace.require(["told"]);
    await workspace.build();
    const told = (script: string) =>
      run("sh", ["-c", script, "sh", process.execPath, ...builder()], {
        cwd: repository,
        env: workspace.environment(),
      });
    await expect(told('exec "$@" > /dev/full')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("the output cannot be written: ") as string,
    });
    const { stderr } = await told('{ "$@"; echo "exit code $?" >&2; } | :');
    expect(stderr).toBe("exit code 0\n");
  });
});
