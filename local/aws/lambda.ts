import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { unpacked } from "../../layers/archive";
import { type CodeChange, CodeError, debuggedSeconds, type Debugging, debugVariables } from "../data-plane";
import { HeldLines } from "../held-lines";
import type { Logs } from "../logs";
import { startPython } from "../process";
import { once } from "../../layers/once";
import { findPython, pythonEnvironment } from "../../layers/python";
import { ExecutionEnvironment, type InvocationResult, type TimedResult } from "./execution-environment";
import { accessKeyOf, type AwsResources, type Resource } from "./resources";
import { versionType } from "./versions";

/** A function as one of its versions runs it, `$LATEST` among them. */
interface LambdaFunction extends Resource<"aws:lambda/function:Function"> {
  readonly version: string;
  /** Archives of its layers, in their order. */
  readonly layerCode: readonly { readonly path: string; readonly sha256: string }[];
  /** Folder of the code that has taken the place of `code`. */
  readonly folder?: string;
  readonly debug?: Debugging;
}

/** Code that serves in the place of a version's. */
interface OtherCode extends Pick<LambdaFunction, "folder" | "debug"> {
  readonly insteadOf: Pick<LambdaFunction, "version" | "code">;
}

/** How an invocation ended, as the Invoke API tells it. */
export interface Invoked extends InvocationResult {
  /** The version that had the event. */
  readonly version: string;
  /** The last lines of the function's log; what the function wrote last may still be on its way. */
  readonly tail: readonly string[];
  /** Whether an execution environment was started for it. */
  readonly cold: boolean;
}

/** There is no such function, version or alias: Lambda's `ResourceNotFoundException`. */
export class UnknownFunctionError extends Error {}

/** The invocation was refused, because as many run as may run: Lambda's `TooManyRequestsException`. */
export class ThrottledError extends Error {}

/** A version whose snapshot could not be made is neither invoked nor named by an alias: Lambda's `ResourceConflictException`. */
export class FailedVersionError extends Error {}

/** Bytes of event and of result that a synchronous invocation takes: 6 MB (Lambda developer guide, "Lambda quotas"). */
const payloadLimit = 6 * 1024 * 1024;

/** Events that one function works on at a time at most, on this machine; more wait, where Lambda would go on starting. */
const localConcurrency = 8;

/** Milliseconds without an event after which another function's event ends what waits for one; Lambda's are some minutes. */
const idleTime = 120_000;

/** The execution environments of a version of a function, in one configuration. */
interface Pool {
  readonly functionName: string;
  readonly configuration: string;
  readonly idle: ExecutionEnvironment[];
  /** Events that wait for another to end. */
  readonly waiting: (() => void)[];
  busy: number;
  /** When an event came last, in milliseconds since 1970. */
  usedAt: number;
  /** The configuration is no longer the function's: nothing stays warm. */
  retired: boolean;
}

export interface LambdaOptions {
  readonly resources: AwsResources;
  readonly logs: Logs;
  /** Environment variables that lead a function's SDK to the services of this machine. */
  readonly endpoints: Readonly<Record<string, string>>;
}

/**
 * Lambda: runs the versions of functions, `$LATEST` as it is configured at that moment. Environments start with the first
 * event, stay warm, and give way to new ones when code, layers or configuration change.
 *
 * Memory limits and tracing are not reproduced; of snapshots, that a version is initialised once when it is published, and
 * serves never where that fails.
 */
export class Lambda {
  /** By function and version, e.g. `api:3`. */
  readonly #pools = new Map<string, Pool>();
  /** All that run, with the name of their function, until they are gone. */
  readonly #environments = new Map<ExecutionEnvironment, string>();
  readonly #runtimes = new Map<string, Promise<Runtime>>();
  /** The code that serves in the place of what was deployed, by function. */
  readonly #code = new Map<string, OtherCode>();

  constructor(private readonly options: LambdaOptions) {}

