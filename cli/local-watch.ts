import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";

import { ApplicationError } from "../contract/application";
import { nodeArguments, projectFolder } from "../contract/form";
import { BuildError } from "../layers/build-error";
import { findPython } from "../layers/python";
import type { CloudAddress } from "../local/control";
import { checkedSettings } from "../local/configuration";
import { deployedFunctions } from "../local/deployed-functions";
import { stackOutputs } from "../local/engine-state";
import { type CodeChanged, type DebugAddress, type DebugOptions, LiveCode } from "../local/live-code";
import type { Progress } from "../local/progress";
import { watchProject } from "../local/watcher";
import type { Subject } from "./local-subject";

/** Milliseconds without an edit after which the engine deploys the previous ones. */
const quiet = 1_500;

/** Lines of the engine's output that repeat known facts. */
const echo =
  /^(Serving in the background|Deploying stack|Previewing stack|Running the program|The Google Cloud frontend)/;

/**
 * Serves each saved edit of the application, then deploys it with the engine. Edits of settings or of the program are
 * previewed, and deployed at a key press.
 */
export async function watchAndServe(
  subject: Subject,
  cloud: CloudAddress,
  progress: Progress,
  { stop, debug }: { readonly stop: () => void; readonly debug?: DebugOptions },
): Promise<() => Promise<void>> {
  const loop = new Loop(subject, cloud, progress, debug);
  await loop.begin();
  const endWatch = await watchProject(
    { root: projectFolder, application: loop.application, stack: subject.stack },
    (edit, files) => {
      loop.edited(edit, files);
    },
  );
  const endKeys = onKey((key) => {
    if (key === "u") loop.deploy();
    else if (key === "q" || key === "\u0003") stop();
  });
  progress.tell(`Watching ${loop.application}/ and the program: what you save is served; q ends this.`);
  return async () => {
    endKeys();
    await endWatch();
    await loop.end();
  };
}

/** Calls back with each pressed key, or with each character if standard input is no terminal. */
function onKey(act: (key: string) => void): () => void {
  const { stdin } = process;
  if (stdin.isTTY) stdin.setRawMode(true);
  const listen = (data: Buffer) => {
    for (const key of data.toString()) act(key);
  };
  stdin.on("data", listen).resume();
  return () => {
    stdin.off("data", listen).pause();
    if (stdin.isTTY) stdin.setRawMode(false);
  };
}

/** The editor's settings to attach. */
function attachTo({ cloud, name, port, folder }: DebugAddress, application: string): string {
  const configuration = {
    name: `${name} on ${cloud}`,
    type: "debugpy",
    request: "attach",
    connect: { host: "127.0.0.1", port },
    pathMappings: [{ localRoot: `\${workspaceFolder}/${application}`, remoteRoot: folder }],
  };
  return `Debugger of ${name} on ${cloud}: 127.0.0.1:${port}; for launch.json: ${JSON.stringify(configuration)}`;
}

/** Serialises operations: an edit is served, then the engine runs after a pause in edits. */
class Loop {
  #live!: LiveCode;
  #application = "";
  #queue: Promise<void> = Promise.resolve();
  /** The next run of the engine, unless an edit comes before. */
  #timer?: NodeJS.Timeout;
  #engine?: { readonly child: ChildProcess; readonly closed: Promise<number | null> };
  /** Digest of what the engine knows to be deployed. */
  #deployed = "";
  /** Whether the folder contains code that does not start. */
  #broken = false;
  /** Whether changed settings or a changed program wait for a key press. */
  #waiting = false;
  /** Whether settings were deployed since the watched files were determined. */
  #reopen = false;
  #ended = false;

  constructor(
    private readonly subject: Subject,
    private readonly cloud: CloudAddress,
    private readonly progress: Progress,
    private readonly debug?: DebugOptions,
  ) {}

  /** Folder of the application, relative to the project's. */
  get application(): string {
    return this.#application;
  }

