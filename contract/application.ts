import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

import { parse } from "smol-toml";
import { z } from "zod";

import { type Cloud, clouds } from "./clouds";
import { functionLimits, wholeNumber } from "./limits";
import { parseSchedule, type Schedule } from "./schedule";
import { didYouMeanThen } from "./suggestion";

/** A team's application: one folder, described by `[tool.multicloud]` in its `pyproject.toml`. */
export interface Application {
  /** Absolute path of the application's folder. */
  readonly folder: string;
  /** `project.name`. */
  readonly name: string;
  /** `project.version`; the functions find it in `APPLICATION_VERSION`. */
  readonly version: string;
  /** Absolute path of the folder whose files are packed; the root of imports. */
  readonly source: string;
  /** Patterns (glob, below `source`) of files that are not packed, by cloud. */
  readonly exclude: Readonly<Record<Cloud, readonly string[]>>;
  /** Absolute path of the folder with the frontend's files. Absent without a frontend. */
  readonly site?: string;
  /** In the order of the description; at least one. */
  readonly functions: readonly PythonFunction[];
  /** In the order of the description. */
  readonly tables: readonly TableDescription[];
  readonly layers: LayerOptions;
}

export type PythonFunction = HttpFunction | ScheduledFunction;

interface FunctionDescription {
  readonly name: string;
  /** Entry point, by cloud. A cloud without one cannot run the function. */
  readonly entryPoints: Readonly<Partial<Record<Cloud, EntryPoint>>>;
  /** Absolute path of the file of requirements, by cloud. */
  readonly requirements: Readonly<Partial<Record<Cloud, string>>>;
  /** MiB. Default: the stack's settings. */
  readonly memory?: number;
  /** Seconds. Default: the stack's settings. */
  readonly timeout?: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Environment variables whose values are secrets of the stack (setting `functions.<name>.secrets`). */
  readonly secrets: readonly string[];
  /** For strategy split: names of its groups of packages. Default: all. */
  readonly layers?: readonly string[];
  /** Names of the tables that it uses. */
  readonly tables: readonly string[];
  /** Its operations on the items of a table, by the table's name. Default: all. */
  readonly operations?: Readonly<Record<string, readonly TableOperation[]>>;
}

/** Operations on a table's items; `query` is within one partition, `scan` over all. */
export const tableOperations = ["get", "query", "scan", "put", "update", "delete"] as const;
export type TableOperation = (typeof tableOperations)[number];

/** Whether operations only read a table's items. */
export function onlyReads(operations: readonly TableOperation[]): boolean {
  return operations.every((operation) => operation === "get" || operation === "query" || operation === "scan");
}

/** A function that answers requests. */
export interface HttpFunction extends FunctionDescription {
  readonly kind: "http";
  /** Its paths, each exact or ending in `/*`; `/*` matches all paths of no other function. */
  readonly routes: readonly string[];
  /** Requests that show whether it serves; only GET, so that probing changes nothing. At least one. */
  readonly probes: readonly Probe[];
}

/** A function that runs on a schedule; its handler is called without arguments. */
export interface ScheduledFunction extends FunctionDescription {
  readonly kind: "schedule";
  readonly schedule: Schedule;
}

/** An attribute of a module, and its calling convention. */
export interface EntryPoint {
  /**
   * `asgi` and `wsgi` are applications; a `handler` is called as the cloud itself calls one, or, in a scheduled function,
   * without arguments.
   */
  readonly protocol: "asgi" | "wsgi" | "handler";
  /** Dotted name of the module. */
  readonly module: string;
  /** Dotted name inside the module. */
  readonly attribute: string;
}

/** A request whose response shows whether a function serves. */
export interface Probe {
  /** Path with its query, e.g. `/api/health`. */
  readonly path: string;
  /** Accepted status of the response. */
  readonly status: number;
  /** Required content of the JSON response: objects may have more keys, `[]` matches any list. Default: any body. */
  readonly json?: unknown;
}

