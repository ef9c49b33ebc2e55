import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";
import { UnansweredError } from "../unanswered-error";
import { type EngineOptions, pulumiCli, type VendorCli } from "../vendor-cli";
import type { EngineResource, ReleasedFunction, Told } from "./port";

const probe = z.object({ path: z.string(), status: z.number(), json: z.unknown().optional() });

const outputsSchema = z.partialRecord(
  z.enum(clouds),
  z.looseObject({
    region: z.string().default(""),
    project: z.string().default(""),
    subscriptionId: z.string().default(""),
    public: z.boolean().default(true),
    functions: z
      .record(
        z.string(),
        z.looseObject({ functionName: z.string(), url: z.url().optional(), probes: z.array(probe).default([]) }),
      )
      .default({}),
  }),
);

const properties = z.record(z.string(), z.unknown()).default({});

const exported = z.looseObject({
  deployment: z.looseObject({
    resources: z
      .array(
        z.looseObject({
          urn: z.string(),
          type: z.string(),
          parent: z.string().optional(),
          inputs: properties,
          outputs: properties,
        }),
      )
      .default([]),
  }),
});

const updates = z.array(
  z.looseObject({
    kind: z.string(),
    startTime: z.coerce.date(),
    endTime: z.coerce.date().optional(),
    environment: z.record(z.string(), z.unknown()).default({}),
  }),
);

/** A cloud's functions and their location. */
export interface ReleasedCloud {
  readonly cloud: Cloud;
  readonly region: string;
  /** Id of the project, on Google Cloud. */
  readonly project: string;
  /** Id of the subscription, on Azure. */
  readonly subscriptionId: string;
  readonly functions: readonly ReleasedFunction[];
  /** Every resource of the stack, including those of other clouds. */
  readonly resources: readonly EngineResource[];
}

/** An update of a stack. */
export interface StackUpdate {
  /** Start in milliseconds since 1970, which identifies the update. */
  readonly began: number;
  /** Absent if the engine does not have it. */
  readonly commit?: string;
}

/** A stack in the engine's backend. */
export class ReleasedStack {
  readonly #pulumi: VendorCli;
  /** Its state at the first read. */
  #found?: Promise<z.output<typeof exported>>;
  #history?: Promise<z.output<typeof updates>>;

  constructor(
    readonly name: string,
    engine: EngineOptions,
  ) {
    this.#pulumi = pulumiCli(engine);
  }

  /** @throws {UnansweredError} if nothing is deployed. */
  async clouds(): Promise<ReleasedCloud[]> {
    const { resources } = (await (this.#found ??= this.#export())).deployment;
    const printed = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
    const outputs = outputsSchema.parse(
      Object.fromEntries(clouds.flatMap((cloud) => (cloud in printed ? [[cloud, printed[cloud]]] : []))),
    );
    const deployed = clouds.flatMap((cloud) => {
      const found = outputs[cloud];
      if (found === undefined) return [];
      const functions = Object.entries(found.functions).map(([name, { functionName, url, probes }]) => {
        return { name, functionName, url, probes, ...(!found.public && { identity: "caller" as const }) };
      });
      const { region, project, subscriptionId } = found;
      return [{ cloud, region, project, subscriptionId, functions, resources }];
    });
    if (deployed.length > 0) return deployed;
    throw new UnansweredError(`stack ${this.name} has no outputs of a cloud: nothing is deployed`, "deploy it first");
  }

  /**
   * Updates only the state, to match the clouds: the next preview shows what it would undo.
   *
   * @param told the result of a port's `told` for each resource.
   */
  async tell(told: (resource: EngineResource) => Told | undefined): Promise<void> {
    const { resources } = (await (this.#found ??= this.#export())).deployment;
    const targets = resources.flatMap((resource) => (told(resource) === "read" ? ["--target", resource.urn] : []));
    if (targets.length > 0) await this.#run("refresh", "--yes", "--non-interactive", "--skip-preview", ...targets);
    const isWritten = (resource: EngineResource) => typeof told(resource) === "object";
    if (!resources.some(isWritten)) return;
    const { deployment, ...rest } = await this.#export();
    const written = deployment.resources.map((resource) => {
      const now = told(resource);
      return typeof now === "object" ? { ...resource, ...now } : resource;
    });
    const folder = await mkdtemp(path.join(tmpdir(), "stack-"));
    try {
      const file = path.join(folder, "state.json");
      await writeFile(file, JSON.stringify({ ...rest, deployment: { ...deployment, resources: written } }), {
        mode: 0o600,
      });
      await this.#run("stack", "import", "--file", file);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  /** The update that was running at a time, if the engine has a record of it. */
  async updates(): Promise<(at: Date) => StackUpdate | undefined> {
    const history = await (this.#history ??= this.#updates());
    return (at) => {
      const found = history.find(({ startTime, endTime }) => {
        // The history has whole seconds.
        return at.getTime() >= startTime.getTime() - 1000 && at.getTime() <= (endTime?.getTime() ?? Infinity) + 1000;
      });
      if (found === undefined) return undefined;
      const head = found.environment["git.head"];
      return { began: found.startTime.getTime(), commit: typeof head === "string" ? head.slice(0, 12) : undefined };
    };
  }

  async #updates() {
    return updates.parse(JSON.parse(await this.#run("stack", "history", "--page-size", "100", "--json")));
  }

  async #export() {
    return exported.parse(JSON.parse(await this.#run("stack", "export")));
  }

  #run(...command: string[]): Promise<string> {
    return this.#pulumi.run(...command, "--stack", this.name);
  }
}
