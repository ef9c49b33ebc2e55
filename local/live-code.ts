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
  /** Of the Lambda functions. */
  readonly architecture: Architecture;
  /** What the stack has deployed. */
  readonly functions: readonly DeployedFunction[];
  /** Lets a debugger attach. Default: none. */
  readonly debug?: DebugOptions;
}

export interface DebugOptions {
  /** Name of the one function. Default: each. */
  readonly function?: string;
  /** Folder that the package debugpy is in. */
  readonly debugpy: string;
}

/** Where a debugger attaches to a function, and where the function's code is for it. */
export interface DebugAddress {
  readonly cloud: Cloud;
  readonly name: string;
  readonly port: number;
  readonly folder: string;
}

/** The port at which debugpy awaits a debugger, unless it is told another; those of further functions follow it. */
const firstDebugPort = 5678;

/** A function on one cloud, whose code has been changed or could not be. */
export interface CodeChanged {
  readonly cloud: Cloud;
  readonly name: string;
  /** Until it served. */
  readonly milliseconds: number;
  /** What its start wrote, where it does not start: what served before goes on. */
  readonly traceback?: string;
}

/** What lies in the application's folder. */
export interface Written {
  /** Changes with everything that a deployment takes from the folder, but with no setting. */
  readonly digest: string;
  /** Whether the packages are others than those that are deployed: their bundles have to be built. */
  readonly packages: boolean;
}

/** Folders of code that are kept, so that what still starts from an old one finds it. */
const keptFolders = 12;

/**
 * Serves an application from its own folder, function by function, without the engine: the files are those that a bundle
 * would have, the packages and the configuration those that are deployed.
 */
export class LiveCode {
  /** What is deployed, by cloud and function. */
  #deployed = new Map<string, Pick<FunctionCode, "lockSha256"> & { readonly digest: string }>();
  /** Digest of what serves, by cloud and function. */
  #serving = new Map<string, string>();
  #code: readonly FunctionCode[] = [];
  /** Folders that were written, by their names: two functions of one bundle have one. */
  readonly #folders = new Map<string, Promise<string>>();
  #source = "";

  constructor(private options: LiveCodeOptions) {}

  /** Takes what lies in the folder for what is deployed. */
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
   * @throws {ApplicationError} or {BuildError} where it cannot be deployed from.
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

  /** Serves what was read last, on every cloud at once. A function whose code is the same is not touched. */
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

  /** A deployment has taken the place of what was served: the next `serve` serves all of it anew. */
  forget(): void {
    this.#serving.clear();
  }

  /** Where debuggers attach. */
  debugAddresses(): DebugAddress[] {
    return this.#each().flatMap(({ function: { cloud, name, functionName }, digest }) => {
      const debug = this.#debugging({ cloud, name, functionName }, digest);
      return debug === undefined ? [] : [{ cloud, name, port: debug.port, folder: this.#debugged({ cloud, name }) }];
    });
  }

  /** What was read last has been deployed: the clouds serve their own copy of it again. */
  async settle(functions: readonly DeployedFunction[]): Promise<void> {
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

  /** Each function with its code. */
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

  /** A folder that always has the newest code: breakpoints are set by paths, and a link would be followed. */
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

  /** A traceback that begins in the function's code, with the files that were edited instead of copies of them. */
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
