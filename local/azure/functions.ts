import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";

import { z } from "zod";

import { type Blob, unpacked } from "../../layers/archive";
import { errorPage } from "../cdn";
import { type CodeChange, CodeError, debugVariables, type Invocation, type Invoked } from "../data-plane";
import { forward, header, type HttpRequest, type HttpResponse, HttpTimeoutError, without } from "../http";
import { HeldLines } from "../held-lines";
import { StartError } from "../instances";
import type { Logs } from "../logs";
import { findPython, pythonEnvironment } from "../../layers/python";
import type { BlobAccess, BlobChange, BlobStorage } from "./blobs";
import type { GridEvent } from "./event-grid";
import type { KeyVault } from "./key-vault";
import { type AzureResources, isWithin, type Resource, rolesOn } from "./resources";
import { type SiteConfiguration, SiteInstances } from "./site-instances";
import type { QueueAccess, QueueStorage } from "./queues";
import { QueueTriggers, type QueueTriggersOptions, type TriggerMessage } from "./queue-triggers";
import { connectionString, type Endpoints } from "./storage-connection";
import type { TableAccess, Tables } from "./tables";
import { Timers } from "./timers";

type WebApp = Resource<"azure-native:web:WebApp">;
type Identity = Resource<"azure-native:managedidentity:UserAssignedIdentity">;

/**
 * Maximum bytes of a request body in the Functions host: 100 MB (Azure Functions scale and hosting, "Service limits").
 */
export const bodyLimit = 100 * 1024 * 1024;

/** How often a blob trigger is given a blob that it fails with (Azure Blob Storage trigger, "Poison blobs"), and the queue then. */
const blobAttempts = 5;
const poisonBlobs = "webjobs-blobtrigger-poison";

/** Milliseconds before the load balancer ends a request: 230 seconds (Azure Functions, HTTP trigger). */
const answerLimit = 230_000;

/** Data roles on tables, queues and blobs, by name, with the ids in "Azure built-in roles". */
const roleIds = {
  tableDataContributor: "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
  tableDataReader: "76199698-9eea-4c19-bc75-cec21354c6b6",
  queueDataContributor: "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
  queueDataMessageProcessor: "8a0f0c08-91a1-4084-bc3d-661d67233fed",
  queueDataMessageSender: "c6a89b2d-59bc-44d0-9896-0b6e12d7b80a",
  blobDataOwner: "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
  blobDataContributor: "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
  blobDataReader: "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
} as const;

export interface FunctionAppsOptions {
  readonly resources: AzureResources;
  readonly logs: Logs;
  readonly tables: Pick<Tables, "endpoint">;
  readonly queues: QueueTriggersOptions["queues"] & Pick<QueueStorage, "endpoint">;
  readonly blobs: Pick<BlobStorage, "endpoint" | "read">;
  readonly keyVault: Pick<KeyVault, "resolve">;
  /** Folder of the deployed packages between runs. */
  readonly directory: string;
}

type OtherCode = Omit<CodeChange, "functionName">;

const triggersSchema = z.object({
  timers: z.array(z.object({ name: z.string(), schedule: z.string() })),
  queues: z.array(
    z.object({
      name: z.string(),
      queue: z.string(),
      connection: z.string(),
      batchSize: z.number(),
      maxDequeueCount: z.number(),
      visibilityTimeout: z.number(),
      messageEncoding: z.enum(["base64", "none"]),
    }),
  ),
  blobs: z.array(z.object({ name: z.string(), container: z.string(), names: z.string(), connection: z.string() })),
  events: z.array(z.object({ name: z.string() })),
});
const packageSchema = z.object({ path: z.string(), sha256: z.string() });

/**
 * Azure Functions: runs the package from an app's one deploy. The host is our own, since Microsoft's is not available
 * as a package; functions, requests and responses come from azure-functions in the deployed package. Scaling, keys and
 * access restrictions are not emulated.
 */
export class FunctionApps {
  readonly #instances = new SiteInstances();
  /** Replaced code, by app id. */
  readonly #code = new Map<string, OtherCode & { readonly insteadOf: string }>();
  readonly #timers = new Timers((id, name) => void this.#fire(id, name));
  readonly #queueTriggers: QueueTriggers;
  /** The latest trigger sync of each app, by app id: the result of an earlier one is discarded. */
  readonly #syncs = new Map<string, symbol>();

