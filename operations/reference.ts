import { readFileSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { outputParts } from "../components/outputs";
import { type KeyGroup, keyGroups } from "../contract/application";
import { clouds } from "../contract/clouds";
import { groupDescriptions, type Setting, settings } from "../settings/schema";

/** Command that regenerates the reference; a test names it if the files are stale. */
export const referenceCommand = "npm run reference";

/** The settings in the README; the others are only in the reference. */
const mattering = [
  "application",
  "clouds",
  "pythonVersion",
  "layerStrategy",
  "notificationEmail",
  "deletionProtection",
  "aws.region",
  "azure.region",
  "gcp.region",
  "gcp.project",
  "aws.frontend.domain",
];

/**
 * Every file that is generated from a schema in whole or in part: its text by its path below `root`.
 *
 * @throws if a file has no place for its generated part.
 */
export function referenceFiles(root: string): Record<string, string> {
  const read = (file: string) => readFileSync(path.join(root, file), "utf8");
  return {
    "Pulumi.yaml": projectFile(read("Pulumi.yaml")),
    "README.md": withPart("README.md", read("README.md"), "settings", settingsTable(matteringSettings())),
    "docs/reference/application.md": applicationReference(),
    "docs/reference/outputs.md": outputsReference(),
    "docs/reference/settings.md": settingsReference(),
  };
}

function matteringSettings(): Setting[] {
  return mattering.map((name) => {
    const found = settings.find((setting) => setting.name === name);
    if (found === undefined) throw new Error(`README shows ${name}, and there is no such setting`);
    return found;
  });
}

/** Pulumi's type errors have neither the value nor the accepted ones, so the program validates types. */
function projectFile(text: string): string {
  const [before = ""] = text.split(/^(?:# .*\n)?config:\n/m);
  const keys = [...new Set(settings.map(({ name }) => name.split(".")[0] ?? name))];
  const lines = keys.flatMap((key) => {
    const setting = settings.find(({ name }) => name === key);
    const description = setting?.description ?? `${groupDescriptions.get(key) ?? key}: ${insideOf(key)}.`;
    return [
      `  ${key}:`,
      `    default: ${yaml(setting?.initial ?? {})}`,
      `    description: ${JSON.stringify(description)}`,
    ];
  });
  const origin = `# Written by \`${referenceCommand}\` from settings/schema.ts, which has the defaults inside a group too.`;
  return [`${before}${origin}`, "config:", ...lines, ""].join("\n");
}

function insideOf(group: string): string {
  const names = settings.filter(({ name }) => name.startsWith(`${group}.`)).map(({ name }) => name);
  return [...new Set(names.map((name) => name.slice(group.length + 1)))].join(", ");
}

/** In YAML's flow style, which includes JSON. */
function yaml(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(", ")}]` : JSON.stringify(value);
}

function settingsReference(): string {
  const groups = [...new Set(settings.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const title = group === "" ? "The whole stack" : `${titleOf(group)}: \`${group}\``;
    return `## ${title}\n\n${settingsTable(settings.filter((setting) => setting.group === group))}`;
  });
  return document([
    "# Settings",
    `Written by \`${referenceCommand}\` from [settings/schema.ts](../../settings/schema.ts).`,
    "A setting's path is its place in `Pulumi.<stack>.yaml`:",
    [
      "```yaml",
      "config:",
      "  multicloud-auto-deploy:aws:",
      "    region: eu-west-1",
      "    function:",
      "      memorySize: 1024",
      "```",
    ].join("\n"),
    "`pulumi config set --path aws.function.memorySize 1024` writes the same. Without `--path` the key keeps its dots, which the\n" +
      "program reads too; the same setting in both forms is an error. A name that is not in these tables, or a value that is not\n" +
      "accepted, is an error before anything is deployed.",
    ...sections,
  ]);
}

/** Title of the nearest group with a description. */
function titleOf(group: string): string {
  const outer = group.slice(0, Math.max(0, group.lastIndexOf(".")));
  return groupDescriptions.get(group) ?? (outer === "" ? group : titleOf(outer));
}

