import { z } from "zod";

import { publicAddress } from "../../components/address";
import { type Colour, colours, originGroupOf } from "../../components/azure/colour";
import { smokeCheck } from "../smoke-check";
import type { EngineResource, KeptRelease, ReleasedFunction, Told } from "./port";

const routeType = "azure-native:cdn:Route";

const routeInputs = z.looseObject({
  resourceGroupName: z.string(),
  profileName: z.string(),
  endpointName: z.string(),
  routeName: z.string(),
  originGroup: z.looseObject({ id: z.string() }),
});
const originInputs = z.looseObject({ originGroupName: z.string(), hostName: z.string() });
const profileOutputs = z.looseObject({ frontDoorId: z.string() });
const appOutputs = z.looseObject({ defaultHostName: z.string() });

/** A function in two colours: what sends requests to it, and its apps. */
export interface ColourPlace {
  readonly resourceGroup: string;
  readonly profile: string;
  readonly endpoint: string;
  readonly route: string;
  /** Ids of the origin groups. */
  readonly groups: Readonly<Record<Colour, string>>;
  readonly apps: Readonly<Record<Colour, { readonly name: string; readonly hostName: string }>>;
  /** What an app that is closed to all but Front Door lets in. */
  readonly frontDoorId: string;
}

/** What the engine's state says of a function's colours; undefined where it has one app. */
export function colourPlace(resources: readonly EngineResource[], { name }: ReleasedFunction): ColourPlace | undefined {
  const of = (type: string) => resources.filter((resource) => resource.type === `azure-native:${type}`);
  const found = of("cdn:Route").find(({ inputs }) => inputs.routeName === name);
  if (found === undefined) return undefined;
  const { resourceGroupName, profileName, endpointName, originGroup } = routeInputs.parse(found.inputs);
  const appOf = (colour: Colour) => {
    const origin = of("cdn:AFDOrigin")
      .map(({ inputs }) => originInputs.parse(inputs))
      .find(({ originGroupName }) => originGroupName === originGroupOf(name, colour));
    const app = of("web:WebApp").find(
      ({ outputs }) => appOutputs.safeParse(outputs).data?.defaultHostName === origin?.hostName,
    );
    return app && origin && { name: String(app.inputs.name), hostName: origin.hostName };
  };
  const [blue, green] = [appOf("blue"), appOf("green")];
  if (blue === undefined || green === undefined) return undefined;
  const groups = originGroup.id.slice(0, originGroup.id.lastIndexOf("/") + 1);
  const profile = of("cdn:Profile").find(({ inputs }) => inputs.profileName === profileName);
  return {
    resourceGroup: resourceGroupName,
    profile: profileName,
    endpoint: endpointName,
    route: name,
    groups: { blue: groups + originGroupOf(name, "blue"), green: groups + originGroupOf(name, "green") },
    apps: { blue, green },
    frontDoorId: profileOutputs.safeParse(profile?.outputs).data?.frontDoorId ?? "",
  };
}

export const colourMeans =
  "Front Door's route is moved to the other app, which was asked: minutes, until all of Front Door knows";

/** An app as its cloud describes it now. */
export interface ReadApp {
  /** Of the tag; absent where the app was deployed before it had a colour. */
  readonly release?: string;
  readonly modifiedAt: Date;
}

/**
 * The two apps of a function as its releases. The one that serves was asked before the route went there; the other is asked now,
 * since it waits as it is.
 *
 * @param serving id of the origin group that the route goes to.
 */
export async function colourReleases(
  fn: ReleasedFunction,
  place: ColourPlace,
  { serving, apps }: { readonly serving: string; readonly apps: Readonly<Record<Colour, ReadApp>> },
): Promise<KeptRelease[]> {
  const releases = colours.map(async (colour): Promise<KeptRelease> => {
    const { release = "", modifiedAt } = apps[colour];
    const serves = place.groups[colour].toLowerCase() === serving.toLowerCase();
    return {
      name: colour,
      release,
      publishedAt: modifiedAt,
      share: serves ? 1 : 0,
      verified: serves || (await answers(fn, place, colour, release)),
      pinned: true,
    };
  });
  const found = (await Promise.all(releases)).sort((a, b) => b.publishedAt.getTime() - a.publishedAt.getTime());
  // The first deployment gives both the same, and what waits with what serves is nothing to go back to.
  const served = found.find(({ share }) => share > 0)?.release;
  return found.filter(({ share, release }) => share > 0 || release !== served);
}

/** Seconds in which an app that may have no instance has to answer its probes. */
const answerSeconds = 15;

async function answers(fn: ReleasedFunction, place: ColourPlace, colour: Colour, release: string): Promise<boolean> {
  if (fn.probes.length === 0) return false;
  try {
    await smokeCheck({
      cloud: "azure",
      address: publicAddress(place.apps[colour].hostName),
      headers: { "x-azure-fdid": place.frontDoorId },
      probes: fn.probes,
      release: release || undefined,
      timeoutSeconds: answerSeconds,
      explain: () => Promise.resolve([]),
    });
    return true;
  } catch {
    return false;
  }
}

/** The route in the engine's state, once it goes to another colour. */
export function toldOfColour(place: ColourPlace, colour: string, resource: EngineResource): Told | undefined {
  if (resource.type !== routeType || resource.inputs.routeName !== place.route) return undefined;
  const originGroup = { id: groupOf(place, colour) };
  return { inputs: { ...resource.inputs, originGroup }, outputs: { ...resource.outputs, originGroup } };
}

export function groupOf({ groups, route }: ColourPlace, colour: string): string {
  const found = colours.find((each) => each === colour);
  if (found !== undefined) return groups[found];
  throw new Error(`${route}: there is no colour ${colour}; there are ${colours.join(", ")}`);
}
