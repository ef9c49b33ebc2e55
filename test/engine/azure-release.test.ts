import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { copyOfCheckout, LocalDeployment, type Run } from "./local-deployment";

/** Milliseconds between two requests to one address: 20 a second. */
const interval = 50;

/** Requests to some addresses, begun at a steady rate whatever becomes of them. */
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
    // What an update leaves behind shows a moment later.
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

/** Runs an update while everything is asked. */
async function updateWhileAsked(): Promise<{ run: Run; asked: Asked }> {
  const asked = new Asked(addresses);
  const run = await up();
  await asked.end();
  console.log(`${asked.count} requests asked, ${asked.failures.length} failed`);
  return { run, asked };
}

/** The application with a mark in each answer of its status. */
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
  // Each of them is one that no reading of the code tells.
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

test("a mended update goes through, and no user notices", async () => {
  writeFileSync(application, marked("second"));
  const { run, asked } = await updateWhileAsked();
  expect(run.code, run.stderr.slice(0, 3_000)).toBe(0);
  expect(asked.failures.slice(0, 5)).toEqual([]);
  expect(await status()).toBe("second");
});

test("going back to the code before goes through, and no user notices", async () => {
  writeFileSync(application, marked("first"));
  const { run, asked } = await updateWhileAsked();
  expect(run.code, run.stderr.slice(0, 3_000)).toBe(0);
  expect(asked.failures.slice(0, 5)).toEqual([]);
  expect(await status()).toBe("first");
});

test("an update of the configuration goes through, and no user notices", async () => {
  deployment.configure(["clouds=[azure]", "azure.function.memorySize=2048"]);
  const { run, asked } = await updateWhileAsked();
  expect(run.code, run.stderr.slice(0, 3_000)).toBe(0);
  expect(asked.failures.slice(0, 5)).toEqual([]);
});
