import { existsSync } from "node:fs";

import * as yauzl from "yauzl";
import { z } from "zod";

import type { Cloud } from "../../contract/clouds";
import type { StateResource } from "../stack-state";
import { nameIn } from "../../contract/urn";

/** A deployed archive and its largest parts. */
export interface Packed {
  readonly cloud: Cloud;
  readonly name: string;
  /** Bytes of the unpacked content. */
  readonly size: number;
  /** Largest first. */
  readonly parts: readonly { readonly name: string; readonly size: number }[];
}

const asset = z.looseObject({ path: z.string().optional() });

/** The archives of each type, and how a file in them is assigned to a part. */
const archives: Readonly<
  Record<string, { readonly cloud: Cloud; readonly input: string; readonly below: readonly string[] }>
> = {
  "aws:lambda/layerVersion:LayerVersion": { cloud: "aws", input: "code", below: ["python/"] },
  "aws:lambda/function:Function": { cloud: "aws", input: "code", below: [] },
  "azure-native:storage:Blob": { cloud: "azure", input: "source", below: [".python_packages/lib/site-packages/"] },
  "gcp:storage/bucketObject:BucketObject": { cloud: "gcp", input: "source", below: ["wheels/"] },
};

/** The archives that a stack has deployed. */
export async function packedIn(resources: readonly StateResource[]): Promise<Packed[]> {
  const found = resources.map(async ({ type, urn, inputs }): Promise<Packed[]> => {
    const archive = archives[type];
    const file = archive && asset.safeParse(inputs[archive.input]).data?.path;
    if (archive === undefined || file === undefined || !file.endsWith(".zip") || !existsSync(file)) return [];
    return [{ cloud: archive.cloud, name: nameIn(urn), ...(await contentOf(file, archive.below)) }];
  });
  return (await Promise.all(found)).flat();
}

async function contentOf(file: string, below: readonly string[]): Promise<Pick<Packed, "size" | "parts">> {
  const sizes = new Map<string, number>();
  const zip = await yauzl.openPromise(file);
  for await (const { fileName, uncompressedSize } of zip.eachEntry()) {
    const part = partOf(fileName, below);
    sizes.set(part, (sizes.get(part) ?? 0) + uncompressedSize);
  }
  const parts = [...sizes].map(([name, size]) => ({ name, size })).sort((a, b) => b.size - a.size);
  return { size: parts.reduce((sum, { size }) => sum + size, 0), parts };
}

/** `python/pydantic/main.py` and `python/pydantic-2.11.7.dist-info/METADATA` are parts of pydantic. */
function partOf(fileName: string, below: readonly string[]): string {
  const prefix = below.find((each) => fileName.startsWith(each));
  if (below.length > 0 && prefix === undefined) return "application";
  const [top = "", ...rest] = fileName.slice(prefix?.length ?? 0).split("/");
  const name = rest.length === 0 ? top.replace(/(-\d[^-]*(-.*)?)?\.(whl|py|so)$/, "") : top;
  return name
    .replace(/-[^-]+\.(dist-info|data)$/, "")
    .replace(/\.libs$/, "")
    .replaceAll("-", "_")
    .toLowerCase();
}
