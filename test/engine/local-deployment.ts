import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Stack } from "@pulumi/pulumi/automation";
import { inject } from "vitest";

import { stackOutputs, type StackValues } from "../../components/outputs";
import type { Identity } from "../../bootstrap/rights";
import { changeCaller, requireCloud, runningCloud, startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { identitiesStack, tokenOf } from "../../local/identities";
import { localEnvironment } from "../../local/inspected-clouds";
import { localStack } from "../../local/stack";
import type { StoredResource } from "../../local/store";
import { UpdateLog } from "../../local/update-log";
import { diagnose } from "../../operations/diagnose/diagnose";
import type { Report } from "../../operations/diagnose/report";
import { copyState, savedAtTheEnd } from "./state-copy";

const checkout = path.join(__dirname, "..", "..");
const project = "multicloud-auto-deploy";

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A deployment onto this machine, with its own state folder.
 *
 * {@link run} is the command line: each call is a process that loads the SDKs, as for a user. The other methods do the
 * same in this process, with about half the processor time, for tests that are not about the command line.
 */
export class LocalDeployment {
  readonly state = mkdtempSync(path.join(tmpdir(), "local-deployment-"));

  /**
   * @param settings override those of the stack, in the form of `--config`.
   * @param stack selects Pulumi.<name>.yaml.
   */
  constructor(
    private settings: readonly string[],
    private readonly stack = "staging",
  ) {}

  /**
   * Provides a deployed stack without deploying it: the first test with these settings deploys, and the others get
   * copies with their own addresses. This takes two seconds instead of ten to thirty.
   *
   * The copies have the stack's history and the same names, and are independent of each other.
   *
   * @throws if it cannot be deployed, or this deployment was used already.
   */
  async restore(): Promise<void> {
    const key = createHash("sha256")
      .update(JSON.stringify([this.stack, this.settings]))
      .digest("hex")
      .slice(0, 16);
    const saved = path.join(inject("deployments"), key);
    const [done, failed] = [`${saved}.done`, `${saved}.failed`];
    if (isFirst(`${saved}.claim`)) {
      const original = new LocalDeployment(this.settings, this.stack);
      try {
        await original.up();
        await stopCloud(original.state);
        await copyState(original.state, saved);
        writeFileSync(done, "");
      } catch (error) {
        writeFileSync(failed, String(error));
        throw error;
      } finally {
        await original.end();
      }
    }
    while (!existsSync(done)) {
      if (existsSync(failed)) throw new Error(`what this would be a copy of failed:\n${readFileSync(failed, "utf8")}`);
      await sleep(100);
    }
    await copyState(saved, this.state);
    await startCloud(this.state, { attached: true });
  }

  /** The current overriding settings. */
  get configured(): readonly string[] {
    return this.settings;
  }

  configure(settings: readonly string[]): void {
    this.settings = settings;
  }

  /** `npm run local -- <args>`, from this checkout or another. */
  run(args: readonly string[], from: { checkout?: string; env?: Record<string, string> } = {}): Promise<Run> {
    const config = this.settings.flatMap((setting) => ["--config", setting]);
    const script = path.join(from.checkout ?? checkout, "cli", "local.ts");
    const options = ["--state", this.state, "--stack", this.stack, ...config];
    return execute([script, ...options, ...args], from.checkout ?? checkout, from.env);
  }

  /**
   * Same as `up --detach`; starts the clouds if necessary. They end with this process.
   *
   * @returns a line for each change, see {@link changes}.
   * @throws with the user's error message if the update fails.
   */
  async up({ refresh = false } = {}): Promise<Update> {
    if ((await runningCloud(this.state)) === undefined) await startCloud(this.state, { attached: true });
    return this.#update("done", (stack, onEvent) => stack.up({ onEvent, refresh }));
  }

  /** Uses an identity of the stack from now on, which `bootstrap/` creates; it is deployed here first. */
  async signIn(identity: Identity): Promise<void> {
    if ((await runningCloud(this.state)) === undefined) await startCloud(this.state, { attached: true });
    const [cloud, engine] = await Promise.all([requireCloud(this.state), findEngine(() => undefined)]);
    await changeCaller(cloud, {});
    await (await identitiesStack({ engine, cloud, state: this.state, stack: this.stack })).up();
    await changeCaller(cloud, { token: tokenOf(identity, this.stack), region: "ap-northeast-1" });
  }

  /** Same as `preview`. */
  preview({ refresh = false } = {}): Promise<Update> {
    return this.#update("planned", (stack, onEvent) => stack.preview({ onEvent, refresh }));
  }

  /** Same as `destroy`. */
  destroy(): Promise<Update> {
    return this.#update("done", (stack, onEvent) => stack.destroy({ onEvent }));
  }

  async #update(
    tense: "planned" | "done",
    operation: (stack: Stack, onEvent: UpdateLog["onEvent"]) => Promise<unknown>,
  ): Promise<Update> {
    const settings = Object.fromEntries(
      this.settings.map((setting) => {
        const at = setting.indexOf("=");
        return [setting.slice(0, at), setting.slice(at + 1)] as const;
      }),
    );
    const stack = await localStack({
      engine: await findEngine(() => undefined),
      cloud: await runningCloud(this.state),
      state: this.state,
      stack: this.stack,
      settings,
    });
    Object.assign(stack.workspace.envVars, savedAtTheEnd);
    const lines: string[] = [];
    const log = new UpdateLog((line) => lines.push(line), tense);
    try {
      await operation(stack, log.onEvent);
    } catch (error) {
      throw log.errors.length === 0 ? error : new Error(log.errors.join("\n"), { cause: error });
    }
    return { stderr: lines.join("\n") };
  }

  /** The findings of `diagnose`. */
  async diagnose(): Promise<Report> {
    const engine = await findEngine(() => undefined);
    return diagnose(await localEnvironment(engine, { state: this.state, stack: this.stack }), {
      timeout: 30_000,
      drift: false,
    });
  }

  /**
   * The stack's outputs, from the engine's state.
   *
   * @throws if they differ from the reference.
   */
  outputs(): Outputs {
    const file = path.join(this.state, "engine", ".pulumi", "stacks", project, `${this.stack}.json`);
    const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as {
      checkpoint: { latest: { resources: { type: string; outputs: unknown }[] } };
    };
    const stack = checkpoint.latest.resources.find(({ type }) => type === "pulumi:pulumi:Stack");
    if (stack === undefined) throw new Error(`${file}: nothing is deployed`);
    return stackOutputs.parse(stack.outputs) as Outputs;
  }

  /** The resources of a local cloud. */
  resources(cloud: string): StoredResource[] {
    const file = path.join(this.state, cloud, "resources.json");
    const { resources } = JSON.parse(readFileSync(file, "utf8")) as { resources: Record<string, StoredResource> };
    return Object.values(resources);
  }

  /** Stops the clouds and deletes everything. */
  async end(): Promise<void> {
    await stopCloud(this.state);
    rmSync(this.state, { recursive: true, force: true });
  }
}

