import type { BundledPackage } from "../layers/bundle";

/**
 * Makes sure that a bundle holds what the code in it imports: a function without it deploys, and then answers 500.
 *
 * @throws naming the packages that are missing.
 */
export function checkPackages(
  name: string,
  bundle: { readonly name: string; readonly packages: readonly BundledPackage[] },
  required: readonly string[] = [],
): void {
  const missing = required.filter((wanted) => !bundle.packages.some((pkg) => pkg.name === wanted));
  if (missing.length > 0) {
    throw new Error(
      `${name}: bundle ${bundle.name} lacks ${missing.join(", ")}, which the function imports; ` +
        `add it to the requirements, then run: npm run layer -- lock`,
    );
  }
}
