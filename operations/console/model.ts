import { type Cloud, clouds } from "../../contract/clouds";
import { nameIn } from "../../contract/urn";
import type { KeptRelease } from "../releases/port";
import type { StateResource } from "../stack-state";
import { type Graph, graphOf, kindOf } from "./graph";
import type { Packed } from "./packed";

/** An available version of a function. */
export interface ConsoleRelease {
  readonly cloud: Cloud;
  readonly function: string;
  readonly name: string;
  readonly release: string;
  /** Share of the traffic, from 0 to 1. */
  readonly share: number;
  readonly publishedAt: string;
}

/** A change in the last update. */
interface ConsoleChange {
  readonly urn: string;
  readonly name: string;
  readonly kind: string;
  readonly how: "created" | "updated";
}

/** The last run of the engine that changed the stack. */
export interface ConsoleUpdate {
  readonly kind: string;
  readonly result: string;
  readonly startedAt: string;
  /** Absent while it runs. */
  readonly seconds?: number;
  readonly changes: readonly ConsoleChange[];
  readonly unchanged: number;
}

/** A cloud of the stack. */
export interface ConsoleCloud {
  readonly cloud: Cloud;
  readonly region?: string;
  readonly apiUrl?: string;
  readonly frontendUrl?: string;
  readonly version?: string;
  /** More facts for the page: each title with its text. */
  readonly facts?: readonly (readonly [title: string, text: string])[];
  /** Absent if the stack's state is not known, or if it has no component of this cloud. */
  readonly graph?: Graph;
}

/** The console's data about a stack. */
export interface ConsoleModel {
  readonly project: string;
  readonly stack: string;
  readonly clouds: readonly ConsoleCloud[];
  readonly releases: readonly ConsoleRelease[];
  readonly packed: readonly Packed[];
  /** Absent if there was none. */
  readonly lastUpdate?: ConsoleUpdate;
  /** Pages of resources in their vendors' web consoles, by URN. Default: none, as of the local clouds. */
  readonly links?: Readonly<Record<string, string>>;
  /** Why a part of the data is absent, for the page. Default: nothing is absent. */
  readonly missing?: {
    readonly graph?: string;
    readonly changes?: string;
    readonly releases?: string;
    readonly packed?: string;
  };
}

/** The graph of each cloud of a stack. Resources must be without secrets: they become part of it. */
export function graphsOf(resources: readonly StateResource[]): Partial<Record<Cloud, Graph>> {
  const root = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  return Object.fromEntries(
    clouds.flatMap((cloud) => {
      const component = resources.find(({ parent, type, urn }) => {
        return parent === root?.urn && type.startsWith(`multicloud:${cloud}:`) && nameIn(urn) === cloud;
      });
      return component === undefined ? [] : [[cloud, graphOf(resources, component.urn)]];
    }),
  );
}

/** A release as the console shows it. */
export function consoleRelease(
  cloud: Cloud,
  fn: string,
  { name, release, share, publishedAt }: KeptRelease,
): ConsoleRelease {
  return { cloud, function: fn, name, release, share, publishedAt: publishedAt.toISOString() };
}

/** An update with the resources that it changed, by their times in the engine's state. */
export function consoleUpdate(
  { kind, result, startTime, endTime }: ConsoleRun,
  resources: readonly StateResource[],
): ConsoleUpdate {
  const since = (time: string | undefined) => time !== undefined && Date.parse(time) >= startTime.getTime();
  const own = resources.filter(({ type }) => !type.startsWith("multicloud:") && !type.startsWith("pulumi:"));
  const changed = own.filter(({ modified }) => since(modified));
  return {
    kind,
    result,
    startedAt: startTime.toISOString(),
    seconds: endTime === undefined ? undefined : (endTime.getTime() - startTime.getTime()) / 1000,
    changes: changed.map(({ urn, type, created }) => {
      return { urn, name: nameIn(urn), kind: kindOf(type), how: since(created) ? "created" : "updated" };
    }),
    unchanged: own.length - changed.length,
  };
}

interface ConsoleRun {
  readonly kind: string;
  readonly result: string;
  readonly startTime: Date;
  readonly endTime?: Date;
}
