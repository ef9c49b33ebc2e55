import path from "node:path";

import { buildBundles } from "./components/bundles";
import type { LayerOutputs, StackOutputs } from "./components/outputs";
import { version } from "./package.json";
import { readSettings, type Settings } from "./settings";
import type { BuildResult } from "./layers/bundle";

const site = path.join(__dirname, "application", "web");

/** The stack: settings in, clouds up, outputs out. `pulumi up` and the Automation API both run it. */
async function program(): Promise<StackOutputs> {
  const settings = readSettings();
  const bundles = await buildBundles({
    targets: settings.clouds,
    strategy: settings.layerStrategy,
    pythonVersion: settings.pythonVersion,
    architecture: settings.aws?.architecture ?? "x86_64",
  });

  const aws = await deployAws(settings, bundles);
  const layers: Record<string, LayerOutputs> = { ...aws?.layers };
  return {
    layerArns: Object.fromEntries(Object.entries(layers).map(([name, { arn }]) => [name, arn])),
    layers,
    ...(aws && { aws: aws.outputs }),
  };
}

/** Each cloud's SDK takes a second to load, so a cloud that is off is not even imported. */
async function deployAws(settings: Settings, { bundles }: BuildResult) {
  if (settings.aws === undefined) return undefined;
  const { Environment } = await import("./components/aws/environment");
  const { aws } = settings;
  return new Environment("aws", {
    scope: settings.scope,
    region: aws.region,
    version,
    layers: bundles.filter((bundle) => bundle.kind === "layer"),
    application: only(bundles.filter((bundle) => bundle.kind === "application")),
    environment: authEnvironment(settings),
    site: aws.frontend ? site : undefined,
    deletionProtection: settings.deletionProtection,
    logRetentionDays: settings.logRetentionDays,
    function: aws,
    api: aws,
    frontend: aws,
  });
}

/** The bundle of a kind that the builder gives exactly once for each target. */
function only<T>([bundle]: T[]): T {
  if (bundle === undefined) throw new Error("the layer builder left a bundle out; run: npm run layer -- build");
  return bundle;
}

function authEnvironment({ auth }: Settings): Record<string, string> {
  return auth === undefined ? {} : { AUTH_ISSUER: auth.issuer, AUTH_AUDIENCE: auth.audience };
}

export = program;
