import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { z } from "zod";

import { type DeployedOutputs, parseOutputs } from "./outputs";
import { UnansweredError } from "../unanswered-error";

const run = promisify(execFile);

/** Bytes that the engine may print: a state with every resource of a large stack. */
const longest = 256 * 1024 * 1024;

/** How the engine that keeps a stack is called. */
export interface StackCli {
  /** Path of `pulumi`, or its name where it is on the PATH. */
  readonly command: string;
  /** Folder of the project. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

const update = z.object({
  kind: z.string(),
  result: z.string(),
  startTime: z.coerce.date(),
  endTime: z.coerce.date().optional(),
});

/** One run of the engine on a stack. */
export type Update = z.output<typeof update>;

const exported = z.object({
  deployment: z.object({
    pending_operations: z.array(z.object({ type: z.string(), resource: z.object({ urn: z.string() }) })).default([]),
  }),
});

/** A resource that is not as the stack knows it. */
export interface Drift {
  readonly urn: string;
  readonly gone: boolean;
  /** Names of the properties that differ. */
  readonly properties: readonly string[];
}

/** A line of the engine's event log. */
const event = z.object({
  resOutputsEvent: z
    .object({
      metadata: z.object({
        op: z.string(),
        urn: z.string(),
        diffs: z.array(z.string()).nullish(),
      }),
    })
    .optional(),
});

/** A stack as its engine keeps it. Nothing that is asked here changes it, nor which stack is selected. */
export class InspectedStack {
  constructor(
    readonly name: string,
    private readonly cli: StackCli,
  ) {}

  /** @throws where there is no such stack, or where it is not one of this program. */
  async outputs(): Promise<DeployedOutputs> {
    return parseOutputs(this.name, await this.#json(["stack", "output"]));
  }

  /** The last run that changed the stack; absent where nothing ever did. */
  async lastUpdate(): Promise<Update | undefined> {
    const history = z.array(update).parse(await this.#json(["stack", "history", "--page-size", "1"]));
    return history[0];
  }

  /** What the engine had begun when it was interrupted, e.g. `creating urn:pulumi:...`. */
  async pendingOperations(): Promise<string[]> {
    // An export is JSON without being asked for it.
    const { deployment } = exported.parse(JSON.parse(await this.#pulumi(["stack", "export"])));
    return deployment.pending_operations.map(({ type, resource }) => `${type} ${resource.urn}`);
  }

  /** What was changed behind the stack's back, by asking the clouds for every resource. */
  async drift(): Promise<Drift[]> {
    // `--json` tells what is planned only: what the clouds answer comes after that.
    const folder = await mkdtemp(path.join(tmpdir(), "refresh-"));
    try {
      const log = path.join(folder, "events.json");
      await this.#pulumi(["refresh", "--preview-only", "--non-interactive", "--event-log", log]);
      const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
      return lines.flatMap((line) => {
        const { metadata } = event.parse(JSON.parse(line)).resOutputsEvent ?? {};
        if (metadata === undefined || !["update", "delete"].includes(metadata.op)) return [];
        return [{ urn: metadata.urn, gone: metadata.op === "delete", properties: metadata.diffs ?? [] }];
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Value of a setting of this stack, its default included. */
  async setting(name: string): Promise<string> {
    return (await this.#pulumi(["config", "get", name])).trim();
  }

  async engineVersion(): Promise<string> {
    return (await this.#run(["version"])).trim().replace(/^v/, "");
  }

  async #json(args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.#pulumi([...args, "--json"]));
  }

  #pulumi(args: readonly string[]): Promise<string> {
    return this.#run([...args, "--stack", this.name]);
  }

  async #run(args: readonly string[]): Promise<string> {
    const { command, cwd, env } = this.cli;
    try {
      const { stdout } = await run(command, args, {
        cwd,
        // The event log is among the engine's commands for debugging.
        env: { ...process.env, ...env, PULUMI_DEBUG_COMMANDS: "true" },
        maxBuffer: longest,
      });
      return stdout;
    } catch (error) {
      throw unanswered(command, args, error);
    }
  }
}

function unanswered(command: string, args: readonly string[], error: unknown): UnansweredError {
  const { code, stderr = "", stdout = "" } = error as { code?: unknown; stderr?: string; stdout?: string };
  if (code === "ENOENT") {
    return new UnansweredError(
      `there is no ${command} on the PATH`,
      "install Pulumi: https://www.pulumi.com/docs/install/",
    );
  }
  // With --json, the errors are in the document.
  const said = /error: (.+?)(?:\\n|$)/m.exec(`${stderr}\n${stdout}`)?.[1] ?? (stderr.trim() || String(error));
  return new UnansweredError(`pulumi ${args.join(" ")}: ${said}`, nextOf(said));
}

/** The command that mends what the engine refuses for. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/no stack named/, "pulumi stack ls shows those that there are"],
  [/passphrase must be set|incorrect passphrase/, "export PULUMI_CONFIG_PASSPHRASE"],
  [/PULUMI_ACCESS_TOKEN|not logged in|login/, "pulumi login"],
];

function nextOf(said: string): string {
  return remedies.find(([pattern]) => pattern.test(said))?.[1] ?? "pulumi whoami --verbose shows the backend";
}
