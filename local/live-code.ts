import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";

import { type Cloud, clouds } from "../contract/clouds";
import { readApplication } from "../contract/application";
import { filesBelow } from "../layers/application-files";
import type { Architecture } from "../layers/bundle";
import { type FunctionCode, functionCode } from "../layers/build";
import { once } from "../layers/once";
import type { CloudAddress } from "./control";
import { changeCode } from "./cloud-process";
import { CodeError, type Debugging } from "./data-plane";
import { type DeployedFunction, providers } from "./deployed-functions";

export interface LiveCodeOptions {
  /** State folder of the running cloud. */
  readonly state: string;
  readonly cloud: CloudAddress;
  /** Folder of Pulumi.yaml. */
  readonly root: string;
  /** The application's folder, below `root`. */
  readonly application: string;
  readonly pythonVersion: string;
  /** Architecture of the Lambda functions. */
  readonly architecture: Architecture;
  /** The stack's deployed functions. */
  readonly functions: readonly DeployedFunction[];
  /** Lets a debugger attach. Default: no debugger. */
  readonly debug?: DebugOptions;
}

export interface DebugOptions {
  /** Name of the only function to debug. Default: all. */
  readonly function?: string;
  /** Folder that contains the package debugpy. */
  readonly debugpy: string;
}

/** The port for a debugger of a function, and the function's code folder. */
export interface DebugAddress {
  readonly cloud: Cloud;
  readonly name: string;
  readonly port: number;
  readonly folder: string;
}

/** debugpy's default port; further functions use the following ports. */
const firstDebugPort = 5678;

/** The result of replacing a function's code on one cloud. */
export interface CodeChanged {
  readonly cloud: Cloud;
  readonly name: string;
  /** Milliseconds until the new code served. */
  readonly milliseconds: number;
  /** Output of code that does not start; the previous code then continues to serve. */
  readonly traceback?: string;
}

/** The current content of the application's folder. */
export interface Written {
  /** Changes with everything in the folder that a deployment uses, but not with settings. */
  readonly digest: string;
  /** Whether the packages differ from the deployed ones, so that bundles have to be built. */
  readonly packages: boolean;
}

/** Number of code folders to keep, so that a process that is still starting finds its folder. */
const keptFolders = 12;

/**
 * Serves an application directly from its folder, function by function, without the engine. The files are those of a
 * bundle; packages and configuration are the deployed ones.
 */
export class LiveCode {
  /** Deployed code, by cloud and function. */
  #deployed = new Map<string, Pick<FunctionCode, "lockSha256"> & { readonly digest: string }>();
  /** Digest of the served code, by cloud and function. */
  #serving = new Map<string, string>();
  #code: readonly FunctionCode[] = [];
  /** Written folders, by name: functions that share a bundle share a folder. */
  readonly #folders = new Map<string, Promise<string>>();
  #source = "";

  constructor(private options: LiveCodeOptions) {}

