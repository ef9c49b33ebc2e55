import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { proveCode } from "../../layers/code-proof";
import { layerBundle } from "../components/bundles";
import { temporaryDirectory } from "../local/resources";

const layers = [{ bundle: layerBundle({ name: "web", packages: [{ name: "fastapi", version: "0.115.0" }] }) }];

/** Proves the imports of a folder of code with the handler `shop.api.handler`. */
async function prove(files: Readonly<Record<string, string>>): Promise<void> {
  const code = temporaryDirectory();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(code, name)), { recursive: true });
    writeFileSync(path.join(code, name), content);
  }
  await proveCode({ code, handler: "shop.api.handler", layers });
}

test("what a layer, the code, the standard library or Lambda has may be imported", async () => {
  await prove({
    "shop/api.py":
      "import json\nimport boto3\nfrom fastapi.responses import Response\nfrom shop import stock\n\nhandler = stock.find\n",
    "shop/stock.py": "try:\n    import redis\nexcept ImportError:\n    redis = None\n\ndef find(event, _): ...\n",
  });
});

test.each([
  [
    "a package that no layer has",
    "import idna\nhandler = 1\n",
    /shop\/api\.py:1 imports idna, which neither.*\(its layers: web\); pass the layer that has idna/,
  ],
  [
    "a module of the code by a wrong name",
    "import shop.stok\nhandler = 1\n",
    /imports shop\.stok, .*; did you mean shop\.stock\?/,
  ],
  ["a handler that is not there", "def handle(): ...\n", /imports handler from shop\.api, which has no such name/],
  ["no Python", "def handler(:\n", /shop\/api\.py:1 is not valid Python/],
])("%s is an error", async (_, api, message) => {
  await expect(prove({ "shop/api.py": api, "shop/stock.py": "" })).rejects.toThrow(message);
});
