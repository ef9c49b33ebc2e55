import * as authorization from "@pulumi/azure-native/authorization";
import * as storage from "@pulumi/azure-native/storage";
import type * as pulumi from "@pulumi/pulumi";

import { compactName, compactNameLimits, type Scope } from "../names";
import { resourceGroupName, unlessAbsent } from "./serving-colours";

/** The site's files with a hash in their names. They are recorded, since the site's storage cannot be listed. */
export interface SiteMemory {
  /** Files of the latest release. */
  readonly files: readonly string[];
  /** Files of the previous release that still exist. */
  readonly before: readonly string[];
}

/** Empty container whose metadata is the record. */
export const memoryContainer = "site-files";

/**
 * Bytes of metadata for the record: a container has 8 KB, including names (Azure Blob Storage, "Setting and retrieving
 * properties and metadata").
 */
const limit = 7_500;

/** The site of the last successful update; undefined before the first. */
export async function rememberedSite(scope: Scope, opts?: pulumi.InvokeOptions): Promise<SiteMemory | undefined> {
  const { subscriptionId } = await authorization.getClientConfig(opts);
  const accountName = compactName(scope, "web", compactNameLimits.storageAccount, subscriptionId);
  const args = { resourceGroupName: resourceGroupName(scope), accountName, containerName: memoryContainer };
  const metadata = (await unlessAbsent(storage.getBlobContainer(args, opts)))?.metadata;
  return metadata && { files: list(metadata.files), before: list(metadata.before) };
}

/**
 * The previous release's files, which open pages still load: they stay for one release.
 *
 * @param files the files of this release.
 */
export function keptOf(memory: SiteMemory | undefined, files: readonly string[]): readonly string[] {
  if (memory === undefined) return [];
  const isSame = memory.files.length === files.length && files.every((file) => memory.files.includes(file));
  return (isSame ? memory.before : memory.files).filter((file) => !files.includes(file));
}

/** The record as a container's metadata, without previous files that do not fit. */
export function asMetadata({ files, before }: SiteMemory): Record<string, string> {
  const text = (names: readonly string[]) => names.map((name) => encodeURIComponent(name)).join(" ");
  const fitting = before.filter((_, index) => text([...files, ...before.slice(0, index + 1)]).length <= limit);
  // If the files do not fit, the next release does not know them and deletes the previous ones at once.
  return text(files).length > limit ? {} : { files: text(files), before: text(fitting) };
}

const list = (text = ""): string[] => text.split(" ").filter(Boolean).map(decodeURIComponent);
