import type { InstalledWheel } from "./merge";
import { inStandardLibrary } from "./standard-library";

/**
 * `.pth` files that have no effect on today's Python: they declare namespace packages, or activate setuptools'
 * distutils.
 */
const needless = /(-nspkg|^distutils-precedence)\.pth$/;

/**
 * Warnings, one line each, about packages that behave differently in an installer's site-packages and on a search path
 * (`PYTHONPATH`), which is where Lambda's layers and the packages of Azure Functions are.
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
          `for every package; remove ${wheel.name} from the requirements unless that is intended`,
      ),
      ...startup.map(
        (path) =>
          `Warning: ${wheel.name} ${wheel.version} brings ${path}, which Python reads in its own site-packages only, so not in a ` +
          `function; import in the application's code what it would have set up`,
      ),
    ];
  });
}

/** The top-level module that a file is, or whose package it creates. */
function topModule(path: string): string | undefined {
  return /^([A-Za-z_]\w*)(\/__init__)?(\.py|\.(cpython-|abi3)[^/]*\.so|\.so)$/.exec(path)?.[1];
}
