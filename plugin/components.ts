import path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { type Application, ApplicationError, readApplication } from "../contract/application";
import { buildBundles } from "../components/bundles";
import { DependencyLayer } from "../components/dependency-layer";
import { parseSettings, type Settings, SettingsError } from "../settings";
import { declareApplication } from "../stack";

// Pulumi's analyser turns these classes into a schema, for SDKs in other languages: it takes interfaces of plain values.

/** Arguments of an application on any cloud. */
export interface PythonApiArgs {
  /** Folder of the application, whose `pyproject.toml` describes it in `[tool.multicloud]`; relative to the program. */
  application: string;
  /** Environment variables of every function, in addition to those of the description. */
  environment?: Record<string, string>;
  /** Values of the secrets that the description lists; they must be known at the preview. */
  secrets?: Record<string, pulumi.Input<string>>;
  /** Python version of the functions, e.g. 3.13: docs/reference/settings.md lists those of each cloud. Default: 3.12. */
  pythonVersion?: string;
  /** Memory of a function in MiB, if the description has none. Default: the cloud's, from docs/reference/settings.md. */
  memorySize?: number;
  /** Fails the update if the API does not answer its probes as expected. Default: true. */
  smokeCheck?: boolean;
  /** Prevents the deletion of the tables. Default: false. */
  deletionProtection?: boolean;
}

export interface AwsPythonApiArgs extends PythonApiArgs {
  /** Default: ap-northeast-1. */
  region?: string;
  /** Architecture of the functions and their layer: x86_64 or arm64. Default: x86_64. */
  architecture?: string;
  /** Time limit of a call in seconds. Default: 15. */
  timeout?: number;
  /** ARN of the permissions boundary of the functions' roles. Default: none. */
  permissionsBoundary?: string;
}

export interface AzurePythonApiArgs extends PythonApiArgs {
  /** Default: japaneast. */
  region?: string;
  /** Name of the storage account, unique in all of Azure. Default: generated from the names. */
  storageAccountName?: string;
}

export interface GcpPythonApiArgs extends PythonApiArgs {
  /** Id of the project. */
  project: string;
  /** Default: asia-northeast1. */
  region?: string;
  /** Time limit of a call in seconds. Default: the one in docs/reference/settings.md. */
  timeout?: number;
}

/** A Python application on AWS: its functions with their layers, HTTP API and tables. */
export class AwsPythonApi extends pulumi.ComponentResource<pulumi.Inputs> {
  /** Address of the HTTP API. Empty if no function answers requests. */
  readonly url: pulumi.Output<string>;
  /** ARN of each layer version, by the layer's name. */
  readonly layerArns: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: AwsPythonApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:index:AwsPythonApi", name, { ...args, name }, opts);
    const data = pulumi.output(this.getData());
    this.url = data.apply(({ url }) => url as string);
    this.layerArns = data.apply(({ layerArns }) => layerArns as Record<string, string>);
    this.registerOutputs({ url: this.url, layerArns: this.layerArns });
  }

  protected override async initialize({ name, ...args }: pulumi.Inputs): Promise<pulumi.Inputs> {
    const { region, architecture, permissionsBoundary, memorySize, timeout, ...rest } = args;
    const { aws } = await declared(this, String(name), rest, {
      aws: given({ region, architecture, permissionsBoundary, function: given({ memorySize, timeout }) }),
    });
    const layers = Object.entries(aws?.layers ?? {}).map(([layer, { arn }]) => [layer, arn]);
    return { url: aws?.outputs.apiUrl ?? "", layerArns: Object.fromEntries(layers) as Record<string, unknown> };
  }
}