  constructor(private readonly options: FunctionAppsOptions) {
    mkdirSync(options.directory, { recursive: true });
    this.#queueTriggers = new QueueTriggers({
      queues: options.queues,
      run: async (id, name, message) => !(await this.#run(id, name, message)).failed,
      refusal: (id, connection) => this.#queueRefusal(id, connection),
      log: (id, line) => {
        options.logs.append(options.resources.get("azure-native:web:WebApp", id).name, "host", line);
      },
    });
  }

  async handle(id: string, request: HttpRequest): Promise<HttpResponse> {
    const { resources, logs } = this.options;
    const app = resources.get("azure-native:web:WebApp", id);
    // The host's own paths need its master key, which does not exist here.
    if (/^\/(admin|runtime)(\/|$)/.test(request.target)) return errorPage(401, "401 Unauthorized", "A key is needed.");
    const forwardedFor = [header(request.headers, "x-forwarded-for"), request.remoteAddress].filter(Boolean).join(", ");
    const headers = [
      ...without(request.headers, ["x-forwarded-for", "x-forwarded-proto"]),
      ["X-Forwarded-For", forwardedFor],
      ["X-Forwarded-Proto", "http"],
    ] as const;
    try {
      const source = this.#deployed(app);
      if (source === undefined) return errorPage(404, "404 Not Found", "Nothing was deployed to this function app.");
      const configuration = this.#configuration(app, source, this.#codeOf(id, source));
      const cold = !this.#instances.isWarm(id);
      const { answer } = await logs.timed(app.name, request, async () => {
        const origin = await this.#instances.origin(id, configuration);
        return { cold, answer: await forward(origin, { ...request, headers }, answerLimit) };
      });
      return answer;
    } catch (error) {
      logs.append(app.name, "host", String(error));
      return error instanceof HttpTimeoutError
        ? errorPage(502, "502 Bad Gateway", "The function did not answer in time.")
        : errorPage(503, "Function host is not running.", "The function app could not be started; its log says why.");
    }
  }

  /**
   * One deploy: copies the package, so that the blob may be deleted later, and syncs the app's triggers.
   *
   * @throws if no local blob contains the package.
   */
  deploy(deployment: Resource<"azure-native:resources:Deployment">): void {
    const { resources } = this.options;
    for (const { appName, packageUri } of oneDeploys(deployment)) {
      const app = resources.find("azure-native:web:WebApp", ({ name }) => name.toLowerCase() === appName.toLowerCase());
      if (app === undefined) throw new Error(`one deploy: there is no function app ${appName} on this machine`);
      const blob = resources.find("azure-native:storage:Blob", ({ url }) => url === packageUri.split("?")[0]);
      // A package from an earlier run stays deployed, even if its blob is gone.
      if (blob === undefined && this.#deployed(app) === undefined) {
        throw new Error(`function app ${app.name}: its package is in no blob of this machine`);
      }
      if (blob !== undefined) writeFileSync(this.#record(app.id), JSON.stringify(blob.source));
      void this.#syncTriggers(app.id);
    }
  }

  /** Syncs the triggers of an app after a change of its settings. */
  restarted(id: string): void {
    if (this.#deployed({ id }) !== undefined) void this.#syncTriggers(id);
  }

  /**
   * Runs the timer function of an app now, as the host's admin API does, and waits for its end. With a payload it runs
   * the queue function instead, with the payload as the message.
   *
   * @throws if there is no such app, it does not start, or it has no such trigger.
   */
  async invoke({ functionName, payload }: Invocation): Promise<Invoked> {
    const app = this.options.resources.find("azure-native:web:WebApp", ({ name }) => name === functionName);
    if (app === undefined) throw new Error(`there is no function app ${functionName} on this machine`);
    const { timers, queues } = await this.#triggers(app.id);
    const triggered = payload === undefined ? timers : queues;
    if (triggered.length === 0) {
      const kind = payload === undefined ? "timer" : "queue trigger, which a payload is given to";
      throw new Error(`function app ${functionName} has no function with a ${kind}`);
    }
    const message = payload === undefined ? undefined : byHand(payload);
    const ends = await Promise.all(triggered.map(({ name }) => this.#run(app.id, name, message)));
    return ends.find(({ failed }) => failed) ?? { failed: false, payload: "null" };
  }

  /**
   * Replaces an app's code; the deployed packages stay.
   *
   * @throws {CodeError} with the startup log if the code does not start; the previous code then continues to serve.
   */
  async changeCode({ functionName, ...code }: CodeChange): Promise<void> {
    const app = this.options.resources.find("azure-native:web:WebApp", ({ name }) => name === functionName);
    const source = app && this.#deployed(app);
    if (app === undefined || source === undefined)
      throw new Error(`nothing was deployed to a function app ${functionName} on this machine`);
    const lines = new HeldLines(this.#traces(app));
    try {
      const alone = code.debug !== undefined;
      await this.#instances.change(app.id, this.#configuration(app, source, code, lines.take), { alone });
      lines.release();
    } catch (error) {
      throw error instanceof StartError ? new CodeError(error.log.join("\n")) : error;
    }
    if (code.folder === undefined) this.#code.delete(app.id);
    else this.#code.set(app.id, { ...code, insteadOf: source.sha256 });
    void this.#syncTriggers(app.id);
  }

  /**
   * Gives an event to a function with an Event Grid trigger.
   *
   * @throws where the app has none of that name, or it fails.
   */
  async takeEvent(id: string, name: string, event: GridEvent): Promise<void> {
    const { events } = await this.#triggers(id);
    if (!events.some((each) => each.name === name)) throw new Error(`${id} has no Event Grid trigger ${name}`);
    const { failed, payload } = await this.#run(id, name, event);
    if (failed) throw new Error(`${name} failed: ${payload}`);
  }

  /**
   * Gives a blob to a function with a blob trigger, as the host's extension does: again where it fails, and what happened to the queue
   * `webjobs-blobtrigger-poison` in the end. Blobs of other containers and names are passed over.
   *
   * @throws where the app has no such trigger, or may not read the blob.
   */
  async takeBlob(id: string, name: string, { event, container, blob, eTag }: BlobChange): Promise<void> {
    const { blobs } = await this.#triggers(id);
    const trigger = blobs.find((each) => each.name === name);
    if (trigger === undefined) throw new Error(`${id} has no blob trigger ${name} with Event Grid as its source`);
    const isMeant = trigger.container === container && new RegExp(trigger.names, "s").test(blob);
    if (!isMeant || event !== "Microsoft.Storage.BlobCreated") return;
    const refused = this.#blobRefusal(id, trigger.connection);
    if (refused !== undefined) throw new Error(refused);
    const stored = await this.options.blobs.read(container, blob);
    if (stored === undefined) return;
    const { content, metadata, ...properties } = stored;
    const given = {
      name: `${container}/${blob}`,
      uri: `${this.options.blobs.endpoint("read")}/${container}/${blob}`,
      content: content.toString("base64"),
      properties: { ...properties, length: content.length },
      metadata,
    };
    for (let attempt = 1; attempt <= blobAttempts; attempt += 1) {
      if (!(await this.#run(id, name, given)).failed) return;
    }
    const app = this.options.resources.get("azure-native:web:WebApp", id);
    const failed = { Type: "BlobTrigger", FunctionId: name, BlobType: "BlockBlob", ContainerName: container };
    const poison = JSON.stringify({ ...failed, BlobName: blob, ETag: eTag });
    await this.options.queues.createQueue(poisonBlobs);
    await this.options.queues.put(poisonBlobs, Buffer.from(poison).toString("base64"));
    const line = `the blob ${container}/${blob} is told to ${poisonBlobs}: ${name} failed with it ${blobAttempts} times`;
    this.options.logs.append(app.name, "host", line);
  }

  async stop(id: string): Promise<void> {
    this.#code.delete(id);
    this.#syncs.delete(id);
    this.#timers.delete(id);
    this.#queueTriggers.delete(id);
    await this.#instances.stop(id);
  }

  /** Deletes the package of a deleted app. */
  remove(id: string): Promise<void> {
    rmSync(this.#record(id), { force: true });
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#timers.close();
    this.#queueTriggers.close();
    return this.#instances.close();
  }

  /** @param given the message, blob or event for a function with such a trigger. */
  async #run(id: string, name: string, given?: object): Promise<Invoked> {
    const answer = await fetch(`http://${await this.#running(id)}/admin/functions/${name}`, {
      method: "POST",
      body: given && JSON.stringify(given),
    });
    return { failed: !answer.ok, payload: await answer.text() };
  }

  async #fire(id: string, name: string): Promise<void> {
    try {
      await this.#run(id, name);
    } catch (error) {
      this.options.logs.append(this.options.resources.get("azure-native:web:WebApp", id).name, "host", String(error));
    }
  }

  /**
   * Disables the triggers of an app until it has restarted, since the old ones would run new code at old times. An app
   * that does not start has no triggers; its log says why.
   */
  async #syncTriggers(id: string): Promise<void> {
    const sync = Symbol(id);
    this.#syncs.set(id, sync);
    this.#timers.delete(id);
    this.#queueTriggers.delete(id);
    try {
      const { timers, queues } = await this.#triggers(id);
      if (this.#syncs.get(id) !== sync) return;
      this.#timers.set(id, timers);
      this.#queueTriggers.set(id, queues);
    } catch (error) {
      const app = this.options.resources.find("azure-native:web:WebApp", (each) => each.id === id);
      if (app !== undefined) this.options.logs.append(app.name, "host", `no triggers: ${String(error)}`);
    }
  }

  async #triggers(id: string) {
    const answer = await fetch(`http://${await this.#running(id)}/admin/functions`);
    return triggersSchema.parse(await answer.json());
  }

  #running(id: string): Promise<string> {
    const app = this.options.resources.get("azure-native:web:WebApp", id);
    const source = this.#deployed(app);
    if (source === undefined) throw new Error(`nothing was deployed to the function app ${app.name}`);
    return this.#instances.newest(id, this.#configuration(app, source, this.#codeOf(id, source)));
  }

  /** The replaced code of a package, unless the app was deployed again since then; a debugger's code always stays. */
  #codeOf(id: string, source: Blob): OtherCode | undefined {
    const code = this.#code.get(id);
    if (code === undefined || code.debug !== undefined || code.insteadOf === source.sha256) return code;
    this.#code.delete(id);
    return undefined;
  }

  #traces(app: WebApp): (line: string) => void {
    return (line) => {
      this.options.logs.append(app.name, "traces", line);
    };
  }

  #configuration(
    app: WebApp,
    source: Blob,
    { folder, debug }: OtherCode = {},
    onLine = this.#traces(app),
  ): SiteConfiguration {
    const { logs } = this.options;
    const settings = this.#settings(app);
    const launch = async (port: number) => {
      const python = await findPython(app.functionAppConfig.runtime.version);
      const deployed = await unpacked([source]);
      const directory = folder ?? deployed;
      return {
        // The package contains all of the app's dependencies.
        python: await pythonEnvironment(python, "azure", []),
        directory,
        program: path.join(__dirname, "functions_host.py"),
        args: [directory, String(port)],
        environment: { ...settings, ...runtimeVariables(app, { directory, deployed }), ...debugVariables(debug) },
        onLine,
        onEnd: (how: string) => {
          logs.append(app.name, "host", exitOf(how));
        },
      };
    };
    const key = JSON.stringify([app, settings, source.sha256, folder, debug]);
    return { key, launch, strategy: app.functionAppConfig.siteUpdateStrategy.type };
  }

  /**
   * The app's settings, with connections by managed identity replaced by connections to the local tables, queues and blobs.
   */
  #settings(app: WebApp): Record<string, string> {
    const settings = new Map(
      app.siteConfig.appSettings.map(({ name, value }) => [name, this.#resolved(app, name, value)]),
    );
    const { tables, queues, blobs } = this.options;
    const names = [...settings.keys()].flatMap(
      (name) => /^(.+)__(?:table|queue|blob)ServiceUri$/.exec(name)?.[1] ?? [],
    );
    for (const connection of new Set(names)) {
      const identity = this.#identity(app, settings.get(`${connection}__clientId`));
      const table = this.#tableAccess(identity, settings.get(`${connection}__tableServiceUri`));
      const queue = this.#queueAccess(identity, settings.get(`${connection}__queueServiceUri`));
      const blob = this.#blobAccess(identity, settings.get(`${connection}__blobServiceUri`));
      const refused = table === "none" && queue === "none" && blob === "none";
      const endpoints: Endpoints = {
        ...((table !== "none" || refused) && { TableEndpoint: tables.endpoint(table === "read" ? "read" : "write") }),
        ...((queue !== "none" || refused) && { QueueEndpoint: queues.endpoint(queue === "send" ? "send" : "write") }),
        ...((blob !== "none" || refused) && { BlobEndpoint: blobs.endpoint(blob === "read" ? "read" : "write") }),
      };
      settings.set(connection, connectionString(endpoints, { refused }));
    }
    return Object.fromEntries(settings);
  }

  #resolved(app: WebApp, name: string, setting: string): string {
    const identity = app.keyVaultReferenceIdentity;
    const isTheApps = identity !== undefined && app.identity?.userAssignedIdentities.includes(identity);
    const { value, problem } = this.options.keyVault.resolve(setting, isTheApps ? identity : undefined);
    if (problem !== undefined) this.options.logs.append(app.name, "host", `setting ${name}: ${problem}`);
    return value;
  }

  /** The app's identity with a client id; undefined if the app has no such identity. */
  #identity(app: WebApp, clientId: string | undefined) {
    return this.options.resources
      .list("azure-native:managedidentity:UserAssignedIdentity")
      .find(({ id, ...known }) => known.clientId === clientId && app.identity?.userAssignedIdentities.includes(id));
  }

  /** Access by the identity's roles on the account or one of its tables. */
  #tableAccess(identity: Identity | undefined, tableServiceUri: string | undefined): TableAccess {
    const roles = this.#rolesWithin(
      "azure-native:storage:Table",
      identity,
      ({ primaryEndpoints }) => primaryEndpoints.table === tableServiceUri,
    );
    if (roles.includes(roleIds.tableDataContributor)) return "write";
    return roles.includes(roleIds.tableDataReader) ? "read" : "none";
  }

  /** Access by the identity's roles on the account or one of its queues. */
  #queueAccess(identity: Identity | undefined, queueServiceUri: string | undefined): QueueAccess {
    const roles = this.#rolesWithin(
      "azure-native:storage:Queue",
      identity,
      ({ primaryEndpoints }) => primaryEndpoints.queue === queueServiceUri,
    );
    if (roles.includes(roleIds.queueDataContributor)) return "write";
    return roles.includes(roleIds.queueDataMessageSender) ? "send" : "none";
  }

  /** By the role that an identity has, on the account or on a container in it. */
  #blobAccess(identity: Identity | undefined, blobServiceUri: string | undefined): BlobAccess {
    const roles = this.#rolesWithin(
      "azure-native:storage:BlobContainer",
      identity,
      ({ primaryEndpoints }) => primaryEndpoints.blob === blobServiceUri,
    );
    if (roles.includes(roleIds.blobDataOwner) || roles.includes(roleIds.blobDataContributor)) return "write";
    return roles.includes(roleIds.blobDataReader) ? "read" : "none";
  }

  #rolesWithin(
    part: `azure-native:storage:${"Table" | "Queue" | "BlobContainer"}`,
    identity: Identity | undefined,
    isAccount: (account: Resource<"azure-native:storage:StorageAccount">) => boolean,
  ): string[] {
    const { resources } = this.options;
    const account = resources.find("azure-native:storage:StorageAccount", isAccount);
    if (identity === undefined || account === undefined) return [];
    const parts = resources.list(part).filter(({ id }) => isWithin(id, account.id));
    return [account, ...parts].flatMap(({ id }) => rolesOn(resources, id, identity));
  }

  /** Why a queue trigger cannot receive messages through a connection. */
  #queueRefusal(id: string, connection: string): string | undefined {
    const app = this.options.resources.get("azure-native:web:WebApp", id);
    const settings = new Map(app.siteConfig.appSettings.map(({ name, value }) => [name, value]));
    const accountName = settings.get(`${connection}__accountName`);
    const address = settings.get(`${connection}__queueServiceUri`);
    if (accountName === undefined && address === undefined) {
      return `there is no app setting ${connection}__queueServiceUri or ${connection}__accountName; local Azure connects by managed identity`;
    }
    const identity = this.#identity(app, settings.get(`${connection}__clientId`));
    const roles = this.#rolesWithin("azure-native:storage:Queue", identity, (account) =>
      address === undefined ? account.accountName === accountName : account.primaryEndpoints.queue === address,
    );
    if (roles.includes(roleIds.queueDataContributor) || roles.includes(roleIds.queueDataMessageProcessor)) return;
    return (
      `the identity of the setting ${connection}__clientId may not process messages of ${address ?? accountName ?? ""}: grant ` +
      "the app's own identity Storage Queue Data Contributor"
    );
  }

  /** Why a blob trigger of an app has no blobs by a connection. */
  #blobRefusal(id: string, connection: string): string | undefined {
    const app = this.options.resources.get("azure-native:web:WebApp", id);
    const settings = new Map(app.siteConfig.appSettings.map(({ name, value }) => [name, value]));
    const address = settings.get(`${connection}__blobServiceUri`);
    if (address === undefined)
      return `there is no app setting ${connection}__blobServiceUri; local Azure connects by managed identity`;
    const identity = this.#identity(app, settings.get(`${connection}__clientId`));
    if (this.#blobAccess(identity, address) === "write") return undefined;
    return (
      `the identity of the setting ${connection}__clientId may not process blobs of ${address}: grant the app's own identity ` +
      "Storage Blob Data Owner"
    );
  }

  /** The package of an app's latest one deploy. */
  #deployed({ id }: Pick<WebApp, "id">): Blob | undefined {
    const file = this.#record(id);
    return existsSync(file) ? packageSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : undefined;
  }

  #record(id: string): string {
    return path.join(this.options.directory, `${createHash("sha256").update(id).digest("hex")}.json`);
  }
}

