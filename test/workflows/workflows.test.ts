import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { frontDoorTimeoutSeconds } from "../../components/azure/web-application";
import { cacheDirectory } from "../../layers/cache";
import { findPython, pythonEnvironment } from "../../layers/python";
import { scripts } from "../../package.json";
import { packages } from "../../packaging/packages";
import configuration from "../../vitest.config.mjs";

const run = promisify(execFile);
const root = path.join(__dirname, "..", "..");
const workflowFolder = path.join(root, ".github", "workflows");

const step = z.object({
  name: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  if: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const job = z.object({
  if: z.string().optional(),
  uses: z.string().optional(),
  needs: z.string().optional(),
  environment: z.string().optional(),
  "timeout-minutes": z.number().optional(),
  permissions: z.record(z.string(), z.string()).optional(),
  concurrency: z.object({ "cancel-in-progress": z.boolean() }).optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  steps: z.array(step).default([]),
});
const workflow = z.object({
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(z.string(), job),
});
const named = z.object({ name: z.string() });
const action = z.object({ runs: z.object({ steps: z.array(step) }) });

type Step = z.output<typeof step>;

async function read<Schema extends z.ZodType>(schema: Schema, file: string): Promise<z.output<Schema>> {
  return schema.parse(parse(await readFile(file, "utf8")));
}

async function workflows() {
  const files = (await readdir(workflowFolder)).sort();
  return Promise.all(
    files.map(async (file) => ({ file, workflow: await read(workflow, path.join(workflowFolder, file)) })),
  );
}

async function actionFiles(): Promise<string[]> {
  const folder = path.join(root, ".github", "actions");
  return (await readdir(folder)).sort().map((name) => path.join(folder, name, "action.yml"));
}

const stepsOf = async (file: string, name: string): Promise<Step[]> =>
  (await read(workflow, path.join(workflowFolder, file))).jobs[name]?.steps ?? [];

const jobs = (await workflows()).flatMap(({ file, workflow: { jobs: all } }) =>
  Object.entries(all).map(([name, found]) => ({ at: `${file} ${name}`, file, name, job: found })),
);

describe("every workflow", () => {
  test("starts with no permission, so that each job names its own", async () => {
    for (const { workflow: found } of await workflows()) expect(found.permissions).toEqual({});
    for (const { at, job: found } of jobs) expect(found.permissions, at).toBeDefined();
  });

  test("pins every action by its commit, with the version beside it", async () => {
    const files = [
      ...(await readdir(workflowFolder)).map((file) => path.join(workflowFolder, file)),
      ...(await actionFiles()),
    ];
    for (const file of files) {
      const uses = (await readFile(file, "utf8")).split("\n").filter((line) => /\buses:/.test(line));
      for (const line of uses) {
        expect(line, file).toMatch(/uses: (\.\/\.github\/[\w./-]+|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/);
      }
    }
  });

  test("pins the same version of an action everywhere", async () => {
    const pinned = new Map<string, Set<string>>();
    const steps = [...jobs.flatMap(({ job: found }) => found.steps)];
    for (const file of await actionFiles()) steps.push(...(await read(action, file)).runs.steps);
    for (const { uses } of steps) {
      const [name = "", commit] = uses?.split("@") ?? [];
      if (commit !== undefined) pinned.set(name, (pinned.get(name) ?? new Set()).add(commit));
    }
    expect(pinned.size).toBeGreaterThan(5);
    for (const [name, commits] of pinned) expect([...commits], name).toHaveLength(1);
  });

  test("leaves no credentials of git behind", () => {
    const checkouts = jobs
      .flatMap(({ job: found }) => found.steps)
      .filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.length).toBeGreaterThan(4);
    for (const { with: inputs } of checkouts) expect(inputs).toMatchObject({ "persist-credentials": false });
  });

  test("uses no pipes: by default, a step with a pipe succeeds if its last command does", () => {
    const commands = jobs.flatMap(({ job: found }) => found.steps).map(({ run: command = "" }) => command);
    expect(commands.filter((command) => /[^|]\|[^|]/.test(command))).toEqual([]);
  });

  test("calls existing npm scripts, so that a developer can do the same in a shell", () => {
    const called = jobs
      .flatMap(({ job: found }) => found.steps)
      .flatMap(({ run: command }) => [...(command ?? "").matchAll(/npm run (?:--silent )?([\w:]+)/g)])
      .map(([, script = ""]) => script);
    expect(new Set(called)).toEqual(
      new Set([
        ...["format:check", "lint", "typecheck", "test:nightly", "layer"],
        ...["preview", "preview:comment", "preview:text", "deploy", "diagnose", "drift", "packages"],
      ]),
    );
    for (const script of called) expect(Object.keys(scripts)).toContain(script);
  });

  test("uses no secret except the job's own token: the clouds trust the run itself", async () => {
    for (const file of await readdir(workflowFolder)) {
      expect(await readFile(path.join(workflowFolder, file), "utf8"), file).not.toMatch(/\bsecrets\b/);
    }
  });
});

describe("a deployment", () => {
  test("builds the layers, unless the deployment is skipped too", async () => {
    const steps = await stepsOf("deploy-stack.yml", "deploy");
    const build = steps.findIndex(({ run: command }) => command?.includes("npm run layer -- build"));
    const deploy = steps.findIndex(({ run: command }) => command?.includes("npm run --silent deploy"));
    expect(build).toBeGreaterThanOrEqual(0);
    expect(build).toBeLessThan(deploy);
    const newest = steps.findIndex(({ run: command }) => command?.includes("newest=true"));
    expect(newest).toBeGreaterThanOrEqual(0);
    for (const [index, { if: condition }] of steps.slice(0, deploy + 1).entries()) {
      expect(condition).toBe(index <= newest ? undefined : "${{ steps.main.outputs.newest == 'true' }}");
    }
    const conditions = jobs.filter(({ file }) => file.startsWith("deploy")).map(({ at, job: found }) => [at, found.if]);
    expect(Object.fromEntries(conditions)).toEqual({
      "deploy-stack.yml deploy": undefined,
      "deploy.yml test": undefined,
      "deploy.yml staging": undefined,
      "deploy.yml production": "${{ needs.staging.outputs.deployed == 'true' }}",
    });
  });

  test("outlasts two changes of Front Door and their check, and so does its session on AWS", async () => {
    const frontDoor = { operationMinutes: 20, checkMinutes: frontDoorTimeoutSeconds / 60 };
    const { jobs: found } = await read(workflow, path.join(workflowFolder, "deploy-stack.yml"));
    const minutes = found.deploy?.["timeout-minutes"] ?? 0;
    expect(minutes).toBeGreaterThanOrEqual(2 * frontDoor.operationMinutes + frontDoor.checkMinutes);
    const signIn = found.deploy?.steps.find(({ uses }) => uses === "./.github/actions/sign-in");
    expect(signIn?.with?.["aws-session-seconds"]).toBe(minutes * 60);
  });

  test("deploys the newest commit of main, whenever it is approved; others are skipped", async () => {
    const steps = await stepsOf("deploy-stack.yml", "deploy");
    const refusal = steps.findIndex(
      ({ run: command }) => command?.includes("/commits/main") && command.includes("GITHUB_SHA"),
    );
    const signIn = steps.findIndex(({ uses }) => uses === "./.github/actions/sign-in");
    expect(refusal).toBeGreaterThanOrEqual(0);
    expect(refusal).toBeLessThan(signIn);
    expect(steps.slice(refusal + 1).map(({ if: condition }) => condition)).toEqual(
      steps.slice(refusal + 1).map(() => expect.stringContaining("steps.main.outputs.newest == 'true'") as string),
    );
  });

  test("comes after every test, those against the real engine included", async () => {
    const { jobs: deploy } = await read(workflow, path.join(workflowFolder, "deploy.yml"));
    expect(deploy.test).toMatchObject({ uses: "./.github/workflows/test.yml" });
    // Without the input the plan includes every suite.
    expect(deploy.test?.with).toBeUndefined();
    const projects = (configuration.test?.projects ?? []).map(
      (found) => z.object({ test: named }).parse(found).test.name,
    );
    expect((await suitesFor()).sort()).toEqual([...projects, "api"].map((suite) => `test:${suite}`).sort());
    for (const suite of await suitesFor()) expect(Object.keys(scripts)).toContain(suite);
    expect((await stepsOf("test.yml", "suite")).map(({ run: command }) => command)).toContain('npm run "$SUITE"');
  });

  test("ends with a diagnosis, also after a failure", async () => {
    const last = (await stepsOf("deploy-stack.yml", "deploy")).at(-1);
    expect(last?.run).toContain("npm run --silent diagnose");
    expect(last?.if).toContain("!cancelled()");
  });

  test("of production comes after staging, and neither is stopped half-way", async () => {
    const { jobs: deploy } = await read(workflow, path.join(workflowFolder, "deploy.yml"));
    expect(deploy.staging).toMatchObject({ needs: "test", with: { stack: "staging" } });
    expect(deploy.production).toMatchObject({ needs: "staging", with: { stack: "production" } });
    const { jobs: stack } = await read(workflow, path.join(workflowFolder, "deploy-stack.yml"));
    expect(stack.deploy?.concurrency).toMatchObject({ "cancel-in-progress": false });
    expect(stack.deploy?.environment).toBe("${{ inputs.stack }}");
  });
});

/** The suites in the plan for changed files; for every file if none is given. */
async function suitesFor(...changed: string[]): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "plan-"));
  const git = (...args: string[]) => run("git", args, { cwd: folder });
  const commit = async (message: string) => {
    await git("add", ".");
    await git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", `--message=${message}`);
  };
  try {
    await git("init", "--quiet");
    await writeFile(path.join(folder, "base"), "");
    await commit("base");
    for (const file of changed) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), "changed");
    }
    if (changed.length > 0) await commit("change");
    const script = path.join(root, ".github", "plan-tests.sh");
    const { stdout } = await run(script, changed.length > 0 ? ["HEAD^1"] : [], { cwd: folder });
    return z.array(z.string()).parse(JSON.parse(stdout.replace(/^suites=/, "")));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the plan of a pull request's tests", () => {
  const every = ["test:unit", "test:conformance", "test:engine", "test:api"];

  test.each([
    ["a document", ["docs/deployment.md", "README.md"], ["test:unit"]],
    ["a workflow", [".github/workflows/test.yml"], ["test:unit"]],
    ["a suite's own tests, and the unit tests", ["test/engine/aws.test.ts"], ["test:unit", "test:engine"]],
    ["two suites", ["test/engine/aws.test.ts", "test/api/test_auth.py"], ["test:unit", "test:engine", "test:api"]],
    ["what tests share", ["test/components/bundles.ts"], ["test:unit", "test:conformance", "test:engine"]],
    ["a component", ["components/names.ts"], every],
    ["the application", ["application/api/app.py"], every],
    ["a file that it does not know, among documents", ["docs/a.md", "new/file.txt"], every],
    ["the lock of npm", ["package-lock.json"], every],
  ])("is for %s", async (_, changed, suites) => {
    expect(await suitesFor(...changed)).toEqual(suites);
  });

  test("is used only by the preview", async () => {
    const { jobs: preview } = await read(workflow, path.join(workflowFolder, "preview.yml"));
    expect(preview.test?.with).toEqual({ "only-changed": true });
  });
});

