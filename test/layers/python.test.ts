import { execFileSync } from "node:child_process";

import { describe, expect, it } from "vitest";

import { findPython, pythonEnvironment } from "../../layers/python";

describe("Python", () => {
  it("is of the version that was asked for, or says that it is another", async () => {
    for (const version of ["3.12", "3.99"]) {
      const python = await findPython(version);
      const actual = execFileSync(python.executable, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
      expect(python.version).toBe(actual.toString().trim());
      expect(python.exact).toBe(python.version === version);
    }
    expect((await findPython("3.99")).exact).toBe(false);
  });

  it("has an environment with nothing but the standard library where nothing is installed", async () => {
    const interpreter = await pythonEnvironment(await findPython("3.12"), "empty", []);
    const script = "from importlib.metadata import distributions; print(list(distributions()))";
    expect(execFileSync(interpreter, ["-s", "-c", script], { env: {} }).toString().trim()).toBe("[]");
  });
});
