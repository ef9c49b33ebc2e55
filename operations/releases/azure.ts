import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { z } from "zod";

import { type OneDeployParameters, oneDeployTemplate, verifiedBlob } from "../../components/azure/one-deploy";
import { type Colour, releaseTag } from "../../components/azure/colour";
import { UnansweredError } from "../unanswered-error";
import { azureCli } from "../vendor-cli";
import {
  colourMeans,
  colourPlace,
  type ColourPlace,
  colourReleases,
  groupOf,
  type ReadApp,
  toldOfColour,
} from "./azure-colours";
import type { EngineResource, KeptRelease, ReleasedFunction, ReleasePort } from "./port";

const deploymentType = "azure-native:resources:Deployment";
const blobType = "azure-native:storage:Blob";

const deploymentInputs = z.looseObject({
  deploymentName: z.string(),
  resourceGroupName: z.string(),
  properties: z.looseObject({
    template: z.looseObject({ resources: z.array(z.looseObject({ name: z.string() })) }),
    parameters: z.looseObject({ release: z.looseObject({ value: z.string() }).optional() }),
  }),
});
const blobInputs = z.looseObject({ accountName: z.string(), containerName: z.string(), blobName: z.string() });

/** The storage of an app's packages, and its deployment resource. */
export interface PackagePlace {
  readonly resourceGroup: string;
  readonly deploymentName: string;
  readonly account: string;
  readonly container: string;
}

/** Why an app has no releases, if it is not deployed by one deploy. */
export function withoutPackages(resources: readonly EngineResource[], fn: ReleasedFunction): string | undefined {
  return placeIn(resources, fn) === undefined
    ? `the function app ${fn.functionName} gets its package by the Azure CLI (azure.function.deployment), which keeps no earlier one`
    : undefined;
}

/**
 * An app's packages in the engine's state.
 *
 * @throws {UnansweredError} if the app is deployed in another way.
 */
export function packagePlace(resources: readonly EngineResource[], fn: ReleasedFunction): PackagePlace {
  const found = placeIn(resources, fn);
  if (found !== undefined) return found;
  throw new UnansweredError(
    withoutPackages(resources, fn) ?? fn.functionName,
    "check out the last good commit, and deploy it",
  );
}

function placeIn(resources: readonly EngineResource[], { functionName }: ReleasedFunction): PackagePlace | undefined {
  const deployment = resources.find((resource) => deploymentOf(functionName, resource) !== undefined);
  const found = deployment && deploymentOf(functionName, deployment);
  const blob = resources.find(({ type, parent }) => type === blobType && parent === deployment?.parent);
  if (found === undefined || blob === undefined) return undefined;
  const { accountName: account, containerName: container } = blobInputs.parse(blob.inputs);
  return { resourceGroup: found.resourceGroupName, deploymentName: found.deploymentName, account, container };
}

function deploymentOf(functionName: string, { type, inputs }: EngineResource) {
  if (type !== deploymentType) return undefined;
  const parsed = deploymentInputs.safeParse(inputs);
  const isOf = parsed.success && parsed.data.properties.template.resources[0]?.name === `${functionName}/onedeploy`;
  return isOf ? parsed.data : undefined;
}

