import type { Bundle, Target } from "../../layers/bundle";
import { build } from "../../layers/build";
import { findPython } from "../../local/python";

/** The application's own bundle for a cloud, for the Python that this machine will run it on. */
export async function bundleFor(target: Target): Promise<Bundle & { pythonVersion: string }> {
  const { version } = await findPython("3.12");
  const bundles = await build({
    targets: [target],
    architecture: "x86_64",
    pythonVersion: version,
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  for (const bundle of bundles) if ("pythonVersion" in bundle) return bundle;
  throw new Error(`the builder gave no bundle for ${target}`);
}