describe("a cache", () => {
  test("is for jobs without credentials", () => {
    const caching = jobs.filter(({ job: found }) => found.steps.some(({ with: inputs }) => inputs?.cache === "true"));
    expect(caching.map(({ at }) => at)).toEqual(["test.yml suite", "test.yml style"]);
    for (const { at, job: found } of caching) expect(found.permissions, at).toEqual({ contents: "read" });
  });

  test("is off by default", async () => {
    const { inputs, runs } = await read(
      action.extend({ inputs: z.object({ cache: z.object({ default: z.string() }) }) }),
      path.join(root, ".github", "actions", "setup", "action.yml"),
    );
    expect(inputs.cache.default).toBe("false");
    const cache = runs.steps.find(({ uses }) => uses?.startsWith("actions/cache@"));
    expect(cache?.if).toBe("${{ inputs.cache == 'true' }}");
  });
});

describe("credentials", () => {
  const withCredentials = jobs.filter(({ job: found }) => found.permissions?.["id-token"] === "write");

  test("go to the jobs that need them, and those have an environment of their own", () => {
    expect(withCredentials.map(({ at }) => at)).toEqual([
      "deploy-stack.yml deploy",
      "deploy.yml staging",
      "deploy.yml production",
      "drift.yml drift",
      "preview.yml preview",
      "release.yml publish",
    ]);
    for (const { at, job: found } of withCredentials) {
      if (found.uses === undefined) expect(found.environment, at).toBeDefined();
    }
  });

  test("are read-only wherever nothing is deployed or published", () => {
    for (const { at, file, job: found } of withCredentials) {
      if (!/^(deploy|release)/.test(file))
        expect(found.environment, at).toMatch(file === "drift.yml" ? /-drift$/ : /-preview$/);
    }
  });

  test("are not available to forks", async () => {
    for (const { file, workflow: found } of await workflows()) {
      expect(Object.keys(found.on), file).not.toContain("pull_request_target");
      if (!("pull_request" in found.on)) continue;
      for (const [name, { permissions, if: condition }] of Object.entries(found.jobs)) {
        const reads = Object.values(permissions ?? {}).every((access) => access === "read");
        if (!reads) expect(condition, name).toContain("head.repo.full_name == github.repository");
      }
    }
  });

  test("to write to the repository go to a job that runs nothing new", async () => {
    const writers = jobs.filter(({ job: found }) => found.permissions?.contents === "write");
    expect(writers.map(({ at }) => at)).toEqual(["layers.yml propose"]);
    for (const { run: command, uses } of await stepsOf("layers.yml", "propose")) {
      expect(command ?? uses).not.toMatch(/npm|setup/);
    }
  });
});