function settingsTable(rows: readonly Setting[]): string {
  return alignedTable(
    ["setting", "type", "default", "accepted", "meaning"],
    rows.map(({ name, type, initial, accepted, description }) => [
      `\`${name}\``,
      type,
      initial === undefined || initial === "" ? "" : `\`${yaml(initial).replace(/^"(.*)"$/, "$1")}\``,
      accepted,
      description,
    ]),
  );
}

function applicationReference(): string {
  return document([
    "# Keys of an application's description",
    `Written by \`${referenceCommand}\` from [contract/application.ts](../../contract/application.ts).`,
    "[docs/application.md](../application.md) shows the description in use. It is `[tool.multicloud]` in the application's\n" +
      '`pyproject.toml`, whose `[project]` gives `name` and `version`. What is "by cloud" here is one value, or a table with a value\n' +
      'for any of the clouds, e.g. `asgi = { aws = "api.aws:app", gcp = "api.gcp:app" }`.',
    ...keyGroups.map((group) => `## ${headingOf(group)}\n\n${keyTable(group)}`),
  ]);
}

const headingOf = ({ at }: KeyGroup) => (at === "" ? "`tool.multicloud`" : `\`tool.multicloud.${at}\``);

function keyTable({ keys }: KeyGroup): string {
  return alignedTable(
    ["key", "type", "default", "meaning"],
    keys.map(({ name, type, isRequired, initial, description }) => [
      `\`${name}\``,
      type,
      isRequired ? "required" : initial === undefined ? "" : `\`${JSON.stringify(initial)}\``,
      description,
    ]),
  );
}

function outputsReference(): string {
  return document([
    "# Outputs",
    `Written by \`${referenceCommand}\` from [components/outputs.ts](../../components/outputs.ts).`,
    "What other stacks read through a `StackReference`, and `pulumi stack output --json` prints. `aws`, `azure` and `gcp` each have\n" +
      "what `<cloud>` lists, and what is listed for the cloud alone.",
    ...Object.entries(outputParts).map(
      ([at, part]) => `## ${at === "" ? "The stack" : `\`${at}\``}\n\n${outputTable(at, part)}`,
    ),
  ]);
}

function outputTable(at: string, part: (typeof outputParts)[string]): string {
  const everywhere = Object.keys(outputParts["<cloud>"]?.shape ?? {});
  const shape: z.core.$ZodShape = part.shape;
  const own = Object.entries(shape).filter(([name]) => !isCloud(at) || !everywhere.includes(name));
  return alignedTable(
    ["output", "type", "meaning"],
    own.map(([name, schema]) => {
      const { inner, isOptional } = unwrapped(schema);
      return [`\`${name}\``, `${typeOf(inner)}${isOptional ? ", optional" : ""}`, descriptionOf(inner)];
    }),
  );
}

const isCloud = (name: string) => clouds.some((cloud) => cloud === name);

function unwrapped(schema: z.core.$ZodType): { inner: z.core.$ZodType; isOptional: boolean } {
  return schema instanceof z.ZodOptional
    ? { inner: schema.def.innerType, isOptional: true }
    : { inner: schema, isOptional: false };
}

const descriptionOf = (schema: z.core.$ZodType) => z.globalRegistry.get(schema)?.description ?? "";

function typeOf(schema: z.core.$ZodType): string {
  const types: Readonly<Partial<Record<z.core.$ZodTypeDef["type"], string>>> = {
    literal: "string",
    readonly: "list",
    record: "object by name",
    unknown: "any",
  };
  const { type } = schema._zod.def;
  return types[type] ?? type;
}

function document(parts: readonly string[]): string {
  return `${parts.join("\n\n")}\n`;
}

/** A Markdown table in the formatter's layout. */
function alignedTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(...[head, ...escaped].map((row) => (row[column] ?? "").length), 3));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...escaped.map(line)].join("\n");
}

/** Replaces the part of `text` between two comments. */
function withPart(file: string, text: string, part: string, content: string): string {
  const [begin, end] = [`<!-- ${part}: written by ${referenceCommand} -->`, `<!-- /${part} -->`];
  const [before = "", rest] = text.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (after === undefined) throw new Error(`${file} has no place for ${part}; expected the lines ${begin} and ${end}`);
  return `${before}${begin}\n\n${content}\n\n${end}${after}`;
}
