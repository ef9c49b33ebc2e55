import { changedProperties, changesOf } from "./difference";
import { type Bundles, type LayerChange, layerChanges, type PackageChange } from "./layers";
import { code, codeBlock, folded, table } from "../markdown";
import { type Preview, resourceOf, type Step } from "./preview";
import { type ReleaseChange, releaseChanges } from "./releases";

/** Maximum number of characters that GitHub accepts in a comment (from its error message). */
export const commentLimit = 65_536;

export interface CommentOptions {
  /** Name of the previewed stack; each has its own comment. */
  readonly stack: string;
  /** Output of `npm run layer -- build --json`, for the layers' packages. Default: layers are shown as resources only. */
  readonly bundles?: Bundles;
  /** URL of the run with the whole log. */
  readonly runUrl?: string;
  /** The preview's exit code, if known; any value but 0 is a failure, whatever the document says. */
  readonly exitCode?: number;
}

/** Kinds of changes, the most dangerous first, with the engine's names of the steps. */
const kinds = [
  { ops: ["replace", "create-replacement", "import-replacement"], word: "replace", sign: "!", bold: true },
  { ops: ["delete", "delete-replaced", "discard", "discard-replaced"], word: "delete", sign: "-", bold: true },
  { ops: ["update"], word: "update", sign: "~", bold: false },
  { ops: ["create"], word: "create", sign: "+", bold: false },
  { ops: ["import", "read", "read-replacement", "refresh"], word: "read", sign: " ", bold: false },
] as const;

type Kind = (typeof kinds)[number];

/** Resource types whose deletion loses data. */
const stateful = new Set([
  "aws:dynamodb/table:Table",
  "azure-native:storage:StorageAccount",
  "azure-native:storage:Table",
  "gcp:firestore/database:Database",
]);

/** The line that identifies the comment of a stack. */
export function marker(stack: string): string {
  return `<!-- preview of ${stack.replace(/[^\w.-]/g, "-")} -->`;
}

/** A Markdown comment of at most `commentLimit` characters on the changes that merging the pull request would make. */
export function comment(preview: Preview, options: CommentOptions): string {
  const changes = kinds
    .map((kind) => ({ kind, steps: stepsOf(preview, kind) }))
    .filter(({ steps }) => steps.length > 0);
  const steps = changes.flatMap((change) => change.steps.map((step) => ({ kind: change.kind, step })));
  const failed = isFailed(preview, options);

  const sections = [
    marker(options.stack),
    `### ${headline(options.stack, failed, changes)}`,
    ...(failed ? [failure(preview)] : []),
    ...warnings(steps),
    ...releaseSection(releaseChanges(preview)),
    ...layerSection(layerChanges(preview, options.bundles ?? [])),
    ...(changes.length > 0 ? [resourceSection(changes)] : []),
  ];
  const footer = options.runUrl === undefined ? [] : [`[The whole log](${encodeURI(options.runUrl)})`];
  const room = commentLimit - [...sections, ...footer].join("\n\n").length;
  const diff = steps.length > 0 ? fullDiff(steps, room) : undefined;
  return shortened([...sections, ...(diff === undefined ? [] : [diff])], footer);
}

function stepsOf({ steps }: Preview, { ops }: Kind): Step[] {
  return (steps ?? []).filter((step) => ops.some((op) => op === step.op) && isResource(step));
}

/** The stack itself, components and providers are not resources of a cloud. */
function isResource(step: Step): boolean {
  return !/^(pulumi:|multicloud:)/.test(resourceOf(step).type);
}

function isFailed({ diagnostics }: Preview, { exitCode }: CommentOptions): boolean {
  return exitCode === undefined ? (diagnostics ?? []).some(({ severity }) => severity === "error") : exitCode !== 0;
}

type Changes = readonly { readonly kind: Kind; readonly steps: readonly Step[] }[];
type KindOfStep = { readonly kind: Kind; readonly step: Step };

function headline(stack: string, failed: boolean, changes: Changes): string {
  if (failed) return `The preview of ${code(stack)} failed`;
  if (changes.length === 0) return `${code(stack)} would not change`;
  return `${code(stack)} would change: ${changes.map(({ kind, steps }) => `${steps.length} to ${kind.word}`).join(", ")}`;
}

function failure({ diagnostics }: Preview): string {
  const errors = (diagnostics ?? [])
    .filter(({ severity }) => severity === "error")
    .map(({ message }) => message.trim());
  const said = errors.length > 0 ? errors : ["The document names no error; the log of the run does."];
  return codeBlock("text", said.join("\n").split("\n").slice(0, 100));
}

function warnings(steps: readonly KindOfStep[]): string[] {
  const lost = steps.filter(({ kind, step }) => kind.bold && stateful.has(resourceOf(step).type));
  if (lost.length === 0) return [];
  const lines = lost.map(({ kind, step }) => {
    const { type, name } = resourceOf(step);
    const reasons = step.replaceReasons ?? [];
    const because = reasons.length > 0 ? `, because of ${reasons.map(code).join(", ")}` : "";
    return `> ${code(name)} (${code(shortType(type))}) would be ${kind.word}d with everything in it${because}.`;
  });
  return [["> [!CAUTION]", ...lines].join("\n")];
}

