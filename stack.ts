import * as pulumi from "@pulumi/pulumi";

import { buildBundles } from "./components/bundles";
import { keepSettings } from "./components/lasting";
import { tellNextStep } from "./components/next-step";
import { requireOneSdk } from "./components/one-sdk";
import { type FunctionPlan, planFunctions } from "./components/function-plan";
import type { LayerOutputs, StackOutputs } from "./components/outputs";
import { type AwsSettings, type AzureSettings, type GcpSettings, readSettings, type Settings } from "./settings";
import { lastingSettings } from "./settings/lasting";
import { type Application, ApplicationError, readApplication } from "./contract/application";
import type { Bundle } from "./layers/bundle";

/**
 * A whole application on every cloud of the stack: settings in, clouds up, outputs out.
 *
 * ```ts
 * export = () => deployApplication(__dirname);
 * ```
 *
 * @param folder folder of the project; the setting `application` is relative to it.
 * @throws {pulumi.RunError} naming each invalid setting, or key of the application's description.
 */
export async function deployApplication(folder: string): Promise<StackOutputs> {
  requireOneSdk(folder);
  const settings = readSettings();
  const application = applicationOf(folder, settings);
  tellNextStep();
  await keepSettings(lastingSettings(settings, application));
  const { aws, azure, gcp } = await declareApplication(application, settings);

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

/** Placement of an application's components. */
export interface Placement {
  /** Name of each cloud's component. Default: the cloud's name. */
  readonly name?: string;
  readonly parent?: pulumi.Resource;
}

/**
 * The components of an application, one for each cloud of the settings.
 *
 * @throws {pulumi.RunError} before any resource, if a function cannot be deployed or a bundle cannot be built.
 */
export async function declareApplication(application: Application, settings: Settings, placement: Placement = {}) {
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
  return {
    aws: settings.aws && (await deployAws(settings.aws, settings, everywhere, bundles, placement)),
    azure: settings.azure && (await deployAzure(settings.azure, everywhere, bundles, placement)),
    gcp: settings.gcp && (await deployGcp(settings.gcp, everywhere, bundles, placement)),
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
function applicationOf(folder: string, settings: Settings): Application {
  try {
    return readApplication(folder, settings.application);
  } catch (error) {
    throw error instanceof ApplicationError ? new pulumi.RunError(error.message) : error;
  }
}

/** Environment variables for the validation of tokens, if the stack requires sign-in. */
function signIn({ auth }: Settings): Record<string, string> {
  return auth ? { AUTH_ISSUER: auth.issuer, AUTH_AUDIENCE: auth.audience } : {};
}

/** Undefined without a canary phase. */
function canaryOf<Canary extends { readonly percentage: number }>({ canary }: { readonly canary: Canary }) {
  return canary.percentage === 0 ? undefined : canary;
}

// Each cloud's SDK takes a second to load, so only the SDKs of enabled clouds are imported.

async function deployAws(
  aws: AwsSettings,
  { layerStrategy, pythonVersion }: Settings,
  everywhere: Everywhere,
  bundles: readonly Bundle[],
  { name = "aws", parent }: Placement,
) {
  const { WebApplication } = await import("./components/aws/web-application");
  const { checkPublicLayers } = await import("./components/aws/public-layers");
  const publicLayers = layerStrategy.kind === "hybrid" ? layerStrategy.publicLayers : [];
  const { region, architecture } = aws;
  await checkPublicLayers(name, publicLayers, { region, architecture, pythonVersion }, { parent });
  const { enabled: isOn, ...frontend } = aws.frontend;
  return new WebApplication(
    name,
    {
      ...everywhere,
      region: aws.region,
      bundles: bundles.filter((bundle) => bundle.target === "aws"),
      publicLayers,
      site: isOn ? everywhere.site : undefined,
      shareLayersWith: aws.shareLayersWith,
      permissionsBoundary: aws.permissionsBoundary,
      codeSigning: aws.codeSigning,
      function: { ...aws.function, canary: canaryOf(aws.function) },
      api: aws.api,
      frontend,
    },
    { parent },
  );
}

async function deployAzure(
  azure: AzureSettings,
  everywhere: Everywhere,
  bundles: readonly Bundle[],
  { name = "azure", parent }: Placement,
) {
  const { WebApplication } = await import("./components/azure/web-application");
  const { servingColours } = await import("./components/azure/serving-colours");
  const { rememberedSite } = await import("./components/azure/site-memory");
  const { enabled: isOn, ...frontend } = azure.frontend;
  const { frontDoorOnly, blueGreen, ...fn } = azure.function;
  const site = isOn ? everywhere.site : undefined;
  if (blueGreen && site === undefined) {
    throw new pulumi.RunError(
      "azure.function.blueGreen is true, but the application has no site, and so no Front Door; set it to false",
    );
  }
  const { scope, functions } = everywhere;
  const [colours, remembered] =
    site === undefined
      ? [{}, undefined]
      : await Promise.all([
          servingColours({ scope, functions, blueGreen }, { parent }),
          rememberedSite(scope, { parent }),
        ]);
  return new WebApplication(
    name,
    {
      ...everywhere,
      region: azure.region,
      bundles,
      site,
      colours,
      frontDoorOnly,
      storageAccountName: azure.storageAccountName,
      function: fn,
      frontend: { ...frontend, remembered },
    },
    { parent },
  );
}

async function deployGcp(
  gcp: GcpSettings,
  everywhere: Everywhere,
  bundles: readonly Bundle[],
  { name = "gcp", parent }: Placement,
) {
  const { WebApplication } = await import("./components/gcp/web-application");
  const { enabled: isOn, ...frontend } = gcp.frontend;
  return new WebApplication(
    name,
    {
      ...everywhere,
      project: gcp.project,
      region: gcp.region,
      bundles: bundles.filter((bundle) => bundle.target === "gcp"),
      site: isOn ? everywhere.site : undefined,
      function: { ...gcp.function, canary: canaryOf(gcp.function) },
      frontend,
    },
    { parent },
  );
}
