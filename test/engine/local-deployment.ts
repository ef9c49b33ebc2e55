import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { StackOutputs } from "../../components/outputs";
import type { StoredResource } from "../../local/store";

const checkout = path.join(__dirname, "..", "..");

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A deployment onto this machine as a user makes one, by the command line, in a state folder of its own. */
export class LocalDeployment {
  readonly state = mkdtempSync(path.join(tmpdir(), "local-deployment-"));

  /** @param settings laid over those of staging, as `--config` takes them. */
  constructor(private settings: readonly string[]) {}

  configure(settings: readonly string[]): void {
    this.settings = settings;
  }

  /** `npm run local -- <args>`, from this checkout or another. */
  run(args: readonly string[], from: { checkout?: string; env?: Record<string, string> } = {}): Promise<Run> {
    const config = this.settings.flatMap((setting) => ["--config", setting]);
    const script = path.join(from.checkout ?? checkout, "cli", "local.ts");
    return execute([script, "--state", this.state, ...config, ...args], from.checkout ?? checkout, from.env);
  }

  async up(...flags: string[]): Promise<Run> {
    const run = await this.run(["up", "--detach", ...flags]);
    if (run.code !== 0) throw new Error(`up failed:\n${run.stderr}`);
    return run;
  }

  async outputs(): Promise<Outputs> {
    const { stdout } = await this.run(["outputs", "--json"]);
    return JSON.parse(stdout) as Outputs;
  }

  /** What a local cloud has. */
  resources(cloud: string): StoredResource[] {
    const file = path.join(this.state, cloud, "resources.json");
    const { resources } = JSON.parse(readFileSync(file, "utf8")) as { resources: Record<string, StoredResource> };
    return Object.values(resources);
  }

  /** Stops the clouds and deletes everything. */
  async end(): Promise<void> {
    await this.run(["stop"]);
    rmSync(this.state, { recursive: true, force: true });
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

export interface Outputs extends Pick<StackOutputs, "layers"> {
  readonly layerArns: Record<string, string>;
  readonly aws: CloudValues;
  readonly azure: CloudValues;
  readonly gcp: CloudValues;
}

/** A second checkout of this tree, elsewhere; the installed packages are shared. */
export function copyOfCheckout({ development = true } = {}): string {
  const copy = mkdtempSync(path.join(tmpdir(), "another checkout-"));
  const left = new Set(["node_modules", ".git", ".local"].map((name) => path.join(checkout, name)));
  cpSync(checkout, copy, { recursive: true, filter: (source) => !left.has(source) });
  if (development) symlinkSync(path.join(checkout, "node_modules"), path.join(copy, "node_modules"));
  else for (const folder of deployedPackages()) shareFolder(folder, copy);
  return copy;
}

/** What `npm ci --omit=dev` installs, by the lock's own marks; that itself would write half a gigabyte. */
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
  const child = spawn(process.execPath, ["--import", "tsx", ...args], { cwd, env: { ...process.env, ...env } });
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

/** The lines of a run that tell a change, e.g. `~ update  aws:lambda:Function  aws-api`, without the changed properties. */
export function changes({ stderr }: Run): string[] {
  return stderr
    .split("\n")
    .filter((line) => /^[+~±-] /.test(line))
    .map((line) => line.replace(/ {2}\[.*$/, ""));
}
