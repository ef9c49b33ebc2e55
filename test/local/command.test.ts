import { expect, test } from "vitest";

import { CommandProvider } from "../../local/command";

const urn = "urn:pulumi:staging::shop::command:local:Command::check";

test("a refresh keeps the output of a command", async () => {
  const provider = new CommandProvider();
  const inputs = { create: "echo written" };
  const { id, properties } = await provider.create(urn, inputs);
  expect(properties).toMatchObject({ stdout: "written", stderr: "" });
  expect(await provider.read(urn, id, inputs, properties)).toEqual({ inputs, properties });
});
