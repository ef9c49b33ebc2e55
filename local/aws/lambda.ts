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

/** A function in one of its versions, including `$LATEST`. */
interface LambdaFunction extends Resource<"aws:lambda/function:Function"> {
  readonly version: string;
  /** Archives of its layers, in order. */
  readonly layerCode: readonly { readonly path: string; readonly sha256: string }[];
  /** Folder of the code that replaces `code`. */
  readonly folder?: string;
  readonly debug?: Debugging;
}

/** Code that replaces the code of a version. */
interface OtherCode extends Pick<LambdaFunction, "folder" | "debug"> {
  readonly insteadOf: Pick<LambdaFunction, "version" | "code">;
}

/** The result of an invocation, with further details. */
export interface Invoked extends InvocationResult {
  /** The version that handled the event. */
  readonly version: string;
  /** The last lines of the function's log; the very last may still be missing. */
  readonly tail: readonly string[];
  /** Whether the invocation was a cold start. */
  readonly cold: boolean;
}

/** There is no such function, version or alias: Lambda's `ResourceNotFoundException`. */
export class UnknownFunctionError extends Error {}

/** The concurrency limit is reached: Lambda's `TooManyRequestsException`. */
export class ThrottledError extends Error {}

/**
 * A version without a valid snapshot can neither be invoked nor be the target of an alias: Lambda's
 * `ResourceConflictException`.
 */
export class FailedVersionError extends Error {}

/** Maximum bytes of a synchronous invocation's event and result: 6 MB (Lambda developer guide, "Lambda quotas"). */
const payloadLimit = 6 * 1024 * 1024;

/** Concurrent events of one function on this machine; further ones wait, where Lambda would start more environments. */
const localConcurrency = 8;

/**
 * Milliseconds after which an idle environment is stopped when another function receives an event; on Lambda some
 * minutes.
 */
const idleTime = 120_000;

/** The execution environments of one version of a function, with one configuration. */
interface Pool {
  readonly functionName: string;
  readonly configuration: string;
  readonly idle: ExecutionEnvironment[];
  /** Events that wait for a free environment. */
  readonly waiting: (() => void)[];
  busy: number;
  /** Time of the last event, in milliseconds since 1970. */
  usedAt: number;
  /** Whether the configuration is out of date: environments are stopped instead of kept warm. */
  retired: boolean;
}

export interface LambdaOptions {
  readonly resources: AwsResources;
  readonly logs: Logs;
  /** Environment variables that point a function's SDK to the local services. */
  readonly endpoints: Readonly<Record<string, string>>;
}

/**
 * Lambda: runs the versions of functions; `$LATEST` uses the current configuration. An environment starts with its
 * first event and stays warm, until code, layers or configuration change.
 *
 * Memory limits and tracing are not emulated. Of snapshots only one thing is: a version is initialised once when it is
 * published, and cannot be invoked if that fails.
 */
export class Lambda {
  /** By function and version, e.g. `api:3`. */
  readonly #pools = new Map<string, Pool>();
  /** All running environments, with their function's name, until their process has ended. */
  readonly #environments = new Map<ExecutionEnvironment, string>();
  readonly #runtimes = new Map<string, Promise<Runtime>>();
  /** Replaced code, by function. */
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
      throw new ThrottledError(`${fn.name} is running ${working} events, the limit of its reserved concurrency`);
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
   * Replaces the code of a function, for its name and its aliases. Its published versions do not change.
   *
   * @param target the function's name, with its serving alias if it has one.
   * @throws {CodeError} with the traceback if the code does not start; the previous code then continues to serve.
   */
  async changeCode(target: string, { folder, debug }: Omit<CodeChange, "functionName">): Promise<void> {
    const { name } = parseTarget(target);
    // Two processes cannot listen for a debugger on one port.
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
   * Initialises the newest version of a function if it needs a snapshot. The initialised environment waits for the
   * version's first event. A failed version stays, and is not published again (terraform-provider-aws#49904).
   *
   * @returns its number, and the reason of a failure; undefined if there is nothing to do.
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

  /** The traceback of a handler module that cannot be imported; Lambda's runtime reports less. */
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

  /** Resolves a name or an ARN; an alias with weights picks a version at random. */
  #find(target: string): LambdaFunction {
    const { qualifier } = parseTarget(target);
    const found = this.#deployed(target);
    if (qualifier === found.version) return found;
    const code = this.#code.get(found.name);
    if (code === undefined) return found;
    // A later deployment or rollback takes precedence over replaced code, unless a debugger is attached.
    const { insteadOf, debug } = code;
    const isSame = insteadOf.version === found.version && insteadOf.code.sha256 === found.code.sha256;
    if (isSame || debug !== undefined) return withCode(found, code);
    this.#code.delete(found.name);
    return found;
  }

  /** Same as `#find`, but with the deployed code. */
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

  /** Running and waiting events of all versions of a function, which share its reserved concurrency. */
  #workingOn(functionName: string): number {
    const pools = [...this.#pools.values()].filter((pool) => pool.functionName === functionName);
    return pools.reduce((sum, { busy, waiting }) => sum + busy + waiting.length, 0);
  }

  /** Stops the environments of a function. */
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
    // The caller need not wait for the end of the process.
    else void this.#discard(environment);
    return { ...result, version: fn.version, tail: environment.tail, cold: warm === undefined };
  }

  /** An idle environment, if there is one. */
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

  /** The inputs of a function's process. */
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

  /** Stops the environments of a pool, each as soon as it is idle. */
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

  /** Writes to the function's log group, if it exists and the function's role allows it, as in Lambda. */
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

/** The unpublished version: the current configuration. */
const latest = "$LATEST";

function pickVersion({ functionVersion, routingConfig }: Resource<"aws:lambda/alias:Alias">): string {
  let chance = Math.random();
  for (const [version, weight] of Object.entries(routingConfig.additionalVersionWeights)) {
    chance -= weight;
    if (chance < 0) return version;
  }
  return functionVersion;
}

/** Parses the name or ARN of a function, with an optional version or alias. */
export function parseTarget(target: string): { readonly name: string; readonly qualifier?: string } {
  const parts = target.split(":");
  const [name = "", qualifier] = parts[0] === "arn" ? parts.slice(6) : parts;
  return { name, qualifier };
}

interface Runtime {
  readonly interpreter: string;
  /** E.g. `3.12`; another version if this machine lacks the requested one. */
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
 * Environment variables of Lambda's runtimes that a function may override (Lambda developer guide, "Defined runtime
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

/** Environment variables that a function cannot override, and the search path, which a function can only extend. */
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
    // Services that are not emulated have to fail locally instead of reaching AWS.
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
    LAMBDA_TASK_ROOT: task,
    // The order of Lambda's search path: code, layers, runtime.
    PYTHONPATH: [
      task,
      `${opt}/python/lib/python${pythonVersion}/site-packages`,
      `${opt}/python`,
      ...(fn.environment?.variables.PYTHONPATH?.split(":") ?? []),
    ].join(":"),
  };
}

/** Lambda's own log messages: JSON objects, or lines in the text format. */
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
