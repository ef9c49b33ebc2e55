import { readFileSync } from "node:fs";
import path from "node:path";

import type { SchemaObject } from "ajv";
import { z } from "zod";

import { findPython, pythonEnvironment } from "../../../layers/python";
import { type CallSchema, outputOnly } from "../calls";

/**
 * The constraints of a property, parameter or schema in a discovery document:
 * https://developers.google.com/discovery/v1/reference/apis
 */
const property = z.object({
  $ref: z.string().optional(),
  type: z.string().optional(),
  format: z.string().optional(),
  description: z.string().default(""),
  readOnly: z.boolean().default(false),
  /** For a parameter. */
  required: z.boolean().default(false),
  /** For a property: the methods that require it. */
  annotations: z.object({ required: z.array(z.string()).default([]) }).default({ required: [] }),
  repeated: z.boolean().default(false),
  enum: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  minimum: z.string().optional(),
  maximum: z.string().optional(),
  get items() {
    return property.optional();
  },
  get properties() {
    return z.record(z.string(), property).optional();
  },
  get additionalProperties() {
    return property.optional();
  },
});

type Property = z.infer<typeof property>;

const method = z.object({
  id: z.string(),
  parameters: z.record(z.string(), property).default({}),
  request: z.object({ $ref: z.string() }).optional(),
});

type Method = z.infer<typeof method>;

const methods = z.object({
  methods: z.record(z.string(), method).default({}),
  get resources() {
    return z.record(z.string(), methods).optional();
  },
});

const document = methods.extend({ schemas: z.record(z.string(), property) });

/** The folder of the documents: Google's Python client contains them. */
export async function discoveryDocuments(): Promise<DiscoveryDocuments> {
  const lock = path.join(__dirname, "discovery.lock");
  const python = await pythonEnvironment(await findPython("3.12"), readFileSync(lock, "utf8"), [
    ...["--no-deps", "--require-hashes", "--requirement", lock],
  ]);
  const { version } = await findPython("3.12");
  const packages = path.join(python, "..", "..", "lib", `python${version}`, "site-packages");
  return new DiscoveryDocuments(path.join(packages, "googleapiclient", "discovery_cache", "documents"));
}

/** Google's description of its APIs, as schemas of calls. */
export class DiscoveryDocuments {
  readonly #folder: string;
  readonly #documents = new Map<string, z.infer<typeof document>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The schema of a method's call.
   *
   * @param api with its version, e.g. `run.v2`.
   * @param method without the API's name, e.g. `projects.locations.services.setIamPolicy`.
   */
  callSchema(api: string, method: string): CallSchema {
    const read = this.#document(api);
    const id = `${api.replace(/\..*/, "")}.${method}`;
    const found = findMethod(read, id);
    if (found === undefined) throw new Error(`${api} has no method ${id}`);
    const { parameters, request } = found;
    const $defs: Record<string, SchemaObject> = {};
    const define = (name: string) => {
      if (name in $defs) return;
      const schema = read.schemas[name];
      if (schema === undefined) throw new Error(`${api} has no schema ${name}`);
      $defs[name] = {};
      $defs[name] = schemaOf(schema, id, define);
    };
    if (request) define(request.$ref);
    return {
      type: "object",
      properties: {
        parameters: objectOf(parameters, id, define),
        body: request ? { $ref: `#/$defs/${request.$ref}` } : { type: "object", additionalProperties: false },
      },
      $defs,
    };
  }

  /**
   * Whether a schema of an API has a path; `[]` is an item of a list, `*` a value of a map.
   *
   * @param api with its version, e.g. `run.v1`.
   */
  has(api: string, schema: string, at: readonly string[]): boolean {
    const { schemas } = this.#document(api);
    const within = (found: Property | undefined, [step, ...rest]: readonly string[]): boolean => {
      const described = found?.$ref === undefined ? found : schemas[found.$ref];
      if (described === undefined || step === undefined) return described !== undefined;
      if (step === "[]") return within(described.items, rest);
      return within(step === "*" ? described.additionalProperties : described.properties?.[step], rest);
    };
    return within(schemas[schema], at);
  }

  #document(api: string): z.infer<typeof document> {
    const known = this.#documents.get(api);
    if (known) return known;
    const read = document.parse(JSON.parse(readFileSync(path.join(this.#folder, `${api}.json`), "utf8")));
    this.#documents.set(api, read);
    return read;
  }
}

function findMethod({ methods: own, resources = {} }: z.infer<typeof methods>, id: string): Method | undefined {
  const here = Object.values(own).find((each) => each.id === id);
  return here ?? Object.values(resources).flatMap((resource) => findMethod(resource, id) ?? [])[0];
}

type Define = (name: string) => void;

/** @param id of the method, since required properties are listed by method. */
function objectOf(properties: Readonly<Record<string, Property>>, id: string, define: Define): SchemaObject {
  const all = Object.entries(properties);
  return {
    type: "object",
    properties: Object.fromEntries(all.map(([name, each]) => [name, schemaOf(each, id, define)])),
    required: all.filter(([, each]) => isRequired(each, id)).map(([name]) => name),
    additionalProperties: false,
  };
}

function isRequired({ required, annotations, description }: Property, id: string): boolean {
  return required || annotations.required.includes(id) || /^\[?required[.:\]]/i.test(description);
}

function schemaOf(property: Property, id: string, define: Define): SchemaObject {
  if (property.readOnly || /^\[?output[ -]only\b/i.test(property.description)) return outputOnly;
  const { $ref, type = "any", format, repeated, items, properties, additionalProperties } = property;
  if ($ref !== undefined) {
    define($ref);
    return { $ref: `#/$defs/${$ref}` };
  }
  if (repeated) return { type: "array", items: schemaOf({ ...property, repeated: false }, id, define) };
  switch (type) {
    case "object":
      return additionalProperties
        ? { type: "object", additionalProperties: schemaOf(additionalProperties, id, define) }
        : objectOf(properties ?? {}, id, define);
    case "array":
      return { type: "array", items: items ? schemaOf(items, id, define) : {} };
    case "any":
      return {};
    default:
      return { ...formats[format ?? ""], ...(formats[format ?? ""] ? {} : { type }), ...constraints(property) };
  }
}

/** Schemas of the documents' formats. 64-bit numbers are text in JSON; the provider converts them. */
const formats: Readonly<Record<string, SchemaObject>> = {
  int32: { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  uint32: { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 },
  int64: { type: ["integer", "string"], pattern: "^-?\\d+$" },
  uint64: { type: ["integer", "string"], pattern: "^\\d+$", minimum: 0 },
  "google-duration": { type: "string", pattern: "^-?\\d+(\\.\\d{1,9})?s$" },
  "google-datetime": { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+(Z|[+-]\\d\\d:\\d\\d)$" },
  byte: { type: "string", pattern: "^[\\w+/=-]*$" },
};

function constraints({ enum: values, pattern, minimum, maximum }: Property): SchemaObject {
  return {
    // The first of the values means unspecified.
    ...(values && { enum: values.filter((value) => !/(^|_)UNSPECIFIED/.test(value)) }),
    ...(pattern !== undefined && { pattern: `^(?:${pattern})$` }),
    ...(minimum !== undefined && { minimum: Number(minimum) }),
    ...(maximum !== undefined && { maximum: Number(maximum) }),
  };
}
