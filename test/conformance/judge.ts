import type { Captured } from "./capture";
import { type CallSchema, type Finding, findingsOf, type Values } from "./calls";
import { type ByPath, type Documented, documentedFindings, missingFindings } from "./rules";
import { type Reference, referenceFindings } from "./rules";
import type { SdkArguments } from "./sdk-arguments";
import { callOf, type Translation } from "./translation";

/** The models and rules of one cloud. */
export interface Judged<Model extends Translation> {
  /** By type. */
  readonly models: Readonly<Record<string, Model>>;
  /** The schema of a vendor's model. */
  readonly schemaOf: (model: Model) => CallSchema;
  /** The provider's values for templates. */
  readonly defaults: Values;
  readonly documented: ByPath<Documented>;
  readonly references: ByPath<Reference>;
  readonly sdk: SdkArguments;
}

/** Finds what a cloud would not accept in a resource. */
export class Judge<Model extends Translation> {
  readonly #judged: Judged<Model>;
  readonly #schemas = new Map<Model, CallSchema>();

  constructor(judged: Judged<Model>) {
    this.#judged = judged;
  }

  /** @param resources to which the resource may refer. */
  findings(resource: Captured, resources: readonly Captured[]): Finding[] {
    const { models, defaults, documented, references, sdk } = this.#judged;
    const { type, inputs } = resource;
    const model = models[type];
    if (model === undefined) throw new Error(`${type} is held against no model yet; add it to its cloud's models.ts`);
    return [
      ...findingsOf(callOf(model, inputs, defaults), this.#schema(model)),
      ...missingFindings(resource, sdk.required(type)),
      ...documentedFindings(resource, documented),
      ...referenceFindings(resource, references, resources),
    ];
  }

  #schema(model: Model): CallSchema {
    const known = this.#schemas.get(model) ?? this.#judged.schemaOf(model);
    this.#schemas.set(model, known);
    return known;
  }
}