  /** Treats the written files as deployed. */
  async begin(): Promise<void> {
    const { stack, config, state } = this.subject;
    const { application, pythonVersion, aws } = checkedSettings({ stack, settings: config });
    this.#application = application;
    this.#live = new LiveCode({
      state,
      cloud: this.cloud,
      root: projectFolder,
      application,
      pythonVersion: (await findPython(pythonVersion)).version,
      architecture: aws?.architecture ?? "x86_64",
      functions: deployedFunctions(stackOutputs(this.subject)),
      debug: this.debug,
    });
    this.#deployed = (await this.#live.begin()).digest;
    if (this.debug === undefined) return;
    this.#tellServed("For a debugger", await this.#live.serve());
    for (const address of this.#live.debugAddresses()) this.progress.tell(attachTo(address, application));
  }

  edited(edit: "application" | "program", files: readonly string[]): void {
    clearTimeout(this.#timer);
    this.#next(() => (edit === "application" ? this.#serve(files) : this.#preview(files)));
  }

  /** Deploys pending changes. */
  deploy(): void {
    if (!this.#waiting) return;
    this.#next(() => this.#update());
  }

  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#engine?.child.kill("SIGTERM");
    await this.#engine?.closed;
  }

  #next(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#ended) return;
      try {
        await step();
      } catch (error) {
        this.progress.tell(`error: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  }

  async #serve(files: readonly string[]): Promise<void> {
    const live = this.#live;
    const what = files.length > 2 ? `${files.length} files` : files.join(", ");
    try {
      const written = await live.read();
      const changed = await live.serve();
      this.#broken = changed.some(({ traceback }) => traceback !== undefined);
      this.#tellServed(what, changed);
      if (this.#broken || written.digest === this.#deployed) return;
      if (written.packages) this.progress.tell(`${what}: other packages; the layers are built and deployed`);
    } catch (error) {
      if (!(error instanceof ApplicationError || error instanceof BuildError)) throw error;
      this.#broken = true;
      this.progress.tell(`${what}: ${error.message}\nThe previous code still serves.`);
      return;
    }
    if (this.#waiting) this.progress.tell("The engine follows when the settings are deployed: press u.");
    else this.#followSoon();
  }

  #tellServed(what: string, changed: readonly CodeChanged[]): void {
    const served = changed.filter(({ traceback }) => traceback === undefined);
    if (served.length > 0) {
      const where = served.map(({ cloud, milliseconds }) => `${cloud} ${Math.round(milliseconds)} ms`);
      this.progress.tell(`${what}: served on ${[...new Set(where)].join(", ")}`);
    }
    // The clouds' entry points differ, but end at the same error.
    const failures = new Map<string, { readonly traceback: string; readonly clouds: Set<string> }>();
    for (const { cloud, traceback } of changed) {
      if (traceback === undefined) continue;
      const reason = traceback.trim().split("\n").at(-1) ?? "";
      const failure = failures.get(reason) ?? { traceback, clouds: new Set() };
      failure.clouds.add(cloud);
      failures.set(reason, failure);
    }
    for (const { traceback, clouds } of failures.values()) {
      const where = [...clouds].join(", ");
      this.progress.tell(`${what} does not start on ${where}:\n${traceback}`);
      this.progress.tell(`What started last still serves on ${where}.`);
    }
  }

  #followSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#next(() => this.#update());
    }, quiet);
  }

  async #preview(files: readonly string[]): Promise<void> {
    this.progress.tell(`${files.join(", ")}: previewing`);
    const { ok, changes } = await this.#run("preview");
    this.#waiting = ok && changes;
    if (this.#waiting) this.progress.tell("To deploy it: u");
  }

  /** Runs the engine in another process, which loads the current program. */
  async #update(): Promise<void> {
    const live = this.#live;
    const before = await live.read();
    const { ok } = await this.#run("up", "--detach");
    if (!ok) return;
    if (this.#waiting) this.#reopen = true;
    this.#waiting = false;
    const after = await live.read();
    if (after.digest !== before.digest) {
      // The deployment serves the files from before these edits.
      live.forget();
      this.#tellServed("Edits saved meanwhile", await live.serve());
      this.#followSoon();
      return;
    }
    this.#deployed = after.digest;
    await live.markDeployed(deployedFunctions(stackOutputs(this.subject)));
    if (!this.#reopen) return;
    this.#reopen = false;
    const watched = this.application;
    await this.begin();
    if (this.application === watched) return;
    this.progress.tell(`The application is ${this.application} now; start again to serve what you save there.`);
  }

  /** Reports the run's output; if the code is served already, only the result. */
  async #run(...verb: readonly string[]): Promise<{ readonly ok: boolean; readonly changes: boolean }> {
    const { stack, state, config, weather } = this.subject;
    const child = spawn(
      process.execPath,
      [
        ...nodeArguments(path.join(__dirname, "local")),
        ...["--stack", stack, "--state", state],
        ...(weather.seed === undefined ? [] : ["--weather", weather.seed]),
        ...Object.entries(config).flatMap(([setting, value]) => ["--config", `${setting}=${value}`]),
        ...verb,
      ],
      { cwd: projectFolder, stdio: ["ignore", "ignore", "pipe"] },
    );
    const closed = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    });
    this.#engine = { child, closed };
    let changes = true;
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (line.startsWith("no changes;")) changes = false;
      const isChange = /^[+~±-] /.test(line);
      if (!echo.test(line) && (this.#waiting || verb[0] === "preview" || !isChange)) this.progress.tell(`  ${line}`);
    });
    const code = await closed;
    this.#engine = undefined;
    return { ok: code === 0, changes };
  }
}
