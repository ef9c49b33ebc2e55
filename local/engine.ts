import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";

import { PulumiCommand } from "@pulumi/pulumi/automation";
import { lt, SemVer } from "semver";

import { unwritable } from "../layers/cache";
import { once } from "../layers/once";
import { engineFolder, enginePackage, engineVersion, goModule } from "./engine-version";

/** Receives one line for each slow step. */
export type Progress = (line: string) => void;

/** Timeout of Pulumi's installer in milliseconds; a blocked download fails much sooner. */
const installerTimeoutMs = 120_000;

/**
 * Finds Pulumi's engine: `pulumi` on the PATH if it is new enough, otherwise one in the cache, which Pulumi's installer
 * downloads or, if that fails, Go builds.
 *
 * @throws if neither works, naming what to install.
 */
export function findEngine(progress: Progress): Promise<PulumiCommand> {
  return once(found, "engine", () => find(progress));
}

const found = new Map<string, Promise<PulumiCommand>>();

async function find(progress: Progress): Promise<PulumiCommand> {
  const version = new SemVer(await engineVersion());
  const root = engineFolder(version.version);
  const installed = await quietly(() => PulumiCommand.get({ skipVersionCheck: true }));
  if (installed?.version !== undefined && installed.version !== null && lt(installed.version, version)) {
    progress(
      `pulumi ${installed.version.version} on the PATH is older than ${version.version}, whose behaviour after failures ` +
        "the program and its tests stand on; another one is used here, and `pulumi up` needs at least what Pulumi.yaml says",
    );
  }
  return (
    (await quietly(() => PulumiCommand.get({ version }))) ??
    (await quietly(() => PulumiCommand.get({ root, version }))) ??
    (await install(root, version, progress)) ??
    (await build(root, version, progress))
  );
}

async function install(root: string, version: SemVer, progress: Progress): Promise<PulumiCommand | undefined> {
  progress(`Downloading Pulumi ${version.version}`);
  const staging = `${root}.${randomUUID()}`;
  try {
    await within(installerTimeoutMs, PulumiCommand.install({ root: staging, version, skipVersionCheck: true }));
    return await adopt(staging, root, version);
  } catch {
    progress("Pulumi could not be downloaded");
    return undefined;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function build(root: string, version: SemVer, progress: Progress): Promise<PulumiCommand> {
  const staging = `${root}.${randomUUID()}`;
  const started = Date.now();
  progress(`Building Pulumi ${version.version} with Go: once, some minutes`);
  const ticker = setInterval(() => {
    progress(`Building Pulumi: ${Math.round((Date.now() - started) / 1000)} s`);
  }, 15_000);
  try {
    await mkdir(path.join(staging, "bin"), { recursive: true }).catch((error: unknown) => {
      throw unwritable(staging, error);
    });
    await go([
      "build",
      // The Automation API rejects an engine without a version.
      ...["-ldflags", `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version.version}`],
      ...["-o", path.join(staging, "bin", "pulumi"), `${enginePackage}/cmd/pulumi`],
    ]);
    return await adopt(staging, root, version);
  } finally {
    clearInterval(ticker);
    await rm(staging, { recursive: true, force: true });
  }
}

/** Moves a finished engine into the cache atomically. If another process was faster, its engine is the same. */
async function adopt(staging: string, root: string, version: SemVer): Promise<PulumiCommand> {
  await rename(staging, root).catch(() => access(path.join(root, "bin", "pulumi")));
  return PulumiCommand.get({ root, version });
}

async function go(args: string[]): Promise<void> {
  const child = spawn("go", args, {
    cwd: goModule,
    env: { ...process.env, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve).once("error", () => {
      reject(
        new Error(
          "there is no Pulumi engine here: no pulumi on the PATH, no download, and no Go to build it with; " +
            "install Pulumi (https://www.pulumi.com/docs/install/) or Go, then try again",
        ),
      );
    });
  });
  if (code !== 0) throw new Error(`the engine could not be built with Go:\n${stderr.slice(-2000)}`);
}

async function quietly<T>(attempt: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attempt();
  } catch {
    return undefined;
  }
}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      setTimeout(reject, milliseconds, new Error("timed out")).unref();
    }),
  ]);
}
