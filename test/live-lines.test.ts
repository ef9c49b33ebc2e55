import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { format, resolveConfig } from "prettier";
import { expect, test } from "vitest";

import { cloudNames } from "../bench/updates/report";
import { clouds } from "../contract/clouds";
import { awsBehaviours } from "../local/aws/behaviour";
import { azureBehaviours } from "../local/azure/behaviour";
import type { Behaviour, Behaviours } from "../local/behaviour";
import { gcpBehaviours } from "../local/gcp/behaviour";
import { type Line, lines } from "./live-lines";

const behaviours = { aws: awsBehaviours, azure: azureBehaviours, gcp: gcpBehaviours };

/** Kinds of behaviour, by how a type's record says that it has it. */
const kinds: readonly (readonly [string, (behaviour: Behaviour) => boolean])[] = [
  ["types with a record", () => true],
  ["replaced for an input", ({ replaceOn }) => replaceOn.length > 0],
  ["deleted before it is replaced", ({ first = "new" }) => first !== "new"],
  ["fails half-way", ({ fails }) => fails !== undefined],
  ["an update without a change that does nothing", ({ emptyUpdate }) => emptyUpdate === "nothing"],
  ["known late", ({ lateSeconds, lateUpdateSeconds }) => lateSeconds !== undefined || lateUpdateSeconds !== undefined],
  [
    "not read back, or by a right of its own",
    ({ unread, readsWith }) => unread !== undefined || readsWith !== undefined,
  ],
  ["kept when it is deleted, and given back", ({ kept }) => kept !== undefined],
  ["refused while it is in use", ({ inUse }) => inUse !== undefined],
  ["refused in place", ({ frozen }) => frozen !== undefined],
  ["changed step by step", ({ steps }) => steps !== undefined],
];

const count = (of: Behaviours, has: (behaviour: Behaviour) => boolean) => Object.values(of).filter(has).length;

const isHeld = ({ held }: Line) => Object.keys(held).length > 0;

/** What live clouds do and the local ones do too, and which test holds each. */
function page(): string {
  const mended = lines.filter((line) => isHeld(line) && line.open === undefined).length;
  const partly = lines.filter((line) => isHeld(line) && line.open !== undefined).length;
  return [
    "# What live clouds do",
    "",
    "Written by `npm run diagrams` from `test/live-lines.ts` and the records of the local clouds",
    "([local/aws/behaviour.ts](../../local/aws/behaviour.ts) and its likes), each with its source.",
    "",
    "## Behaviours of the local clouds, in types of resources",
    "",
    `| behaviour | ${clouds.map((cloud) => cloudNames[cloud]).join(" | ")} |`,
    "| --- | ---: | ---: | ---: |",
    ...kinds.map(([kind, has]) => `| ${kind} | ${clouds.map((cloud) => count(behaviours[cloud], has)).join(" | ")} |`),
    "",
    "## What the program survives",
    "",
    `${lines.length} lines: ${mended} fixed and held by a test, ${partly} held in part, ${lines.length - mended - partly} without a test.`,
    "",
    "| clouds | ground | what they do | held by | open |",
    "| --- | --- | --- | --- | --- |",
    ...lines.map(({ clouds: on, ground, does, held, open = "" }) => {
      const tests = Object.keys(held).map((file) => `[${path.basename(file)}](../../test/${file})`);
      return `| ${on.map((cloud) => cloudNames[cloud]).join(", ")} | ${ground} | ${does} | ${tests.join(", ")} | ${open} |`;
    }),
    "",
  ].join("\n");
}

test("each test that holds what live clouds do is there", () => {
  const missing = lines.flatMap(({ does, held }) =>
    Object.entries(held)
      .filter(([file, name]) => {
        const at = path.join(__dirname, file);
        return name === "" || !existsSync(at) || !readFileSync(at, "utf8").includes(name);
      })
      .map(([file, name]) => `${file} has no test "${name}", which held: ${does}`),
  );
  expect(missing).toEqual([]);
});

test("what nothing holds says what is open", () => {
  expect(lines.filter((line) => !isHeld(line) && line.open === undefined)).toEqual([]);
});

test("docs/reference/live-clouds.md is what they say (`npm run diagrams` writes it)", async () => {
  const at = path.join(__dirname, "..", "docs", "reference", "live-clouds.md");
  const text = await format(page(), { ...(await resolveConfig(at)), parser: "markdown" });
  await expect(text).toMatchFileSnapshot(at);
});
