import { z } from "zod";
import { nameIn, typeIn } from "../../contract/urn";

const properties = z.record(z.string(), z.unknown());

const state = z.object({
  type: z.string(),
  inputs: properties.default({}),
  outputs: properties.default({}),
});

const step = z.object({
  op: z.string(),
  urn: z.string(),
  oldState: state.optional(),
  newState: state.optional(),
  /** Properties that differ, and those that require a replacement. */
  diffReasons: z.array(z.string()).nullish(),
  replaceReasons: z.array(z.string()).nullish(),
  detailedDiff: z.record(z.string(), z.unknown()).nullish(),
});

const preview = z.object({
  steps: z.array(step).nullish(),
  diagnostics: z.array(z.object({ message: z.string(), severity: z.string() })).nullish(),
  changeSummary: z.record(z.string(), z.number()).nullish(),
});

/** The parts of `pulumi preview --json` that are read here. */
export type Preview = z.output<typeof preview>;
export type Step = z.output<typeof step>;

/**
 * Reads the document of `pulumi preview --json`.
 *
 * @throws if `text` is no such document: the preview ended before it wrote one, and its log has the reason.
 */
export function parsePreview(text: string): Preview {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(
      `expected the JSON of \`pulumi preview --json\`, found ${text.trim() === "" ? "nothing" : "something else"}; ` +
        "the preview's log has the reason",
    );
  }
  return preview.parse(json);
}

/** Type and name in a URN. */
export function resourceOf({ urn }: Step): { type: string; name: string } {
  return { type: typeIn(urn), name: nameIn(urn) };
}

/** The step of the stack resource; its old outputs are those of the last update. */
export function stackStep({ steps }: Preview): Step | undefined {
  return steps?.find((candidate) => resourceOf(candidate).type === "pulumi:pulumi:Stack");
}

export const unknownText = "(known after the update)";

/** The engine's placeholders for unknown values, by kind of value. */
const unknownValues = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

export function isUnknown(value: unknown): boolean {
  return typeof value === "string" && unknownValues.has(value);
}
