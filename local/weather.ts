import { createHash } from "node:crypto";

import { z } from "zod";

/** An operation of a resource type that has to fail half-way, as the type's behaviour says. */
const faultSchema = z.object({
  operation: z.enum(["create", "update"]),
  type: z.string(),
  /** How often. Default: once. */
  times: z.number().int().positive().default(1),
});

export const weatherSchema = z.object({
  /** What chance follows from: the same seed and the same changes have the same faults. Default: nothing is by chance. */
  seed: z.string().optional(),
  faults: z.array(faultSchema).default([]),
});

/** What goes wrong: by chance, by order, or nothing. */
export type WeatherReport = z.input<typeof weatherSchema>;

/** How often an operation that can fail half-way does, under a seed. */
const chanceOfFault = 0.15;

/** Time of this machine's clouds under a seed goes faster by this factor than that of the live ones. */
const haste = 100;

/** When things go wrong on the local clouds, and how late they know of each other. */
export class Weather {
  #seed: string | undefined;
  #faults: { operation: string; type: string; times: number }[] = [];

  constructor(report: WeatherReport = {}) {
    this.change(report);
  }

  change(report: WeatherReport): void {
    const { seed, faults } = weatherSchema.parse(report);
    this.#seed = seed;
    this.#faults = faults;
  }

  get calm(): boolean {
    return this.#seed === undefined && this.#faults.length === 0;
  }

  /** @param attempt how often this operation was tried with this resource, from 1. */
  fails(operation: "create" | "update", type: string, urn: string, attempt: number): boolean {
    const ordered = this.#faults.find(
      (fault) => fault.type === type && fault.operation === operation && fault.times > 0,
    );
    if (ordered !== undefined) {
      ordered.times -= 1;
      return true;
    }
    return this.#chance(`${operation} ${urn} ${attempt}`) < chanceOfFault;
  }

  /** Milliseconds that a delay of up to so many seconds on the live cloud takes here. */
  delay(urn: string, seconds: number): number {
    return this.#seed === undefined ? 0 : Math.round((this.#chance(`delay ${urn}`) * seconds * 1000) / haste);
  }

  /** How long a second of the live clouds takes here, in seconds: what waits for a live cloud waits as much less. */
  get second(): number {
    return this.#seed === undefined ? 0 : 1 / haste;
  }

  /** From 0 to 1; 1 without a seed. */
  #chance(of: string): number {
    if (this.#seed === undefined) return 1;
    return createHash("sha256").update(`${this.#seed} ${of}`).digest().readUInt32BE() / 2 ** 32;
  }
}
