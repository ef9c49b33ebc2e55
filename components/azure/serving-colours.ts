import * as authorization from "@pulumi/azure-native/authorization";
import * as cdn from "@pulumi/azure-native/cdn";
import * as web from "@pulumi/azure-native/web";
import type * as pulumi from "@pulumi/pulumi";

import { shortDigestOf } from "../digest";
import type { FunctionPlan } from "../function-plan";
import { nameLimits, resourceName, type Scope } from "../names";
import { resolved } from "../resolved";
import { type Colour, colours, type FunctionColours, originGroupOf, releaseTag, type Serving } from "./colour";

/** Name of a colour's app among the application's parts; green has the name of the twin. */
export const appPart = (functionName: string, colour: Colour): string =>
  colour === "blue" ? functionName : `${functionName}-next`;

/** Names of Front Door's profile and of its endpoint. */
export const frontDoorName = (scope: Scope): string => resourceName(scope, "web", nameLimits.frontDoorEndpoint);

export const resourceGroupName = (scope: Scope): string => resourceName(scope, "resources", nameLimits.resourceGroup);

export interface ServingArgs {
  readonly scope: Scope;
  readonly functions: readonly FunctionPlan[];
  /** Whether the functions have two colours. */
  readonly blueGreen: boolean;
}

/**
 * The serving app of each function that answers requests, from Front Door's routes and the apps' tags, so that it does
 * not depend on the engine's state, which an interrupted update, a rollback or a refresh may have changed.
 *
 * Without `blueGreen` the result contains only functions whose green app serves: the update returns them to blue.
 *
 * The values of the functions' secrets have to be known in a preview.
 */
export async function servingColours(
  { scope, functions, blueGreen }: ServingArgs,
  opts?: pulumi.InvokeOptions,
): Promise<Readonly<Record<string, FunctionColours>>> {
  const found = await Promise.all(
    functions
      .filter(({ description }) => description.kind === "http")
      .map(async ({ description: { name }, secrets }): Promise<[string, FunctionColours][]> => {
        const colour = await colourOf(scope, name, opts);
        if (!blueGreen && colour !== "green") return [];
        const serving = colour && (await servingOf(scope, name, colour, opts));
        return [[name, { serving, secrets: await resolved(shortDigestOf(secrets)), ending: !blueGreen }]];
      }),
  );
  return Object.fromEntries(found.flat());
}

async function colourOf(scope: Scope, name: string, opts?: pulumi.InvokeOptions): Promise<Colour | undefined> {
  const frontDoor = frontDoorName(scope);
  const route = await unlessAbsent(
    cdn.getRoute(
      {
        resourceGroupName: resourceGroupName(scope),
        profileName: frontDoor,
        endpointName: frontDoor,
        routeName: name,
      },
      opts,
    ),
  );
  const group = route?.originGroup?.id?.split("/").at(-1);
  return colours.find((colour) => originGroupOf(name, colour) === group);
}

async function servingOf(scope: Scope, name: string, colour: Colour, opts?: pulumi.InvokeOptions): Promise<Serving> {
  const { subscriptionId } = await authorization.getClientConfig(opts);
  const appName = resourceName(scope, appPart(name, colour), nameLimits.functionApp, subscriptionId);
  const app = await unlessAbsent(web.getWebApp({ resourceGroupName: resourceGroupName(scope), name: appName }, opts));
  return { colour, release: app?.tags?.[releaseTag] };
}

/**
 * Undefined if Azure answers that the resource does not exist; the SDK's text has status and code on separate lines.
 */
export async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && /\b404\b|NotFound/.test(error.message)) return undefined;
    throw error;
  }
}
