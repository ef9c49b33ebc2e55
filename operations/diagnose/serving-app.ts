import { type Colour, colours, originGroupOf } from "../../components/azure/colour";
import type { DeployedFunction } from "./inspected-cloud";
import type { ValuesOf } from "./outputs";

/** An Azure function with two apps. */
interface FunctionInTurn {
  /** Name of Front Door's route. */
  readonly route: string;
  readonly apps: Readonly<Record<Colour, string>>;
  /** The app of the last deployment. */
  readonly deployedTo: string;
}

/** @param deployedTo the app of the last deployment. Returns undefined if it is the only app. */
export function functionInTurn({ functions }: ValuesOf<"azure">, deployedTo: string): FunctionInTurn | undefined {
  const [route, fn] = Object.entries(functions).find(([, { functionName }]) => functionName === deployedTo) ?? [];
  return route !== undefined && fn?.colours !== undefined ? { route, apps: fn.colours, deployedTo } : undefined;
}

/** The app that serves requests, of a function with two apps. */
interface ServingApp extends Pick<DeployedFunction, "serving" | "rolledBack"> {
  readonly functionName: string;
}

/** @param originGroup id of the origin group of Front Door's route; undefined without a route. */
export function servingApp(
  { route, apps, deployedTo }: FunctionInTurn,
  originGroup: string | undefined,
): ServingApp | undefined {
  const group = originGroup?.split("/").at(-1)?.toLowerCase();
  const colour = colours.find((each) => originGroupOf(route, each).toLowerCase() === group);
  if (colour === undefined) return undefined;
  const functionName = apps[colour];
  const serving = `the ${colour} app ${functionName}`;
  const isLast = functionName === deployedTo;
  const rolledBack = isLast ? [] : [`${serving} serves, and what was deployed last is on ${deployedTo}`];
  return { functionName, serving, rolledBack };
}