/**
 * A table. On AWS its keys are as described; Azure's tables have `PartitionKey` and `RowKey`, Firestore's documents an id.
 */
export interface TableDescription {
  /** Lower-case letters and digits; a function reads the cloud's name of `messages` from `MESSAGES_TABLE`. */
  readonly name: string;
  /** Attribute of type string. */
  readonly partitionKey: string;
  /** Attribute of type string. Absent: one item for each partition key. */
  readonly sortKey?: string;
}

/** Options of the builder for the dependencies. */
export interface LayerOptions {
  /** For strategy split: names of requirements by the layer's name, in the order of the layers. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Patterns (glob, from the directory of packages) of files that pruning keeps. */
  readonly keep: readonly string[];
  /** Whether packages that publish no wheel are built from their source. */
  readonly sdists: boolean;
}

/** An invalid description: the message has the file, the key, its value and the accepted ones. */
export class ApplicationError extends Error {
  override readonly name = "ApplicationError";
}

const environmentName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, {
  error: "expected the name of an environment variable: a letter, then letters, digits and underscores",
});

/** Prefixes and names of variables that the clouds' runtimes or the adapters set. */
const reservedVariable = /^(AWS_|LAMBDA_|AzureWebJobs|WEBSITE_|FUNCTIONS_|K_|FUNCTION_|MULTICLOUD_)|^(PORT|_HANDLER)$/;

/** One value for every cloud, or one for each cloud. */
const perCloud = <Value extends z.ZodType>(value: Value) =>
  z.union([value.transform(onEachCloud), z.partialRecord(z.enum(clouds), value)], {
    // A value that is no table is intended as the single value, so its own problem is reported.
    error: ({ input, errors }) => {
      const [single = []] = errors as unknown as z.core.$ZodIssue[][];
      const problem = isTable(input) ? undefined : single[0]?.message;
      return problem ?? `expected one value, or a table with a value for any of ${clouds.join(", ")}`;
    },
  });

const isTable = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

function onEachCloud<T>(value: T): Partial<Record<Cloud, T>> {
  return Object.fromEntries(clouds.map((cloud) => [cloud, value]));
}

const target = z.string().regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, {
  error: ({ input }) =>
    `expected "<module>:<attribute>", e.g. "shop.main:app"` +
    (/\)\s*$/.test(String(input)) ? "; call the factory in a module, e.g. app = create_app(), and name that" : ""),
});

const urlPath = z.string().regex(/^\/\S*$/, { error: "expected a path that begins with /" });

/** The forms of a file of requirements, as `layers/lock-forms.ts` reads them. */
const requirementForms =
  "requirements.in, a requirements.txt with hashes, pylock.toml, uv.lock, or a pyproject.toml beside one of these two locks";

/** Description of a key in the reference. */
interface KeyFacts {
  /** TOML type. */
  readonly type: string;
  readonly description: string;
}

const facts = z.registry<KeyFacts>();

function key<Schema extends z.ZodType>(schema: Schema, type: string, description: string): Schema {
  facts.add(schema, { type, description });
  return schema;
}

const probe = z.strictObject({
  path: key(urlPath, "text", "Path with its query, e.g. `/api/health`; requested with GET."),
  status: key(wholeNumber([100, 599]).default(200), "integer", "Expected status of the response."),
  json: key(
    z.unknown().optional(),
    "any",
    "Required content of the JSON response: objects may have more keys, `[]` matches any list, other values are equal. Absent: any body.",
  ),
});

