import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

import { type HttpRequest, type HttpResponse, type Listener, listen, response } from "../http";
import { type PythonProcess, startPython } from "../process";

/** The result of an invocation, as in the Invoke API. */
export interface InvocationResult {
  readonly payload: Buffer;
  /** `Unhandled` if the function failed; `payload` then describes the error. */
  readonly functionError?: "Unhandled";
}

export interface TimedResult extends InvocationResult {
  /** Duration of the event in the function; 0 if it was never delivered. */
  readonly milliseconds: number;
}

export interface ExecutionEnvironmentOptions {
  readonly python: string;
  /** `<module>.<attribute>` in the function's code. */
  readonly handler: string;
  readonly functionArn: string;
  /** Folder of the function's code. */
  readonly task: string;
  /** Environment variables, without those that are specific to an environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Seconds per event. */
  readonly timeout: number;
  /** Called with each line that the function logs. */
  readonly onLine: (line: string) => void;
}

interface Invocation {
  readonly requestId: string;
  readonly event: Buffer;
  readonly finish: (result: TimedResult) => void;
  timer: NodeJS.Timeout;
  /** When the event was delivered to the function; undefined before. */
  delivered?: number;
}

/** Roughly as many lines as the 4 KB of log that Lambda returns (Lambda API reference, `LogType`). */
const tailLines = 20;

/** Seconds for the initialisation, in addition to the function's timeout (Lambda developer guide, "Init phase"). */
const initSeconds = 10;

const accepted = response(202, { status: "OK" });

/**
 * One execution environment of a function: a process of awslambdaric, the runtime client that Lambda itself uses for
 * Python, and the Runtime API that the process polls. It handles one event at a time.
 */
export class ExecutionEnvironment {
  readonly #lines: string[] = [];
  #failure?: InvocationResult;
  #invocation?: Invocation;
  /** Answers the runtime's pending request for the next event. */
  #handOver?: (answer: HttpResponse) => void;
  #initMilliseconds?: number;
  #initialised: () => void = () => undefined;
  readonly #init = new Promise<void>((resolve) => (this.#initialised = resolve));
  readonly #started = performance.now();

  #api?: Listener;
  #home?: string;
  #process?: PythonProcess;
  #stopped?: Promise<void>;

  private constructor(private readonly options: ExecutionEnvironmentOptions) {}

  static async start(options: ExecutionEnvironmentOptions): Promise<ExecutionEnvironment> {
    const environment = new ExecutionEnvironment(options);
    await environment.#launch();
    return environment;
  }

  async #launch(): Promise<void> {
    this.#api = await listen(async (request) => this.#answer(request));
    // Lambda sets no home folder, and gives each environment its own /tmp.
    this.#home = await mkdtemp(path.join(os.tmpdir(), "lambda-"));
    this.#process = startPython({
      python: this.options.python,
      program: "awslambdaric",
      args: [this.options.handler],
      directory: this.options.task,
      environment: {
        ...this.options.variables,
        HOME: this.#home,
        TMPDIR: this.#home,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${this.#api.port}`,
      },
      onLine: (line) => {
        this.#lines.push(line);
        this.#lines.splice(0, this.#lines.length - tailLines);
        this.options.onLine(line);
      },
    });
    const ended = (how: string) => {
      this.#fail("Runtime.ExitError", `Error: Runtime exited with error: ${how}`);
    };
    this.#process.exited.then(ended, (error: unknown) => {
      ended(String(error));
    });
  }

  /** False once it timed out, ended or failed to initialise; it accepts no further events. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** The last log lines of the function. */
  get tail(): readonly string[] {
    return this.#lines;
  }

  /** Duration of the initialisation in milliseconds; undefined until it ends. */
  get initMilliseconds(): number | undefined {
    return this.#initMilliseconds;
  }

  /** Waits for the initialisation; returns the failure if it failed. */
  async initialised(): Promise<InvocationResult | undefined> {
    const timer = this.#expiry(initSeconds);
    await this.#init;
    clearTimeout(timer);
    return this.#failure;
  }

  invoke(requestId: string, event: Buffer): Promise<TimedResult> {
    if (this.#failure) return Promise.resolve({ ...this.#failure, milliseconds: 0 });
    return new Promise((finish) => {
      this.#invocation = { requestId, event, finish, timer: this.#expiry(initSeconds) };
      this.#deliver();
    });
  }

  /** Kills the process and waits for its end. May be called again. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    await this.#process?.stop();
    await this.#api?.close();
    if (this.#home !== undefined) await rm(this.#home, { recursive: true, force: true });
  }

  /** The Runtime API, version 2018-06-01. */
  #answer({ target, body }: HttpRequest): Promise<HttpResponse> | HttpResponse {
    const [, , , phase, ...rest] = target.split("/");
    switch (`${phase ?? ""}/${rest.at(-1) ?? ""}`) {
      case "invocation/next":
        this.#initMilliseconds ??= performance.now() - this.#started;
        this.#initialised();
        return new Promise((handOver) => {
          this.#handOver = handOver;
          this.#deliver();
        });
      case "invocation/response":
        this.#finish({ payload: body });
        return accepted;
      case "invocation/error":
        this.#finish({ payload: body, functionError: "Unhandled" });
        return accepted;
      case "init/error":
        this.#end({ payload: body, functionError: "Unhandled" });
        return accepted;
      default:
        return response(404, "");
    }
  }

  /** Delivers the event once both event and runtime are ready. The function's timeout starts here. */
  #deliver(): void {
    const invocation = this.#invocation;
    if (!invocation || !this.#handOver) return;
    clearTimeout(invocation.timer);
    invocation.timer = this.#expiry();
    invocation.delivered = performance.now();
    this.#handOver({
      status: 200,
      headers: [
        ["Content-Type", "application/json"],
        ["Lambda-Runtime-Aws-Request-Id", invocation.requestId],
        ["Lambda-Runtime-Deadline-Ms", String(Date.now() + this.options.timeout * 1000)],
        ["Lambda-Runtime-Invoked-Function-Arn", this.options.functionArn],
        ["Lambda-Runtime-Trace-Id", traceHeader()],
      ],
      body: invocation.event,
    });
    this.#handOver = undefined;
  }

  #expiry(extraSeconds = 0): NodeJS.Timeout {
    const { timeout } = this.options;
    const expire = () => {
      this.#fail("Sandbox.Timedout", `Error: Task timed out after ${timeout.toFixed(2)} seconds`);
    };
    return setTimeout(expire, (timeout + extraSeconds) * 1000);
  }

  #finish(result: InvocationResult): void {
    const invocation = this.#invocation;
    if (invocation === undefined) return;
    this.#invocation = undefined;
    clearTimeout(invocation.timer);
    const { delivered } = invocation;
    invocation.finish({ ...result, milliseconds: delivered === undefined ? 0 : performance.now() - delivered });
  }

  #fail(errorType: string, message: string): void {
    const errorMessage = `RequestId: ${this.#invocation?.requestId ?? ""} ${message}`;
    this.#end({ payload: Buffer.from(JSON.stringify({ errorType, errorMessage })), functionError: "Unhandled" });
  }

  #end(failure: InvocationResult): void {
    this.#initMilliseconds ??= performance.now() - this.#started;
    this.#initialised();
    this.#failure ??= failure;
    this.#finish(this.#failure);
  }
}

/** An X-Ray trace header without sampling: there is no X-Ray here. */
function traceHeader(): string {
  const epoch = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${epoch}-${randomBytes(12).toString("hex")};Parent=${randomBytes(8).toString("hex")};Sampled=0`;
}
