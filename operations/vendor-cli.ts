import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { z } from "zod";

import { UnansweredError } from "./unanswered-error";

const run = promisify(execFile);

/** Maximum output in bytes: a region may have many functions, and a log many lines. */
const longest = 256 * 1024 * 1024;

export interface VendorCliOptions {
  /** Arguments appended to each command, e.g. the output format. */
  readonly common: readonly string[];
  /** Working directory. Default: that of this process. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** URL of the vendor's installation guide. */
  readonly install: string;
  /** Patterns of error messages, each with the command that solves it. */
  readonly remedies: readonly (readonly [RegExp, string])[];
  /** Pattern of the error message for a missing resource. Default: none. */
  readonly absent?: RegExp;
  /** Extracts the reason from its output. Default: all of standard error. */
  readonly reason?: RegExp;
  /** Time limit of a command in milliseconds. Default: 120,000, as most make few requests and retry by themselves. */
  readonly timeoutMs?: number;
}

/** A vendor's command line, with the user's credentials. */
export class VendorCli {
  constructor(
    private readonly program: string,
    private readonly options: VendorCliOptions,
  ) {}

  /**
   * The parsed output of a command.
   *
   * @throws {UnansweredError} if it fails, with the command that solves it.
   */
  async ask<Schema extends z.ZodType>(schema: Schema, ...command: string[]): Promise<z.output<Schema>> {
    const printed = await this.run(...command);
    try {
      return schema.parse(JSON.parse(printed));
    } catch (error) {
      throw new UnansweredError(
        `${this.program} ${command.join(" ")} answers in an unknown format: ${String(error)}`,
        `${this.program} --version; a newer one may be needed: ${this.options.install}`,
      );
    }
  }

  /** The same; undefined if the resource does not exist. */
  async find<Schema extends z.ZodType>(schema: Schema, ...command: string[]): Promise<z.output<Schema> | undefined> {
    try {
      return await this.ask(schema, ...command);
    } catch (error) {
      if (error instanceof UnansweredError && this.options.absent?.test(error.message)) return undefined;
      throw error;
    }
  }

  async run(...command: string[]): Promise<string> {
    const { common, cwd, env, install, remedies, reason, timeoutMs = 120_000 } = this.options;
    const all = [...command, ...common];
    try {
      const options = { cwd, maxBuffer: longest, timeout: timeoutMs, env: { ...process.env, ...env } };
      return (await run(this.program, all, options)).stdout;
    } catch (error) {
      const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
      const program = path.basename(this.program);
      if (code === "ENOENT") {
        throw new UnansweredError(
          `there is no ${program} on the PATH`,
          `install it (${install}), then run: ${program} --version`,
        );
      }
      const said = reason?.exec(`${stderr}\n${stdout}`)?.[1] ?? (stderr.trim() || String(error));
      const typed = [program, ...all].join(" ");
      const remedy = remedies.find(([pattern]) => pattern.test(said))?.[1];
      // The message is equal for all commands, so that a request to sign in is reported once.
      if (remedy !== undefined) throw new UnansweredError(`${program}: ${said}`, remedy);
      throw new UnansweredError(`${typed}: ${said}`, `to see it, run: ${typed}`);
    }
  }
}

/** `2018-11-14T23:03:52.894+0000`, as Lambda writes a time, in ISO 8601. */
export const lambdaTime = z.string().transform((time) => time.replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));

/** The AWS CLI in one region; it follows pages itself. */
export function awsCli(region: string): VendorCli {
  return new VendorCli("aws", {
    common: ["--region", region, "--output", "json"],
    env: { AWS_PAGER: "" },
    install: "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
    remedies: [
      [
        /Unable to locate credentials|NoCredentials/,
        "sign in: aws configure sso (or aws login), then: aws sts get-caller-identity",
      ],
      [/ExpiredToken|token .*expired|sso session/i, "sign in again: aws sso login"],
      [/AccessDenied|not authorized/, "see who is signed in: aws sts get-caller-identity"],
    ],
    absent: /ResourceNotFoundException/,
  });
}

/**
 * The Azure CLI, in one subscription.
 *
 * @param timeoutMs time limit of a command. Default: that of every command line.
 */
export function azureCli(subscriptionId: string, timeoutMs?: number): VendorCli {
  return new VendorCli("az", {
    timeoutMs,
    common: ["--subscription", subscriptionId, "--output", "json", "--only-show-errors"],
    // Installs required extensions without a prompt.
    env: { AZURE_EXTENSION_USE_DYNAMIC_INSTALL: "yes_without_prompt" },
    install: "https://learn.microsoft.com/cli/azure/install-azure-cli",
    remedies: [
      [
        /az login|AADSTS\d+|No subscription found|refresh token|Subscription .* (not found|doesn't exist)/i,
        `sign in to the stack's subscription: az login, then: az account show --subscription ${subscriptionId}`,
      ],
      [/AuthorizationFailed|does not have authorization/, "see who is signed in, and where: az account show"],
    ],
    absent: /ResourceNotFound|ResourceGroupNotFound|was not found|could not be found|does not exist/,
  });
}

/** The Google Cloud CLI, in one project if the command needs one. */
export function gcloudCli(project?: string): VendorCli {
  return new VendorCli("gcloud", {
    common: [...(project === undefined ? [] : ["--project", project]), "--format", "json", "--quiet"],
    install: "https://cloud.google.com/sdk/docs/install",
    remedies: [
      [
        /gcloud auth login|do not currently have an active account|Reauthentication|invalid_grant/i,
        "sign in: gcloud auth login",
      ],
      [/PERMISSION_DENIED|does not have permission/, "see who is signed in: gcloud auth list"],
    ],
    absent: /NOT_FOUND|was not found|does not exist|Cannot find service/,
  });
}

/** The engine of a stack. */
export interface EngineOptions extends Pick<VendorCliOptions, "cwd" | "env"> {
  /** Path of `pulumi`, or its name if it is on the PATH. */
  readonly command: string;
}

/** The Pulumi CLI, in the folder of a project. */
export function pulumiCli({ command, cwd, env }: EngineOptions): VendorCli {
  return new VendorCli(command, {
    common: [],
    cwd,
    // The event log is among the engine's commands for debugging.
    env: { ...env, PULUMI_DEBUG_COMMANDS: "true" },
    install: "https://www.pulumi.com/docs/install/",
    remedies: [
      [/no stack named/, "pulumi stack ls shows the existing ones"],
      [/passphrase must be set|incorrect passphrase/, "export PULUMI_CONFIG_PASSPHRASE"],
      [/PULUMI_ACCESS_TOKEN|not logged in|login/, "pulumi login"],
    ],
    // With --json, the errors are in the document.
    reason: /error: (.+?)(?:\\n|$)/m,
    // Reading every resource from the clouds is slow.
    timeoutMs: 1_800_000,
  });
}
