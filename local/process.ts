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
  /** The complete environment; no variable of this process is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Called with each line of standard output and standard error. */
  readonly onLine: (line: string) => void;
  /** Called with how a server ended that was to go on. Default: nothing. */
  readonly onEnd?: (how: string) => void;
}

export interface PythonProcess {
  readonly pid: number;
  /** Exit status, e.g. `exit status 1` or `signal: killed`; resolves after the last line. */
  readonly exited: Promise<string>;
  /** Kills the process and its children, and waits for their end. May be called again. */
  stop(): Promise<void>;
}

/**
 * Runs a Python program that ends with this process, even if this process is killed: see `supervised.py`.
 *
 * Python writes no bytecode, since the mounted folders are read-only, and ignores the user's own packages.
 */
export function startPython(options: PythonProcessOptions): PythonProcess {
  const child = spawn(
    options.python,
    ["-s", "-B", path.join(__dirname, "supervised.py"), options.program, ...(options.args ?? [])],
    {
      cwd: options.directory,
      env: options.environment,
      // Fd 3 stays open as long as this process lives. A separate process group, so that this process handles Ctrl-C,
      // and a kill reaches all children.
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
      // If the start failed, there is nothing to wait for.
      await exited.catch(() => undefined);
    },
  };
}

/** Whether a process is running, whoever started it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return !hasEnded(pid);
}

/** Whether a process is a zombie: in a container, init may never reap it. */
function hasEnded(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    return /^[ZX]/.test(status.slice(status.lastIndexOf(")") + 2));
  } catch {
    // These files exist only on Linux.
    return false;
  }
}
