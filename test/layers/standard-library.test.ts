import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { pythonVersions } from "../../contract/pythons";
import { findPython } from "../../layers/python";
import { inStandardLibrary, standardLibrary } from "../../layers/standard-library";

const run = promisify(execFile);

/** Lists all modules of an interpreter, including those in packages. */
const listing = `
import json, os, pkgutil, sys, sysconfig

folder = sysconfig.get_path("stdlib")
found = set(sys.stdlib_module_names)

def below(path, prefix):
    for module in pkgutil.iter_modules([path]):
        found.add(prefix + module.name)
        if module.ispkg:
            below(os.path.join(path, module.name), prefix + module.name + ".")

for name in sys.stdlib_module_names:
    path = os.path.join(folder, name)
    if os.path.isdir(path):
        below(path, name + ".")
print(json.dumps(sorted(found)))
`;

/** Modules that do not exist on Linux, and the library's own tests, which runtimes omit. */
const elsewhere =
  /^(ctypes\.macholib|_msi|_overlapped|_scproxy|_winapi|_winreg|_wmi|_testconsole|msilib|msvcrt|nt|winreg|winsound)(\.|$)|(^|\.)(tests?|__main__)(\.|$)/;

describe.each(pythonVersions)("the list of Python %s", (version) => {
  it("has every module of the local interpreter", async ({ skip }) => {
    const python = await findPython(version);
    if (!python.exact) {
      console.warn(`there is no Python ${version} here to compare with`);
      return skip(`there is no Python ${version} here`);
    }
    const { stdout } = await run(python.executable, ["-I", "-S", "-c", listing], { maxBuffer: 16 * 1024 * 1024 });
    const modules = (JSON.parse(stdout) as string[]).filter((module) => !elsewhere.test(module));
    expect(modules.filter((module) => !inStandardLibrary(module, version))).toEqual([]);
    // A listed module that does not exist would hide a missing import.
    const known = new Set(modules);
    const builtIn = new Set(["__main__", "os.path"]);
    expect(standardLibrary(version).filter((module) => !known.has(module) && !builtIn.has(module))).toEqual([]);
  });
});
