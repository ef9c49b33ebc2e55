import path from "node:path";

import { unpacked } from "../../layers/archive";
import { errorPage } from "../cdn";
import { forward, header, type HttpRequest, type HttpResponse, HttpTimeoutError, without } from "../http";
import { type CodeChange, CodeError, debuggedSeconds, debugVariables } from "../data-plane";
import { HeldLines } from "../held-lines";
import { Instances, StartError } from "../instances";
import type { Logs } from "../logs";
import { findPython, pythonEnvironment } from "../../layers/python";
import type { Firestore } from "./firestore";
import type { PubSub } from "./pubsub";
import { isGranted } from "./pubsub-roles";
import type { GcpResources, Resource } from "./resources";
import type { Revision, Revisions } from "./revisions";
import { secretValue } from "./secrets";
import type { Storage } from "./storage";

type OtherCode = Omit<CodeChange, "functionName">;

type CloudFunction = Resource<"gcp:cloudfunctionsv2/function:Function">;

/** Maximum bytes of a request body in Cloud Run over HTTP/1: 32 MiB (Cloud Run quotas). */
export const bodyLimit = 32 * 1024 * 1024;

/**
 * Milliseconds for which a replaced revision still receives requests: Cloud Run moves traffic within seconds, during
 * which either revision may answer.
 */
const handover = 1_000;

export interface CloudFunctionsOptions {
  readonly resources: GcpResources;
  readonly logs: Logs;
  readonly firestore: Pick<Firestore, "hostFor">;
  readonly pubSub: Pick<PubSub, "callers">;
  readonly storage: Pick<Storage, "callers">;
  readonly revisions: Revisions;
  /** Identity token of the project's owner, who may invoke everything. */
  readonly owner: string;
}

/**
 * Cloud Run functions: builds a source archive like the Python buildpack, only from the wheels in the archive, and runs
 * their functions-framework. A deployment creates a revision, which serves once its instance listens; otherwise the
 * previous revision continues to serve. Each revision has one instance; scaling and memory limits are not emulated.
 */
export class CloudFunctions {
  readonly #instances = new Instances();
  /** The function's previous revision, while it still receives requests. */
  readonly #leaving = new Map<string, { readonly revision: Revision; turn: boolean; readonly timer: NodeJS.Timeout }>();
  /** Pending responses, by revision name. */
  readonly #answers = new Map<string, Set<Promise<unknown>>>();
  /** Functions that this process has started; any other one is from an earlier run. */
  readonly #started = new Set<string>();

  /** Replaced code, by function id. */
  readonly #code = new Map<string, OtherCode & { readonly insteadOf: string }>();

  constructor(private readonly options: CloudFunctionsOptions) {}

  /**
   * Builds the function and starts an instance; traffic moves when the instance is ready. When the cloud itself starts,
   * the revision that served before serves again, whatever failed to deploy since then.
   *
   * @throws if the build fails or the instance does not listen, with the end of its log; the previous revision then
   * continues to serve.
   */
  async deploy(id: string): Promise<void> {
    const { resources, revisions } = this.options;
    const serving = revisions.serving(id);
    const isRestart = serving !== undefined && !this.#started.has(id);
    this.#started.add(id);
    if (isRestart) {
      await this.#origin(serving);
      return;
    }
    const fn = resources.get("gcp:cloudfunctionsv2/function:Function", id);
    const source = sourceOf(resources, fn);
    const newest = revisions.ready(id).at(-1);
    const isNewest = newest === undefined || newest.name === serving?.name;
    if (serving !== undefined && isNewest && contentOf(serving) === contentOf({ fn, source })) {
      await this.#origin(serving);
      return;
    }
    const revision = revisions.next(id, fn, source);
    try {
      await this.#origin(revision);
    } catch (error) {
      throw new Error(
        `Error code 3, message: Could not create or update Cloud Run service ${fn.name}, Container Healthcheck failed. ` +
          `Revision '${revision.name}' is not ready and cannot serve traffic. ${messageOf(error)}`,
      );
    }
    // Otherwise the traffic does not change (Cloud Functions API, `ServiceConfig`); it may or may not be on the latest
    // revision.
    if (fn.serviceConfig.allTrafficOnLatestRevision || !revisions.isPinned(id)) this.#moveTraffic(id, revision);
    else revisions.add(id, revision);
  }

