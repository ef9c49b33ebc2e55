import { z } from "zod";

import { type Preview, stackStep } from "./preview";

const packages = z.array(z.object({ name: z.string(), version: z.string() }));

/** The parts of `npm run layer -- build --json` that are read here. */
const built = z.object({
  bundles: z.array(z.object({ target: z.string(), path: z.string(), size: z.number(), packages: packages.optional() })),
});

const deployed = z.object({ size: z.number(), packages: z.record(z.string(), z.string()) });

/** The stack's outputs about the deployed packages. */
const outputs = z
  .object({ layers: z.record(z.string(), deployed).default({}) })
  .catchall(z.object({ package: deployed.optional() }).optional().catch(undefined));

export type Bundles = z.output<typeof built>["bundles"];

export function parseBundles(text: string): Bundles {
  return built.parse(JSON.parse(text)).bundles;
}

/** A package whose version differs between two versions of a layer. */
export interface PackageChange {
  readonly name: string;
  /** Absent if the package is new. */
  readonly before?: string;
  /** Absent if the package is removed. */
  readonly after?: string;
}

export interface LayerChange {
  /** Name of the layer, or e.g. `azure package` on clouds without layers. */
  readonly name: string;
  /** Size of the zip in bytes; absent if there is no such layer. */
  readonly sizeBefore?: number;
  readonly sizeAfter?: number;
  readonly packages: readonly PackageChange[];
  /** Number of unchanged packages. */
  readonly unchanged: number;
}

/**
 * Changes of each layer and uploaded package, by Python package: the stack's outputs compared with the new build. Empty
 * without `bundles`, which have the content.
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
/** The inputs with the uploaded file, of a layer version, a blob and a bucket object. */
const uploading = z.object({ layerName: z.string().optional(), code: archive, source: archive });

function compare(before: Record<string, string>, after: Record<string, string>): PackageChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.map((name) => ({ name, before: before[name], after: after[name] }));
}
