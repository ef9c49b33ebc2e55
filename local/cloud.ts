import { randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

import type { Cloud } from "../contract/clouds";
import { writeAtomically } from "../layers/cache";
import { onDemand } from "../layers/on-demand";
import { awsBehaviours } from "./aws/behaviour";
import { awsInvokes, awsTypes } from "./aws/types";
import { azureBehaviours } from "./azure/behaviour";
import { azureInvokes, azureTypes } from "./azure/types";
import { type AskedCall, Caller, type CallerReport } from "./caller";
import { claim, giveUp } from "./claim";
import { CommandProvider } from "./command";
import type {
  ChangeRequest,
  CloudAddress,
  CodeRequest,
  DataRequest,
  DeleteRequest,
  InvokeRequest,
  RevisionRequest,
  TrafficRequest,
} from "./control";
import { type CloudDataPlane, CodeError } from "./data-plane";
import { providers as providerNames } from "./deployed-functions";
import { gcpBehaviours } from "./gcp/behaviour";
import { gcpInvokes, gcpTypes } from "./gcp/types";
import { serveConsole } from "./console/server";
import { listen, response } from "./http";
import { inertAws, inertAzure, inertGcp } from "./inert";
import { CloudProvider, type CloudProviderOptions } from "./provider";
import { serveProvider } from "./provider-server";
import { type Resources, ResourceStore } from "./store";
import { Weather, type WeatherReport } from "./weather";

interface LocalCloud extends Omit<CloudProviderOptions, "version" | "store" | "dataPlane"> {
  /** Name of the cloud in the program. */
  readonly called: Cloud;
  readonly start: (stored: Resources, state: string) => Promise<CloudDataPlane>;
}

/**
 * The local clouds, by the name of the provider's plugin and npm package. Their data planes are slow to load, so a
 * cloud without resources does not load its own.
 */
const clouds: Readonly<Record<string, LocalCloud>> = {
  aws: {
    called: "aws",
    types: awsTypes,
    behaviours: awsBehaviours,
    unknownType: inertAws,
    configuration: { region: "us-east-1" },
    invokes: awsInvokes,
    start: async (...where) => (await onDemand(() => import("./aws/data-plane"))).startAws(...where),
  },
  "azure-native": {
    called: "azure",
    types: azureTypes,
    behaviours: azureBehaviours,
    unknownType: inertAzure,
    configuration: {},
    invokes: azureInvokes,
    start: async (...where) => (await onDemand(() => import("./azure/data-plane"))).startAzure(...where),
  },
  gcp: {
    called: "gcp",
    types: gcpTypes,
    behaviours: gcpBehaviours,
    unknownType: inertGcp,
    configuration: {},
    invokes: gcpInvokes,
    start: async (...where) => (await onDemand(() => import("./gcp/data-plane"))).startGcp(...where),
  },
};

/** Runs the local clouds: their providers for the engine, and their deployed resources. */
async function main(state: string, report: WeatherReport, owner?: number): Promise<void> {
  claim(state);
  const weather = new Weather(report);
  const failures: string[] = [];
  const dataPlanes: Promise<CloudDataPlane>[] = [];
  const providers: CloudProvider[] = [];
  const stores = new Map<string, ResourceStore>();
  const ports: Record<string, number> = {};
  const callers = new Caller((cloud) => stores.get(providerNames[cloud]) ?? { list: () => [] });
  const planes = new Map<string, () => Promise<CloudDataPlane>>();
  for (const [name, { start, called, ...cloud }] of Object.entries(clouds)) {
    const directory = path.join(state, name);
    const store = new ResourceStore(directory);
    stores.set(name, store);
    let started: Promise<CloudDataPlane> | undefined;
    const dataPlane = () => {
      if (started === undefined) dataPlanes.push((started = startWith(store, start(store.known, directory), failures)));
      return started;
    };
    planes.set(name, dataPlane);
    if (store.all().length > 0) await dataPlane();
    const provider = new CloudProvider({
      ...cloud,
      version: sdkVersion(name),
      store,
      dataPlane,
      weather,
      caller: callers.of(called),
    });
    providers.push(provider);
    ports[name] = (await serveProvider(provider)).port;
  }
  const commands = new CommandProvider(() => ({
    LOCAL_CLOUD: path.resolve(state),
    LOCAL_SECOND: String(weather.second),
  }));
  ports.command = (await serveProvider(commands)).port;

  const token = randomUUID();
  const stop = async () => {
    rmSync(path.join(state, "cloud.json"), { force: true });
    await Promise.all(dataPlanes.map(async (plane) => (await plane).close()));
    giveUp(state);
    process.exit();
  };
  const control = await listen(async ({ target, method, body }) => {
    if (target === `/${token}/resources` && method === "DELETE") {
      const { cloud, type, id } = JSON.parse(body.toString()) as DeleteRequest;
      stores.get(cloud)?.delete({ type, id });
      return response(200, {});
    }
    if (target === `/${token}/resources` && method === "PATCH") {
      const { cloud, type, id, inputs, outputs, apply } = JSON.parse(body.toString()) as ChangeRequest;
      const found = stores.get(cloud)?.get(type, id);
      if (found === undefined) return response(404, `there is no ${type} ${id}`);
      const changed = { ...found, inputs: { ...found.inputs, ...inputs }, outputs: { ...found.outputs, ...outputs } };
      const store = stores.get(cloud);
      store?.put(changed);
      const dataPlane = apply === true ? (await planes.get(cloud)?.())?.types[type] : undefined;
      await dataPlane?.start(changed);
      if (store !== undefined) await dataPlane?.complete?.(changed, store);
      return response(200, {});
    }
    if (target === `/${token}/resources` && method === "PUT") {
      const { cloud, urn = "", type, id, inputs, outputs = {} } = JSON.parse(body.toString()) as ChangeRequest;
      stores.get(cloud)?.put({ urn, type, id, inputs, outputs });
      return response(200, {});
    }
    if (target === `/${token}/traffic`) {
      const request = JSON.parse(body.toString()) as TrafficRequest | RevisionRequest;
      const revisions = (await planes.get(request.cloud)?.())?.revisions;
      if (revisions === undefined) return response(404, `the local ${request.cloud} has no revisions`);
      if ("revision" in request) await revisions.delete(request.functionName, request.revision);
      else {
        const { functionName, traffic, tags = {} } = request;
        if (traffic !== undefined) await revisions.send(functionName, traffic);
        for (const [tag, revision] of Object.entries(tags)) revisions.tag(functionName, tag, revision ?? undefined);
      }
      return response(200, {});
    }
    if (target === `/${token}/weather` && method === "PUT") {
      weather.change(JSON.parse(body.toString()) as WeatherReport);
      return response(200, {});
    }
    if (target === `/${token}/caller` && method === "PUT") {
      callers.change(JSON.parse(body.toString()) as CallerReport);
      return response(200, {});
    }
    if (target === `/${token}/data`) {
      const { cloud, operation, input } = JSON.parse(body.toString()) as DataRequest;
      const found = (await planes.get(cloud)?.())?.data?.[operation];
      if (found === undefined) return response(404, `the local ${cloud} has no ${operation}`);
      return response(200, { result: await found(input) });
    }
    if (target === `/${token}/asked`) {
      const refusal = callers.callRefusal(JSON.parse(body.toString()) as AskedCall);
      return refusal === undefined ? response(200, {}) : response(403, refusal);
    }
    if (target === `/${token}/invoke`) {
      const { cloud, ...invocation } = JSON.parse(body.toString()) as InvokeRequest;
      const plane = await planes.get(cloud)?.();
      if (plane?.invoke === undefined) throw new Error(`the local ${cloud} invokes no function by hand`);
      return response(200, await plane.invoke(invocation));
    }
    if (target === `/${token}/code` && method === "PUT") {
      const { cloud, ...change } = JSON.parse(body.toString()) as CodeRequest;
      try {
        const plane = await planes.get(cloud)?.();
        if (plane?.changeCode === undefined) throw new Error(`the local ${cloud} changes no code by hand`);
        await plane.changeCode(change);
        return response(200, {});
      } catch (error) {
        if (!(error instanceof CodeError)) throw error;
        return response(422, error.message);
      }
    }
    if (target !== `/${token}`) return response(404, "");
    if (method === "DELETE") setImmediate(() => void stop());
    if (method === "POST") {
      const known = JSON.parse(body.toString()) as Record<string, string[]>;
      for (const provider of providers) {
        for (const [urn, ids] of Object.entries(known)) await provider.forget(urn, ids);
      }
    }
    return response(200, {});
  });
  const page = await serveConsole(state);
  const address: CloudAddress = {
    pid: process.pid,
    providers: ports,
    control: control.port,
    console: page.port,
    token,
    failures,
    ...(owner !== undefined && { owner }),
  };
  await writeAtomically(path.join(state, "cloud.json"), JSON.stringify(address));

  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());
  // For an attached cloud, the starter holds the other end of standard input; the cloud ends when it closes.
  if (owner !== undefined) process.stdin.resume().on("end", () => void stop());
}

/**
 * Restarts all deployed resources, each at its old address. A failure is added to `failures` and does not stop the
 * others.
 */
async function startWith(
  store: ResourceStore,
  starting: Promise<CloudDataPlane>,
  failures: string[],
): Promise<CloudDataPlane> {
  const plane = await starting;
  for (const resource of store.all().filter(({ failed }) => failed !== true)) {
    try {
      await plane.types[resource.type]?.start(resource);
    } catch (error) {
      failures.push(`${resource.type} ${resource.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return plane;
}

function sdkVersion(name: string): string {
  const manifest = require.resolve(`@pulumi/${name}/package.json`);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

if (require.main === module) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { attached: { type: "string" }, weather: { type: "string", default: "{}" } },
  });
  const owner = values.attached === undefined ? undefined : Number(values.attached);
  main(positionals[0] ?? "", JSON.parse(values.weather) as WeatherReport, owner).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
