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

/** A function in two colours: its route and its apps. */
export interface ColourPlace {
  readonly resourceGroup: string;
  readonly profile: string;
  readonly endpoint: string;
  readonly route: string;
  /** Ids of the origin groups. */
  readonly groups: Readonly<Record<Colour, string>>;
  readonly apps: Readonly<Record<Colour, { readonly name: string; readonly hostName: string }>>;
  /** The header that an app requires if it accepts only Front Door. */
  readonly frontDoorId: string;
}

/** A function's colours in the engine's state; undefined if it has one app. */
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

/** The current description of an app in its cloud. */
export interface ReadApp {
  /** From the tag; absent if the app was deployed before it had a colour. */
  readonly release?: string;
  readonly modifiedAt: Date;
}

/**
 * The two apps of a function as its releases. The serving one was probed before the route moved to it; the idle one is
 * probed now.
 *
 * @param serving id of the route's origin group.
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
  // The first deployment gives both apps the same release, so the idle one is not an earlier release.
  const served = found.find(({ share }) => share > 0)?.release;
  return found.filter(({ share, release }) => share > 0 || release !== served);
}

/** Seconds until an app that may have no instance must answer its probes. */
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

/** The route in the engine's state after a move to another colour. */
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
