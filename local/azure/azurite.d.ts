declare module "azurite/dist/src/table/TableConfiguration" {
  export default class TableConfiguration {
    readonly metadataDBPath: string;
    constructor(
      host?: string,
      port?: number,
      /** Seconds. */
      keepAliveTimeout?: number,
      /** File with the tables. */
      metadataDBPath?: string,
      enableDebugLog?: boolean,
      enableAccessLog?: boolean,
      accessLogWriteStream?: NodeJS.WritableStream,
      debugLogFilePath?: string,
      loose?: boolean,
      skipApiVersionCheck?: boolean,
    );
  }
}

declare module "azurite/dist/src/blob/BlobConfiguration" {
  export default class BlobConfiguration {
    readonly metadataDBPath: string;
    constructor(
      host?: string,
      port?: number,
      /** Seconds. */
      keepAliveTimeout?: number,
      /** File with the names of blobs or queues. */
      metadataDBPath?: string,
      /** File with the positions of the content. */
      extentDBPath?: string,
      /** Folders with the content. */
      persistencePathArray?: readonly { locationId: string; locationPath: string; maxConcurrency: number }[],
      enableAccessLog?: boolean,
      accessLogWriteStream?: NodeJS.WritableStream,
      enableDebugLog?: boolean,
      debugLogFilePath?: string,
      loose?: boolean,
      skipApiVersionCheck?: boolean,
    );
  }
}

declare module "azurite/dist/src/blob/BlobServer" {
  import type BlobConfiguration from "azurite/dist/src/blob/BlobConfiguration";

  export default class BlobServer {
    constructor(configuration: BlobConfiguration);
    start(): Promise<void>;
    close(): Promise<void>;
    /** E.g. `http://127.0.0.1:10000`. */
    getHttpServerAddress(): string;
  }
}

declare module "azurite/dist/src/queue/QueueConfiguration" {
  export { default } from "azurite/dist/src/blob/BlobConfiguration";
}

declare module "azurite/dist/src/queue/QueueServer" {
  export { default } from "azurite/dist/src/blob/BlobServer";
}

declare module "azurite/dist/src/table/TableServer" {
  import type TableConfiguration from "azurite/dist/src/table/TableConfiguration";

  export default class TableServer {
    constructor(configuration: TableConfiguration);
    start(): Promise<void>;
    close(): Promise<void>;
    /** E.g. `http://127.0.0.1:10002`. */
    getHttpServerAddress(): string;
  }
}
