import { createHash } from "node:crypto";

import { z } from "zod";

/** A resource type's operation that has to fail, as in the type's behaviour. */
const faultSchema = z.object({
  operation: z.enum(["create", "update"]),
  type: z.string(),
  /** Number of failures. Default: one. */
  times: z.number().int().positive().default(1),
});

export const weatherSchema = z.object({
  /** Seed of random faults: the same seed and the same changes have the same faults. Default: no random faults. */
  seed: z.string().optional(),
  faults: z.array(faultSchema).default([]),
});

/** The faults to inject: random, ordered, or none. */
export type WeatherReport = z.input<typeof weatherSchema>;

/** Probability that an operation which can fail does fail, under a seed. */
const chanceOfFault = 0.15;

/** Factor by which time on the local clouds is faster than on live ones, under a seed. */
const haste = 100;

/** Decides which operations fail, and how late changes become visible. */
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

  /** @param attempt number of this attempt at the operation with this resource, from 1. */
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

  /** Local milliseconds of a delay of up to this many seconds on the live cloud. */
  delay(urn: string, seconds: number): number {
    return this.#seed === undefined ? 0 : Math.round((this.#chance(`delay ${urn}`) * seconds * 1000) / haste);
  }

  /** Length of a live cloud's second here, in seconds: waits for a live cloud are shorter by this factor. */
  get second(): number {
    return this.#seed === undefined ? 0 : 1 / haste;
  }

  /** From 0 to 1; 1 without a seed. */
  #chance(of: string): number {
    if (this.#seed === undefined) return 1;
    return createHash("sha256").update(`${this.#seed} ${of}`).digest().readUInt32BE() / 2 ** 32;
  }
}