  /**
   * Splits the traffic between revisions, like `gcloud run services update-traffic --to-revisions`.
   *
   * @param traffic each revision's share, from 0 to 1; the sum is 1.
   * @throws if a revision does not exist or does not start; the traffic then stays unchanged.
   */
  async sendTraffic(functionName: string, traffic: Readonly<Record<string, number>>): Promise<void> {
    const { id, ready } = this.#service(functionName);
    const split = Object.entries(traffic).map(([revisionName, share]) => {
      const revision = ready.find(({ name }) => name === revisionName);
      if (revision !== undefined) return { revision, share };
      const known = ready.map(({ name }) => name).join(", ") || "none";
      throw new Error(`there is no revision ${revisionName} of ${functionName}; there are ${known}`);
    });
    await Promise.all(split.map(({ revision }) => this.#origin(revision)));
    const [most, ...others] = split.sort((a, b) => b.share - a.share);
    if (most === undefined) return;
    const shares = Object.fromEntries(others.map((each) => [each.revision.name, each.share]));
    this.#moveTraffic(id, most.revision, shares, true);
  }

  /** Assigns a tag to a revision, or removes it, like `gcloud run services update-traffic --update-tags`. */
  tagRevision(functionName: string, tag: string, revisionName?: string): void {
    this.options.revisions.tag(this.#service(functionName).id, tag, revisionName);
  }

  /** @throws if the revision has traffic. */
  async deleteRevision(functionName: string, revisionName: string): Promise<void> {
    const { id } = this.#service(functionName);
    const { revisions } = this.options;
    if (revisionName in revisions.traffic(id)) {
      throw new Error(`the revision ${revisionName} serves; move its traffic first`);
    }
    revisions.drop(id, revisionName);
    await this.#instances.stop(revisionName);
  }

  /**
   * Replaces a function's code; the packages of the serving revision stay.
   *
   * @throws {CodeError} with the startup log if the code does not start; the previous code then continues to serve.
   */
  async changeCode(id: string, code: OtherCode): Promise<void> {
    const revision = this.options.revisions.serving(id);
    if (revision === undefined) throw new Error(`function ${id} has no revision that serves`);
    const replaced = this.#code.get(id);
    // Two processes cannot listen for a debugger on one port.
    if (code.debug !== undefined && replaced !== undefined) {
      await this.#instances.stop(instanceName(revision, replaced));
    }
    const lines = new HeldLines(this.#log(revision));
    try {
      await this.#origin(revision, code, lines.take);
      lines.release();
    } catch (error) {
      throw error instanceof StartError ? new CodeError(error.log.join("\n")) : error;
    }
    if (code.folder === undefined) this.#code.delete(id);
    else this.#code.set(id, { ...code, insteadOf: revision.name });
    // Otherwise the replaced revision would answer in parallel with the new code.
    this.#forget(id);
    if (replaced === undefined || instanceName(revision, replaced) === instanceName(revision, code)) return;
    this.#end(instanceName(revision, replaced));
  }

  /** @param caller e-mail address of the service account in the request's token; absent without a token. */
  async handle(id: string, request: HttpRequest, caller?: string): Promise<HttpResponse> {
    const { resources, revisions, logs } = this.options;
    const fn = resources.get("gcp:cloudfunctionsv2/function:Function", id);
    const isOwner = header(request.headers, "authorization") === `Bearer ${this.options.owner}`;
    if (!isOwner && !mayInvoke(resources, fn, caller)) {
      return errorPage(403, "403 Forbidden", "Your client does not have permission to get this URL from this server.");
    }
    return this.#answer(id, request, revisions.picked(id), logs);
  }

  /** Calls a function as the project's owner, who may invoke everything. */
  call(id: string, request: HttpRequest): Promise<HttpResponse> {
    const { revisions, logs } = this.options;
    return this.#answer(id, request, revisions.serving(id), logs);
  }

  async stop(id: string): Promise<void> {
    this.#forget(id);
    const code = this.#code.get(id);
    this.#code.delete(id);
    const revisions = this.options.revisions.ready(id);
    const names = revisions.flatMap((each) => [each.name, ...(code ? [instanceName(each, code)] : [])]);
    await Promise.all(names.map((name) => this.#instances.stop(name)));
  }

  /** Deletes the revisions of a deleted function. */
  remove(id: string): void {
    this.#started.delete(id);
    this.options.revisions.delete(id);
  }

  close(): Promise<void> {
    for (const id of this.#leaving.keys()) this.#forget(id);
    return this.#instances.close();
  }

  async #answer(id: string, request: HttpRequest, serving: Revision | undefined, logs: Logs): Promise<HttpResponse> {
    const code = this.#codeOf(id);
    const revision = (code === undefined ? this.#turn(id) : undefined) ?? serving;
    if (revision === undefined) {
      return errorPage(503, "503 Service Unavailable", "The service you requested is not available yet.");
    }
    const { fn } = revision;
    const failed = (error: unknown) => {
      logs.append(fn.name, "system", String(error));
      return error instanceof HttpTimeoutError
        ? errorPage(504, "504 Gateway Timeout", "upstream request timeout")
        : errorPage(503, "503 Service Unavailable", "The service you requested is not available yet.");
    };
    const forwardedFor = [header(request.headers, "x-forwarded-for"), request.remoteAddress].filter(Boolean).join(",");
    const headers = [
      ...without(request.headers, ["x-forwarded-for", "x-forwarded-proto"]),
      ["X-Forwarded-For", forwardedFor],
      ["X-Forwarded-Proto", "http"],
    ] as const;
    const instance = instanceName(revision, code);
    const { answer } = await logs.timed(fn.name, request, async () => {
      const cold = !this.#instances.serves(instance, instance);
      const answered = this.#forwarded(revision, code, { ...request, headers });
      return { cold, version: revision.name, answer: await answered.catch((error: unknown) => failed(error)) };
    });
    return answer;
  }

  #service(functionName: string) {
    const { resources, revisions } = this.options;
    const fn = resources.find("gcp:cloudfunctionsv2/function:Function", ({ name }) => name === functionName);
    if (fn === undefined) throw new Error(`there is no function ${functionName} on the local Google Cloud`);
    return { id: fn.id, ready: revisions.ready(fn.id) };
  }

  /** The replaced code, unless another revision got the traffic since then; a debugger's code always stays. */
  #codeOf(id: string): OtherCode | undefined {
    const code = this.#code.get(id);
    const traffic = this.options.revisions.traffic(id);
    if (code === undefined || code.debug !== undefined || traffic[code.insteadOf] === 1) return code;
    this.#code.delete(id);
    const replaced = this.options.revisions.ready(id).find(({ name }) => name === code.insteadOf);
    if (replaced !== undefined) this.#end(instanceName(replaced, code));
    return undefined;
  }

  #moveTraffic(id: string, revision: Revision, shares: Readonly<Record<string, number>> = {}, pinned = false): void {
    const { revisions } = this.options;
    const replaced = revisions.serving(id);
    revisions.serve(id, revision, shares, pinned);
    this.#forget(id);
    if (replaced === undefined || replaced.name === revision.name) return;
    const timer = setTimeout(() => {
      this.#forget(id);
    }, handover);
    this.#leaving.set(id, { revision: replaced, turn: false, timer });
  }

  /** The outgoing revision, for every other request. */
  #turn(id: string): Revision | undefined {
    const leaving = this.#leaving.get(id);
    if (leaving === undefined) return undefined;
    leaving.turn = !leaving.turn;
    return leaving.turn ? leaving.revision : undefined;
  }

  /** Removes the outgoing revision and stops its instance. */
  #forget(id: string): void {
    const leaving = this.#leaving.get(id);
    if (leaving === undefined) return;
    clearTimeout(leaving.timer);
    this.#leaving.delete(id);
    const { name } = leaving.revision;
    if (name in this.options.revisions.traffic(id)) return;
    this.#end(name);
    const code = this.#code.get(id);
    if (code !== undefined) this.#end(instanceName(leaving.revision, code));
  }

  /** Stops an instance after its pending responses. */
  #end(name: string): void {
    Promise.allSettled([...(this.#answers.get(name) ?? [])])
      .then(() => this.#instances.stop(name))
      .catch(console.error);
  }

  async #forwarded(revision: Revision, code: OtherCode | undefined, request: HttpRequest): Promise<HttpResponse> {
    const name = instanceName(revision, code);
    const seconds = code?.debug === undefined ? revision.fn.serviceConfig.timeoutSeconds : debuggedSeconds;
    const answers = this.#answers.get(name) ?? new Set();
    this.#answers.set(name, answers);
    const answer = this.#origin(revision, code).then((origin) => forward(origin, request, seconds * 1000));
    answers.add(answer);
    try {
      return await answer;
    } finally {
      answers.delete(answer);
    }
  }

  #log({ fn }: Revision): (line: string) => void {
    return (line) => {
      this.options.logs.append(fn.name, "stdout", line);
    };
  }

  #origin(revision: Revision, code?: OtherCode, onLine = this.#log(revision)): Promise<string> {
    const { resources, firestore, pubSub, storage } = this.options;
    const { fn, source } = revision;
    const instance = instanceName(revision, code);
    return this.#instances.origin(instance, instance, async (port) => {
      const { serviceAccountEmail, environmentVariables, secretEnvironmentVariables } = fn.serviceConfig;
      const secrets = secretEnvironmentVariables.map(
        (variable) => [variable.key, secretValue(resources, variable, serviceAccountEmail)] as const,
      );
      const { python, directory: deployed } = await build(fn, source);
      const directory = code?.folder ?? deployed;
      const { GOOGLE_FUNCTION_SOURCE: file = "main.py" } = fn.buildConfig.environmentVariables;
      return {
        python,
        directory,
        program: "functions_framework",
        args: ["--source", path.join(directory, file), "--host", "127.0.0.1", "--port", String(port)],
        environment: {
          ...environmentVariables,
          ...Object.fromEntries(secrets),
          ...runtimeVariables(fn, revision.name, port),
          // functions-framework's server ends a request after this time.
          ...(code?.debug && { CLOUD_RUN_TIMEOUT_SECONDS: String(debuggedSeconds) }),
          FIRESTORE_EMULATOR_HOST: await firestore.hostFor(serviceAccountEmail),
          PUBSUB_EMULATOR_HOST: await pubSub.callers.hostFor(serviceAccountEmail),
          STORAGE_EMULATOR_HOST: `http://${await storage.callers.hostFor(serviceAccountEmail)}`,
          ...debugVariables(code?.debug),
        },
        onLine,
      };
    });
  }
}

