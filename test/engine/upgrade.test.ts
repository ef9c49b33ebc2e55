import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { clouds } from "../../contract/clouds";
import { LocalDeployment } from "./local-deployment";
import { copyState } from "./state-copy";

/**
 * The state of release 3.0.0 on the local clouds: that of its engine and of the clouds, with two messages in each;
 * without the packages, which are built again. Its paths begin with `/state`.
 */
const written = path.join(__dirname, "fixtures", "state-3.0.0.tar.gz");

const deployment = new LocalDeployment([]);
let saved: string;

beforeAll(async () => {
  saved = mkdtempSync(path.join(tmpdir(), "state-3.0.0-"));
  execFileSync("tar", ["-xzf", written, "-C", saved]);
  for (const file of readdirSync(saved, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".json")) continue;
    const text = readFileSync(path.join(saved, file), "utf8");
    writeFileSync(path.join(saved, file), text.replaceAll('"/state', `"${saved}`));
  }
  await copyState(saved, deployment.state);
});

afterAll(async () => {
  await deployment.end();
  rmSync(saved, { recursive: true });
});

/** Resources that may be replaced: none of them holds data, and none is an address that users know. */
const replaceable =
  /(aws:iam:RolePolicy|aws:lambda:LayerVersion|aws:lambda:Permission|azure-native:storage:Blob|gcp:storage:BucketObject|command:local:Command) /;

test("a stack of release 3.0.0 is upgraded: nothing that holds data or serves is replaced, and no message is lost", async () => {
  const { stderr } = await deployment.up();
  const lines = stderr.split("\n");
  const replaced = lines.filter((line) => line.startsWith("± ") && !replaceable.test(line));
  const deleted = lines.filter((line) => line.startsWith("- ") && !replaceable.test(line));
  expect({ replaced, deleted }).toEqual({ replaced: [], deleted: [] });

  const outputs = deployment.outputs();
  for (const cloud of clouds) {
    const messages = (await (await fetch(`${outputs[cloud].apiUrl}/api/messages/`)).json()) as { content: string }[];
    expect(messages.map(({ content }) => content)).toEqual([
      `written by 3.0.0, ${cloud} 2`,
      `written by 3.0.0, ${cloud} 1`,
    ]);
  }
  expect((await deployment.preview()).stderr).toContain("no changes");
});
