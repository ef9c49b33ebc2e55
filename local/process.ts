import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import readline from "node:readline";

export interface PythonProcessOptions {
  /** The interpreter. */
  readonly python: string;
  /** File to run, or module as after `python -m`. */
  readonly program: string;
  readonly args?: readonly string[];
  /** The whole environment: nothing of this process's own is passed on. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Called with each line that the process writes, to its standard output or error. */
  readonly onLine: (line: string) => void;
}

export interface PythonProcess {
  readonly pid: number;
  /** How it ended, e.g. `exit status 1` or `signal: killed`; resolves after its last line. */
  readonly exited: Promise<string>;
  /** Kills the process and those that it started; returns when it is gone. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * Runs a Python program that dies with this process, even where this one is killed: see `supervised.py`.
 *
 * No bytecode is written, since the folders that the clouds mount are read-only, and the user's own packages are out of reach.
 */
export function startPython(options: PythonProcessOptions): PythonProcess {
  const child = spawn(
    options.python,
    ["-s", "-B", path.join(__dirname, "supervised.py"), options.program, ...(options.args ?? [])],
    {
      cwd: options.directory,
      env: options.environment,
      // Fd 3 stays open as long as this process lives. Its own group: Ctrl-C is for us to act on, and a kill reaches all.
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    },
  );
  for (const output of [child.stdout, child.stderr]) {
    if (output) readline.createInterface({ input: output, crlfDelay: Infinity }).on("line", options.onLine);
  }

  const exited = new Promise<string>((resolve, reject) => {
    child.once("error", (error) => {
      reject(new Error(`${options.python} cannot be started: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      resolve(code === null ? `signal: ${String(signal)}` : `exit status ${code}`);
    });
  });
  exited.catch(() => undefined);

  return {
    pid: child.pid ?? 0,
    exited,
    async stop() {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid, "SIGKILL");
      }
      // Where it could not even be started, there is nothing to wait for.
      await exited.catch(() => undefined);
    },
  };
}

/** Whether a process is running, of any parent. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return !hasEnded(pid);
}

/** Whether all that is left of a process is an entry that its parent has not looked at: in a container, init may never. */
function hasEnded(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    return /^[ZX]/.test(status.slice(status.lastIndexOf(")") + 2));
  } catch {
    // Only Linux has these files.
    return false;
  }
}
