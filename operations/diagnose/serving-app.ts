import { type Colour, colours, originGroupOf } from "../../components/azure/colour";
import type { DeployedFunction } from "./inspected-cloud";
import type { ValuesOf } from "./outputs";

/** A function of Azure that has two apps. */
interface FunctionInTurn {
  /** Name of Front Door's route. */
  readonly route: string;
  readonly apps: Readonly<Record<Colour, string>>;
  /** The app that was deployed to last. */
  readonly deployedTo: string;
}

/** @param deployedTo the app that was deployed to last; undefined is given back where it serves alone. */
export function functionInTurn({ functions }: ValuesOf<"azure">, deployedTo: string): FunctionInTurn | undefined {
  const [route, fn] = Object.entries(functions).find(([, { functionName }]) => functionName === deployedTo) ?? [];
  return route !== undefined && fn?.colours !== undefined ? { route, apps: fn.colours, deployedTo } : undefined;
}

/** The app that serves requests, of a function that has two of them. */
interface ServingApp extends Pick<DeployedFunction, "serving" | "rolledBack"> {
  readonly functionName: string;
}

/** @param originGroup id of that which Front Door's route goes to; undefined where there is no route. */
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