/** What the host writes of a worker that ended, with the code that a shell would give. */
function exitOf(how: string): string {
  const signal = /^signal: (\w+)/.exec(how)?.[1];
  const code = signal === undefined ? Number(/\d+/.exec(how)?.[0] ?? 1) : 128 + signalNumber(signal);
  return `python exited with code ${code} (0x${code.toString(16).toUpperCase()})`;
}

function signalNumber(signal: string): number {
  return Object.entries(constants.signals).find(([name]) => name === signal)?.[1] ?? 0;
}

/** A payload as a message that was received once. */
function byHand(payload: string): TriggerMessage {
  const now = new Date();
  const later = new Date(now.getTime() + 7 * 24 * 3_600_000);
  return {
    id: randomUUID(),
    body: payload,
    dequeueCount: 1,
    insertionTime: now.toUTCString(),
    expirationTime: later.toUTCString(),
    timeNextVisible: now.toUTCString(),
    popReceipt: "",
  };
}

/** The one deploys of a deployment: app name and package URI. */
function oneDeploys({ properties }: Resource<"azure-native:resources:Deployment">) {
  return properties.template.resources.flatMap(({ type, name, properties: { packageUri } }) => {
    const appName = /^(.+)\/onedeploy$/i.exec(name)?.[1];
    if (type !== "Microsoft.Web/sites/extensions" || appName === undefined || packageUri === undefined) return [];
    const parameter = /^\[parameters\('(\w+)'\)\]$/.exec(packageUri)?.[1];
    const value = parameter === undefined ? packageUri : properties.parameters[parameter]?.value;
    return [{ appName, packageUri: String(value) }];
  });
}

/** @param folders of the code, and of the deployed package. */
function runtimeVariables(
  app: WebApp,
  { directory, deployed }: { directory: string; deployed: string },
): Record<string, string> {
  const { version } = app.functionAppConfig.runtime;
  return {
    AZURE_FUNCTIONS_ENVIRONMENT: "Production",
    AzureWebJobsScriptRoot: directory,
    FUNCTIONS_WORKER_RUNTIME: "python",
    FUNCTIONS_WORKER_RUNTIME_VERSION: version,
    HOME: "/nonexistent",
    LANG: "C.UTF-8",
    PATH: "/usr/local/bin:/usr/bin:/bin",
    PYTHONPATH: [directory, path.join(deployed, ".python_packages", "lib", "site-packages")].join(path.delimiter),
    PYTHONUNBUFFERED: "1",
    TZ: "UTC",
    WEBSITE_HOSTNAME: app.defaultHostName,
    WEBSITE_SITE_NAME: app.name,
  };
}
