import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { afterEach, describe, expect, it, vi } from "vitest";

import { findPython, pythonEnvironment } from "../../layers/python";
import { temporaryDirectory } from "../local/resources";

describe("Python", () => {
  it("has the requested version, or reports another one", async () => {
    for (const version of ["3.12", "3.99"]) {
      const python = await findPython(version);
      const actual = execFileSync(python.executable, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
      expect(python.version).toBe(actual.toString().trim());
      expect(python.exact).toBe(python.version === version);
    }
    expect((await findPython("3.99")).exact).toBe(false);
  });

  it("has an environment with only the standard library if nothing is installed", async () => {
    const interpreter = await pythonEnvironment(await findPython("3.12"), "empty", []);
    const script = "from importlib.metadata import distributions; print(list(distributions()))";
    expect(execFileSync(interpreter, ["-s", "-c", script], { env: {} }).toString().trim()).toBe("[]");
  });
});

describe("without any Python,", () => {
  const programs = temporaryDirectory();
  const installed = path.join(programs, "python3.12");

  /** A fake uv, which finds what it has installed. */
  async function withUv(install: string): Promise<typeof findPython> {
    const script = `#!/bin/sh
case "$1 $2" in
  --version*) echo uv 0.9.0 ;;
  "python find") [ -x ${installed} ] && echo ${installed} ;;
  "python install") ${install} ;;
esac
`;
    writeFileSync(path.join(programs, "uv"), script, { mode: 0o755 });
    vi.stubEnv("PATH", `${programs}:/usr/bin:/bin`);
    vi.stubEnv("PYENV_ROOT", programs);
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    vi.resetModules();
    return (await import("../../layers/python")).findPython;
  }

  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  it("the error says why none could be downloaded, and what to install", async () => {
    const find = await withUv("echo error: no network >&2; exit 2");
    await expect(find("3.12")).rejects.toThrow(
      /no Python 3\.10 or newer on this machine, and Python 3\.12 could not be fetched: error: no network; install it/,
    );
  });

  it("uv downloads one, with a message", async () => {
    const find = await withUv(`printf '#!/bin/sh\\necho 3.12\\n' > ${installed}; chmod +x ${installed}`);
    expect(await find("3.12")).toEqual({ executable: installed, version: "3.12", exact: true });
    const told = vi
      .mocked(process.stderr)
      .write.mock.calls.map(([text]) => String(text))
      .join("");
    expect(told).toContain("uv fetches Python 3.12");
  });
});