const functionSchema = z.strictObject({
  asgi: key(perCloud(target).optional(), "text, by cloud", "ASGI application, as `module:attribute`."),
  wsgi: key(perCloud(target).optional(), "text, by cloud", "WSGI application, as `module:attribute`."),
  handler: key(
    perCloud(target).optional(),
    "text, by cloud",
    "Function that is called as the cloud calls one, as `module:attribute`; on a schedule it is called without arguments. " +
      "A function has exactly one of `asgi`, `wsgi` and `handler`.",
  ),
  schedule: key(
    z.string().optional(),
    "text",
    "`rate(1 hour)`, or a cron expression of five fields in UTC. The function runs then and answers no requests; it needs a `handler`.",
  ),
  routes: key(
    z
      .array(
        z.string().regex(/^\/([\w.~-]+\/)*([\w.~-]*|\*)$/, {
          error: 'expected a path, e.g. "/health", or all below one, e.g. "/api/*"',
        }),
      )
      .nonempty()
      .optional(),
    "list of texts",
    'Its paths, e.g. `["/api/*"]`. Absent: `["/*"]`, all paths of no other function.',
  ),
  requirements: key(
    perCloud(z.string().min(1)).optional(),
    "text, by cloud",
    `File of requirements: ${requirementForms}. It may be empty. Absent: the application's. Functions with equal locks share a layer.`,
  ),
  layers: key(
    z.array(z.string()).nonempty().optional(),
    "list of texts",
    "For the setting `layerStrategy` split: the groups (`layers.groups`) with its packages. Absent: all. If a function takes " +
      "only some of them, packages that several groups need are in a layer of their own.",
  ),
  memory: key(
    wholeNumber(functionLimits.memory).optional(),
    "integer",
    "MiB. Absent: the cloud's setting `memorySize`.",
  ),
  timeout: key(
    wholeNumber(functionLimits.timeout).optional(),
    "integer",
    "Time limit of one call in seconds. Absent: the cloud's setting `timeout`.",
  ),
  environment: key(z.record(environmentName, z.string()).default({}), "table of texts", "Environment variables."),
  secrets: key(
    z.array(environmentName).default([]),
    "list of texts",
    "Names of environment variables whose values are secrets of the stack, set with `functions.<function>.secrets`.",
  ),
  tables: key(
    z
      .union([z.array(z.string()), z.record(z.string(), z.array(z.enum(tableOperations)).nonempty())], {
        error: `expected a list of tables, or by table a list of ${tableOperations.join(", ")}`,
      })
      .default([]),
    "list of texts, or table of lists",
    "Tables that it may access; their names are in `<TABLE>_TABLE`. " +
      '`{ items = ["get", "put"] }` limits the operations on each; on AWS a batch of writes ' +
      "(boto3's `batch_writer`) needs `put` and `delete`, while Azure and Google Cloud distinguish only reading and writing. Operations: " +
      `${tableOperations.map((name) => `\`${name}\``).join(", ")}. A list of names allows all.`,
  ),
  health: key(
    urlPath.optional(),
    "text",
    "Path that answers 200; short for one probe. Absent, also without `probes`: `/`.",
  ),
  probes: key(
    z.array(probe).nonempty().optional(),
    "list of tables",
    "Requests that show whether the function serves; the smoke check and `diagnose` send them.",
  ),
});

const tableSchema = z.strictObject({
  "partition-key": key(
    z.string().min(1).max(255),
    "text",
    "Attribute of type string on AWS. Azure's tables have `PartitionKey`, Firestore's documents an id.",
  ),
  "sort-key": key(
    z.string().min(1).max(255).optional(),
    "text",
    "Attribute of type string on AWS. Azure's tables have `RowKey`. Absent: one item for each partition key.",
  ),
});

const functionName = z.string().regex(/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/, {
  error: "expected 1 to 20 lower-case letters, digits and hyphens, a letter first, which every cloud accepts",
});
const tableName = z.string().regex(/^[a-z][a-z0-9]{2,31}$/, {
  error: "expected 3 to 32 lower-case letters and digits, a letter first, which every cloud accepts",
});

const layersSchema = z.strictObject({
  groups: key(
    z
      .record(
        z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "expected 1 to 64 letters, digits, hyphens, underscores" }),
        z.array(z.string()).nonempty(),
      )
      .default({}),
    "table of lists",
    "For the setting `layerStrategy` split: the requirements of each layer, by the layer's name.",
  ),
  keep: key(
    z.array(z.string()).default([]),
    "list of texts",
    "Patterns (glob) of files in packages that pruning keeps.",
  ),
  sdists: key(
    z.boolean().default(true),
    "boolean",
    "Whether packages that publish no wheel are built from their source, which runs their code on the builder's machine.",
  ),
});

const toolSchema = z.strictObject({
  source: key(
    z.string().default("."),
    "text",
    "Folder whose files are packed, the root of imports, relative to the application's.",
  ),
  exclude: key(
    perCloud(z.array(z.string())).default({}),
    "list of texts, by cloud",
    "Patterns (glob) of files that are not packed. Hidden files, bytecode, the description, requirements and site never are.",
  ),
  site: key(z.string().optional(), "text", "Folder of the frontend's files. Absent: no frontend."),
  requirements: key(
    perCloud(z.string().min(1)).optional(),
    "text, by cloud",
    "File of requirements of the functions without their own.",
  ),
  functions: z
    .record(functionName, functionSchema)
    .refine((functions) => Object.keys(functions).length > 0, { error: "expected at least one function" }),
  tables: z.record(tableName, tableSchema).default({}),
  layers: layersSchema.default({ groups: {}, keep: [], sdists: true }),
});

/** Keys of one table of the description. */
export interface KeyGroup {
  /** Path below `[tool.multicloud]`; `<name>` stands for any name. */
  readonly at: string;
  readonly keys: readonly ({
    readonly name: string;
    readonly isRequired: boolean;
    readonly initial: unknown;
  } & KeyFacts)[];
}

/** Every key of the description, with its documentation. */
export const keyGroups: readonly KeyGroup[] = [
  { at: "", shape: toolSchema.shape },
  { at: "functions.<name>", shape: functionSchema.shape },
  { at: "functions.<name>.probes", shape: probe.shape },
  { at: "tables.<name>", shape: tableSchema.shape },
  { at: "layers", shape: layersSchema.shape },
].map(({ at, shape }: { at: string; shape: z.core.$ZodShape }) => ({
  at,
  keys: Object.entries(shape).flatMap(([name, schema]) => {
    const known = facts.get(schema);
    if (known === undefined) return [];
    const initial = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    return [{ name, isRequired: !z.safeParse(schema, undefined).success, initial, ...known }];
  }),
}));

const pyproject = z.looseObject({
  project: z.looseObject({
    name: z.string({ error: "expected the application's name" }),
    version: z.string({ error: "expected the application's version, e.g. 1.0.0" }),
  }),
  tool: z.looseObject(
    { multicloud: toolSchema },
    { error: "expected the application's description, e.g. [tool.multicloud.functions.api]" },
  ),
});

/**
 * Reads an application's description.
 *
 * @param root folder that must contain the application: the Pulumi project's.
 * @param folder the application's folder, relative to `root`.
 * @throws {ApplicationError} naming every invalid key.
 */
export function readApplication(root: string, folder: string): Application {
  const absolute = path.resolve(root, folder);
  const relative = path.relative(root, absolute);
  if (relative.startsWith("..") || path.isAbsolute(relative)) {
    throw new ApplicationError(
      `application is ${JSON.stringify(folder)}, which lies outside the project; expected a folder inside it, e.g. examples/shop: move the application there`,
    );
  }
  const file = path.join(absolute, "pyproject.toml");
  const shown = path.join(relative, "pyproject.toml");
  if (!existsSync(file)) {
    throw new ApplicationError(
      `application is ${JSON.stringify(folder)}, but there is no ${shown}; expected a folder whose pyproject.toml ` +
        `describes the application in [tool.multicloud], as application/pyproject.toml does`,
    );
  }
  let content: unknown;
  try {
    content = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ApplicationError(`${shown} is no TOML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const result = pyproject.safeParse(content, { reportInput: true });
  if (!result.success) throw new ApplicationError(described(shown, result.error.issues));

  const { project, tool } = result.data;
  const description = tool.multicloud;
  const problems: string[] = [];
  const wrong = (key: string, problem: string) => {
    problems.push(`  tool.multicloud.${key} ${problem}`);
  };
  const inside = (key: string, given: string, kind: "file" | "folder"): string => {
    const found = path.resolve(absolute, given);
    const below = path.relative(absolute, found);
    if (below.startsWith("..") || path.isAbsolute(below)) {
      wrong(key, `is ${JSON.stringify(given)}, which lies outside ${relative || "."}; expected a ${kind} inside it`);
    } else if (!existsSync(found) || statSync(found).isDirectory() !== (kind === "folder")) {
      wrong(key, `is ${JSON.stringify(given)}, but there is no such ${kind}`);
    }
    return found;
  };

  const source = inside("source", description.source, "folder");
  const site = description.site === undefined ? undefined : inside("site", description.site, "folder");
  const tables = Object.entries(description.tables).map(([name, keys]) => ({
    name,
    partitionKey: keys["partition-key"],
    sortKey: keys["sort-key"],
  }));
  const defaultRequirements = description.requirements;
  const functions = Object.entries(description.functions).map(([name, given]) =>
    readFunction(name, given, {
      wrong: (key, problem) => {
        wrong(`functions.${name}${key === "" ? "" : `.${key}`}`, problem);
      },
      requirements: (key, file) => inside(key === "" ? "requirements" : `functions.${name}.${key}`, file, "file"),
      requirementsBeside: () =>
        ["uv.lock", "pylock.toml", "requirements.in", "requirements.txt"].find((file) => {
          return existsSync(path.join(absolute, file));
        }),
      defaultRequirements,
      tables: tables.map((table) => table.name),
    }),
  );
  checkRoutes(functions, wrong);
  if (problems.length > 0) throw new ApplicationError(`${shown}:\n${problems.join("\n")}`);
  return {
    folder: absolute,
    name: project.name,
    version: project.version,
    source,
    exclude: { aws: [], azure: [], gcp: [], ...description.exclude },
    site,
    functions,
    tables,
    layers: { ...description.layers, groups: new Map(Object.entries(description.layers.groups)) },
  };
}

