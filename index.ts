import path from "node:path";

import { buildBundles } from "./components/bundles";
import type { FunctionPlan } from "./components/function-plan";
import type { LayerOutputs, StackOutputs } from "./components/outputs";
import { version } from "./package.json";
import { type AwsSettings, type AzureSettings, type GcpSettings, readSettings, type Settings } from "./settings";
import type { Bundle } from "./layers/bundle";

const site = path.join(__dirname, "application", "web");

/** The stack: settings in, clouds up, outputs out. `pulumi up` and the Automation API both run it. */
async function program(): Promise<StackOutputs> {
  const settings = readSettings();
  const bundles = await buildBundles({
    targets: settings.clouds,
    strategy: settings.layerStrategy,
    pythonVersion: settings.pythonVersion,
    bytecode: settings.bytecode,
    architecture: settings.aws?.architecture ?? "x86_64",
  });

  const everywhere = onEveryCloud(settings);
  const aws = settings.aws && (await deployAws(settings.aws, settings, everywhere, bundles));
  const azure = settings.azure && (await deployAzure(settings.azure, everywhere, bundles));
  const gcp = settings.gcp && (await deployGcp(settings.gcp, everywhere, bundles));

  const layers: Record<string, LayerOutputs> = { ...aws?.layers };
  return {
    layerArns: Object.fromEntries(Object.entries(layers).map(([name, { arn }]) => [name, arn])),
    layers,
    ...(aws && { aws: aws.outputs }),
    ...(azure && { azure: azure.outputs }),
    ...(gcp && { gcp: gcp.outputs }),
  };
}

type Everywhere = ReturnType<typeof onEveryCloud>;

/** What every cloud's environment is told. */
function onEveryCloud({ scope, auth, deletionProtection, logRetentionDays, notificationEmail, smokeCheck }: Settings) {
  const environment: Record<string, string> = auth ? { AUTH_ISSUER: auth.issuer, AUTH_AUDIENCE: auth.audience } : {};
  return { scope, version, environment, deletionProtection, logRetentionDays, notificationEmail, smokeCheck };
}

// Each cloud's SDK takes a second to load, so a cloud that is off is not even imported.

async function deployAws(
  aws: AwsSettings,
  { layerStrategy, pythonVersion }: Settings,
  everywhere: Everywhere,
  bundles: readonly Bundle[],
) {
  const { WebApplication } = await import("./components/aws/web-application");
  const { checkPublicLayers } = await import("./components/aws/public-layers");
  const publicLayers = layerStrategy.kind === "hybrid" ? layerStrategy.publicLayers : [];
  if (publicLayers.length > 0) await checkPublicLayers(publicLayers, { ...aws, pythonVersion });
  return new WebApplication("aws", {
    ...everywhere,
    region: aws.region,
    functions: [messageBoard],
    tables: [{ name: "messages", partitionKey: "board", sortKey: "id" }],
    bundles: bundles.filter((bundle) => bundle.target === "aws"),
    publicLayers,
    site: aws.frontend ? site : undefined,
    function: aws,
    api: aws,
    frontend: aws,
  });
}

const messageBoard: FunctionPlan = {
  description: {
    kind: "http",
    name: "api",
    entryPoints: { aws: { protocol: "handler", module: "api.aws.function", attribute: "handler" } },
    requirements: {},
    environment: {},
    secrets: [],
    tables: ["messages"],
    routes: ["/*"],
    probes: [
      { path: "/api/", status: 200 },
      { path: "/api/messages/?limit=1", status: 200 },
    ],
  },
  environment: {},
  secrets: {},
};

async function deployAzure(azure: AzureSettings, everywhere: Everywhere, bundles: readonly Bundle[]) {
  const { WebApplication } = await import("./components/azure/web-application");
  const { environment, ...common } = everywhere;
  return new WebApplication("azure", {
    ...common,
    region: azure.region,
    functions: [{ ...messageBoard, environment }],
    tables: [{ name: "messages", partitionKey: "board", sortKey: "id" }],
    bundles,
    site: azure.frontend ? site : undefined,
    frontDoorOnly: azure.frontDoorOnly,
    storageAccountName: azure.storageAccountName,
    function: azure,
    frontend: azure,
  });
}

async function deployGcp(gcp: GcpSettings, everywhere: Everywhere, bundles: readonly Bundle[]) {
  const { WebApplication } = await import("./components/gcp/web-application");
  return new WebApplication("gcp", {
    ...everywhere,
    project: gcp.project,
    region: gcp.region,
    functions: [messageBoard],
    tables: [{ name: "messages", partitionKey: "board", sortKey: "id" }],
    bundles: bundles.filter((bundle) => bundle.target === "gcp"),
    site: gcp.frontend ? site : undefined,
    function: gcp,
    frontend: gcp,
  });
}

export = program;
