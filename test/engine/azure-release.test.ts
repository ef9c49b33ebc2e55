import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { nodeArguments } from "../../contract/form";
import type { ListedRelease } from "../../operations/releases/releases";
import { changes, copyOfCheckout, execute, LocalDeployment, type Run } from "./local-deployment";

/** Milliseconds between two requests to one address: 20 per second. */
const interval = 50;

/** Requests to some addresses at a steady rate, whether or not they are answered. */
class Asked {
  readonly #pending: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly failures: string[] = [];
  count = 0;

  constructor(addresses: readonly string[]) {
    this.#timer = setInterval(() => {
      for (const address of addresses) this.#pending.push(this.#ask(address));
    }, interval);
  }

  async #ask(address: string): Promise<void> {
    this.count += 1;
    try {
      const answer = await fetch(address, { signal: AbortSignal.timeout(30_000) });
      await answer.text();
      if (answer.status !== 200) this.failures.push(`${address} ${answer.status}`);
    } catch (error) {
      this.failures.push(`${address} ${String(error)}`);
    }
  }

  async end(): Promise<void> {
    // Effects of an update may appear a moment later.
    await sleep(3_000);
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }
}

const checkout = copyOfCheckout();
const application = path.join(checkout, "application", "api", "app.py");
const sound = readFileSync(application, "utf8");
const deployment = new LocalDeployment(["clouds=[azure]"]);
let addresses: string[] = [];
let api = "";

const up = (): Promise<Run> => deployment.run(["up", "--detach"], { checkout });
const status = async () => (await fetch(`${api}/api/`)).headers.get("x-test");

/** Runs an update while all addresses receive requests. */
async function updateWhileAsked(): Promise<{ run: Run; asked: Asked }> {
  const asked = new Asked(addresses);
  const run = await up();
  await asked.end();
  console.log(`${asked.count} requests asked, ${asked.failures.length} failed`);
  return { run, asked };
}

/** Starts an update and kills its processes when its output contains `text`. */
async function killedUpdate(text: string): Promise<void> {
  const config = deployment.configured.flatMap((setting) => ["--config", setting]);
  const options = ["--state", deployment.state, "--stack", "staging", ...config];
  const program = nodeArguments(path.join(checkout, "cli", "local"));
  const child = spawn(process.execPath, [...program, ...options, "up", "--detach"], {
    cwd: checkout,
    // In its own process group, with the engine.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (more: string) => (told += more));
  const ended = once(child, "exit");
  await expect.poll(() => told, { timeout: 120_000, interval: 10 }).toContain(text);
  process.kill(-Number(child.pid), "SIGKILL");
  await ended;
}

/** The application with a mark in each status response. */
const marked = (mark: string) =>
  sound.replace(
    "    async def status() -> dict[str, str]:\n",
    `    async def status(response: Response) -> dict[str, str]:\n        response.headers["x-test"] = "${mark}"\n`,
  );

beforeAll(async () => {
  writeFileSync(application, marked("first"));
  const run = await up();
  expect(run.code, run.stderr).toBe(0);
  const { azure } = deployment.outputs();
  api = azure.apiUrl;
  addresses = [`${azure.apiUrl}/api/`, `${azure.frontendUrl}/api/`, azure.frontendUrl];
  expect(await status()).toBe("first");
});

afterAll(async () => {
  await deployment.end();
  rmSync(checkout, { recursive: true });
});

test("a preview right after shows no change", async () => {
  expect((await deployment.run(["preview"], { checkout })).stderr).toContain("no changes");
});

describe.each([
  // Errors that cannot be seen by reading the code.
  ["an error at import", `${sound}\nif "PATH" in os.environ:\n    raise RuntimeError("planted")\n`, /planted/],
  [
    "a module that is not there",
    `import importlib\n\nimportlib.import_module("no_" + "module")\n${sound}`,
    /no_module/,
  ],
  ["an error at each request", marked('" + str(1 // 0) + "'), /ZeroDivisionError|division/],
])("an update with %s", (_, code, cause) => {
  test("fails, names the cause, and no user meets it", async () => {
    writeFileSync(application, code);
    const { run, asked } = await updateWhileAsked();
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(cause);
    expect(asked.failures.slice(0, 5)).toEqual([]);
    expect(asked.count).toBeGreaterThan(100);
    expect(await status()).toBe("first");
  });
});

test("the next update repeats a failed one", async () => {
  const again = await up();
  expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/ZeroDivisionError|division/)]);
});

test("an interrupted update leaves the previous release, and the next one succeeds", async () => {
  writeFileSync(application, marked("second"));
  const asked = new Asked(addresses);
  await killedUpdate("azure-api-next");
  await asked.end();
  expect(asked.failures.slice(0, 5)).toEqual([]);
  expect(await status()).toBe("first");
});

test("a corrected update succeeds, and no user notices", async () => {
  const { run, asked } = await updateWhileAsked();
  expect(run.code, run.stderr.slice(0, 3_000)).toBe(0);
  expect(asked.failures.slice(0, 5)).toEqual([]);
  expect(await status()).toBe("second");
});

test("a return to the previous code succeeds, and no user notices", async () => {
  writeFileSync(application, marked("first"));
  const { run, asked } = await updateWhileAsked();
  expect(run.code, run.stderr.slice(0, 3_000)).toBe(0);
  expect(asked.failures.slice(0, 5)).toEqual([]);
  expect(await status()).toBe("first");
});

