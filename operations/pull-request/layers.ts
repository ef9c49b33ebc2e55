import { z } from "zod";

import { type Preview, stackStep } from "./preview";

const packages = z.array(z.object({ name: z.string(), version: z.string() }));

/** What `npm run layer -- build --json` prints, as far as it is read here. */
const built = z.object({
  bundles: z.array(z.object({ target: z.string(), path: z.string(), size: z.number(), packages: packages.optional() })),
});

const deployed = z.object({ size: z.number(), packages: z.record(z.string(), z.string()) });

/** What the stack's outputs say of the packages that are deployed. */
const outputs = z
  .object({ layers: z.record(z.string(), deployed).default({}) })
  .catchall(z.object({ package: deployed.optional() }).optional().catch(undefined));

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
  /** Name of the layer, or e.g. `azure package` on clouds whose functions have their packages with them. */
  readonly name: string;
  /** In bytes, of the zip; absent where there is no such layer. */
  readonly sizeBefore?: number;
  readonly sizeAfter?: number;
  readonly packages: readonly PackageChange[];
  /** How many packages stay as they are. */
  readonly unchanged: number;
}

/**
 * The layers that get a new version, and the packages that are uploaded anew, package by package: what the stack's outputs
 * say is deployed, against what was just built. Without `bundles` their content is not known, and they are left out.
 */
export function layerChanges(preview: Preview, bundles: Bundles): LayerChange[] {
  const old = outputs.safeParse(stackStep(preview)?.oldState?.outputs).data;

  return (preview.steps ?? []).flatMap((step) => {
    const inputs = uploading.safeParse(step.newState?.inputs).data;
    if (step.op === "same" || inputs === undefined) return [];
    const bundle = bundles.find(({ path }) => path === (inputs.code ?? inputs.source)?.path);
    if (bundle?.packages === undefined) return [];

    const { layerName } = inputs;
    const was = layerName === undefined ? old?.[bundle.target]?.package : old?.layers[layerName];
    const after = Object.fromEntries(bundle.packages.map(({ name, version }) => [name, version]));
    const all = compare(was?.packages ?? {}, after);
    const changed = all.filter((pkg) => pkg.before !== pkg.after);
    return [
      {
        name: layerName ?? `${bundle.target} package`,
        sizeBefore: was?.size,
        sizeAfter: bundle.size,
        packages: changed,
        unchanged: all.length - changed.length,
      },
    ];
  });
}

const archive = z.object({ path: z.string() }).optional();
/** What a layer version, a blob and a bucket's object are uploaded from. */
const uploading = z.object({ layerName: z.string().optional(), code: archive, source: archive });

function compare(before: Record<string, string>, after: Record<string, string>): PackageChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.map((name) => ({ name, before: before[name], after: after[name] }));
}