interface FunctionContext {
  readonly wrong: (key: string, problem: string) => void;
  readonly requirements: (key: string, file: string) => string;
  /** The file of requirements in the folder of the description, if any. */
  readonly requirementsBeside: () => string | undefined;
  readonly defaultRequirements: Partial<Record<Cloud, string>> | undefined;
  readonly tables: readonly string[];
}

const protocols = ["asgi", "wsgi", "handler"] as const;

function readFunction(
  name: string,
  given: z.output<typeof functionSchema>,
  { wrong, requirements, requirementsBeside, defaultRequirements, tables }: FunctionContext,
): PythonFunction {
  const entered = protocols.filter((protocol) => given[protocol] !== undefined);
  const [protocol] = entered;
  if (protocol === undefined || entered.length > 1) {
    wrong("", `has ${entered.join(" and ") || "no entry point"}; expected one of ${protocols.join(", ")}`);
  }
  const entryPoints = Object.fromEntries(
    Object.entries((protocol && given[protocol]) ?? {}).map(([cloud, text]) => {
      const [module = "", attribute = ""] = text.split(":");
      return [cloud, { protocol, module, attribute }];
    }),
  );

  const files = given.requirements ?? defaultRequirements;
  if (files === undefined) {
    const there = requirementsBeside();
    const named = there === undefined ? "" : `; ${there} is there: write requirements = "${there}"`;
    wrong("requirements", `is missing; expected a file, which may be empty: ${requirementForms}${named}`);
  }
  const key = given.requirements === undefined ? "" : "requirements";
  const paths = new Map([...new Set(Object.values(files ?? {}))].map((file) => [file, requirements(key, file)]));

  for (const variable of [...Object.keys(given.environment), ...given.secrets]) {
    if (reservedVariable.test(variable))
      wrong("environment", `has ${variable}, which the clouds' runtimes set themselves`);
  }
  for (const variable of given.secrets) {
    if (variable in given.environment) wrong("secrets", `has ${variable}, which environment has too; leave it in one`);
  }
  const used = Array.isArray(given.tables) ? given.tables : Object.keys(given.tables);
  for (const table of used) {
    if (!tables.includes(table)) {
      wrong(
        "tables",
        `has ${JSON.stringify(table)}; expected one of ${tables.join(", ") || "tool.multicloud.tables, which are none"}`,
      );
    }
  }
  const { memory, timeout, environment, secrets } = given;
  const common = {
    name,
    entryPoints,
    requirements: Object.fromEntries(Object.entries(files ?? {}).map(([cloud, file]) => [cloud, paths.get(file)])),
    ...(given.layers !== undefined && { layers: given.layers }),
    memory,
    timeout,
    environment,
    secrets,
    tables: used,
    ...(!Array.isArray(given.tables) && { operations: given.tables }),
  };
  if (given.schedule === undefined) {
    if (given.health !== undefined && given.probes !== undefined)
      wrong("health", "goes without probes; leave one of them");
    const probes = given.probes ?? [{ path: given.health ?? "/", status: 200 }];
    return { ...common, kind: "http", routes: given.routes ?? ["/*"], probes };
  }
  for (const other of ["routes", "health", "probes"] as const) {
    if (given[other] !== undefined) wrong(other, "goes with a function that answers requests; this one has a schedule");
  }
  if (protocol !== "handler") wrong("schedule", `needs a handler; found ${protocol ?? "no entry point"}`);
  const schedule = parseSchedule(given.schedule);
  if (typeof schedule === "string") wrong("schedule", `is ${JSON.stringify(given.schedule)}; ${schedule}`);
  return {
    ...common,
    kind: "schedule",
    schedule: typeof schedule === "string" ? { kind: "rate", minutes: 1 } : schedule,
  };
}

