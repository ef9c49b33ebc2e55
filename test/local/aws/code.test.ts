import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { CodeError } from "../../../local/data-plane";
import { archive } from "../resources";
import { AwsEnvironment } from "./environment";

const aws = new AwsEnvironment();

beforeAll(async () => {
  await aws.start();
});

afterAll(() => aws.plane.close());

const saying = (word: string) => `def handler(event, context):\n    return "${word}"\n`;

/** A folder with code for the function. */
function folder(name: string, code: string): string {
  const directory = path.join(aws.state, name);
  mkdirSync(directory);
  writeFileSync(path.join(directory, "main.py"), code);
  return directory;
}

const answer = async () => (await aws.plane.invoke?.({ functionName: "api" }))?.payload;

test("replaced code serves once it has started, until the next deployment", async () => {
  aws.function({ code: archive(aws.state, { "main.py": saying("deployed") }) });
  expect(await answer()).toBe('"deployed"');

  await aws.plane.changeCode?.({ functionName: "api", folder: folder("saved", saying("saved")) });
  expect(await answer()).toBe('"saved"');

  const broken = folder("broken", "import no_such_module\n");
  const change = aws.plane.changeCode?.({ functionName: "api", folder: broken });
  await expect(change).rejects.toThrow(CodeError);
  await expect(change).rejects.toThrow(/Traceback.*broken\/main\.py.*No module named 'no_such_module'/s);
  expect(await answer()).toBe('"saved"');

  aws.function({ code: archive(aws.state, { "main.py": saying("deployed later") }) });
  expect(await answer()).toBe('"deployed later"');

  await aws.plane.changeCode?.({ functionName: "api", folder: folder("again", saying("again")) });
  await aws.plane.changeCode?.({ functionName: "api" });
  expect(await answer()).toBe('"deployed later"');
});
