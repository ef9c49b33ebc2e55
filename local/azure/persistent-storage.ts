import path from "node:path";

import type BlobConfiguration from "azurite/dist/src/blob/BlobConfiguration";

/** Files and folders of azurite's blobs or queues in their directory. */
interface StoredContent {
  /** File with the names of blobs or queues. */
  readonly index: string;
  /** Folder of their content. */
  readonly content: string;
  /** Operations on the content at a time. */
  readonly maxConcurrency: number;
}

/** Arguments of the configuration of azurite's blobs or queues: at a free port, without logs, kept between runs. */
export function persistentStorage(
  directory: string,
  { index, content, maxConcurrency }: StoredContent,
): ConstructorParameters<typeof BlobConfiguration> {
  // The SDKs use newer API versions than azurite knows; disable the check.
  const [keepAliveSeconds, accessLog, debugLog, loose, skipApiVersionCheck] = [5, false, false, false, true];
  return [
    "127.0.0.1",
    0,
    keepAliveSeconds,
    path.join(directory, index),
    path.join(directory, "extents.json"),
    [{ locationId: "Default", locationPath: path.join(directory, content), maxConcurrency }],
    accessLog,
    undefined,
    debugLog,
    undefined,
    loose,
    skipApiVersionCheck,
  ];
}