describe("a release", () => {
  test("is tested, packed without credentials, and published with its provenance by a job that runs nothing else", async () => {
    const { on, jobs: release } = await read(workflow, path.join(workflowFolder, "release.yml"));
    expect(on).toEqual({ push: { tags: ["v*"] } });
    expect(release.pack).toMatchObject({ needs: "test", permissions: { contents: "read" } });
    expect(release.publish).toMatchObject({ needs: "pack", environment: "release" });
    const commands = (await stepsOf("release.yml", "publish")).map(({ run: command, uses }) => command ?? uses);
    for (const command of commands) expect(command).not.toMatch(/checkout|npm (ci|install|run)/);
    // In the order of their dependencies.
    const names = packages.map(({ name }) => name.replace("multicloud-", ""));
    expect(commands.at(-1)).toContain(`for name in ${names.join(" ")};`);
    expect(commands.at(-1)).toContain("--provenance");
  });
});

test("Dependabot groups its updates and lets releases settle", async () => {
  const update = z.object({
    "package-ecosystem": z.string(),
    cooldown: z.object({ "default-days": z.number().min(7) }),
    groups: z.record(z.string(), z.object({})),
  });
  const { updates } = await read(z.object({ updates: z.array(update) }), path.join(root, ".github", "dependabot.yml"));
  expect(updates.map((found) => found["package-ecosystem"])).toEqual(["npm", "pip", "gomod", "github-actions"]);
});

