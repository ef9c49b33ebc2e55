import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";
import type { CloudAddress } from "../control";
import { operateOnData, putResource } from "../cloud-process";
import { providers } from "../deployed-functions";
import type { FaultyStore } from "./faults";

/** Name of the drill in which the tables' items are lost, and restored. */
export const restoreDrill = "restore";

export const restoreStory =
  "Every item of the tables is deleted, and restored as each cloud does it: from a moment before, or from a copy.";

/** What a stack's outputs say of its tables. */
const outputsSchema = z.looseObject({
  tables: z.record(z.string(), z.string()).default({}),
  database: z.string().default(""),
  storageAccount: z.string().default(""),
});

/** What is restored. */
export interface Restorable {
  readonly cloud: Cloud;
  /** The cloud's names. */
  readonly tables: readonly string[];
  /** On Google Cloud, where all tables are in one. */
  readonly database: string;
  /** On Azure. */
  readonly storageAccount: string;
}

/** The tables of a stack, cloud by cloud. */
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
  /** Told each command line, as an operator types it for the cloud itself. */
  readonly tell: (line: string) => void;
}

type Input = Readonly<Record<string, string>>;

/** How one cloud loses what is in tables, and how it comes back. */
interface Recovery {
  /** What is done on a schedule, so that there is something to go back to; absent where the cloud keeps it by itself. */
  readonly copy?: (of: Restorable, run: Run) => Promise<Copies>;
  readonly lose: (of: Restorable, run: Run) => Promise<void>;
  readonly restore: (of: Restorable, run: Run, before: Before, tools: RestoreTools) => Promise<void>;
}

/** What was copied of each table, by its name. */
type Copies = ReadonlyMap<string, string>;

/** What there is to go back to. */
interface Before {
  /** In ISO 8601. */
  readonly moment: string;
  readonly copies: Copies;
}

/** Does what a command line says, and tells it. */
type Run = (operation: string, input: Input) => Promise<string>;

const recoveries: Readonly<Record<Cloud, Recovery>> = {
  aws: {
    async lose({ tables }, run) {
      for (const table of tables) await run("dynamodb delete-item", { "table-name": table });
    },
    // DynamoDB restores into a table that is not there: first beside the old one, then under its name.
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
        // What a restored table does not have, until the next update with --refresh.
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

/** A rehearsal on one cloud of this machine. */
export class Rehearsal {
  #before: Before = { moment: "", copies: new Map() };

  constructor(
    private readonly of: Restorable,
    private readonly tools: RestoreTools,
  ) {}

  /** What has to be done in time, then the loss. */
  async lose(): Promise<void> {
    const { copy, lose } = recoveries[this.of.cloud];
    const copies = (await copy?.(this.of, this.#run)) ?? new Map<string, string>();
    this.#before = { moment: new Date().toISOString(), copies };
    // The clouds tell moments apart by milliseconds here, by seconds there.
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
