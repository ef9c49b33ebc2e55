import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { z } from "zod";

import type { Cloud } from "../../contract/clouds";
import { nameIn } from "../../contract/urn";
import { type StateResource, stateResource } from "../stack-state";
import { UnansweredError } from "../unanswered-error";
import { type EngineOptions, pulumiCli, type VendorCli } from "../vendor-cli";
import { type DeployedOutputs, parseOutputs } from "./outputs";

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
    resources: z.array(stateResource).default([]),
    pending_operations: z.array(z.object({ type: z.string(), resource: z.object({ urn: z.string() }) })).default([]),
  }),
});

/** The parts of a file that are read: its asset has its content's hash, which is a secret if the content is text. */
const fileSchema = z.object({
  inputs: z.object({ source: z.object({ hash: z.string() }).optional().catch(undefined) }),
  outputs: z.object({ md5hash: z.string().optional().catch(undefined) }),
});

/** A deployed file of a frontend. */
export interface DeployedFile {
  readonly cloud: Cloud;
  /** Its path below the frontend's address. */
  readonly key: string;
  readonly algorithm: "sha256" | "md5";
  /** Hash of its content, in hexadecimal. */
  readonly hash: string;
}

/** Resource types of a frontend's files. */
const fileTypes: Readonly<Record<string, Cloud>> = {
  "aws:s3/bucketObjectv2:BucketObjectv2": "aws",
  "azure-native:storage:Blob": "azure",
  "gcp:storage/bucketObject:BucketObject": "gcp",
};

/** A resource that differs from the stack's state. */
export interface Drift {
  readonly urn: string;
  readonly gone: boolean;
  /** Names of the different properties. */
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

/**
 * A stack in its engine's backend. All queries are read-only and leave the selected stack unchanged. Each instance has the
 * state as it was at the first query.
 */
export class InspectedStack {
  readonly #pulumi: VendorCli;
  #found?: Promise<z.output<typeof exported>>;

  constructor(
    readonly name: string,
    engine: EngineOptions,
  ) {
    this.#pulumi = pulumiCli(engine);
  }

  /**
   * @param deploy command that deploys the stack.
   * @throws {UnansweredError} if no update has succeeded: outputs are written only then.
   * @throws if there is no such stack, or if it is not one of this program.
   */
  async outputs(deploy: string): Promise<DeployedOutputs> {
    const printed: unknown = JSON.parse(await this.#run("stack", "output", "--json"));
    if (Object.keys(z.record(z.string(), z.unknown()).parse(printed)).length > 0)
      return parseOutputs(this.name, printed);
    const { resources } = (await this.#export()).deployment;
    const deployed = resources.filter(({ type }) => !type.startsWith("pulumi:")).length;
    throw new UnansweredError(
      deployed === 0
        ? `nothing is deployed in stack ${this.name}`
        : `stack ${this.name} has ${deployed} resources and no outputs: its first update has failed or was interrupted`,
      deploy,
    );
  }

  /** The last run that changed the stack; absent if there is none. */
  async lastUpdate(): Promise<Update | undefined> {
    const history = await this.#run("stack", "history", "--page-size", "1", "--json");
    return z.array(update).parse(JSON.parse(history))[0];
  }

  /** Operations in progress when the engine was interrupted, e.g. `creating urn:pulumi:...`. */
  async pendingOperations(): Promise<string[]> {
    const { deployment } = await this.#export();
    return deployment.pending_operations.map(({ type, resource }) => `${type} ${resource.urn}`);
  }

  /** The files of every frontend. */
  async siteFiles(): Promise<DeployedFile[]> {
    const { deployment } = await this.#export();
    return deployment.resources.flatMap((resource): DeployedFile[] => {
      const cloud = fileTypes[resource.type];
      // A file's name is its key below the frontend; packages are objects too, but their names have no path.
      const [, key] = /^[^/]+\/(.+)$/.exec(nameIn(resource.urn)) ?? [];
      if (cloud === undefined || key === undefined) return [];
      const {
        inputs: { source },
        outputs: { md5hash },
      } = fileSchema.parse(resource);
      if (source !== undefined) return [{ cloud, key, algorithm: "sha256", hash: source.hash }];
      if (md5hash === undefined) return [];
      return [{ cloud, key, algorithm: "md5", hash: Buffer.from(md5hash, "base64").toString("hex") }];
    });
  }

  /** Every resource in the stack's state; secrets are encrypted. */
  async resources(): Promise<StateResource[]> {
    const { deployment } = await this.#export();
    return deployment.resources;
  }

  /** Resources that were changed outside the stack; reads every resource from the clouds. */
  async drift(): Promise<Drift[]> {
    // `--json` has only the plan; the state of the clouds is read after it.
    const folder = await mkdtemp(path.join(tmpdir(), "refresh-"));
    try {
      const log = path.join(folder, "events.json");
      await this.#run("refresh", "--preview-only", "--non-interactive", "--event-log", log);
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
    return (await this.#run("config", "get", name)).trim();
  }

  async engineVersion(): Promise<string> {
    return (await this.#pulumi.run("version")).trim().replace(/^v/, "");
  }

  /** Starts the engine once, whichever queries need the state. */
  #export(): Promise<z.output<typeof exported>> {
    // Its output is JSON without a flag.
    return (this.#found ??= this.#run("stack", "export").then((printed) => exported.parse(JSON.parse(printed))));
  }

  /** Runs a command on this stack. */
  #run(...command: string[]): Promise<string> {
    return this.#pulumi.run(...command, "--stack", this.name);
  }
}