function checkRoutes(functions: readonly PythonFunction[], wrong: (key: string, problem: string) => void): void {
  const owners = new Map<string, string>();
  for (const fn of functions) {
    if (fn.kind !== "http") continue;
    for (const route of fn.routes) {
      const other = owners.get(route);
      if (other !== undefined) {
        wrong(
          `functions.${fn.name}.routes`,
          `has ${JSON.stringify(route)}, which the function ${other} answers; give each function routes of its own`,
        );
      }
      owners.set(route, fn.name);
    }
  }
}

function described(file: string, issues: readonly z.core.$ZodIssue[]): string {
  const lines = issues.flatMap((issue): string[] => {
    const at = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      const keys = acceptedKeys(issue.path);
      return issue.keys.map(
        (name) =>
          `  ${[at, name].filter(Boolean).join(".")} is not a key${didYouMeanThen(name, keys, `accepted are ${keys.join(", ")}`)}`,
      );
    }
    if (issue.code === "invalid_key") {
      return [`  ${at}: ${issue.issues.map(({ message }) => message).join("; ")}`];
    }
    const found = issue.input === undefined ? "is missing" : `is ${JSON.stringify(issue.input)}`;
    return [`  ${at} ${found}; ${accepted(issue)}`];
  });
  return `${file}:\n${lines.join("\n")}`;
}

/** TOML's terms, where the schema has no message. */
function accepted(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type" || !issue.message.startsWith("Invalid input")) return issue.message;
  const types: Readonly<Record<string, string>> = {
    object: "a table",
    record: "a table",
    array: "a list",
    string: "text",
  };
  return `expected ${types[issue.expected] ?? issue.expected}`;
}

function acceptedKeys(at: readonly PropertyKey[]): string[] {
  const [, , part, , deeper] = at;
  if (part === "functions") return Object.keys(deeper === "probes" ? probe.shape : functionSchema.shape);
  if (part === "tables") return Object.keys(tableSchema.shape);
  if (part === "layers") return Object.keys(layersSchema.shape);
  return Object.keys(toolSchema.shape);
}
