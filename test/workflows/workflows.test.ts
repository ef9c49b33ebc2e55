import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { cacheDirectory } from "../../layers/cache";
import { findPython, pythonEnvironment } from "../../layers/python";
import { scripts } from "../../package.json";

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

  test("pipes nothing: without a shell of its own, a step succeeds with the last command of a pipe", () => {
    const commands = jobs.flatMap(({ job: found }) => found.steps).map(({ run: command = "" }) => command);
    expect(commands.filter((command) => /[^|]\|[^|]/.test(command))).toEqual([]);
  });

  test("calls npm scripts that exist, so that whoever has a shell can do the same", () => {
    const called = jobs
      .flatMap(({ job: found }) => found.steps)
      .flatMap(({ run: command }) => [...(command ?? "").matchAll(/npm run (?:--silent )?([\w:]+)/g)])
      .map(([, script = ""]) => script);
    expect(new Set(called)).toEqual(
      new Set([
        ...["format:check", "lint", "typecheck", "layer"],
        ...["preview", "preview:comment", "preview:text", "deploy", "diagnose", "drift"],
      ]),
    );
    for (const script of called) expect(Object.keys(scripts)).toContain(script);
  });

  test("uses no secret but the job's own token: the clouds trust the run itself", async () => {
    for (const file of await readdir(workflowFolder)) {
      expect(await readFile(path.join(workflowFolder, file), "utf8"), file).not.toMatch(/\bsecrets\b/);
    }
  });
});

describe("a deployment", () => {
  test("builds the layers, and no condition skips that", async () => {
    const steps = await stepsOf("deploy-stack.yml", "deploy");
    const build = steps.findIndex(({ run: command }) => command?.includes("npm run layer -- build"));
    const deploy = steps.findIndex(({ run: command }) => command?.includes("npm run --silent deploy"));
    expect(build).toBeGreaterThanOrEqual(0);
    expect(build).toBeLessThan(deploy);
    for (const unconditional of steps.slice(0, deploy + 1)) expect(unconditional.if).toBeUndefined();
    for (const { at, file, job: found } of jobs) {
      if (file.startsWith("deploy")) expect(found.if, at).toBeUndefined();
    }
  });

  test("is of the newest commit of main, whenever it is approved", async () => {
    const steps = await stepsOf("deploy-stack.yml", "deploy");
    const refusal = steps.findIndex(
      ({ run: command }) => command?.includes("/commits/main") && command.includes("GITHUB_SHA"),
    );
    const signIn = steps.findIndex(({ uses }) => uses === "./.github/actions/sign-in");
    expect(refusal).toBeGreaterThanOrEqual(0);
    expect(refusal).toBeLessThan(signIn);
  });

  test("comes after every test, those against the real engine included", async () => {
    expect((await stepsOf("test.yml", "test")).map(({ run: command }) => command)).toContain("npm test");
  });

  test("ends with a diagnosis, also when it failed", async () => {
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

describe("credentials", () => {
  const withCredentials = jobs.filter(({ job: found }) => found.permissions?.["id-token"] === "write");

  test("go to the jobs that need them, and those have an environment of their own", () => {
    expect(withCredentials.map(({ at }) => at)).toEqual([
      "deploy-stack.yml deploy",
      "deploy.yml staging",
      "deploy.yml production",
      "drift.yml drift",
      "preview.yml preview",
    ]);
    for (const { at, job: found } of withCredentials) {
      if (found.uses === undefined) expect(found.environment, at).toBeDefined();
    }
  });

  test("are read-only wherever nothing is deployed", () => {
    for (const { at, file, job: found } of withCredentials) {
      if (!file.startsWith("deploy")) expect(found.environment, at).toMatch(/-preview$/);
    }
  });

  test("are out of reach for forks", async () => {
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

  test("has the locks, the packages that change, and nothing else", async () => {
    const { branches, files, gh, body } = await proposed(
      edit("aws.lock", "fastapi==1", "fastapi==2") + edit("index.ts", "1", "process.exit()"),
    );
    expect(branches).toMatch(/refs\/heads\/upgrade-layers$/m);
    expect(files.trim()).toBe("aws.lock");
    expect(gh).toMatch(/pr create --head upgrade-layers/);
    expect(body).toContain("aws: fastapi 1 -> 2");
  });

  test("is not opened where nothing changed", async () => {
    const { stdout, branches, gh } = await proposed("");
    expect(stdout).toContain("every lock is up to date");
    expect(branches + gh).toBe("");
  });
});

describe("linters", () => {
  const actionlintVersion = "v1.7.12";

  /** actionlint, built from its module once and kept in the cache. */
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

  /** zizmor, from its hash-checked wheel. */
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
      // A program that ran and failed carries a code; anything else is a mistake here.
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
