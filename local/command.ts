import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { z } from "zod";

import type { EngineLog, Properties, Provider } from "./provider-server";

/** Arguments of `local.run` and `local.Command`. */
const commandSchema = z.object({
  command: z.string().optional(),
  dir: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  interpreter: z.array(z.string()).default(["/bin/sh", "-c"]),
  stdin: z.string().optional(),
  logging: z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).default("stdoutAndStderr"),
});

/** The commands of `local.Command`, by the operation of the engine. */
const resourceSchema = z.object({
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
});

/** The local half of `@pulumi/command`: runs commands on this machine, like the real provider. */
export class CommandProvider implements Provider {
  readonly version = "1.2.1";
  #tell: (line: string) => void = () => undefined;

  /** @param environment base environment of every command; the command's own variables take precedence. */
  constructor(private readonly environment: () => Readonly<Record<string, string>> = () => ({})) {}

  attach(log: EngineLog): void {
    this.#tell = log.progress;
  }

  configure(): void {
    // It has no settings.
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    if (token !== "command:local:run") throw new Error(`the local command provider has no function ${token}`);
    const { command = "" } = commandSchema.parse(args);
    return { ...args, ...(await this.execute(command, args)) };
  }

  check(urn: string, news: Properties) {
    if (!urn.includes("command:local:Command::")) throw new Error(`the local command provider has no resource ${urn}`);
    return { inputs: news, failures: [] };
  }

  diff(_: string, olds: Properties, news: Properties) {
    const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
    const changed = [...keys].filter((key) => JSON.stringify(olds[key]) !== JSON.stringify(news[key]));
    return { changed, replaces: changed.filter((key) => key === "triggers"), deleteBeforeReplace: false };
  }

  previewCreate(_: string, inputs: Properties): Promise<Properties> {
    return Promise.resolve(inputs);
  }

  async create(_: string, inputs: Properties) {
    const { create } = resourceSchema.parse(inputs);
    return { id: `${Date.now()}`, properties: { ...inputs, ...(create ? await this.execute(create, inputs) : {}) } };
  }

  /** The output of a command exists only in the state. */
  read(_urn: string, _id: string, inputs: Properties, properties: Properties) {
    return Promise.resolve({ inputs, properties });
  }

  async update(_urn: string, _id: string, _olds: Properties, news: Properties): Promise<Properties> {
    const { create, update = create } = resourceSchema.parse(news);
    return { ...news, ...(update ? await this.execute(update, news) : {}) };
  }

  previewUpdate(_urn: string, _id: string, news: Properties): Promise<Properties> {
    return Promise.resolve(news);
  }

  async delete(_urn: string, _id: string, properties: Properties): Promise<void> {
    const command = resourceSchema.parse(properties).delete;
    if (command) await this.execute(command, properties);
  }

  /**
   * Runs a command and waits for its end.
   *
   * @throws with its standard error if it fails.
   */
  private async execute(command: string, args: Properties): Promise<{ stdout: string; stderr: string }> {
    const { dir, environment, interpreter, stdin, logging } = commandSchema.parse(args);
    const [program = "/bin/sh", ...leading] = interpreter;
    const child = spawn(program, [...leading, command], {
      cwd: dir,
      env: { ...process.env, ...this.environment(), ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
    }
    for (const stream of ["stdout", "stderr"] as const) {
      if (logging.toLowerCase().includes(stream)) createInterface(child[stream]).on("line", this.#tell);
    }
    child.stdin.on("error", () => undefined).end(stdin);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    });
    const [stdout, stderr] = [output.stdout.trimEnd(), output.stderr.trimEnd()];
    if (code !== 0) throw new Error(`${stderr || stdout}\n(exit status ${code ?? "unknown"}: ${command})`);
    return { stdout, stderr };
  }
}
