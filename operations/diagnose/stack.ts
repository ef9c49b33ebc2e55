import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { z } from "zod";

import type { Cloud } from "../../contract/clouds";
import { nameIn } from "../../contract/urn";
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

/** A resource, as far as it is read: a file's asset has its content's hash; where that is given as text, it is a secret of the state. */
const resource = z.object({
  type: z.string(),
  urn: z.string().default(""),
  inputs: z.object({ source: z.object({ hash: z.string() }).optional().catch(undefined) }).default({}),
  outputs: z.object({ md5hash: z.string().optional().catch(undefined) }).default({}),
});

const exported = z.object({
  deployment: z.object({
    resources: z.array(resource).default([]),
    pending_operations: z.array(z.object({ type: z.string(), resource: z.object({ urn: z.string() }) })).default([]),
  }),
});

/** A file of a frontend, as it was deployed. */
export interface DeployedFile {
  readonly cloud: Cloud;
  /** Its path below the frontend's address. */
  readonly key: string;
  readonly algorithm: "sha256" | "md5";
  /** Of its content, in hexadecimal. */
  readonly hash: string;
}

/** Types of what a frontend's files are. */
const fileTypes: Readonly<Record<string, Cloud>> = {
  "aws:s3/bucketObjectv2:BucketObjectv2": "aws",
  "azure-native:storage:Blob": "azure",
  "gcp:storage/bucketObject:BucketObject": "gcp",
};

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
  readonly #pulumi: VendorCli;

  constructor(
    readonly name: string,
    engine: EngineOptions,
  ) {
    this.#pulumi = pulumiCli(engine);
  }

  /**
   * @param deploy command that deploys the stack.
   * @throws {UnansweredError} where no update of it has succeeded: only that writes outputs.
   * @throws where there is no such stack, or where it is not one of this program.
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

  /** The last run that changed the stack; absent where nothing ever did. */
  async lastUpdate(): Promise<Update | undefined> {
    const history = await this.#run("stack", "history", "--page-size", "1", "--json");
    return z.array(update).parse(JSON.parse(history))[0];
  }

  /** What the engine had begun when it was interrupted, e.g. `creating urn:pulumi:...`. */
  async pendingOperations(): Promise<string[]> {
    const { deployment } = await this.#export();
    return deployment.pending_operations.map(({ type, resource }) => `${type} ${resource.urn}`);
  }

  /** The files of every frontend. */
  async siteFiles(): Promise<DeployedFile[]> {
    const { deployment } = await this.#export();
    return deployment.resources.flatMap(({ type, urn, inputs: { source }, outputs: { md5hash } }): DeployedFile[] => {
      const cloud = fileTypes[type];
      // A file is called by its key, below the frontend; packages are objects too, and have no path in their names.
      const [, key] = /^[^/]+\/(.+)$/.exec(nameIn(urn)) ?? [];
      if (cloud === undefined || key === undefined) return [];
      if (source !== undefined) return [{ cloud, key, algorithm: "sha256", hash: source.hash }];
      if (md5hash === undefined) return [];
      return [{ cloud, key, algorithm: "md5", hash: Buffer.from(md5hash, "base64").toString("hex") }];
    });
  }

  /** What was changed behind the stack's back, by asking the clouds for every resource. */
  async drift(): Promise<Drift[]> {
    // `--json` tells what is planned only: what the clouds answer comes after that.
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

  async #export(): Promise<z.output<typeof exported>> {
    // It is JSON without being asked for it.
    return exported.parse(JSON.parse(await this.#run("stack", "export")));
  }

  /** Runs a command on this stack. */
  #run(...command: string[]): Promise<string> {
    return this.#pulumi.run(...command, "--stack", this.name);
  }
}
