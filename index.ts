import * as pulumi from "@pulumi/pulumi";

import { buildBundles } from "./components/bundles";
import { keepSettings } from "./components/lasting";
import { type FunctionPlan, planFunctions } from "./components/function-plan";
import type { LayerOutputs, StackOutputs } from "./components/outputs";
import { type AwsSettings, type AzureSettings, type GcpSettings, readSettings, type Settings } from "./settings";
import { lastingSettings } from "./settings/lasting";
import { type Application, ApplicationError, readApplication } from "./contract/application";
import type { Bundle } from "./layers/bundle";

/** The stack: settings in, clouds up, outputs out. `pulumi up` and the Automation API both run it. */
async function program(): Promise<StackOutputs> {
  const settings = readSettings();
  const application = applicationOf(settings);
  await keepSettings(lastingSettings(settings, application));
  const functions = planFunctions(application, settings.functions, signIn(settings));
  const bundles = await buildBundles({
    application,
    targets: settings.clouds,
    strategy: settings.layerStrategy,
    pythonVersion: settings.pythonVersion,
    bytecode: settings.bytecode,
    architecture: settings.aws?.architecture ?? "x86_64",
  });

  const everywhere = onEveryCloud(settings, application, functions);
  const aws = settings.aws && (await deployAws(settings.aws, settings, everywhere, bundles));
  const azure = settings.azure && (await deployAzure(settings.azure, everywhere, bundles));
  const gcp = settings.gcp && (await deployGcp(settings.gcp, everywhere, bundles));

  const layers: Record<string, LayerOutputs> = { ...aws?.layers };
  return {
    application: settings.application,
    layerArns: Object.fromEntries(Object.entries(layers).map(([name, { arn }]) => [name, arn])),
    layers,
    ...(aws && { aws: aws.outputs }),
    ...(azure && { azure: azure.outputs }),
    ...(gcp && { gcp: gcp.outputs }),
  };
}

type Everywhere = ReturnType<typeof onEveryCloud>;

/** Arguments of every cloud. */
function onEveryCloud(
  { scope, deletionProtection, logRetentionDays, notificationEmail, smokeCheck }: Settings,
  { version, site, tables }: Application,
  functions: readonly FunctionPlan[],
) {
  const common = { scope, deletionProtection, logRetentionDays, notificationEmail, smokeCheck };
  return { ...common, version, site, tables, functions };
}

/** The application that the stack deploys. */
function applicationOf(settings: Settings): Application {
  try {
    return readApplication(__dirname, settings.application);
  } catch (error) {
    throw error instanceof ApplicationError ? new pulumi.RunError(error.message) : error;
  }
}

/** Environment variables by which a function checks tokens, where the stack requires sign-in. */
function signIn({ auth }: Settings): Record<string, string> {
  return auth ? { AUTH_ISSUER: auth.issuer, AUTH_AUDIENCE: auth.audience } : {};
}

/** Undefined where a new release has all requests at once. */
function canaryOf<Canary extends { readonly percentage: number }>({ canary }: { readonly canary: Canary }) {
  return canary.percentage === 0 ? undefined : canary;
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
  if (publicLayers.length > 0) {
    await checkPublicLayers(publicLayers, { region: aws.region, architecture: aws.architecture, pythonVersion });
  }
  const { enabled: isOn, ...frontend } = aws.frontend;
  return new WebApplication("aws", {
    ...everywhere,
    region: aws.region,
    bundles: bundles.filter((bundle) => bundle.target === "aws"),
    publicLayers,
    site: isOn ? everywhere.site : undefined,
    shareLayersWith: aws.shareLayersWith,
    permissionsBoundary: aws.permissionsBoundary,
    function: { ...aws.function, canary: canaryOf(aws.function) },
    api: aws.api,
    frontend,
  });
}

async function deployAzure(azure: AzureSettings, everywhere: Everywhere, bundles: readonly Bundle[]) {
  const { WebApplication } = await import("./components/azure/web-application");
  const { enabled: isOn, ...frontend } = azure.frontend;
  const { frontDoorOnly, ...fn } = azure.function;
  return new WebApplication("azure", {
    ...everywhere,
    region: azure.region,
    bundles,
    site: isOn ? everywhere.site : undefined,
    frontDoorOnly,
    storageAccountName: azure.storageAccountName,
    function: fn,
    frontend,
  });
}

async function deployGcp(gcp: GcpSettings, everywhere: Everywhere, bundles: readonly Bundle[]) {
  const { WebApplication } = await import("./components/gcp/web-application");
  const { enabled: isOn, ...frontend } = gcp.frontend;
  return new WebApplication("gcp", {
    ...everywhere,
    project: gcp.project,
    region: gcp.region,
    bundles: bundles.filter((bundle) => bundle.target === "gcp"),
    site: isOn ? everywhere.site : undefined,
    function: { ...gcp.function, canary: canaryOf(gcp.function) },
    frontend,
  });
}

export = program;
