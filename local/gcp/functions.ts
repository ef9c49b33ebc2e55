import path from "node:path";

import { unpacked } from "../../layers/archive";
import { errorPage } from "../cdn";
import { forward, header, type HttpRequest, type HttpResponse, HttpTimeoutError, without } from "../http";
import { Instances } from "../instances";
import type { Logs } from "../logs";
import { findPython, pythonEnvironment } from "../../layers/python";
import type { Firestore } from "./firestore";
import type { GcpResources, Resource } from "./resources";

type CloudFunction = Resource<"gcp:cloudfunctionsv2/function:Function">;

/** Bytes of body that Cloud Run accepts over HTTP/1: 32 MiB (Cloud Run quotas). */
export const bodyLimit = 32 * 1024 * 1024;

export interface CloudFunctionsOptions {
  readonly resources: GcpResources;
  readonly logs: Logs;
  readonly firestore: Pick<Firestore, "hostFor">;
}

/**
 * Cloud Run functions: builds a source archive as the Python buildpack does, from the wheels in the archive alone, and runs
 * functions-framework from among them. One instance a function; scaling and memory limits are not reproduced.
 */
export class CloudFunctions {
  readonly #instances = new Instances();

  constructor(private readonly options: CloudFunctionsOptions) {}

  /**
   * Builds the function and starts an instance, as a deployment does.
   *
   * @throws where the build fails or the instance does not listen, with the end of its log.
   */
  async deploy(id: string): Promise<void> {
    await this.#origin(this.options.resources.get("gcp:cloudfunctionsv2/function:Function", id));
  }

  async handle(id: string, request: HttpRequest): Promise<HttpResponse> {
    const { resources } = this.options;
    const fn = resources.get("gcp:cloudfunctionsv2/function:Function", id);
    if (!isPublic(resources, fn)) {
      return errorPage(403, "403 Forbidden", "Your client does not have permission to get this URL from this server.");
    }
    const forwardedFor = [header(request.headers, "x-forwarded-for"), request.remoteAddress].filter(Boolean).join(",");
    const headers = [
      ...without(request.headers, ["x-forwarded-for", "x-forwarded-proto"]),
      ["X-Forwarded-For", forwardedFor],
      ["X-Forwarded-Proto", "http"],
    ] as const;
    try {
      return await forward(await this.#origin(fn), { ...request, headers }, fn.serviceConfig.timeoutSeconds * 1000);
    } catch (error) {
      this.options.logs.append(fn.name, "system", String(error));
      return error instanceof HttpTimeoutError
        ? errorPage(504, "504 Gateway Timeout", "upstream request timeout")
        : errorPage(503, "503 Service Unavailable", "The service you requested is not available yet.");
    }
  }

  stop(id: string): Promise<void> {
    return this.#instances.stop(id);
  }

  close(): Promise<void> {
    return this.#instances.close();
  }

  #origin(fn: CloudFunction): Promise<string> {
    const source = sourceOf(this.options.resources, fn);
    return this.#instances.origin(fn.id, JSON.stringify([fn, source.sha256]), async (port) => {
      const { python, directory } = await build(fn, source);
      return {
        python,
        directory,
        program: "functions_framework",
        args: ["--source", path.join(directory, "main.py"), "--host", "127.0.0.1", "--port", String(port)],
        environment: {
          ...fn.serviceConfig.environmentVariables,
          ...runtimeVariables(fn, port),
          FIRESTORE_EMULATOR_HOST: await this.options.firestore.hostFor(fn.serviceConfig.serviceAccountEmail),
        },
        onLine: (line) => {
          this.options.logs.append(fn.name, "stdout", line);
        },
      };
    });
  }
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

/** What the buildpack makes of an archive with vendored wheels: an environment that is installed from them, offline. */
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
function runtimeVariables(fn: CloudFunction, port: number): Record<string, string> {
  return {
    CLOUD_RUN_TIMEOUT_SECONDS: String(fn.serviceConfig.timeoutSeconds),
    FUNCTION_SIGNATURE_TYPE: "http",
    FUNCTION_TARGET: fn.buildConfig.entryPoint,
    HOME: "/nonexistent",
    K_CONFIGURATION: fn.name,
    K_REVISION: `${fn.name}-00001-loc`,
    K_SERVICE: fn.name,
    LANG: "C.UTF-8",
    LOG_EXECUTION_ID: "true",
    PATH: "/usr/local/bin:/usr/bin:/bin",
    PORT: String(port),
    PYTHONUNBUFFERED: "1",
    TZ: "UTC",
  };
}

/** Whether everyone may invoke the function: Cloud Run asks for a token otherwise, and nobody gives one here. */
function isPublic(resources: GcpResources, fn: CloudFunction): boolean {
  return resources
    .list("gcp:cloudrunv2/serviceIamMember:ServiceIamMember")
    .some(
      ({ name, role, member }) =>
        name.split("/").at(-1) === fn.name && role === "roles/run.invoker" && member === "allUsers",
    );
}