  /**
   * Invokes a function and waits for its result.
   *
   * @param target its name or ARN, with or without a version or an alias.
   * @throws {UnknownFunctionError}
   * @throws {ThrottledError}
   */
  async invoke(target: string, event: Buffer): Promise<Invoked> {
    const fn = this.#find(target);
    if (event.length > payloadLimit) {
      return {
        ...tooLarge("RequestEntityTooLargeException", "Request", event),
        version: fn.version,
        tail: [],
        cold: false,
      };
    }

    const pool = this.#poolOf(fn);
    const working = this.#workingOn(fn.name);
    const { reservedConcurrentExecutions: reserved } = this.#latest(fn.name);
    if (reserved >= 0 && working >= reserved) {
      throw new ThrottledError(
        `${fn.name} works on ${working} events, which is all that its reserved concurrency allows`,
      );
    }
    const concurrency = fn.debug === undefined ? localConcurrency : 1;
    while (pool.busy >= concurrency) await new Promise<void>((resume) => pool.waiting.push(resume));
    pool.busy += 1;
    try {
      const result = await this.#run(pool, fn, event);
      return result.payload.length > payloadLimit
        ? { ...result, ...tooLarge("Function.ResponseSizeTooLarge", "Response", result.payload) }
        : result;
    } finally {
      pool.busy -= 1;
      pool.waiting.shift()?.();
    }
  }

  /**
   * Serves a function from other code: by its name and by its aliases. Its versions stay what they are.
   *
   * @param target the function's name, with the alias that serves where it has one.
   * @throws {CodeError} with the traceback, where the code does not start; what served goes on.
   */
  async changeCode(target: string, { folder, debug }: Omit<CodeChange, "functionName">): Promise<void> {
    const { name } = parseTarget(target);
    // Two processes cannot await a debugger at one port.
    if (debug !== undefined) await this.stop(name);
    const fn = withCode(this.#deployed(target), { folder, debug });
    const lines = new HeldLines(this.#logOf(fn));
    const environment = await this.#start(fn, lines.take);
    const failure = await environment.initialised();
    if (failure !== undefined) {
      await this.#discard(environment);
      throw new CodeError(await this.#traceback(fn, failure));
    }
    lines.release();
    if (folder === undefined) this.#code.delete(name);
    else this.#code.set(name, { folder, debug, insteadOf: fn });
    this.#poolOf(fn).idle.push(environment);
  }

  /**
   * Initialises the newest version of a function, where it is to have a snapshot: the version waits as it is, for its first
   * event. One that fails stays, and is published no second time (terraform-provider-aws#49904).
   *
   * @returns its number, and why it failed where it did; undefined where nothing was to be done.
   */
  async snapshot(functionName: string): Promise<{ version: string; reason?: string } | undefined> {
    const all = this.options.resources.list(versionType).filter(({ versionOf }) => versionOf === functionName);
    const newest = all.sort((one, other) => Number(other.version) - Number(one.version))[0];
    if (newest?.snapStart.applyOn !== "PublishedVersions" || newest.state !== undefined) return undefined;
    const environment = await this.#start(newest);
    const failure = await environment.initialised();
    const { version } = newest;
    if (failure === undefined) {
      this.#poolOf(newest).idle.push(environment);
      return { version };
    }
    await this.#discard(environment);
    return { version, reason: failure.payload.toString() };
  }

  /** Why the handler's module cannot be imported; Lambda's runtime tells less. */
  async #traceback(fn: LambdaFunction, failure: InvocationResult): Promise<string> {
    const lines: string[] = [];
    const { python, directory, variables } = await this.#sandbox(fn);
    const module = fn.handler.slice(0, fn.handler.lastIndexOf("."));
    const importing = startPython({
      python,
      directory,
      program: path.join(__dirname, "import_module.py"),
      args: [module],
      environment: variables,
      onLine: (line) => lines.push(line),
    });
    const limit = setTimeout(() => void importing.stop(), fn.timeout * 1000);
    await importing.exited.catch(() => undefined);
    clearTimeout(limit);
    return lines.length > 0 ? lines.join("\n") : failure.payload.toString();
  }

  /** What a name or an ARN stands for now; an alias with weights picks a version by chance. */
  #find(target: string): LambdaFunction {
    const { qualifier } = parseTarget(target);
    const found = this.#deployed(target);
    if (qualifier === found.version) return found;
    const code = this.#code.get(found.name);
    if (code === undefined) return found;
    // What was deployed or rolled back to since then is what is to serve; a debugger keeps what it is at.
    const { insteadOf, debug } = code;
    const isSame = insteadOf.version === found.version && insteadOf.code.sha256 === found.code.sha256;
    if (isSame || debug !== undefined) return withCode(found, code);
    this.#code.delete(found.name);
    return found;
  }

  /** The same, with the code that was deployed. */
  #deployed(target: string): LambdaFunction {
    const { resources } = this.options;
    const { name, qualifier = latest } = parseTarget(target);
    const alias = resources.find(
      "aws:lambda/alias:Alias",
      (candidate) => candidate.functionName === name && candidate.name === qualifier,
    );
    const version = alias === undefined ? qualifier : pickVersion(alias);
    if (version === latest) return this.#latest(name);
    const published = resources.find(versionType, (each) => each.versionOf === name && each.version === version);
    if (published === undefined) {
      throw new UnknownFunctionError(`Function not found: ${name}${qualifier === latest ? "" : `:${qualifier}`}`);
    }
    if (published.state === "Failed") {
      throw new FailedVersionError(
        "ResourceConflictException: The operation cannot be performed at this time. The function is currently in the " +
          `following state: Failed. ${published.stateReason ?? ""}`,
      );
    }
    return published;
  }