/** The output of an update, with a line for each change. */
export type Update = Pick<Run, "stderr">;

/** Whether this process is the first with a claim; of several processes exactly one is. */
function isFirst(claim: string): boolean {
  try {
    mkdirSync(claim);
    return true;
  } catch {
    return false;
  }
}
/** A cloud's outputs as another program reads them. */
export interface CloudValues {
  readonly apiUrl: string;
  readonly frontendUrl: string;
  readonly functionName: string;
  readonly logs: string;
  readonly region: string;
  readonly version: string;
}

export interface Outputs extends Pick<StackValues, "layers"> {
  readonly layerArns: Record<string, string>;
  readonly aws: CloudValues;
  readonly azure: CloudValues;
  readonly gcp: CloudValues;
}

/** A second checkout of this tree in another folder; the installed packages are shared. */
export function copyOfCheckout({ development = true } = {}): string {
  const copy = mkdtempSync(path.join(tmpdir(), "another checkout-"));
  const left = new Set(["node_modules", ".git", ".local"].map((name) => path.join(checkout, name)));
  cpSync(checkout, copy, { recursive: true, filter: (source) => !left.has(source) });
  if (development) symlinkSync(path.join(checkout, "node_modules"), path.join(copy, "node_modules"));
  else for (const folder of deployedPackages()) shareFolder(folder, copy);
  return copy;
}

/** The packages that `npm ci --omit=dev` would install, by the lock's marks; npm itself would write half a gigabyte. */
function deployedPackages(): string[] {
  const lock = JSON.parse(readFileSync(path.join(checkout, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  return Object.entries(lock.packages).flatMap(([folder, { dev = false }]) =>
    !dev && /^node_modules\/(@[^/]+\/)?[^/]+$/.test(folder) && existsSync(path.join(checkout, folder)) ? [folder] : [],
  );
}

function shareFolder(folder: string, copy: string): void {
  mkdirSync(path.dirname(path.join(copy, folder)), { recursive: true });
  symlinkSync(path.join(checkout, folder), path.join(copy, folder));
}

export function execute(args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, ["--require", "./run-typescript.js", ...args], {
    cwd,
    env: { ...process.env, ...env },
  });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => {
      resolve({ code, ...output });
    });
  });
}

/** The changes in a run's output, e.g. `~ update  aws:lambda:Function  aws-api`, without changed properties. */
export function changes({ stderr }: Update): string[] {
  return stderr
    .split("\n")
    .filter((line) => /^[+~±-] /.test(line))
    .map((line) => line.replace(/ {2}\[.*$/, ""));
}
