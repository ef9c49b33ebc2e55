import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { ComponentProvider } from "@pulumi/pulumi/provider/experimental/provider";
import { expect, test } from "vitest";

import { version } from "../../package.json";
import { AwsPythonApi, AzurePythonApi, GcpPythonApi, PythonLayer } from "../../plugin/components";

const checkout = path.join(__dirname, "..", "..");

test("the committed schema matches the components by Pulumi's analyser; npm run schema writes it", async () => {
  // Where the analyser looks for compiler settings and an entry point.
  const dirname = mkdtempSync(path.join(tmpdir(), "schema-"));
  const main = path.join(checkout, "plugin", "components.ts");
  const description = "Python web applications on AWS, Azure and Google Cloud, with their dependency layers";
  writeFileSync(path.join(dirname, "package.json"), JSON.stringify({ name: "multicloud", version, description, main }));
  const settings = { extends: path.join(checkout, "tsconfig.json"), include: [], files: [main] };
  writeFileSync(path.join(dirname, "tsconfig.json"), JSON.stringify(settings));

  const components = [AwsPythonApi, AzurePythonApi, GcpPythonApi, PythonLayer];
  const schema: unknown = JSON.parse(
    await new ComponentProvider({ name: "multicloud", dirname, components }).getSchema(),
  );
  rmSync(dirname, { recursive: true });
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
    path.join(checkout, "plugin", "schema.json"),
  );
});
