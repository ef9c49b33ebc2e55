import type { InstalledWheel } from "./merge";
import { inStandardLibrary } from "./standard-library";

/** What a `.pth` file sets up that Python has by itself today: namespace packages, and the distutils that setuptools brings. */
const needless = /(-nspkg|^distutils-precedence)\.pth$/;

/**
 * What packages do in an installer's directory of packages, and otherwise on a search path (`PYTHONPATH`), which Lambda's layers
 * and the packages of Azure Functions are on: a line each.
 */
export function surprisesOf(wheels: readonly InstalledWheel[], pythonVersion: string): string[] {
  return wheels.flatMap(({ wheel, paths }) => {
    const hidden = new Set(
      paths.flatMap((path) => topModule(path) ?? []).filter((name) => inStandardLibrary(name, pythonVersion)),
    );
    const startup = paths.filter((path) => /^[^/]+\.pth$/.test(path) && !needless.test(path));
    return [
      ...[...hidden].map(
        (name) =>
          `Warning: ${wheel.name} ${wheel.version} brings the module ${name}, which takes the place of Python ${pythonVersion}'s own ` +
          `for every package; remove ${wheel.name} from the requirements unless that is meant`,
      ),
      ...startup.map(
        (path) =>
          `Warning: ${wheel.name} ${wheel.version} brings ${path}, which Python reads in its own site-packages only, so not in a ` +
          `function; import in the application's code what it would have set up`,
      ),
    ];
  });
}

/** The module that a file is, or whose package it makes, where it is imported by one name. */
function topModule(path: string): string | undefined {
  return /^([A-Za-z_]\w*)(\/__init__)?(\.py|\.(cpython-|abi3)[^/]*\.so|\.so)$/.exec(path)?.[1];
}