describe("the pull request with upgraded layers", () => {
  async function proposed(patch: string) {
    const folder = await mkdtemp(path.join(tmpdir(), "propose-"));
    const git = (...args: string[]) => run("git", args, { cwd: path.join(folder, "work") });
    try {
      await run("git", ["init", "--quiet", "--bare", path.join(folder, "origin")]);
      await run("git", ["init", "--quiet", "--initial-branch=main", path.join(folder, "work")]);
      await writeFile(path.join(folder, "work", "aws.lock"), "fastapi==1\n");
      await writeFile(path.join(folder, "work", "index.ts"), "1\n");
      await git("add", ".");
      await git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=first");
      await git("remote", "add", "origin", path.join(folder, "origin"));

      await writeFile(path.join(folder, "locks.patch"), patch);
      await writeFile(path.join(folder, "changes.txt"), "aws: fastapi 1 -> 2\n");
      await writeFile(path.join(folder, "gh"), `#!/bin/sh\necho "$@" >> "${folder}/gh.log"\n`, { mode: 0o755 });
      const { stdout } = await run(path.join(root, ".github", "propose-upgrade.sh"), [folder], {
        cwd: path.join(folder, "work"),
        env: { ...process.env, PATH: `${folder}${path.delimiter}${process.env.PATH ?? ""}` },
      });
      const branches = await git("ls-remote", "--heads", "origin");
      const files = branches.stdout === "" ? "" : (await git("diff", "--name-only", "main~1", "main")).stdout;
      const gh = await readFile(path.join(folder, "gh.log"), "utf8").catch(() => "");
      return { stdout, branches: branches.stdout, files, gh, body: await readBody(folder) };
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const readBody = (folder: string) => readFile(path.join(folder, "body.md"), "utf8").catch(() => "");
  const edit = (file: string, from: string, to: string) =>
    `diff --git a/${file} b/${file}\n--- a/${file}\n+++ b/${file}\n@@ -1 +1 @@\n-${from}\n+${to}\n`;

  test("contains the locks, the changed packages, and nothing else", async () => {
    const { branches, files, gh, body } = await proposed(
      edit("aws.lock", "fastapi==1", "fastapi==2") + edit("index.ts", "1", "process.exit()"),
    );
    expect(branches).toMatch(/refs\/heads\/upgrade-layers$/m);
    expect(files.trim()).toBe("aws.lock");
    expect(gh).toMatch(/pr create --head upgrade-layers/);
    expect(body).toContain("aws: fastapi 1 -> 2");
  });

  test("is not opened if nothing changed", async () => {
    const { stdout, branches, gh } = await proposed("");
    expect(stdout).toContain("every lock is up to date");
    expect(branches + gh).toBe("");
  });
});

describe("linters", () => {
  const actionlintVersion = "v1.7.12";

  /** actionlint, built from its module once and cached. */
  async function actionlint(): Promise<string> {
    const bin = cacheDirectory("actionlint", actionlintVersion);
    const program = path.join(bin, "actionlint");
    if (!(await exists(program))) {
      await run("go", ["install", `github.com/rhysd/actionlint/cmd/actionlint@${actionlintVersion}`], {
        env: { ...process.env, GOBIN: bin, GOFLAGS: "" },
      });
    }
    return program;
  }

  /** zizmor, from a wheel with a checked hash. */
  async function zizmor(): Promise<string> {
    const lock = path.join(__dirname, "zizmor.lock");
    const install = ["--require-hashes", "--requirement", lock];
    const python = await pythonEnvironment(await findPython("3.12"), await readFile(lock, "utf8"), install);
    return path.join(path.dirname(python), "zizmor");
  }

  test.for([
    { name: "actionlint", obtain: actionlint, args: [] },
    { name: "zizmor", obtain: zizmor, args: ["--offline", "--no-progress", ".github"] },
  ])("$name finds nothing", { timeout: 300_000 }, async ({ name, obtain, args }, { skip }) => {
    const program = await obtain().catch((error: unknown) => {
      // A program that ran and failed has an exit code; any other error is a bug here.
      if (!(error instanceof Error) || !("code" in error)) throw error;
      console.warn(`${name} cannot be had here: ${error.message}`);
      return undefined;
    });
    if (program === undefined) return skip(`${name} cannot be had here`);
    const { exitCode, output } = await finished(program, args);
    expect(exitCode, output).toBe(0);
  });
});

async function finished(
  program: string,
  args: readonly string[],
): Promise<{ exitCode: number | null; output: string }> {
  const child = spawn(program, args, { cwd: root });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, output };
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