/** A Python application on Azure: its Function App with its packages, and its tables. */
export class AzurePythonApi extends pulumi.ComponentResource<pulumi.Inputs> {
  /** Address of the API. Empty if no function answers requests. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: AzurePythonApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:index:AzurePythonApi", name, { ...args, name }, opts);
    this.url = pulumi.output(this.getData()).apply(({ url }) => url as string);
    this.registerOutputs({ url: this.url });
  }

  protected override async initialize({ name, ...args }: pulumi.Inputs): Promise<pulumi.Inputs> {
    const { region, storageAccountName, memorySize, ...rest } = args;
    const { azure } = await declared(this, String(name), rest, {
      azure: given({ region, storageAccountName, function: given({ memorySize }) }),
    });
    return { url: azure?.outputs.apiUrl ?? "" };
  }
}

/** A Python application on Google Cloud: its functions with their packages, and its tables. */
export class GcpPythonApi extends pulumi.ComponentResource<pulumi.Inputs> {
  /** Address of the API. Empty if no function answers requests. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: GcpPythonApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:index:GcpPythonApi", name, { ...args, name }, opts);
    this.url = pulumi.output(this.getData()).apply(({ url }) => url as string);
    this.registerOutputs({ url: this.url });
  }

  protected override async initialize({ name, ...args }: pulumi.Inputs): Promise<pulumi.Inputs> {
    const { region, project, memorySize, timeout, ...rest } = args;
    const { gcp } = await declared(this, String(name), rest, {
      gcp: given({ region, project, function: given({ memorySize, timeout }) }),
    });
    return { url: gcp?.outputs.apiUrl ?? "" };
  }
}

export interface PythonLayerArgs {
  /** Folder of the application with the requirements; relative to the program. */
  application: string;
  /** Name of the layer in the account. */
  layerName: string;
  /** A Python version of Lambda, e.g. 3.13: docs/reference/settings.md lists them. Default: 3.12. */
  pythonVersion?: string;
  /** x86_64 or arm64. Default: x86_64. */
  architecture?: string;
  /** Ids of accounts or organisations that may use it, in addition to its own account. Default: none. */
  shareWith?: string[];
}

/** The locked packages of an application's functions as one Lambda layer, for functions that are declared elsewhere. */
export class PythonLayer extends pulumi.ComponentResource<pulumi.Inputs> {
  /** ARN of the layer version. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: PythonLayerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:index:PythonLayer", name, { ...args, name }, opts);
    this.arn = pulumi.output(this.getData()).apply(({ arn }) => arn as string);
    this.registerOutputs({ arn: this.arn });
  }

  protected override async initialize({ name, ...args }: pulumi.Inputs): Promise<pulumi.Inputs> {
    const { application, layerName, shareWith, pythonVersion, architecture } = args;
    const { aws, ...settings } = settingsOf(String(name), given({ pythonVersion }), {
      aws: given({ architecture }),
    });
    const bundles = await buildBundles({
      application: described(String(application)),
      targets: ["aws"],
      strategy: { kind: "full" },
      pythonVersion: settings.pythonVersion,
      bytecode: settings.bytecode,
      architecture: aws?.architecture ?? "x86_64",
    });
    const layers = bundles.filter((bundle) => bundle.kind === "layer");
    const [bundle] = layers;
    if (bundle === undefined || layers.length > 1) {
      throw new pulumi.RunError(
        `${name}: the functions of ${application} have ${layers.length} different locks; expected one, for one layer`,
      );
    }
    const layer = new DependencyLayer(
      String(name),
      { layerName: String(layerName), bundle, shareWith: shareWith as string[] | undefined },
      { parent: this },
    );
    return { arn: layer.arn };
  }
}

type Group = Readonly<Record<string, unknown>>;

/** Removes undefined values: the settings have defaults. */
function given(values: Group): Group {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Declares an application's components below one of these, with settings like those of a stack. */
async function declared(parent: pulumi.ComponentResource, name: string, args: Group, clouds: Group) {
  const { application: folder, environment, secrets, ...common } = args;
  const application = described(String(folder));
  const values = await plain(secrets);
  const functions = Object.fromEntries(
    application.functions.map((fn) => [
      fn.name,
      given({
        environment,
        secrets: Object.fromEntries(Object.entries(values).filter(([variable]) => fn.secrets.includes(variable))),
      }),
    ]),
  );
  return declareApplication(application, settingsOf(name, { ...given(common), functions }, clouds), { name, parent });
}

/** Values that may be outputs, including secrets. */
function plain(values: unknown): Promise<Record<string, string>> {
  return new Promise((resolve) => {
    pulumi.output((values ?? {}) as Record<string, string>).apply(resolve);
  });
}

/** @throws {pulumi.RunError} naming each invalid argument. */
function settingsOf(name: string, common: Group, clouds: Group): Settings {
  // Names that begin with the project elsewhere begin with the component here: a stack may have several.
  const scope = { project: name, stack: pulumi.getStack() };
  const values = { clouds: Object.keys(clouds), ...common, ...clouds };
  try {
    return parseSettings(
      Object.fromEntries(Object.entries(values).map(([key, value]) => [`${name}:${key}`, value])),
      scope,
    );
  } catch (error) {
    throw error instanceof SettingsError ? new pulumi.RunError(error.message) : error;
  }
}

function described(folder: string): Application {
  const absolute = path.resolve(folder);
  try {
    return readApplication(path.dirname(absolute), path.basename(absolute));
  } catch (error) {
    throw error instanceof ApplicationError ? new pulumi.RunError(error.message) : error;
  }
}
