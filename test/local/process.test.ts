import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { expect, it, vi } from "vitest";

import { isAlive, startPython } from "../../local/process";
import { temporaryDirectory } from "./resources";

/** Runs a script and waits for its end. */
async function run(script: string, environment: Readonly<Record<string, string>> = {}) {
  const directory = temporaryDirectory();
  const program = path.join(directory, "program.py");
  writeFileSync(program, script);
  const lines: string[] = [];
  const python = startPython({
    python: "python3",
    program,
    args: ["argument"],
    environment: { PATH: process.env.PATH ?? "", GIVEN: "yes", ...environment },
    directory,
    onLine: (line) => lines.push(line),
  });
  return { status: await python.exited, lines, python };
}

it("passes only the given arguments and environment to a program", async () => {
  const { status, lines } = await run("import os, sys\nprint(sys.argv[1:], sorted(os.environ))\nsys.exit(3)");
  expect(status).toBe("exit status 3");
  expect(lines[0]).toContain("['argument']");
  expect(lines[0]).toContain("'GIVEN'");
  expect(lines[0]).not.toContain("VITEST");
});

it("listens for a debugger before the program runs, without changing the program's packages", async () => {
  const folder = temporaryDirectory();
  writeFileSync(path.join(folder, "debugpy.py"), "def listen(address):\n    print('awaited at', address)\n");
  const script = `import os, sys\nprint("LOCAL_DEBUGPY" in os.environ, ${JSON.stringify(folder)} in sys.path)`;
  const { lines } = await run(script, { LOCAL_DEBUGPY: `${folder}:5678` });
  expect(lines).toEqual(["awaited at ('127.0.0.1', 5678)", "False False"]);
});

it("reports how a process was killed, and may be stopped twice", async () => {
  const { status, python } = await run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)");
  expect(status).toBe("signal: SIGKILL");
  await python.stop();
});

it("says which interpreter cannot be started", async () => {
  const options = { python: "/nowhere/python", program: "x", environment: {}, directory: "/", onLine: () => undefined };
  await expect(startPython(options).exited).rejects.toThrow("/nowhere/python cannot be started");
});

it("leaves no process behind when this one is killed, nor those that they started", async () => {
  const parent = spawn(process.execPath, ["--require", "./run-typescript.js", path.join(__dirname, "supervise.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pids = await new Promise<number[]>((resolve, reject) => {
    parent.stdout.once("data", (data: Buffer) => {
      resolve(data.toString().trim().split(" ").map(Number));
    });
    parent.once("exit", () => {
      reject(new Error("it ended by itself"));
    });
  });
  expect(pids.map(isAlive)).toEqual([true, true]);
  parent.kill("SIGKILL");
  await vi.waitFor(
    () => {
      expect(pids.map(isAlive)).toEqual([false, false]);
    },
    { timeout: 20_000 },
  );
}, 60_000);

it("treats a zombie process as ended", async () => {
  // The shell becomes another program, which never reaps its child.
  const parent = spawn("sh", ["-c", "sleep 2 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once("data", (data: Buffer) => {
        resolve(Number(data.toString()));
      });
    });
    expect(isAlive(pid)).toBe(true);
    await vi.waitFor(
      () => {
        expect(isAlive(pid)).toBe(false);
      },
      { timeout: 20_000 },
    );
    expect(process.kill(pid, 0)).toBe(true);
    expect(isAlive(Number(parent.pid))).toBe(true);
  } finally {
    parent.kill();
  }
});