function releaseSection(releases: readonly ReleaseChange[]): string[] {
  if (releases.length === 0) return [];
  const lines = releases.map(({ cloud, name, before, after, undoesRollback }) => {
    const next = after === undefined ? "another one, known after the update" : code(after);
    if (undoesRollback)
      return `- ${cloud}: ${code(name)} serves an earlier release after a rollback, and would serve ${next} again`;
    return `- ${cloud}: ${code(name)} ${before === undefined ? "would be" : `goes from ${code(before)} to`} ${next}`;
  });
  return [["#### Releases", lines.join("\n")].join("\n\n")];
}

function layerSection(layers: readonly LayerChange[]): string[] {
  if (layers.length === 0) return [];
  const described = layers.map(({ name, sizeBefore, sizeAfter, packages, unchanged }) => {
    const sizes = [sizeBefore, sizeAfter].filter((size) => size !== undefined).map(megabytes);
    const lines = packages.length > 0 ? packages.map(packageLine) : ["- the same packages, rebuilt"];
    const kept = unchanged > 0 ? `, ${unchanged} unchanged` : "";
    return [
      `${code(name)}: ${[...new Set(sizes)].join(" → ")}, ${packages.length} package${packages.length === 1 ? "" : "s"} changed${kept}`,
      "",
      ...lines,
    ].join("\n");
  });
  return [["#### Layers and packages", ...described].join("\n\n")];
}

function packageLine({ name, before, after }: PackageChange): string {
  if (before === undefined) return `- ${code(`${name} ${after ?? ""}`)} added`;
  return after === undefined ? `- ${code(`${name} ${before}`)} removed` : `- ${code(`${name} ${before} -> ${after}`)}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Maximum number of names in a row; the others are counted. */
const namesInRow = 8;

function resourceSection(changes: Changes): string {
  const rows = changes.flatMap(({ kind, steps }) =>
    [...byType(steps)].map(([type, ofType]) => [
      kind.bold ? `**${kind.word}**` : kind.word,
      `${ofType.length}`,
      code(shortType(type)),
      named(kind, ofType),
    ]),
  );
  return ["#### Resources", table(["change", "count", "kind", "resources and what changes"], rows)].join("\n\n");
}

function byType(steps: readonly Step[]): Map<string, Step[]> {
  const groups = new Map<string, Step[]>();
  for (const step of steps) {
    const { type } = resourceOf(step);
    groups.set(type, [...(groups.get(type) ?? []), step]);
  }
  return groups;
}

function named(kind: Kind, steps: readonly Step[]): string {
  const listed = steps.slice(0, namesInRow).map((step) => {
    const properties = kind.word === "replace" ? (step.replaceReasons ?? []) : changedProperties(step);
    const shown = kind.word === "update" || kind.word === "replace" ? properties.slice(0, namesInRow).map(code) : [];
    return code(resourceOf(step).name) + (shown.length > 0 ? ` (${shown.join(", ")})` : "");
  });
  const more = steps.length - listed.length;
  return listed.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Shortens `aws:dynamodb/table:Table` to `aws:dynamodb:Table`. */
function shortType(type: string): string {
  return type.replace(/\/[^:/]+:/, ":");
}

/** Maximum length of a value; longer ones are scripts or policies, and are in the log. */
const valueLimit = 300;

function fullDiff(steps: readonly KindOfStep[], room: number): string | undefined {
  const summary = "Full diff";
  const frame = folded(summary, codeBlock("diff", [])).length + 120;
  const lines: string[] = [];
  let used = frame;
  for (const [index, { kind, step }] of steps.entries()) {
    const block = blockOf(kind, step);
    const length = block.join("\n").length + 1;
    if (used + length > room) {
      if (lines.length === 0) return undefined;
      lines.push(`# ${steps.length - index} more resources: they are too many for one comment`);
      break;
    }
    lines.push(...block);
    used += length;
  }
  return folded(summary, codeBlock("diff", lines));
}

function blockOf(kind: Kind, step: Step): string[] {
  const { type, name } = resourceOf(step);
  const properties = changesOf(step).flatMap(({ path, before, after }) => [
    ...(before === undefined ? [] : [`-   ${path}: ${cut(before)}`]),
    ...(after === undefined ? [] : [`+   ${path}: ${cut(after)}`]),
  ]);
  const told =
    properties.length > 0 || kind.word === "create" ? properties : ["    only values that are not shown here"];
  // A list of a deleted resource's properties has no information.
  return [`${kind.sign} ${kind.word} ${type} ${name}`, ...(kind.word === "delete" ? [] : told)].map((line) =>
    line.replace(/[\r\n]+/g, " "),
  );
}

function cut(value: string): string {
  return value.length > valueLimit ? `${value.slice(0, valueLimit)}…` : value;
}

/** The sections that fit; a note replaces the others. */
function shortened(sections: readonly string[], footer: readonly string[]): string {
  const note = "_The rest does not fit into one comment; the log of the run has it._";
  const kept: string[] = [];
  const length = (parts: readonly string[]) => [...parts, ...footer].join("\n\n").length;
  for (const section of sections) {
    if (length([...kept, section, note]) > commentLimit) {
      kept.push(note);
      break;
    }
    kept.push(section);
  }
  return [...kept, ...footer].join("\n\n") + "\n";
}