  #latest(name: string): LambdaFunction {
    const { resources } = this.options;
    const found = resources.find("aws:lambda/function:Function", (candidate) => candidate.name === name);
    if (found === undefined) throw new UnknownFunctionError(`Function not found: ${name}`);
    return { ...found, version: latest, layerCode: this.#layersOf(found.layers) };
  }

  /** Events that all versions of a function have or wait with, which its reserved concurrency limits together. */
  #workingOn(functionName: string): number {
    const pools = [...this.#pools.values()].filter((pool) => pool.functionName === functionName);
    return pools.reduce((sum, { busy, waiting }) => sum + busy + waiting.length, 0);
  }

  /** Ends the environments of a function. */
  async stop(functionName: string): Promise<void> {
    this.#code.delete(functionName);
    for (const [key, pool] of this.#pools) if (pool.functionName === functionName) this.#retire(key);
    const environments = [...this.#environments].filter(([, name]) => name === functionName);
    await Promise.all(environments.map(([environment]) => this.#discard(environment)));
  }

  async close(): Promise<void> {
    const names = [...this.#pools.values()].map(({ functionName }) => functionName);
    await Promise.all([...names, ...this.#environments.values()].map((name) => this.stop(name)));
  }

  async #run(pool: Pool, fn: LambdaFunction, event: Buffer): Promise<Invoked> {
    const requestId = randomUUID();
    const log = platformLog(fn, this.#logOf(fn));
    const warm = this.#warm(pool);
    if (!warm) log.initStart();
    const environment = warm ?? (await this.#start(fn));
    log.start(requestId);

    const result = await environment.invoke(requestId, event);

    log.report(requestId, result, warm ? undefined : environment.initMilliseconds);
    if (environment.alive && !pool.retired) pool.idle.push(environment);
    // The caller need not wait for the process to go.
    else void this.#discard(environment);
    return { ...result, version: fn.version, tail: environment.tail, cold: warm === undefined };
  }

  /** One that waits for an event, unless it ended meanwhile. */
  #warm(pool: Pool): ExecutionEnvironment | undefined {
    for (;;) {
      const environment = pool.idle.pop();
      if (environment === undefined || environment.alive) return environment;
      void this.#discard(environment);
    }
  }

  #poolOf(fn: LambdaFunction): Pool {
    const key = `${fn.name}:${fn.version}`;
    const configuration = JSON.stringify(fn);
    const now = Date.now();
    for (const [other, pool] of this.#pools) if (pool.busy === 0 && now - pool.usedAt > idleTime) this.#retire(other);
    const current = this.#pools.get(key);
    if (current?.configuration === configuration) {
      current.usedAt = now;
      return current;
    }

    this.#retire(key);
    const pool: Pool = {
      functionName: fn.name,
      configuration,
      idle: [],
      waiting: [],
      busy: 0,
      usedAt: now,
      retired: false,
    };
    this.#pools.set(key, pool);
    return pool;
  }

  /** What a process of the function has. */
  async #sandbox(fn: LambdaFunction) {
    const [{ interpreter, version }, task, opt] = await Promise.all([
      this.#runtimeOf(fn.runtime),
      fn.folder ?? unpacked([fn.code]),
      unpacked(fn.layerCode),
    ]);
    const variables = {
      ...defaultVariables(task, opt),
      ...fn.environment?.variables,
      ...runtimeVariables(fn, task, opt, version),
      ...this.options.endpoints,
      ...debugVariables(fn.debug),
    };
    return { python: interpreter, directory: task, variables };
  }

  async #start(fn: LambdaFunction, onLine = this.#logOf(fn)): Promise<ExecutionEnvironment> {
    const { python, directory: task, variables } = await this.#sandbox(fn);
    const environment = await ExecutionEnvironment.start({
      python,
      handler: fn.handler,
      functionArn: fn.arn,
      task,
      timeout: fn.timeout,
      variables,
      onLine,
    });
    this.#environments.set(environment, fn.name);
    return environment;
  }

  /** Lets the environments of a pool go, each as soon as it has nothing to do. */
  #retire(key: string): void {
    const pool = this.#pools.get(key);
    this.#pools.delete(key);
    if (pool === undefined) return;
    pool.retired = true;
    for (const environment of pool.idle.splice(0)) void this.#discard(environment);
  }

  async #discard(environment: ExecutionEnvironment): Promise<void> {
    await environment.stop();
    this.#environments.delete(environment);
  }

  /** @param runtime e.g. `python3.12` */
  #runtimeOf(runtime: string): Promise<Runtime> {
    return once(this.#runtimes, runtime, () => findRuntime(runtime));
  }

  #layersOf(arns: readonly string[]) {
    return arns.map((arn) => this.options.resources.get("aws:lambda/layerVersion:LayerVersion", arn).code);
  }

  /** Writes to the function's log group: where it exists and the function's role allows it, as in Lambda. */
  #logOf(fn: LambdaFunction): (line: string) => void {
    const { resources, logs } = this.options;
    const name = logGroupOf(fn);
    const group = resources.find("aws:cloudwatch/logGroup:LogGroup", (candidate) => candidate.name === name);
    const stream = logStreamOf(fn);
    const allowed =
      group !== undefined &&
      resources.roleAllows(fn.role, {
        action: "logs:PutLogEvents",
        resource: `${group.arn}:log-stream:${stream}`,
      });
    return (line) => {
      if (allowed) logs.append(name, stream, line);
    };
  }
}

function withCode(
  fn: LambdaFunction,
  { folder, debug }: Pick<LambdaFunction, "folder" | "debug"> = {},
): LambdaFunction {
  return { ...fn, folder, debug, ...(debug && { timeout: debuggedSeconds }) };
}

/** The version that is no version: the function as it is configured now. */
const latest = "$LATEST";

function pickVersion({ functionVersion, routingConfig }: Resource<"aws:lambda/alias:Alias">): string {
  let chance = Math.random();
  for (const [version, weight] of Object.entries(routingConfig.additionalVersionWeights)) {
    chance -= weight;
    if (chance < 0) return version;
  }
  return functionVersion;
}

/** What a name or an ARN of a function says, with or without a version or an alias at its end. */
export function parseTarget(target: string): { readonly name: string; readonly qualifier?: string } {
  const parts = target.split(":");
  const [name = "", qualifier] = parts[0] === "arn" ? parts.slice(6) : parts;
  return { name, qualifier };
}

interface Runtime {
  readonly interpreter: string;
  /** E.g. `3.12`, or another where this machine has not the one that was asked for. */
  readonly version: string;
}

async function findRuntime(runtime: string): Promise<Runtime> {
  const python = await findPython(runtime.replace("python", ""));
  const lock = path.join(__dirname, "runtime.lock");
  const install = ["--require-hashes", "--no-deps", "--compile-bytecode", "-r", lock];
  return {
    interpreter: await pythonEnvironment(python, await readFile(lock, "utf8"), install),
    version: python.version,
  };
}

function logGroupOf(fn: LambdaFunction): string {
  return fn.loggingConfig?.logGroup ?? `/aws/lambda/${fn.name}`;
}

function logStreamOf(fn: LambdaFunction): string {
  const date = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
  return `${date}/${fn.name}[${fn.version}]local`;
}

/**
 * The environment variables of Lambda's runtimes that a function may have otherwise (Lambda developer guide, "Defined runtime
 * environment variables").
 */
function defaultVariables(task: string, opt: string): Record<string, string> {
  return {
    LANG: "en_US.UTF-8",
    LD_LIBRARY_PATH: [task, `${task}/lib`, `${opt}/lib`].join(":"),
    PATH: [`${opt}/bin`, "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
    TZ: ":UTC",
  };
}

/** Those that are Lambda's own, and the search path of this machine, which a function's own continues. */
function runtimeVariables(
  fn: LambdaFunction,
  task: string,
  opt: string,
  pythonVersion: string,
): Record<string, string> {
  const region = fn.arn.split(":")[3] ?? "";
  return {
    _HANDLER: fn.handler,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: `AWS_Lambda_python${pythonVersion}`,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: fn.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memorySize),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupOf(fn),
    AWS_LAMBDA_LOG_STREAM_NAME: logStreamOf(fn),
    AWS_LAMBDA_LOG_FORMAT: fn.loggingConfig?.logFormat ?? "Text",
    ...(fn.loggingConfig?.applicationLogLevel && { AWS_LAMBDA_LOG_LEVEL: fn.loggingConfig.applicationLogLevel }),
    AWS_ACCESS_KEY_ID: accessKeyOf(fn.role),
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_SESSION_TOKEN: "local",
    // Whatever this machine does not have must fail here, not call AWS.
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
    LAMBDA_TASK_ROOT: task,
    // The order of Lambda's own search path: code, layers, and then what the runtime brings.
    PYTHONPATH: [
      task,
      `${opt}/python/lib/python${pythonVersion}/site-packages`,
      `${opt}/python`,
      ...(fn.environment?.variables.PYTHONPATH?.split(":") ?? []),
    ].join(":"),
  };
}

/** What Lambda itself writes to a function's log: as JSON objects, or as the lines that the text format has for them. */
function platformLog(fn: LambdaFunction, write: (line: string) => void) {
  const json = fn.loggingConfig?.logFormat === "JSON";
  const event = (type: string, record: object, text: string) => {
    write(json ? JSON.stringify({ time: new Date().toISOString(), type: `platform.${type}`, record }) : text);
  };
  const { version } = fn;
  return {
    initStart() {
      const record = {
        initializationType: "on-demand",
        phase: "init",
        functionName: fn.name,
        functionVersion: version,
      };
      if (json) event("initStart", { ...record, runtimeVersion: fn.runtime }, "");
    },
    start(requestId: string) {
      event("start", { requestId, version }, `START RequestId: ${requestId} Version: ${version}`);
    },
    report(requestId: string, result: TimedResult, initDurationMs: number | undefined) {
      const durationMs = result.milliseconds;
      const errorType = result.functionError && errorTypeOf(result);
      const status = errorType === undefined ? "success" : errorType === "Sandbox.Timedout" ? "timeout" : "error";
      const metrics = {
        durationMs: rounded(durationMs),
        billedDurationMs: Math.ceil(durationMs + (initDurationMs ?? 0)),
        memorySizeMB: fn.memorySize,
        ...(initDurationMs !== undefined && { initDurationMs: rounded(initDurationMs) }),
      };
      event(
        "report",
        { requestId, status, ...(errorType !== undefined && { errorType }), metrics },
        `END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\tDuration: ${metrics.durationMs} ms\t` +
          `Billed Duration: ${metrics.billedDurationMs} ms\tMemory Size: ${fn.memorySize} MB\tStatus: ${status}`,
      );
    },
  };
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

function errorTypeOf({ payload }: InvocationResult): string {
  return /"errorType":\s*"([^"]*)"/.exec(payload.toString())?.[1] ?? "Unhandled";
}

function tooLarge(errorType: string, what: "Request" | "Response", { length }: Buffer): InvocationResult {
  const errorMessage = `${what} payload size (${length} bytes) exceeded maximum allowed payload size (${payloadLimit} bytes).`;
  return { payload: Buffer.from(JSON.stringify({ errorType, errorMessage })), functionError: "Unhandled" };
}
