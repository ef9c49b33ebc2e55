import { mkdirSync } from "node:fs";
import path from "node:path";

import TableConfiguration from "azurite/dist/src/table/TableConfiguration";
import TableServer from "azurite/dist/src/table/TableServer";
import { z } from "zod";

import type { DataOperation } from "../data-plane";
import { forward, listen, type Listener, response } from "../http";
import { account, sharedKeyLite } from "./storage-connection";

/** Access of an identity to the entities of tables. */
export type TableAccess = "none" | "read" | "write";

const reading = ["GET", "HEAD"];

const entitySchema = z.looseObject({ PartitionKey: z.string(), RowKey: z.string() });

/** Path of an entity; quotes in a key are doubled, as in OData literals. */
function addressOf(table: string, { PartitionKey, RowKey }: z.output<typeof entitySchema>): string {
  const [partition, row] = [PartitionKey, RowKey].map((key) => encodeURIComponent(key.replaceAll("'", "''")));
  return `${table}(PartitionKey='${partition ?? ""}',RowKey='${row ?? ""}')`;
}

/** Milliseconds before a request to azurite fails. */
const timeout = 30_000;

/** Table Storage's error for an identity without the necessary role. */
const mismatch = response(403, {
  "odata.error": {
    code: "AuthorizationPermissionMismatch",
    message: {
      lang: "en-US",
      value: "This request is not authorized to perform this operation using this permission.",
    },
  },
});

/**
 * Table Storage: azurite. All storage accounts share one azurite account, so two of them cannot have tables of the same
 * name. Writes in the last seconds before a crash may be lost.
 */
export class Tables {
  private constructor(
    private readonly server: TableServer,
    /** Forwards only read requests, for identities without write access: azurite has no roles. */
    private readonly readOnly: Listener,
  ) {}

  /** @param directory of the tables between runs. */
  static async start(directory: string): Promise<Tables> {
    mkdirSync(directory, { recursive: true });
    const file = path.join(directory, "tables.json");
    // The SDKs use newer API versions than azurite knows; disable the check.
    const [keepAliveSeconds, debugLog, accessLog, loose, skipApiVersionCheck] = [5, false, false, false, true];
    const configuration = new TableConfiguration(
      "127.0.0.1",
      0,
      keepAliveSeconds,
      file,
      debugLog,
      accessLog,
      undefined,
      undefined,
      loose,
      skipApiVersionCheck,
    );
    const server = new TableServer(configuration);
    await server.start();
    const address = new URL(server.getHttpServerAddress()).host;
    const readOnly = await listen((request) =>
      reading.includes(request.method) ? forward(address, request, timeout) : Promise.resolve(mismatch),
    );
    return new Tables(server, readOnly);
  }

  /** Address of the tables for an app. */
  endpoint(access: "read" | "write"): string {
    return access === "read" ? `http://127.0.0.1:${this.readOnly.port}/${account}` : this.#endpoint;
  }

  /** Creates the table if it does not exist. */
  createTable(name: string): Promise<void> {
    return this.#call("POST", "Tables", [201, 409], JSON.stringify({ TableName: name })).then(() => undefined);
  }

  /** Deletes the table and its entities if it exists. */
  deleteTable(name: string): Promise<void> {
    return this.#call("DELETE", `Tables('${name}')`, [204, 404]).then(() => undefined);
  }

  /** Table Storage has no restore: entities are exported and inserted again. */
  readonly data: Readonly<Record<string, DataOperation>> = {
    "storage entity query": async ({ "table-name": name = "" }) =>
      JSON.stringify({ items: await this.#entities(name) }),
    "storage entity insert": async ({ "table-name": name = "", entity = "" }) => {
      const values = entitySchema.parse(JSON.parse(entity));
      // Metadata that the service returns is not a property of the entity.
      const own = Object.entries(values).filter(([key]) => !/^(odata\.|Timestamp\b)/.test(key));
      await this.#call("PUT", addressOf(name, values), [204], JSON.stringify(Object.fromEntries(own)));
      return values.RowKey;
    },
    /** Deletes entities by hand, to simulate an accident. */
    "storage entity delete": async ({ "table-name": name = "" }) => {
      const entities = await this.#entities(name);
      for (const entity of entities) await this.#call("DELETE", addressOf(name, entity), [204], undefined, "*");
      return String(entities.length);
    },
  };

  async #entities(table: string): Promise<z.output<typeof entitySchema>[]> {
    const answer = await this.#call("GET", `${table}()`, [200]);
    return z.object({ value: z.array(entitySchema) }).parse(JSON.parse(answer)).value;
  }

  async close(): Promise<void> {
    await Promise.all([this.server.close(), this.readOnly.close()]);
  }

  get #endpoint(): string {
    return `${this.server.getHttpServerAddress()}/${account}`;
  }

  /** Signed with the account's key (Shared Key Lite, Azure Storage REST API reference). */
  async #call(
    method: string,
    resource: string,
    accepted: readonly number[],
    body?: string,
    ifMatch?: string,
  ): Promise<string> {
    const date = new Date().toUTCString();
    const answer = await fetch(`${this.#endpoint}/${resource}`, {
      method,
      body,
      headers: {
        // The response names the types of values, which inserting them again requires.
        Accept: "application/json;odata=minimalmetadata",
        ...(ifMatch !== undefined && { "If-Match": ifMatch }),
        Authorization: sharedKeyLite(`${date}\n/${account}/${account}/${resource}`),
        "Content-Type": "application/json",
        "x-ms-date": date,
        "x-ms-version": "2019-02-02",
      },
    });
    const text = await answer.text();
    if (!accepted.includes(answer.status))
      throw new Error(`Table Storage ${method} ${resource}: ${answer.status} ${text}`);
    return text;
  }
}
