import path from "node:path";

import { type Blob, unpacked } from "../../layers/archive";
import { errorPage } from "../cdn";
import { forward, header, type HttpRequest, type HttpResponse, HttpTimeoutError, without } from "../http";
import { Instances } from "../instances";
import type { Logs } from "../logs";
import { findPython, pythonEnvironment } from "../../layers/python";
import type { AzureResources, Resource } from "./resources";
import type { Tables } from "./tables";

type WebApp = Resource<"azure-native:web:WebApp">;

/** Bytes of body that the Functions host accepts: 100 MB (Azure Functions scale and hosting, "Service limits"). */
export const bodyLimit = 100 * 1024 * 1024;

/** Milliseconds that a function has to answer in: 230 seconds, the load balancer's limit (Azure Functions, HTTP trigger). */
const answerLimit = 230_000;

/** Storage Table Data Contributor, by its id in "Azure built-in roles". */
const tableDataContributor = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3";

export interface FunctionAppsOptions {
  readonly resources: AzureResources;
  readonly logs: Logs;
  readonly tables: Pick<Tables, "connectionString">;
}

/**
 * Azure Functions: runs the package that one deploy gave an app, on a host of our own, since Microsoft's cannot be had as a
 * package; functions, requests and responses are azure-functions' from the package. Scaling, keys and access restrictions
 * are not reproduced.
 */
export class FunctionApps {
  readonly #instances = new Instances();

  constructor(private readonly options: FunctionAppsOptions) {}

  async handle(id: string, request: HttpRequest): Promise<HttpResponse> {
    const { resources, logs } = this.options;
    const app = resources.get("azure-native:web:WebApp", id);
    const forwardedFor = [header(request.headers, "x-forwarded-for"), request.remoteAddress].filter(Boolean).join(", ");
    const headers = [
      ...without(request.headers, ["x-forwarded-for", "x-forwarded-proto"]),
      ["X-Forwarded-For", forwardedFor],
      ["X-Forwarded-Proto", "http"],
    ] as const;
    try {
      const source = deployedPackage(resources, app);
      if (source === undefined) return errorPage(404, "404 Not Found", "Nothing was deployed to this function app.");
      return await forward(await this.#origin(app, source), { ...request, headers }, answerLimit);
    } catch (error) {
      logs.append(app.name, "host", String(error));
      return error instanceof HttpTimeoutError
        ? errorPage(502, "502 Bad Gateway", "The function did not answer in time.")
        : errorPage(503, "Function host is not running.", "The function app could not be started; its log says why.");
    }
  }

  stop(id: string): Promise<void> {
    return this.#instances.stop(id);
  }

  close(): Promise<void> {
    return this.#instances.close();
  }

  #origin(app: WebApp, source: Blob): Promise<string> {
    const settings = this.#settings(app);
    return this.#instances.origin(app.id, JSON.stringify([app, settings, source.sha256]), async (port) => {
      const python = await findPython(app.functionAppConfig.runtime.version);
      const directory = await unpacked([source]);
      return {
        // The app brings all of its packages along.
        python: await pythonEnvironment(python, "azure", []),
        directory,
        program: path.join(__dirname, "functions_host.py"),
        args: [directory, String(port)],
        environment: { ...settings, ...runtimeVariables(app, directory) },
        onLine: (line) => {
          this.options.logs.append(app.name, "traces", line);
        },
      };
    });
  }

  /** The app's settings; a connection by managed identity becomes one to this machine's tables. */
  #settings(app: WebApp): Record<string, string> {
    const settings = new Map(app.siteConfig.appSettings.map(({ name, value }) => [name, value]));
    for (const [name, value] of [...settings]) {
      const connection = /^(.+)__tableServiceUri$/.exec(name)?.[1];
      if (connection === undefined) continue;
      const allowed = this.#mayUseTables(app, settings.get(`${connection}__clientId`), value);
      settings.set(connection, this.options.tables.connectionString(allowed));
    }
    return Object.fromEntries(settings);
  }

  /** Whether the app has the identity, and the identity the role, on the account or on a table in it. */
  #mayUseTables(app: WebApp, clientId: string | undefined, tableServiceUri: string): boolean {
    const { resources } = this.options;
    const identity = resources
      .list("azure-native:managedidentity:UserAssignedIdentity")
      .find(({ id, ...known }) => known.clientId === clientId && app.identity?.userAssignedIdentities.includes(id));
    const account = resources.find(
      "azure-native:storage:StorageAccount",
      ({ primaryEndpoints }) => primaryEndpoints.table === tableServiceUri,
    );
    if (identity === undefined || account === undefined) return false;
    return resources
      .list("azure-native:authorization:RoleAssignment")
      .filter(({ principalId }) => principalId === identity.principalId)
      .filter(({ roleDefinitionId }) => roleDefinitionId.endsWith(`/${tableDataContributor}`))
      .some(({ scope }) => within(account.id, scope) || within(scope, account.id));
  }
}

/** Whether the resource with an id is another one or a part of it. */
function within(id: string, scope: string): boolean {
  return `${id.toLowerCase()}/`.startsWith(`${scope.toLowerCase()}/`);
}

/** The package that the last one deploy of an app names. */
function deployedPackage(resources: AzureResources, app: WebApp): Blob | undefined {
  for (const { properties } of resources.list("azure-native:resources:Deployment")) {
    const deploy = properties.template.resources.find(
      ({ type, name }) =>
        type === "Microsoft.Web/sites/extensions" && name.toLowerCase() === `${app.name}/onedeploy`.toLowerCase(),
    );
    if (deploy?.properties.packageUri === undefined) continue;
    const parameter = /^\[parameters\('(\w+)'\)\]$/.exec(deploy.properties.packageUri)?.[1];
    const uri = String(
      parameter === undefined ? deploy.properties.packageUri : properties.parameters[parameter]?.value,
    );
    const blob = resources.find("azure-native:storage:Blob", ({ url }) => url === uri.split("?")[0]);
    if (blob === undefined) throw new Error(`function app ${app.name}: its package is in no blob of this machine`);
    return blob.source;
  }
  return undefined;
}

function runtimeVariables(app: WebApp, directory: string): Record<string, string> {
  const { version } = app.functionAppConfig.runtime;
  return {
    AZURE_FUNCTIONS_ENVIRONMENT: "Production",
    AzureWebJobsScriptRoot: directory,
    FUNCTIONS_WORKER_RUNTIME: "python",
    FUNCTIONS_WORKER_RUNTIME_VERSION: version,
    HOME: "/nonexistent",
    LANG: "C.UTF-8",
    PATH: "/usr/local/bin:/usr/bin:/bin",
    PYTHONPATH: [directory, path.join(directory, ".python_packages", "lib", "site-packages")].join(path.delimiter),
    PYTHONUNBUFFERED: "1",
    TZ: "UTC",
    WEBSITE_HOSTNAME: app.defaultHostName,
    WEBSITE_SITE_NAME: app.name,
  };
}
