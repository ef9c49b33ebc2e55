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
  /** Where in the call, e.g. `body.serviceConfig.timeoutSeconds`. */
  readonly at: string;
  readonly message: string;
}

/** Schema of what only the service sets. */
export const outputOnly: SchemaObject = { not: {}, description: "output only" };

const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, inlineRefs: false });

/** What a call has that its schema does not accept. */
export function findingsOf(call: Call, schema: CallSchema): Finding[] {
  const validate = ajv.compile(schema);
  validate(call);
  return (validate.errors ?? []).map((error) => ({
    at: error.instancePath.slice(1).replaceAll("/", "."),
    message: explained(error),
  }));
}

/** Ajv's message with what it leaves out: the name, the values that are accepted, and where the rule comes from. */
function explained({ keyword, message = keyword, params, parentSchema, data }: ErrorObject): string {
  const source = typeof parentSchema?.$comment === "string" ? ` (${parentSchema.$comment})` : "";
  switch (keyword) {
    case "not":
      return `only the service sets this${source}`;
    case "additionalProperties":
      return `there is no property ${String(params.additionalProperty)}`;
    case "enum":
      return `${JSON.stringify(data)} is none of ${JSON.stringify(params.allowedValues)}${source}`;
    case "pattern":
      return `${JSON.stringify(data)} ${message}${source}`;
    default:
      return message + source;
  }
}
