declare module "dynalite" {
  import type { Server } from "node:http";

  export interface DynaliteOptions {
    /** Folder of the LevelDB store. Default: in memory. */
    readonly path?: string;
    /** Milliseconds that a table stays in CREATING. Default: 500. */
    readonly createTableMs?: number;
    /** Milliseconds that a table stays in DELETING. Default: 500. */
    readonly deleteTableMs?: number;
  }

  /** A server with DynamoDB's protocol; closing it closes the store. */
  export default function dynalite(options?: DynaliteOptions): Server;
}
