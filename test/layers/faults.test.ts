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

/** How often a build is killed: a few times by day, and at every stage at night. */
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
  it(`killed at ${kills} moments leaves no partial file that a later build would use`, async () => {
    await require20();
    // The reference uses a separate cache.
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
      // One random moment in each equal part of the duration, to hit as many stages as possible.
      const moment = ((round + Math.random()) / kills) * duration;
      const timer = setTimeout(() => child.kill("SIGKILL"), moment);
      if ((await exited) === "SIGKILL") killed += 1;
      clearTimeout(timer);
      // Every file that is named by a hash has that hash: files appear atomically.
      for (const name of (await cached("wheels")).filter((file) => file.endsWith(".whl"))) {
        expect(sha256(await readFile(path.join(own, "multicloud-auto-deploy", "wheels", name)))).toBe(
          path.parse(name).name,
        );
      }
      // Start again with an empty cache now and then, so that every stage is interrupted.
      if (round % 5 === 4) await rm(own, { recursive: true, force: true });
    }
    expect(killed).toBeGreaterThan(kills / 5);
    const bundles = await workspace.build();
    expect(bundles.map((bundle) => bundle.sha256)).toEqual(reference.map((bundle) => bundle.sha256));
    await checkBundles(bundles);
  });

  it("gives the same result as seven parallel builds, which wait for the first", async () => {
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

  it("reports a cache that is not writable, and succeeds once it is", async () => {
    await require20();
    // With known addresses uv is not called; it would fail first, and not always in the same way.
    await workspace.build();
    for (const kind of ["builds", "bundles", "wheels"]) await rm(cacheDirectory(kind), { recursive: true });
    // A limit of 4 blocks per file: even for root, the disk is full for larger files.
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

  it("reports a cache that is not a folder", async () => {
    await require20();
    vi.stubEnv("XDG_CACHE_HOME", path.join(workspace.folder, "file"));
    await writeFile(path.join(workspace.folder, "file"), "");
    await expect(workspace.build()).rejects.toThrow(/cannot be written.*XDG_CACHE_HOME/s);
  });

  it("fails if its output cannot be written, but not if the reader ends early", async () => {
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