  /** Assumes that the folder's content is what is deployed. */
  async begin(): Promise<Written> {
    const written = await this.read();
    this.#deployed = new Map(
      this.#each().map(({ key, code, digest }) => [key, { digest, lockSha256: code.lockSha256 }]),
    );
    const served = this.#each().filter(({ function: fn, digest }) => this.#debugging(fn, digest) === undefined);
    this.#serving = new Map(served.map(({ key, digest }) => [key, digest]));
    return { ...written, packages: false };
  }

  /**
   * Reads the folder.
   *
   * @throws {ApplicationError} or {BuildError} if it cannot be deployed.
   */
  async read(): Promise<Written> {
    const { root, application: folder, functions, ...platform } = this.options;
    const application = readApplication(root, folder);
    this.#source = application.source;
    const targets = clouds.filter((cloud) => functions.some((fn) => fn.cloud === cloud));
    this.#code = await functionCode({ application, targets, ...platform });
    const all = this.#each();
    const site = application.site === undefined ? "" : await siteDigest(application.site);
    return {
      digest: sha256([...all.map(({ key, code, digest }) => [key, digest, code.lockSha256]), site]),
      packages: all.some(
        ({ key, code }) => this.#deployed.get(key)?.lockSha256.join(" ") !== code.lockSha256.join(" "),
      ),
    };
  }

  /** Serves the code that was last read, on all clouds in parallel. Functions with unchanged code are skipped. */
  async serve(): Promise<CodeChanged[]> {
    const changed = this.#each().filter(({ key, digest }) => this.#serving.get(key) !== digest);
    const started = performance.now();
    const results = changed.map(async ({ key, code, digest, function: fn }): Promise<CodeChanged> => {
      const { cloud, name, functionName } = fn;
      const debug = this.#debugging(fn, digest);
      const isDeployed = debug === undefined && this.#deployed.get(key)?.digest === digest;
      const written = isDeployed ? undefined : await this.#folder(code, digest);
      const folder = written === undefined || debug === undefined ? written : await this.#stable(fn, written);
      try {
        await changeCode(this.options.cloud, { cloud: providers[cloud], functionName, folder, debug });
        this.#serving.set(key, digest);
        return { cloud, name, milliseconds: performance.now() - started };
      } catch (error) {
        if (!(error instanceof CodeError)) throw error;
        const traceback = folder === undefined ? error.message : this.#inSource(error.message, folder);
        return { cloud, name, milliseconds: performance.now() - started, traceback };
      }
    });
    const done = await Promise.all(results);
    if (changed.length > 0) await this.#prune();
    return done;
  }

  /** Called after a deployment, which ends all replacements: the next `serve` replaces all functions again. */
  forget(): void {
    this.#serving.clear();
  }

  /** Addresses for debuggers. */
  debugAddresses(): DebugAddress[] {
    return this.#each().flatMap(({ function: { cloud, name, functionName }, digest }) => {
      const debug = this.#debugging({ cloud, name, functionName }, digest);
      return debug === undefined ? [] : [{ cloud, name, port: debug.port, folder: this.#debugged({ cloud, name }) }];
    });
  }

  /** Called after the code that was last read has been deployed: the clouds serve their own copy again. */
  async markDeployed(functions: readonly DeployedFunction[]): Promise<void> {
    this.options = { ...this.options, functions };
    const changes = this.#each().map(async ({ key, code, digest, function: { cloud, name, functionName } }) => {
      const isDebugged = this.#debugging({ cloud, name, functionName }, digest) !== undefined;
      const wasLive = !isDebugged && this.#serving.get(key) !== this.#deployed.get(key)?.digest;
      this.#deployed.set(key, { digest, lockSha256: code.lockSha256 });
      if (wasLive) await changeCode(this.options.cloud, { cloud: providers[cloud], functionName });
      this.#serving.set(key, digest);
    });
    await Promise.all(changes);
  }

  /** All functions with their code. */
  #each() {
    return this.#code.flatMap((code) => {
      const digest = sha256(code.files.map(({ name, content }) => [name, content.toString("base64")]));
      return this.options.functions
        .filter(({ cloud, name }) => cloud === code.target && code.functions.includes(name))
        .map((fn) => ({ key: `${fn.cloud} ${fn.name}`, function: fn, code, digest }));
    });
  }

  #folder({ files }: FunctionCode, digest: string): Promise<string> {
    const name = digest.slice(0, 16);
    const folder = path.join(this.#all, name);
    return once(this.#folders, name, async () => {
      if (existsSync(folder)) return folder;
      const unfinished = `${folder}.${process.pid}`;
      for (const { name, content } of files) {
        const file = path.join(unfinished, name);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, content);
      }
      await rename(unfinished, folder);
      return folder;
    });
  }

  #debugging(fn: DeployedFunction, digest: string): Debugging | undefined {
    const { debug, functions } = this.options;
    if (debug === undefined || (debug.function !== undefined && debug.function !== fn.name)) return undefined;
    const index = functions.findIndex(({ cloud, name }) => cloud === fn.cloud && name === fn.name);
    return { port: firstDebugPort + index, debugpy: debug.debugpy, revision: digest };
  }

  #debugged({ cloud, name }: Pick<DeployedFunction, "cloud" | "name">): string {
    return path.join(this.options.state, "debugged", `${cloud}-${name}`);
  }

  /** A folder that always has the newest code: debuggers set breakpoints by path, and would resolve a link. */
  async #stable(fn: DeployedFunction, written: string): Promise<string> {
    const folder = this.#debugged(fn);
    await rm(folder, { recursive: true, force: true });
    await cp(written, folder, { recursive: true });
    return folder;
  }

  get #all(): string {
    return path.join(this.options.state, "code");
  }

  async #prune(): Promise<void> {
    if (!existsSync(this.#all)) return;
    const folders = await Promise.all(
      (await readdir(this.#all)).map(async (name) => ({ name, at: (await stat(path.join(this.#all, name))).mtimeMs })),
    );
    for (const { name } of folders.sort((a, b) => b.at - a.at).slice(keptFolders)) {
      this.#folders.delete(name);
      await rm(path.join(this.#all, name), { recursive: true, force: true });
    }
  }

  /** A traceback, cut to the function's code, with the paths of the edited files instead of their copies. */
  #inSource(written: string, folder: string): string {
    const lines = written.split("\n").filter((line) => !line.includes('File "<frozen '));
    const head = lines.findIndex((line) => line.startsWith("Traceback"));
    const first = lines.findIndex((line) => line.includes(`File "${folder}/`));
    const traceback = head < 0 || first < head ? written : [lines[head], ...lines.slice(first)].join("\n");
    const source = path.relative(process.cwd(), this.#source);
    return traceback.replaceAll(`${folder}/`, source === "" ? "" : `${source}/`);
  }
}

async function siteDigest(folder: string): Promise<string> {
  const files = (await filesBelow(folder)).map(async (name) => {
    const { size, mtimeMs } = await stat(path.join(folder, name));
    return [name, size, mtimeMs];
  });
  return sha256(await Promise.all(files));
}

function sha256(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
