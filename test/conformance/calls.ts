import Ajv, { type ErrorObject, type SchemaObject } from "ajv";

/** Properties by name. */
export type Values = Record<string, unknown>;

/** A provider's call of a vendor's API. */
export interface Call {
  /** Path and query parameters. */
  readonly parameters: Values;
  readonly body: Values;
}

/** The schema of a {@link Call}, with the models that it references in `$defs`. */
export type CallSchema = SchemaObject;

/** A violation of a vendor's model. */
export interface Finding {
  /** Path in the checked value, e.g. `body.serviceConfig.timeoutSeconds` of a call. */
  readonly at: string;
  readonly message: string;
}

/** Schema of values that only the service sets; no other schema here uses `not`. */
export const outputOnly: SchemaObject = { not: {} };

const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, inlineRefs: false });

/** Violations of a schema in a value, e.g. in a {@link Call}. */
export function findingsOf(value: unknown, schema: SchemaObject): Finding[] {
  const validate = ajv.compile(schema);
  validate(value);
  return (validate.errors ?? []).map((error) => ({
    at: error.instancePath.slice(1).replaceAll("/", "."),
    message: explained(error),
  }));
}

/** Ajv's message with the value and the accepted values. */
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
