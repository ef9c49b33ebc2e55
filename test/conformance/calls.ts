import Ajv, { type ErrorObject, type SchemaObject } from "ajv";

/** Properties by their names. */
export type Values = Record<string, unknown>;

/** What a provider asks of a vendor's API. */
export interface Call {
  /** Values of the path and of the query. */
  readonly parameters: Values;
  readonly body: Values;
}

/** What a vendor accepts in a call: the schema of a {@link Call}, with the models it names in `$defs`. */
export type CallSchema = SchemaObject;

/** Something that a vendor's model does not accept. */
export interface Finding {
  /** Where in what was judged, e.g. `body.serviceConfig.timeoutSeconds` of a call. */
  readonly at: string;
  readonly message: string;
}

/** Schema of what only the service sets; nothing else here says `not`. */
export const outputOnly: SchemaObject = { not: {} };

const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, inlineRefs: false });

/** What a value has that a schema does not accept, e.g. a {@link Call} and what a vendor accepts in it. */
export function findingsOf(value: unknown, schema: SchemaObject): Finding[] {
  const validate = ajv.compile(schema);
  validate(value);
  return (validate.errors ?? []).map((error) => ({
    at: error.instancePath.slice(1).replaceAll("/", "."),
    message: explained(error),
  }));
}

/** Ajv's message with what it leaves out: the value, and those that are accepted. */
function explained({ keyword, message = keyword, params, data }: ErrorObject): string {
  switch (keyword) {
    case "not":
      return "only the service sets this";
    case "additionalProperties":
      return `there is no property ${String(params.additionalProperty)}`;
    case "enum":
      return `${shown(data)} is none of ${JSON.stringify(params.allowedValues)}`;
    default:
      return `${shown(data)} ${message}`;
  }
}

/** The beginning of a value, in JSON. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
