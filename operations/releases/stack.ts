import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";
import { type EngineOptions, pulumiCli, type VendorCli } from "../vendor-cli";
import type { EngineResource, ReleasedFunction } from "./port";

const probe = z.object({ path: z.string(), status: z.number(), json: z.unknown().optional() });

const outputsSchema = z.partialRecord(
  z.enum(clouds),
  z.looseObject({
    region: z.string().default(""),
    functions: z
      .record(
        z.string(),
        z.looseObject({ functionName: z.string(), url: z.url().optional(), probes: z.array(probe).default([]) }),
      )
      .default({}),
  }),
);

const exported = z.object({
  deployment: z.object({
    resources: z
      .array(z.object({ urn: z.string(), type: z.string(), outputs: z.record(z.string(), z.unknown()).default({}) }))
      .default([]),
  }),
});

const updates = z.array(
  z.looseObject({
    kind: z.string(),
    result: z.string(),
    startTime: z.coerce.date(),
    endTime: z.coerce.date().optional(),
    environment: z.record(z.string(), z.unknown()).default({}),
  }),
);

/** What a cloud's functions are, and where. */
export interface ReleasedCloud {
  readonly cloud: Cloud;
  readonly region: string;
  readonly functions: readonly ReleasedFunction[];
}

/** A stack, as the engine keeps it. */
export class ReleasedStack {
  readonly #pulumi: VendorCli;

  constructor(
    readonly name: string,
    engine: EngineOptions,
  ) {
    this.#pulumi = pulumiCli(engine);
  }

  async clouds(): Promise<ReleasedCloud[]> {
    const printed = z.record(z.string(), z.unknown()).parse(JSON.parse(await this.#run("stack", "output", "--json")));
    const outputs = outputsSchema.parse(
      Object.fromEntries(clouds.flatMap((cloud) => (cloud in printed ? [[cloud, printed[cloud]]] : []))),
    );
    return clouds.flatMap((cloud) => {
      const found = outputs[cloud];
      if (found === undefined) return [];
      const functions = Object.entries(found.functions).map(([name, { functionName, url, probes }]) => {
        return { name, functionName, url, probes };
      });
      return [{ cloud, region: found.region, functions }];
    });
  }

  async resources(): Promise<EngineResource[]> {
    return exported.parse(JSON.parse(await this.#run("stack", "export"))).deployment.resources;
  }

  /** Reads resources anew, so that the next preview says what it would undo. */
  async refresh(urns: readonly string[]): Promise<void> {
    if (urns.length === 0) return;
    const targets = urns.flatMap((urn) => ["--target", urn]);
    await this.#run("refresh", "--yes", "--non-interactive", "--skip-preview", ...targets);
  }

  /** The commit of the update that was under way at a time, where the engine knows it. */
  async commits(): Promise<(at: Date) => string | undefined> {
    const history = updates.parse(JSON.parse(await this.#run("stack", "history", "--page-size", "100", "--json")));
    return (at) => {
      const found = history.find(({ startTime, endTime }) => {
        // The history counts whole seconds.
        return at.getTime() >= startTime.getTime() - 1000 && at.getTime() <= (endTime?.getTime() ?? Infinity) + 1000;
      });
      const head = found?.environment["git.head"];
      return typeof head === "string" ? head.slice(0, 12) : undefined;
    };
  }

  #run(...command: string[]): Promise<string> {
    return this.#pulumi.run(...command, "--stack", this.name);
  }
}