test("an update of the configuration succeeds, and no user notices", async () => {
  deployment.configure(["clouds=[azure]", "azure.function.memorySize=2048"]);
  const { run, asked } = await updateWhileAsked();
  expect(run.code, run.stderr.slice(0, 3_000)).toBe(0);
  expect(asked.failures.slice(0, 5)).toEqual([]);
});

describe("blue and green", () => {
  const inTurn = ["clouds=[azure]", "azure.function.memorySize=2048", "azure.function.blueGreen=true"];
  const preview = () => deployment.run(["preview"], { checkout });
  /** Through Front Door, whichever app serves. */
  const answers = async () => {
    const answer = await fetch(`${deployment.outputs().azure.frontendUrl}/api/`);
    return answer.headers.get("x-test");
  };
  const release = (command: "releases" | "rollback", ...args: string[]) =>
    execute(
      [path.join(checkout, "cli", `${command}.ts`), "-s", "staging", "--local", deployment.state, ...args],
      checkout,
    );
  const shown = async () =>
    (JSON.parse((await release("releases", "--json")).stdout) as ListedRelease[])
      .map(({ name, share, verified }) => `${name} ${share} ${verified}`)
      .sort();

  test("are enabled by an update that no user notices: the twin becomes green, and the route moves to it", async () => {
    deployment.configure(inTurn);
    writeFileSync(application, marked("third"));
    addresses = addresses.slice(1);
    const { run, asked } = await updateWhileAsked();
    expect(run.code, run.stderr.slice(0, 3_000)).toBe(0);
    expect(asked.failures.slice(0, 5)).toEqual([]);
    expect(await answers()).toBe("third");
    // The previous app keeps all its settings.
    expect(changes(run).filter((line) => /web:\w+ {2}azure-api$|Deployment {2}azure-api$/.test(line))).toEqual([]);
    expect((await preview()).stderr).toContain("no changes");
    expect(await shown()).toEqual(["blue 0 true", "green 1 true"]);
  });

  test("an update that does not serve leaves the route unchanged, and the next one succeeds", async () => {
    writeFileSync(application, `${sound}\nif "PATH" in os.environ:\n    raise RuntimeError("planted")\n`);
    const { run, asked } = await updateWhileAsked();
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(/planted/);
    expect(asked.failures.slice(0, 5)).toEqual([]);
    expect(await answers()).toBe("third");
    const refused = await release("rollback", "--to", "blue");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("has never been verified")]);

    writeFileSync(application, marked("fourth"));
    const mended = await updateWhileAsked();
    expect(mended.run.code, mended.run.stderr.slice(0, 3_000)).toBe(0);
    expect(mended.asked.failures.slice(0, 5)).toEqual([]);
    expect(await answers()).toBe("fourth");
    expect(await shown()).toEqual(["blue 1 true", "green 0 true"]);
  });

  test("a rollback moves the route, and the next preview moves it back and changes nothing else", async () => {
    const asked = new Asked(addresses);
    const back = await release("rollback");
    await asked.end();
    expect(back.code, back.stderr).toBe(0);
    expect(back.stdout).toMatch(/azure: api went from blue \(\S+\) to green \(\S+\): Front Door's route is moved/);
    expect(asked.failures.slice(0, 5)).toEqual([]);
    expect(await answers()).toBe("third");
    expect(changes(await preview())).toEqual(["~ update  azure-native:cdn:Route  azure-web-api"]);
    const { results } = await deployment.diagnose();
    const looked = results.find(({ check }) => check === "function");
    expect(looked?.summary).toMatch(/Running, python3\.12, the green app \S+-next-\w+ serves/);
    expect(looked?.findings).toMatchObject([
      {
        severity: "warning",
        title: expect.stringMatching(/the green app \S+ serves, and what was deployed last is on \S+/) as string,
      },
    ]);
  });

  test("are disabled while green serves: blue serves first, then green becomes the twin again", async () => {
    deployment.configure(inTurn.filter((setting) => !setting.includes("blueGreen")));
    const first = await updateWhileAsked();
    expect(first.run.code, first.run.stderr.slice(0, 3_000)).toBe(0);
    expect(first.run.stderr).toContain("this update goes back to the blue one");
    expect(first.asked.failures.slice(0, 5)).toEqual([]);
    expect(await answers()).toBe("fourth");
    const script = path.join(checkout, "application", "web", "app.js");
    const { frontendUrl } = deployment.outputs().azure;
    const loaded = async () => /app\.[0-9a-f]{12}\.js/.exec(await (await fetch(frontendUrl)).text())?.[0] ?? "none";
    const before = await loaded();
    writeFileSync(script, `${readFileSync(script, "utf8")}\n// Another.\n`);
    const second = await updateWhileAsked();
    expect(second.run.code, second.run.stderr.slice(0, 3_000)).toBe(0);
    expect(second.asked.failures.slice(0, 5)).toEqual([]);
    // A page that was loaded earlier still finds its script.
    expect(await loaded()).not.toBe(before);
    expect((await fetch(`${frontendUrl}/${before}`)).status).toBe(200);
    expect((await preview()).stderr).toContain("no changes");
  });
});
