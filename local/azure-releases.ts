import path from "node:path";

import { type Colour, releaseTag } from "../components/azure/colour";
import { verifiedBlob } from "../components/azure/one-deploy";
import {
  azureMeans,
  packagePlace,
  packageReleases,
  type PackagePlace,
  withoutPackages,
  withRelease,
} from "../operations/releases/azure";
import { colourPlace, type ColourPlace, colourReleases, groupOf } from "../operations/releases/azure-colours";
import type { EngineResource, ReleasedFunction, ReleasePort } from "../operations/releases/port";
import { AzureResources } from "./azure/resources";
import { type Ask, changeResource, deleteResource, requireCloud } from "./cloud-process";
import { ResourceStore } from "./store";

const [deploymentType, blobType] = ["azure-native:resources:Deployment", "azure-native:storage:Blob"] as const;
const routeType = "azure-native:cdn:Route";
const cloud = "azure-native";

/**
 * Packages, and blue/green apps, on the local Azure of a state folder.
 *
 * @param ask checks the caller's permissions. Default: the caller is an administrator.
 */
export function localAzureReleases(
  state: string,
  engine: readonly EngineResource[],
  ask: Ask = () => Promise.resolve(),
): ReleasePort {
  const asked = async (fn: ReleasedFunction, ...calls: readonly string[]) => {
    for (const call of calls) await ask({ cloud: "azure", call, resource: fn.functionName });
  };
  // Read for each call, since another process changes the file.
  const stored = () => new ResourceStore(path.join(state, cloud));
  const blobsIn = ({ account, container }: PackagePlace) =>
    new AzureResources(stored())
      .list(blobType)
      .filter(({ accountName, containerName }) => accountName === account && containerName === container);
  const deploymentOf = ({ deploymentName }: PackagePlace) =>
    stored()
      .list(deploymentType)
      .find(({ inputs }) => inputs.deploymentName === deploymentName);
  const routeOf = ({ profile, route }: ColourPlace) => {
    const found = stored()
      .list(routeType)
      .find(({ inputs }) => inputs.profileName === profile && inputs.routeName === route);
    if (found === undefined) throw new Error(`there is no route ${route} on this machine`);
    return found;
  };
  const appOf = ({ apps }: ColourPlace, colour: Colour) => {
    const resources = new AzureResources(stored());
    const app = resources.find("azure-native:web:WebApp", ({ name }) => name === apps[colour].name);
    const deployed = resources.find(deploymentType, ({ properties: { template } }) =>
      template.resources.some(({ name }) => name === `${apps[colour].name}/onedeploy`),
    );
    const deployedPackage = deployed?.properties.parameters.release?.value;
    const modifiedAt = uploadTime(typeof deployedPackage === "string" ? deployedPackage : "");
    return { release: app?.tags[releaseTag], modifiedAt };
  };
  const packages = async (fn: ReleasedFunction) => {
    await asked(fn, "storage blob list", "deployment group show");
    const place = packagePlace(engine, fn);
    const deployment = deploymentOf(place);
    const serving =
      deployment && new AzureResources(stored()).parse(deploymentType, deployment).properties.parameters.release;
    const blobs = blobsIn(place).map(({ blobName, metadata }) => {
      return { name: blobName, createdAt: uploadTime(blobName), metadata };
    });
    return packageReleases(blobs, typeof serving?.value === "string" ? serving.value : undefined);
  };
  return {
    ...azureMeans(engine),
    async releases(fn) {
      const inTurn = colourPlace(engine, fn);
      if (inTurn !== undefined) {
        await asked(fn, "afd route show", "resource show");
        const serving = new AzureResources(stored()).parse(routeType, routeOf(inTurn)).originGroup.id;
        const apps = { blue: appOf(inTurn, "blue"), green: appOf(inTurn, "green") };
        return colourReleases(fn, inTurn, { serving, apps });
      }
      return packages(fn);
    },
    leftovers: async (fn) => {
      const arePackages = withoutPackages(engine, fn) === undefined;
      return arePackages && colourPlace(engine, fn) !== undefined ? packages(fn) : [];
    },
    async serve(fn, { name }) {
      const inTurn = colourPlace(engine, fn);
      if (inTurn !== undefined) {
        await asked(fn, "afd route update");
        const { id, inputs } = routeOf(inTurn);
        const moved = { ...inputs, originGroup: { id: groupOf(inTurn, name) } };
        await changeResource(await requireCloud(state), { cloud, type: routeType, id, inputs: moved, apply: true });
        return;
      }
      await asked(fn, "storage blob generate-sas", "deployment group create");
      const place = packagePlace(engine, fn);
      const url = blobsIn(place).find(({ blobName }) => blobName === name)?.url;
      const deployment = deploymentOf(place);
      if (url === undefined || deployment === undefined)
        throw new Error(`${fn.functionName}: there is no package ${name}`);
      const { properties, ...rest } = withRelease(deployment.inputs, name);
      const { parameters, ...others } = properties as { parameters: object };
      const inputs = { ...rest, properties: { ...others, parameters: { ...parameters, packageUri: { value: url } } } };
      const request = { cloud, type: deploymentType, id: deployment.id, inputs, apply: true };
      await changeResource(await requireCloud(state), request);
    },
    async delete(fn, { name }) {
      await asked(fn, "storage blob delete");
      for (const blob of blobsIn(packagePlace(engine, fn))) {
        if (blob.blobName !== name && blob.blobName !== verifiedBlob(name)) continue;
        await deleteResource(state, { cloud, type: blobType, id: blob.id });
      }
    },
  };
}

/** The time in a package's name; the local cloud records no upload times. */
function uploadTime(blobName: string): Date {
  const [, year = "1970", month = "01", day = "01", hours = "00", minutes = "00", seconds = "00"] =
    /-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-[0-9a-f]{12}\.zip$/.exec(blobName) ?? [];
  return new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
}
