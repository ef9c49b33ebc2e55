import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";
import type { CloudAddress } from "../control";
import { operateOnData, putResource } from "../cloud-process";
import { providers } from "../deployed-functions";
import type { FaultyStore } from "./faults";

/** Name of the drill that deletes and restores the tables' items. */
export const restoreDrill = "restore";

export const restoreStory =
  "Every item of the tables is deleted, and restored as each cloud does it: from a moment before, or from a copy.";

/** The tables in a stack's outputs. */
const outputsSchema = z.looseObject({
  tables: z.record(z.string(), z.string()).default({}),
  database: z.string().default(""),
  storageAccount: z.string().default(""),
});

/** The tables to restore. */
export interface Restorable {
  readonly cloud: Cloud;
  /** Names on the cloud. */
  readonly tables: readonly string[];
  /** On Google Cloud, the database with all tables. */
  readonly database: string;
  /** On Azure. */
  readonly storageAccount: string;
}

/** The tables of a stack, by cloud. */
export function restorables(outputs: Readonly<Record<string, unknown>>): Restorable[] {
  return clouds.flatMap((cloud) => {
    if (!(cloud in outputs)) return [];
    const { tables, database, storageAccount } = outputsSchema.parse(outputs[cloud]);
    const names = Object.values(tables);
    return names.length === 0 ? [] : [{ cloud, tables: names, database, storageAccount }];
  });
}

export interface RestoreTools {
  readonly address: CloudAddress;
  /** The cloud's resources. */
  readonly store: FaultyStore;
  /** Receives each command line, as an operator would type it for the live cloud. */
  readonly tell: (line: string) => void;
}

type Input = Readonly<Record<string, string>>;

/** How one cloud loses the items of tables, and how it restores them. */
interface Recovery {
  /** The backup that an operator schedules; absent if the cloud keeps one itself. */
  readonly copy?: (of: Restorable, run: Run) => Promise<Copies>;
  readonly lose: (of: Restorable, run: Run) => Promise<void>;
  readonly restore: (of: Restorable, run: Run, before: Before, tools: RestoreTools) => Promise<void>;
}

/** The copy of each table, by its name. */
type Copies = ReadonlyMap<string, string>;

/** The point to which the tables are restored. */
interface Before {
  /** In ISO 8601. */
  readonly moment: string;
  readonly copies: Copies;
}

/** Runs a command line and reports it. */
type Run = (operation: string, input: Input) => Promise<string>;

const recoveries: Readonly<Record<Cloud, Recovery>> = {
  aws: {
    async lose({ tables }, run) {
      for (const table of tables) await run("dynamodb delete-item", { "table-name": table });
    },
    // DynamoDB restores only into a new table: first beside the old one, then, from a backup, under its name.
    async restore({ tables }, run, { moment }, { address, store }) {
      for (const table of tables) {
        const restored = `${table}-restored`;
        const from = { "source-table-name": table, "restore-date-time": moment };
        await run("dynamodb restore-table-to-point-in-time", { ...from, "target-table-name": restored });
        const arn = await run("dynamodb create-backup", { "table-name": restored, "backup-name": restored });
        await run("dynamodb delete-table", { "table-name": table });
        await run("dynamodb restore-table-from-backup", { "target-table-name": table, "backup-arn": arn });
        await run("dynamodb delete-table", { "table-name": restored });
        const resource = store.get("aws:dynamodb/table:Table", table);
        if (resource === undefined) continue;
        // A restored table lacks these settings until the next update with --refresh.
        const { pointInTimeRecovery: _, tags: __, ...inputs } = resource.inputs;
        await putResource(address, { ...resource, cloud: providers.aws, inputs });
      }
    },
  },
  azure: {
    async copy({ tables, storageAccount }, run) {
      const copies = new Map<string, string>();
      for (const table of tables) {
        const input = { "account-name": storageAccount, "table-name": table };
        copies.set(table, await run("storage entity query", input));
      }
      return copies;
    },
    async lose({ tables, storageAccount }, run) {
      for (const table of tables) {
        await run("storage entity delete", { "account-name": storageAccount, "table-name": table });
      }
    },
    async restore({ tables, storageAccount }, run, { copies }) {
      for (const table of tables) {
        const { items } = z.object({ items: z.array(z.looseObject({})) }).parse(JSON.parse(copies.get(table) ?? "{}"));
        for (const item of items) {
          const input = { "account-name": storageAccount, "table-name": table, "if-exists": "replace" };
          await run("storage entity insert", { ...input, entity: JSON.stringify(item) });
        }
      }
    },
  },
  gcp: {
    async lose({ database }, run) {
      await run("firestore bulk-delete", { database });
    },
    async restore({ database }, run, { moment }) {
      const folder = "gs://BUCKET/restore";
      await run("firestore export", { folder, database, "snapshot-time": moment });
      await run("firestore import", { folder, database });
    },
  },
};

const programs: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "az", gcp: "gcloud" };

/** A rehearsal on one local cloud. */
export class Rehearsal {
  #before: Before = { moment: "", copies: new Map() };

  constructor(
    private readonly of: Restorable,
    private readonly tools: RestoreTools,
  ) {}

  /** Makes the backup, then deletes the items. */
  async lose(): Promise<void> {
    const { copy, lose } = recoveries[this.of.cloud];
    const copies = (await copy?.(this.of, this.#run)) ?? new Map<string, string>();
    this.#before = { moment: new Date().toISOString(), copies };
    // Local clouds distinguish milliseconds, live ones seconds.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await lose(this.of, this.#run);
  }

  restore(): Promise<void> {
    return recoveries[this.of.cloud].restore(this.of, this.#run, this.#before, this.tools);
  }

  readonly #run: Run = (operation, input) => {
    const { cloud } = this.of;
    const options = Object.entries(input).map(([name, value]) => `--${name} ${name === "entity" ? "..." : value}`);
    this.tools.tell(`  ${[programs[cloud], operation, ...options].join(" ")}`);
    return operateOnData(this.tools.address, { cloud: providers[cloud], operation, input });
  };
}
