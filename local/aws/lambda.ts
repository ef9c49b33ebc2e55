import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { unpacked } from "../../layers/archive";
import type { Logs } from "../logs";
import { once } from "../../layers/once";
import { findPython, pythonEnvironment } from "../../layers/python";
import { ExecutionEnvironment, type InvocationResult, type TimedResult } from "./execution-environment";
import { allows } from "./iam";
import { accessKeyOf, type AwsResources, type Resource } from "./resources";

type LambdaFunction = Resource<"aws:lambda/function:Function">;

/** The invocation was refused, because as many run as may run: Lambda's `TooManyRequestsException`. */
export class ThrottledError extends Error {}

/** Bytes of event and of result that a synchronous invocation takes: 6 MB (Lambda developer guide, "Lambda quotas"). */
const payloadLimit = 6 * 1024 * 1024;

/** Events that one function works on at a time at most, on this machine; more wait, where Lambda would go on starting. */
const localConcurrency = 8;

/** The execution environments of a function in one configuration. */
interface Pool {
  readonly configuration: string;
  readonly idle: ExecutionEnvironment[];
  /** Events that wait for another to end. */
  readonly waiting: (() => void)[];
  busy: number;
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
 * Lambda: runs the functions that there are, as they are configured at that moment. Environments start with the first
 * event, stay warm, and give way to new ones when code, layers or configuration change.
 *
 * Memory limits, tracing and snapshots are not reproduced, and of published versions only the numbers are: an alias runs the
 * newest code, whichever version it names.
 */
export class Lambda {
  readonly #pools = new Map<string, Pool>();
  /** All that run, with the name of their function, until they are gone. */
  readonly #environments = new Map<ExecutionEnvironment, string>();
  readonly #runtimes = new Map<string, Promise<Runtime>>();

  constructor(private readonly options: LambdaOptions) {}

  /**
   * Invokes a function and waits for its result.
   *
   * @param target its name or ARN.
   * @throws {ThrottledError}
   */
  async invoke(target: string, event: Buffer): Promise<InvocationResult> {
    const { name: functionName } = parseTarget(target);
    const fn = this.options.resources.get("aws:lambda/function:Function", functionName);
    if (event.length > payloadLimit) return tooLarge("RequestEntityTooLargeException", "Request", event);

    const pool = this.#poolOf(fn);
    const reserved = fn.reservedConcurrentExecutions;
    if (reserved >= 0 && pool.busy + pool.waiting.length >= reserved) {
      throw new ThrottledError(
        `${functionName} works on ${pool.busy + pool.waiting.length} events, which is all that its reserved concurrency allows`,
      );
    }
    while (pool.busy >= localConcurrency) await new Promise<void>((resume) => pool.waiting.push(resume));
    pool.busy += 1;
    try {
      const result = await this.#run(pool, fn, event);
      return result.payload.length > payloadLimit
        ? tooLarge("Function.ResponseSizeTooLarge", "Response", result.payload)
        : result;
    } finally {
      pool.busy -= 1;
      pool.waiting.shift()?.();
    }
  }

  /** Ends the environments of a function. */
  async stop(functionName: string): Promise<void> {
    this.#retire(functionName);
    const environments = [...this.#environments].filter(([, name]) => name === functionName);
    await Promise.all(environments.map(([environment]) => this.#discard(environment)));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.keys(), ...this.#environments.values()].map((name) => this.stop(name)));
  }

  async #run(pool: Pool, fn: LambdaFunction, event: Buffer): Promise<InvocationResult> {
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
    return result;
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
    const layers = this.#layersOf(fn).map(({ sha256 }) => sha256);
    const configuration = JSON.stringify([fn, layers]);
    const current = this.#pools.get(fn.name);
    if (current?.configuration === configuration) return current;

    this.#retire(fn.name);
    const pool: Pool = { configuration, idle: [], waiting: [], busy: 0, retired: false };
    this.#pools.set(fn.name, pool);
    return pool;
  }

  async #start(fn: LambdaFunction): Promise<ExecutionEnvironment> {
    const [{ interpreter, version }, task, opt] = await Promise.all([
      this.#runtimeOf(fn.runtime),
      unpacked([fn.code]),
      unpacked(this.#layersOf(fn)),
    ]);
    const environment = await ExecutionEnvironment.start({
      python: interpreter,
      handler: fn.handler,
      functionArn: fn.arn,
      task,
      timeout: fn.timeout,
      variables: {
        ...defaultVariables(task, opt),
        ...fn.environment?.variables,
        ...runtimeVariables(fn, task, opt, version),
        ...this.options.endpoints,
      },
      onLine: this.#logOf(fn),
    });
    this.#environments.set(environment, fn.name);
    return environment;
  }

  /** Lets the environments of the present configuration go, each as soon as it has nothing to do. */
  #retire(functionName: string): void {
    const pool = this.#pools.get(functionName);
    this.#pools.delete(functionName);
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

  #layersOf(fn: LambdaFunction) {
    return fn.layers.map((arn) => this.options.resources.get("aws:lambda/layerVersion:LayerVersion", arn).code);
  }

  /** Writes to the function's log group: where it exists and the function's role allows it, as in Lambda. */
  #logOf(fn: LambdaFunction): (line: string) => void {
    const { resources, logs } = this.options;
    const name = logGroupOf(fn);
    const group = resources.find("aws:cloudwatch/logGroup:LogGroup", (candidate) => candidate.name === name);
    const stream = logStreamOf(fn);
    const allowed =
      group !== undefined &&
      allows(resources.roleStatements(fn.role), {
        action: "logs:PutLogEvents",
        resource: `${group.arn}:log-stream:${stream}`,
      });
    return (line) => {
      if (allowed) logs.append(name, stream, line);
    };
  }
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
  return `${date}/${fn.name}[$LATEST]local`;
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
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
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
  const version = "$LATEST";
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