/** Name of an instance with the revision's own or replaced code. */
function instanceName({ name }: Revision, { folder, debug }: OtherCode = {}): string {
  return folder === undefined ? name : [name, folder, debug?.revision ?? ""].join(" ");
}

/** The inputs of a deployment: a change of them needs a new revision. */
function contentOf({ fn, source }: Pick<Revision, "fn" | "source">): string {
  const { allTrafficOnLatestRevision: _, ...service } = fn.serviceConfig;
  return JSON.stringify([fn.buildConfig, service, source.sha256, fn.eventTrigger !== undefined]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sourceOf(resources: GcpResources, fn: CloudFunction) {
  const { bucket, object } = fn.buildConfig.source.storageSource;
  const source = resources.find(
    "gcp:storage/bucketObject:BucketObject",
    (candidate) => candidate.bucket === bucket && candidate.name === object,
  );
  if (source === undefined) throw new Error(`function ${fn.name}: there is no source archive gs://${bucket}/${object}`);
  return source.source;
}

/**
 * Builds an archive with vendored wheels like the buildpack: an environment that is installed from the wheels, offline.
 */
async function build(fn: CloudFunction, source: { path: string; sha256: string }) {
  const { runtime, environmentVariables } = fn.buildConfig;
  const vendored = environmentVariables.GOOGLE_VENDOR_PIP_DEPENDENCIES;
  if (vendored === undefined) {
    throw new Error(
      `function ${fn.name}: buildConfig has no GOOGLE_VENDOR_PIP_DEPENDENCIES, so the build would fetch packages from the ` +
        `internet; put wheels into the archive and name their folder there`,
    );
  }
  const python = await findPython(runtime.replace(/^python(\d)(\d+)$/, "$1.$2"));
  const directory = await unpacked([source]);
  const install = [
    "--no-index",
    "--compile-bytecode",
    "--find-links",
    path.join(directory, vendored),
    "-r",
    path.join(directory, "requirements.txt"),
  ];
  return { directory, python: await pythonEnvironment(python, source.sha256, install) };
}

/** The environment variables of Cloud Run functions (Cloud Run documentation, "Container runtime contract"). */
function runtimeVariables(fn: CloudFunction, revision: string, port: number): Record<string, string> {
  return {
    CLOUD_RUN_TIMEOUT_SECONDS: String(fn.serviceConfig.timeoutSeconds),
    FUNCTION_SIGNATURE_TYPE: fn.eventTrigger === undefined ? "http" : "cloudevent",
    FUNCTION_TARGET: fn.buildConfig.entryPoint,
    HOME: "/nonexistent",
    K_CONFIGURATION: fn.name,
    K_REVISION: revision,
    K_SERVICE: fn.name,
    LANG: "C.UTF-8",
    LOG_EXECUTION_ID: "true",
    PATH: "/usr/local/bin:/usr/bin:/bin",
    PORT: String(port),
    PYTHONUNBUFFERED: "1",
    TZ: "UTC",
  };
}

/** Whether all users or the calling service account may invoke the function. */
function mayInvoke(resources: GcpResources, fn: CloudFunction, caller: string | undefined): boolean {
  const own = resources
    .list("gcp:cloudrunv2/serviceIamMember:ServiceIamMember")
    .filter(({ name }) => name.split("/").at(-1) === fn.name);
  return isGranted(resources, own, ["roles/run.invoker"], (member) => {
    return member === "allUsers" || (caller !== undefined && member === `serviceAccount:${caller}`);
  });
}
