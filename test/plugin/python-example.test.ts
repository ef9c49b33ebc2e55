import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";
import { z } from "zod";

const checkout = path.join(__dirname, "..", "..");
const read = (...file: string[]) => readFileSync(path.join(checkout, ...file), "utf8");

const properties = z.record(z.string(), z.unknown()).default({});
const schema = z.object({
  resources: z.record(
    z.string(),
    z.object({ inputProperties: properties, requiredInputs: z.array(z.string()).default([]), properties }),
  ),
});

/** Converts the schema's names as Pulumi's generator of Python SDKs does. */
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

// test/engine/plugin.test.ts deploys it at night.
test("the program in Python uses only names in the schema", () => {
  const { resources } = schema.parse(JSON.parse(read("plugin", "schema.json")));
  const program = read("examples", "python", "__main__.py");
  const declared = [...program.matchAll(/^(\w+) = multicloud\.(\w+)\((.*?)\)$/gms)];
  expect(declared.map(([, , component]) => component)).toEqual(["AwsPythonApi", "PythonLayer"]);
  for (const [, variable = "", component = "", args = ""] of declared) {
    const {
      inputProperties,
      requiredInputs,
      properties: outputs,
    } = resources[`multicloud:index:${component}`] ?? {
      ...{ inputProperties: {}, requiredInputs: [], properties: {} },
    };
    const given = [...args.matchAll(/(\w+)=/g)].map(([, name = ""]) => name);
    expect(Object.keys(inputProperties).map(snake)).toEqual(expect.arrayContaining(given));
    expect(given).toEqual(expect.arrayContaining(requiredInputs.map(snake)));
    const used = [...program.matchAll(new RegExp(`\\b${variable}\\.(\\w+)\\)`, "g"))].map(([, name = ""]) => name);
    expect(used).not.toEqual([]);
    expect(Object.keys(outputs).map(snake)).toEqual(expect.arrayContaining(used));
  }
});
