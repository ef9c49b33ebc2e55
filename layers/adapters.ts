import { readFile } from "node:fs/promises";
import path from "node:path";

import type { Application, EntryPoint, PythonFunction } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { type SourceFile, filesBelow } from "./application-files";
import { BuildError, shownPath } from "./build-error";

/**
 * The name by which each cloud finds a function in its bundle. It is the generated entry, never the application's own
 * code.
 */
export const entryOf = {
  /** Lambda's `handler`. One bundle holds the entries of all functions. */
  aws: (name: string) => `${awsModule(name)}.${entryAttribute.aws}`,
  /** The function in the entry's file that functions-framework calls. */
  gcp: () => entryAttribute.gcp,
} as const;

/** The attribute of the entry module that a cloud calls. */
export const entryAttribute: Record<Cloud, string> = { aws: "handler", azure: "app", gcp: "handle" };

const awsModule = (name: string) => `multicloud_${name.replaceAll("-", "_")}`;

/** The entry module of one function on each cloud. The import proof starts from it. */
export const entryModule: Record<Cloud, (name: string) => string> = {
  aws: awsModule,
  azure: () => "function_app",
  // Not functions-framework's default `main`: many applications have a `main.py` of their own.
  gcp: () => "multicloud_entry",
};

/** File of a function's entry in its bundle. */
export const entryFile = (cloud: Cloud, name: string) => `${entryModule[cloud](name)}.py`;

/**
 * The package that an adapter needs, by cloud and protocol. Where the application does not lock it, its version comes
 * from the locks in `layers/adapters`.
 */
export const adapterPackages: Record<Cloud, Record<EntryPoint["protocol"], string | undefined>> = {
  aws: { asgi: "mangum", wsgi: "apig-wsgi", handler: undefined },
  azure: { asgi: "azure-functions", wsgi: "azure-functions", handler: "azure-functions" },
  gcp: { asgi: "functions-framework", wsgi: "functions-framework", handler: "functions-framework" },
};

/**
 * Lines of an entry after its head: imports of the adapter and the application, then the object that the cloud calls.
 */
type Entry = (fn: PythonFunction, imported: string, target: string) => readonly string[];

const entries: Record<Cloud, Record<EntryPoint["protocol"] | "job", Entry>> = {
  aws: {
    asgi: (_, imported, target) => [
      "from mangum import Mangum",
      "",
      imported,
      "from multicloud_runtime.asgi import Application",
      "",
      `handler = aws.counted(Mangum(Application(${target}), lifespan="off"))`,
    ],
    wsgi: (_, imported, target) => [
      "from apig_wsgi import make_lambda_handler",
      "",
      imported,
      "from multicloud_runtime.wsgi import Application",
      "",
      `handler = aws.counted(make_lambda_handler(Application(${target}), binary_support=True))`,
    ],
    handler: (_, imported, target) => [imported, "", `handler = aws.counted(aws.http_handler(${target}))`],
    job: (_, imported, target) => [imported, "", `handler = aws.job_handler(${target})`],
  },
  azure: {
    asgi: (_, imported, target) => [
      imported,
      "from multicloud_runtime import azure",
      "",
      `app = azure.asgi_app(${target})`,
    ],
    wsgi: (_, imported, target) => [
      imported,
      "from multicloud_runtime import azure",
      "",
      `app = azure.wsgi_app(${target})`,
    ],
    handler: ({ name }, imported, target) => [
      ...[imported, "from multicloud_runtime import azure", ""],
      `app = azure.http_handler("${name}", ${target})`,
    ],
    job: ({ name }, imported, target) => [
      ...[imported, "from multicloud_runtime import azure", ""],
      `app = azure.job_handler("${name}", ${target})`,
    ],
  },
  gcp: {
    asgi: (_, imported, target) => [
      ...[imported, "from multicloud_runtime import gcp_asgi", ""],
      `handle = gcp_asgi.asgi_app(${target})`,
    ],
    wsgi: (_, imported, target) => [
      imported,
      "from multicloud_runtime import gcp",
      "",
      `handle = gcp.wsgi_app(${target})`,
    ],
    handler: (_, imported, target) => [
      ...[imported, "from multicloud_runtime import gcp", ""],
      `handle = gcp.http_handler(${target})`,
    ],
    job: (_, imported, target) => [
      imported,
      "from multicloud_runtime import gcp",
      "",
      `handle = gcp.job_handler(${target})`,
    ],
  },
};

/** Modules of each cloud's adapter. Other clouds' bundles leave them out. */
const runtimeModules: Record<Cloud, readonly string[]> = {
  aws: ["aws.py"],
  azure: ["azure.py"],
  gcp: ["gcp.py", "gcp_asgi.py"],
};

