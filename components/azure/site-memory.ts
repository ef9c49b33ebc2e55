import * as authorization from "@pulumi/azure-native/authorization";
import * as storage from "@pulumi/azure-native/storage";
import type * as pulumi from "@pulumi/pulumi";

import { compactName, compactNameLimits, type Scope } from "../names";
import { resourceGroupName, unlessAbsent } from "./serving-colours";

/** Which files of a site have a hash in their names: the site's storage cannot be asked for them. */
export interface SiteMemory {
  /** Of the release that was uploaded last. */
  readonly files: readonly string[];
  /** Of the one before, as far as they are there. */
  readonly before: readonly string[];
}

/** Container whose metadata is the memory; nothing is in it. */
export const memoryContainer = "site-files";

/**
 * Bytes of metadata that the memory takes: a container has 8 KB (Azure Blob Storage, "Setting and retrieving properties and
 * metadata"), names included.
 */
const limit = 7_500;

/** The site of the last update that came to its end; undefined before the first. */
export async function rememberedSite(scope: Scope, opts?: pulumi.InvokeOptions): Promise<SiteMemory | undefined> {
  const { subscriptionId } = await authorization.getClientConfig(opts);
  const accountName = compactName(scope, "web", compactNameLimits.storageAccount, subscriptionId);
  const args = { resourceGroupName: resourceGroupName(scope), accountName, containerName: memoryContainer };
  const metadata = (await unlessAbsent(storage.getBlobContainer(args, opts)))?.metadata;
  return metadata && { files: list(metadata.files), before: list(metadata.before) };
}

/**
 * The files of the release before, which pages that were loaded then still ask for: they stay for one release.
 *
 * @param files what is uploaded now.
 */
export function keptOf(memory: SiteMemory | undefined, files: readonly string[]): readonly string[] {
  if (memory === undefined) return [];
  const isSame = memory.files.length === files.length && files.every((file) => memory.files.includes(file));
  return (isSame ? memory.before : memory.files).filter((file) => !files.includes(file));
}

/** The memory as a container's metadata, without the files of before that there is no room for. */
export function asMetadata({ files, before }: SiteMemory): Record<string, string> {
  const text = (names: readonly string[]) => names.map((name) => encodeURIComponent(name)).join(" ");
  const fitting = before.filter((_, index) => text([...files, ...before.slice(0, index + 1)]).length <= limit);
  // Without the files themselves the next release knows of none, and deletes those of before at once.
  return text(files).length > limit ? {} : { files: text(files), before: text(fitting) };
}

const list = (text = ""): string[] => text.split(" ").filter(Boolean).map(decodeURIComponent);
