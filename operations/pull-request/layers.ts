import { z } from "zod";

import { type Preview, resourceOf, stackStep } from "./preview";

const packages = z.array(z.object({ name: z.string(), version: z.string() }));

/** What `npm run layer -- build --json` prints, as far as it is read here. */
const built = z.object({
  bundles: z.array(z.object({ kind: z.string(), path: z.string(), size: z.number(), packages: packages.optional() })),
});

/** What the stack's outputs say of each layer that is deployed. */
const deployed = z.record(z.string(), z.object({ size: z.number(), packages: z.record(z.string(), z.string()) }));

export type Bundles = z.output<typeof built>["bundles"];

export function parseBundles(text: string): Bundles {
  return built.parse(JSON.parse(text)).bundles;
}

/** A package that another version of a layer has, or has not. */
export interface PackageChange {
  readonly name: string;
  /** Absent where the package is new. */
  readonly before?: string;
  /** Absent where the package goes. */
  readonly after?: string;
}

export interface LayerChange {
  readonly layerName: string;
  /** In bytes, of the zip; absent where there is no such layer. */
  readonly sizeBefore?: number;
  readonly sizeAfter?: number;
  readonly packages: readonly PackageChange[];
  /** How many packages stay as they are. */
  readonly unchanged: number;
}

/**
 * The layers that get a new version, package by package: what the stack's outputs say is deployed, against what was just
 * built. Without `bundles` a layer's new packages are not known, and it is left out.
 */
export function layerChanges(preview: Preview, bundles: Bundles): LayerChange[] {
  const old = deployed.safeParse(stackStep(preview)?.oldState?.outputs.layers);
  const before = old.success ? old.data : {};

  return (preview.steps ?? []).flatMap((step) => {
    if (step.op === "same" || resourceOf(step).type !== "aws:lambda/layerVersion:LayerVersion") return [];
    const inputs = layerInputs.safeParse(step.newState?.inputs);
    if (!inputs.success) return [];
    const { layerName, code } = inputs.data;
    const bundle = bundles.find(({ path }) => path === code.path);
    if (bundle?.packages === undefined) return [];

    const was = before[layerName];
    const after = Object.fromEntries(bundle.packages.map(({ name, version }) => [name, version]));
    const all = compare(was?.packages ?? {}, after);
    const changed = all.filter((pkg) => pkg.before !== pkg.after);
    return [
      {
        layerName,
        sizeBefore: was?.size,
        sizeAfter: bundle.size,
        packages: changed,
        unchanged: all.length - changed.length,
      },
    ];
  });
}

const layerInputs = z.object({ layerName: z.string(), code: z.object({ path: z.string() }) });

function compare(before: Record<string, string>, after: Record<string, string>): PackageChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.map((name) => ({ name, before: before[name], after: after[name] }));
}