const runtime = path.join(__dirname, "runtime", "multicloud_runtime");

/** By default Azure serves its own start page and puts `/api` before every route. */
const hostJson = {
  version: "2.0",
  logging: { applicationInsights: { samplingSettings: { isEnabled: true, excludedTypes: "Request" } } },
  extensions: { http: { routePrefix: "" } },
};

/**
 * The application's files and the adapter files.
 *
 * @param files of the application, for this cloud.
 * @throws {BuildError} if a file or an entry point has a name that an adapter file uses.
 */
export async function withAdapters(
  cloud: Cloud,
  application: Pick<Application, "folder" | "source">,
  files: readonly SourceFile[],
  ...adapted: [functions: readonly PythonFunction[], releases: ReadonlyMap<string, string>]
): Promise<SourceFile[]> {
  const adapters = await adapterFiles(cloud, ...adapted);
  checkNames(cloud, application, files, adapted[0], adapters);
  return [...files, ...adapters];
}

/** A module `x.py` and a package `x` share a name; Python imports the package. */
const topName = (file: string) => (file.split("/")[0] ?? "").replace(/\.py$/, "");

function checkNames(
  cloud: Cloud,
  { folder, source }: Pick<Application, "folder" | "source">,
  files: readonly SourceFile[],
  functions: readonly PythonFunction[],
  adapters: readonly SourceFile[],
): void {
  const taken = new Set(adapters.map(({ name }) => topName(name)));
  const found = files.find(({ name }) => taken.has(topName(name)));
  const description = shownPath(path.join(folder, "pyproject.toml"));
  const needed = `the name of a file that the builder adds on ${cloud} as its own (${[...taken].join(", ")})`;
  if (found !== undefined) {
    const [top = ""] = found.name.split("/");
    throw new BuildError(
      `${shownPath(path.join(source, found.name))} has ${needed}; rename it, or leave it out there, in ${description}: ` +
        `exclude = { ${cloud} = ["${top === found.name ? top : `${top}/**`}"] }`,
    );
  }
  for (const { name, entryPoints } of functions) {
    const { protocol, module, attribute } = entryPoints[cloud] ?? {};
    if (protocol === undefined || module === undefined || !taken.has(module.split(".")[0] ?? "")) continue;
    throw new BuildError(
      `${description}: tool.multicloud.functions.${name}.${protocol} is "${module}:${attribute}", which has ${needed}; ` +
        `rename the module`,
    );
  }
}

/**
 * The files of a bundle beside the application: the entries of its functions and the shared runtime package.
 *
 * @param releases the code part of each function's release, by function name.
 */
export async function adapterFiles(
  cloud: Cloud,
  functions: readonly PythonFunction[],
  releases: ReadonlyMap<string, string>,
): Promise<SourceFile[]> {
  const foreign = Object.entries(runtimeModules).flatMap(([other, modules]) => (other === cloud ? [] : modules));
  const shared = (await filesBelow(runtime)).filter((name) => name.endsWith(".py") && !foreign.includes(name));
  const text = (name: string, content: string): SourceFile => ({ name, content: Buffer.from(content) });
  return [
    ...(await Promise.all(
      shared.map(async (name) => ({
        name: `multicloud_runtime/${name}`,
        content: await readFile(path.join(runtime, name)),
      })),
    )),
    text("multicloud_runtime/build.json", `${JSON.stringify({ functions: Object.fromEntries(releases) })}\n`),
    ...functions.map((fn) => text(entryFile(cloud, fn.name), entryText(cloud, fn))),
    ...(cloud === "azure" ? [text("host.json", `${JSON.stringify(hostJson, null, 2)}\n`)] : []),
  ];
}

function entryText(cloud: Cloud, fn: PythonFunction): string {
  const entryPoint = fn.entryPoints[cloud];
  if (entryPoint === undefined) throw new Error(`function ${fn.name} has no entry point on ${cloud}`);
  const { module, attribute, protocol } = entryPoint;
  const [imported = "", ...rest] = attribute.split(".");
  const target = ["target", ...rest].join(".");
  const head = [
    `"""Entry of the function ${fn.name}; the layer builder wrote it."""`,
    "",
    ...(cloud === "aws"
      ? ["from multicloud_runtime import aws, release", "", `release.announce("${fn.name}")`, "aws.load_secrets()"]
      : ["from multicloud_runtime import release", "", `release.announce("${fn.name}")`]),
    "",
  ];
  const entry = entries[cloud][fn.kind === "schedule" ? "job" : protocol];
  return `${[...head, ...entry(fn, `from ${module} import ${imported} as target`, target)].join("\n")}\n`;
}
