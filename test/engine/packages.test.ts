import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { findEngine } from "../../local/engine";
import { buildPackages } from "../../packaging/build";
import { packages } from "../../packaging/packages";
import { engineVariables } from "../../local/engine-environment";
import type { Run } from "./local-deployment";
import { install, npmInstall, pack, run, runProcess, sizeOf, writeManifest } from "./installed-packages";

const checkout = path.join(__dirname, "..", "..");
const nightly = process.env.NIGHTLY !== undefined;
const folder = mkdtempSync(path.join(tmpdir(), "packages-"));
const own = path.join(folder, "own-program");
let tarballs: string[] = [];

beforeAll(async () => {
  if (!nightly)
    console.warn("npm's own installation, type checks and three clouds come at night: npm run test:nightly");
  const built = buildPackages(path.join(folder, "built"), { declarations: nightly });
  tarballs = await pack([...built.values()], path.join(folder, "tarballs"));
  cpSync(path.join(__dirname, "fixtures", "own-program"), own, { recursive: true });
  writeManifest(own);
  await (nightly ? npmInstall : install)(tarballs, own);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** `npx mcad local <args>` in a project, with its own state folder. */
function local(project: string, ...args: readonly string[]) {
  const state = path.join(folder, `state of ${path.basename(project)}`);
  return run(project, "multicloud-components/cli/mcad.js", ["local", "--state", state, ...args]);
}

function succeeded({ code, stderr }: Run): void {
  expect(code, stderr).toBe(0);
}

/** Deploys a project, passes on its outputs, and destroys it. */
async function whileUp(
  project: string,
  settings: readonly string[],
  use: (outputs: Record<string, unknown>) => Promise<void>,
): Promise<void> {
  const config = settings.flatMap((setting) => ["--config", setting]);
  succeeded(await local(project, ...config, "up", "--detach"));
  try {
    const { stdout } = await local(project, ...config, "outputs", "--json");
    await use(JSON.parse(stdout) as Record<string, unknown>);
  } finally {
    succeeded(await local(project, ...config, "destroy"));
    await local(project, "stop");
  }
}

describe("a program of another project", () => {
  test("deploys the components with only the packages installed", () =>
    whileUp(own, [], async ({ url, layer, folder: ran }) => {
      expect(layer).toEqual(["names-dev-dependencies"]);
      expect(ran).toBe("own-program");
      const answer = await fetch(`${String(url)}/?name=b%C3%BCcher.example`);
      expect(await answer.json()).toEqual({ name: "xn--bcher-kva.example" });
    }));

  test.runIf(nightly)("passes the compiler with the tsconfig.json that pulumi new writes", async () => {
    const checked = await run(own, "typescript/bin/tsc", ["--noEmit", "-p", "."]);
    expect(checked).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("gets an error about a Python whose compiler is not installed, with the command that installs it", async () => {
    const compiler = "multicloud-python-layers/internal/layers/bytecode-compiler";
    const { code, stderr } = await runProcess(own, ["-e", `require("${compiler}").bytecodeCompiler("3.13")`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/pythonVersion 3\.13 needs .*; run: npm install pyodide-3\.13@npm:pyodide@[\d.]+/);
  });

  test("gets an error about a second copy of the SDK, and how to avoid it", async () => {
    const project = path.join(folder, "two copies");
    cpSync(own, project, { recursive: true, verbatimSymlinks: true });
    const second = path.join(project, "node_modules", "multicloud-components", "node_modules", "@pulumi", "pulumi");
    mkdirSync(second, { recursive: true });
    writeFileSync(path.join(second, "package.json"), JSON.stringify({ name: "@pulumi/pulumi", version: "3.1.0" }));
    writeFileSync(path.join(second, "version.js"), 'exports.version = "3.1.0";\n');
    const { code, stderr } = await runProcess(project, ["-e", 'require("multicloud-components/aws")']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /two copies of @pulumi\/pulumi are installed: the program has 3\.\d+\.\d+ in .*have 3\.1\.0 in /,
    );
    expect(stderr).toMatch(/npm dedupe @pulumi\/pulumi/);
  });
});

describe("a project from the template", () => {
  const project = path.join(folder, "greeter");
  let files: string[];

  beforeAll(async () => {
    const { command } = await findEngine(() => undefined);
    mkdirSync(project);
    const state = path.join(folder, "new");
    const made = await runProcess(
      project,
      [
        ...["new", path.join(checkout, "template"), "--generate-only", "--yes", "--force"],
        ...["--name", "greeter", "--description", "Greets"],
      ],
      { program: command, env: { ...engineVariables(state), PULUMI_HOME: path.join(folder, "pulumi") } },
    );
    // An engine that was built from its module has no language host, so it fails after it has written the files.
    expect(made.stdout).toContain("Created project 'greeter'");
    files = readdirSync(project, { recursive: true, encoding: "utf8" }).filter((file) =>
      statSync(path.join(project, file)).isFile(),
    );
    await (nightly ? npmInstall : install)(tarballs, project);
  });

  test("has its own name everywhere, and at most ten files", () => {
    expect(files.length).toBeLessThanOrEqual(10);
    for (const file of files) {
      expect(readFileSync(path.join(project, file), "utf8"), file).not.toContain("${");
    }
    expect(readFileSync(path.join(project, "Pulumi.yaml"), "utf8")).toMatch(/^name: greeter$/m);
  });

  test("deploys, and answers", () => {
    const clouds = nightly ? (["aws", "azure", "gcp"] as const) : (["aws"] as const);
    const settings = [`clouds=[${clouds.join(",")}]`, "gcp.project=greeter-1"];
    return whileUp(project, settings, async (outputs) => {
      for (const cloud of clouds) {
        const { apiUrl } = outputs[cloud] as { apiUrl: string };
        expect(await (await fetch(`${apiUrl}/?name=you`)).json()).toEqual({ hello: "you" });
      }
    });
  });

  test.runIf(nightly)("passes the compiler", async () => {
    const checked = await run(project, "typescript/bin/tsc", ["--noEmit", "-p", "."]);
    expect(checked).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

test("the packages are small, and name no command of the repository", () => {
  for (const { name } of packages) {
    const installed = path.join(own, "node_modules", name);
    expect(sizeOf(installed), name).toBeLessThan(2_000_000);
    const code = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".js"));
    for (const file of code) {
      expect(readFileSync(path.join(installed, file), "utf8"), file).not.toMatch(/npm run (?!build)/);
    }
  }
});

test.runIf(nightly)(
  "what a deployment installs beside the SDKs is below 32 MB, half of it the Python that compiles",
  () => {
    // pyodide 14 MB, zod 6 MB, CycloneDX 5 MB; the local clouds' packages are for development.
    const names = [
      "multicloud-components",
      "multicloud-python-layers",
      "pyodide",
      "zod",
      "@cyclonedx",
      "undici",
      "fflate",
    ];
    const sizes = names.map((name) => sizeOf(path.join(own, "node_modules", name)));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(32_000_000);
  },
);