/** A blob in an app's container of packages. */
export interface ReadBlob {
  readonly name: string;
  readonly createdAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Packages as an app's releases: another blob marks each verified one. */
export function packageReleases(blobs: readonly ReadBlob[], serving: string | undefined): KeptRelease[] {
  const names = new Set(blobs.map(({ name }) => name));
  return blobs
    .filter(({ name }) => name.endsWith(".zip"))
    .map(({ name, createdAt, metadata }) => ({
      name,
      release: metadata.release ?? "",
      publishedAt: createdAt,
      share: name === serving ? 1 : 0,
      verified: names.has(verifiedBlob(name)),
    }))
    .sort((a, b) => b.publishedAt.getTime() - a.publishedAt.getTime());
}

/** Behaviour of both Azure and the local Azure. */
export const packageMeans: Pick<ReleasePort, "means" | "told"> = {
  means: "the package that was kept is deployed again, with the settings that there are now: minutes",
  // A refresh returns the deployment's last inputs.
  told({ functionName }, { name }, resource) {
    if (deploymentOf(functionName, resource) === undefined) return undefined;
    return { inputs: withRelease(resource.inputs, name), outputs: withRelease(resource.outputs, name) };
  },
};

/** Inputs or outputs of a one deploy, with the name of another package. */
export function withRelease(values: Readonly<Record<string, unknown>>, release: string): Record<string, unknown> {
  const shape = z.looseObject({ properties: z.looseObject({ parameters: z.looseObject({}) }) });
  const { properties, ...rest } = shape.parse(values);
  const parameters = { ...properties.parameters, release: { value: release } };
  return { ...rest, properties: { ...properties, parameters } };
}

/** Behaviour of both Azure and the local Azure: functions in two colours by their apps, others by their packages. */
export function azureMeans(
  resources: readonly EngineResource[],
): Pick<ReleasePort, "means" | "meansFor" | "told" | "without"> {
  return {
    ...packageMeans,
    meansFor: (fn) => (colourPlace(resources, fn) ? colourMeans : undefined),
    without: (fn) => (colourPlace(resources, fn) ? undefined : withoutPackages(resources, fn)),
    told(fn, release, resource) {
      const place = colourPlace(resources, fn);
      return place ? toldOfColour(place, release.name, resource) : packageMeans.told(fn, release, resource);
    },
  };
}

const shownRoute = z.object({ originGroup: z.object({ id: z.string() }) });
const shownApp = z
  .object({
    tags: z.record(z.string(), z.string()).nullish(),
    // UTC without a time zone suffix.
    properties: z.object({ lastModifiedTimeUtc: z.string() }),
  })
  .transform(({ tags, properties: { lastModifiedTimeUtc: at } }): ReadApp => {
    return { release: tags?.[releaseTag], modifiedAt: new Date(/Z|[+-]\d\d:\d\d$/.test(at) ? at : `${at}Z`) };
  });

const blobs = z.array(
  z.object({
    name: z.string(),
    metadata: z.record(z.string(), z.string()).nullish(),
    properties: z.object({ creationTime: z.coerce.date() }),
  }),
);
const deployed = z.object({
  properties: z.object({
    parameters: z.looseObject({ release: z.object({ value: z.string() }).optional() }).nullish(),
  }),
});

/** Schemas of the command line's output. */
export const azureAnswers = { route: shownRoute, app: shownApp, blobs, deployment: deployed };

/** Time limit of a package's deployment: half an hour. */
const deploymentTimeoutMs = 1_800_000;

/** Days for which the URL of a package is valid: Azure reads it during the deployment. */
const addressDays = 1;

/**
 * Function apps on Flex Consumption, which has neither versions nor slots, with the Azure CLI: their packages, or the two
 * colours of each.
 */
export function azureReleases(subscriptionId: string, resources: readonly EngineResource[]): ReleasePort {
  const az = azureCli(subscriptionId, deploymentTimeoutMs);
  const routeOf = ({ resourceGroup, profile, endpoint, route }: ColourPlace) => [
    ...["--resource-group", resourceGroup, "--profile-name", profile],
    ...["--endpoint-name", endpoint, "--route-name", route],
  ];
  const colour = async (fn: ReleasedFunction, place: ColourPlace) => {
    const read = (each: Colour) =>
      az.ask(
        shownApp,
        ...["resource", "show", "--resource-type", "Microsoft.Web/sites"],
        ...["--resource-group", place.resourceGroup, "--name", place.apps[each].name],
      );
    const [route, blue, green] = await Promise.all([
      az.ask(shownRoute, "afd", "route", "show", ...routeOf(place)),
      read("blue"),
      read("green"),
    ]);
    return colourReleases(fn, place, { serving: route.originGroup.id, apps: { blue, green } });
  };
  const packages = async (fn: ReleasedFunction) => {
    const { account, container, resourceGroup, deploymentName } = packagePlace(resources, fn);
    const inContainer = ["--account-name", account, "--container-name", container, "--auth-mode", "key"];
    const [found, last] = await Promise.all([
      az.ask(blobs, "storage", "blob", "list", ...inContainer, "--include", "m", "--num-results", "*"),
      az.ask(deployed, "deployment", "group", "show", "--resource-group", resourceGroup, "--name", deploymentName),
    ]);
    const read = found.map(({ name, metadata, properties: { creationTime } }) => {
      return { name, createdAt: creationTime, metadata: metadata ?? {} };
    });
    return packageReleases(read, last.properties.parameters?.release?.value);
  };
  return {
    ...azureMeans(resources),
    releases(fn) {
      const inTurn = colourPlace(resources, fn);
      return inTurn === undefined ? packages(fn) : colour(fn, inTurn);
    },
    leftovers: async (fn) => {
      const arePackages = withoutPackages(resources, fn) === undefined;
      return arePackages && colourPlace(resources, fn) !== undefined ? packages(fn) : [];
    },
    async serve(fn, { name }) {
      const inTurn = colourPlace(resources, fn);
      if (inTurn !== undefined) {
        await az.run("afd", "route", "update", ...routeOf(inTurn), "--origin-group", groupOf(inTurn, name));
        return;
      }
      const { account, container, resourceGroup, deploymentName } = packagePlace(resources, fn);
      const expiry = new Date(Date.now() + addressDays * 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
      const packageUri = await az.ask(
        z.string(),
        ...["storage", "blob", "generate-sas", "--account-name", account, "--container-name", container],
        ...[
          "--name",
          name,
          "--permissions",
          "r",
          "--expiry",
          expiry,
          "--https-only",
          "--auth-mode",
          "key",
          "--full-uri",
        ],
      );
      const folder = await mkdtemp(path.join(tmpdir(), "onedeploy-"));
      try {
        const [template, parameters] = [path.join(folder, "template.json"), path.join(folder, "parameters.json")];
        await writeFile(template, JSON.stringify(oneDeployTemplate((suffix) => `${fn.functionName}${suffix}`)));
        const values: OneDeployParameters<string> = { packageUri: { value: packageUri }, release: { value: name } };
        await writeFile(parameters, JSON.stringify(values), { mode: 0o600 });
        await az.run(
          ...["deployment", "group", "create", "--resource-group", resourceGroup, "--name", deploymentName],
          ...["--template-file", template, "--parameters", `@${parameters}`],
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    async delete(fn, { name, verified }) {
      const { account, container } = packagePlace(resources, fn);
      const inContainer = ["--account-name", account, "--container-name", container, "--auth-mode", "key"];
      for (const blob of [name, ...(verified ? [verifiedBlob(name)] : [])]) {
        await az.run("storage", "blob", "delete", ...inContainer, "--name", blob);
      }
    },
  };
}
