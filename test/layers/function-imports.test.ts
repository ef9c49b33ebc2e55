import path from "node:path";

import { expect, test } from "vitest";

import { checkFunctionImports, type FunctionImports } from "../../layers/imports";
import { readLock } from "../../layers/lock-forms";
import { useWorkspace } from "./workspace";

const workspace = useWorkspace();

/** Proves the imports of one module of an application whose lock has `alpha` and `beta`. */
async function prove(code: string, deployed: Pick<FunctionImports, "layers" | "functionLayers" | "provided">) {
  workspace.index.publish(
    { name: "alpha", version: "1.0", files: { "alpha/__init__.py": "" } },
    { name: "beta", version: "1.0", files: { "beta/__init__.py": "", "beta/part.py": "" } },
  );
  await workspace.require(["alpha", "beta"]);
  return checkFunctionImports(
    {
      target: "aws",
      platform: { pythonVersion: "3.12", architecture: "x86_64" },
      entryPoints: [{ module: "main", attribute: "app" }],
      application: [{ name: "main.py", content: Buffer.from(`${code}\napp = 1\n`) }],
      lock: await readLock("aws", path.join(workspace.folder, "aws.in")),
      ...deployed,
    },
    { functions: [], others: () => Promise.resolve([]), progress: (line) => workspace.progress.push(line) },
  );
}

const layers = [
  { name: "small", packages: ["alpha"] },
  { name: "large", packages: ["beta"] },
];

test("a package is found in the function's own layers, and missing if only another function has its layer", async () => {
  await prove("import alpha, beta", { layers });
  await prove("import alpha", { layers, functionLayers: ["small"] });
  await expect(prove("import alpha\nimport beta", { layers, functionLayers: ["small"] })).rejects.toThrow(
    /^main\.py:2 imports beta, /,
  );
  await expect(prove("import alpha", { layers, functionLayers: [] })).rejects.toThrow(/main\.py:1 imports alpha, /);
});

test("a public layer provides only its declared packages", async () => {
  // The builder's layers omit what public ones provide.
  const own = [{ name: "dependencies", packages: ["alpha"] }];
  const provided = new Map([["beta", "1.0"]]);
  await prove("import alpha, beta.part", { layers: own, provided });
  await expect(prove("import alpha, beta", { layers: own })).rejects.toThrow(/main\.py:1 imports beta, /);
  await expect(prove("import gamma", { layers: own, provided })).rejects.toThrow(/main\.py:1 imports gamma, /);
});

test("a public layer's package has the known modules of its distribution", async () => {
  const provided = new Map([
    ["pyjwt", "2.10.1"],
    ["pyyaml", "6.0.2"],
  ]);
  await prove("import jwt, yaml", { layers, provided });
  await expect(prove("import jwt, yaml", { layers, provided: new Map([["pyjwt", "2.10.1"]]) })).rejects.toThrow(
    /main\.py:1 imports yaml, /,
  );
});
