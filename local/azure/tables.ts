import { mkdirSync } from "node:fs";
import path from "node:path";

import TableConfiguration from "azurite/dist/src/table/TableConfiguration";
import TableServer from "azurite/dist/src/table/TableServer";
import { z } from "zod";

import type { DataOperation } from "../data-plane";
import { forward, listen, type Listener, response } from "../http";
import { account, sharedKeyLite } from "./storage-connection";

/** What an identity may do with the entities of tables. */
export type TableAccess = "none" | "read" | "write";

const reading = ["GET", "HEAD"];

const entitySchema = z.looseObject({ PartitionKey: z.string(), RowKey: z.string() });

/** Path of an entity; quotes within a key are doubled, as OData writes text. */
function addressOf(table: string, { PartitionKey, RowKey }: z.output<typeof entitySchema>): string {
  const [partition, row] = [PartitionKey, RowKey].map((key) => encodeURIComponent(key.replaceAll("'", "''")));
  return `${table}(PartitionKey='${partition ?? ""}',RowKey='${row ?? ""}')`;
}

/** Milliseconds that an answer of azurite may take. */
const patience = 30_000;

/** As Table Storage refuses an identity whose role does not allow an operation. */
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
 * Table Storage: azurite. The tables of all storage accounts are in one of azurite's, so two accounts cannot have tables of
 * one name here. What was written in the last seconds before a crash may be lost.
 */
export class Tables {
  private constructor(
    private readonly server: TableServer,
    /** Passes on what reads, for identities that may do no more: azurite knows no roles. */
    private readonly readOnly: Listener,
  ) {}

  /** @param directory where the tables are kept between runs. */
  static async start(directory: string): Promise<Tables> {
    mkdirSync(directory, { recursive: true });
    const file = path.join(directory, "tables.json");
    // SDKs are ahead of the API versions that azurite knows, so it is not to check them.
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
      reading.includes(request.method) ? forward(address, request, patience) : Promise.resolve(mismatch),
    );
    return new Tables(server, readOnly);
  }

  /** Where an app reaches the tables. */
  endpoint(access: "read" | "write"): string {
    return access === "read" ? `http://127.0.0.1:${this.readOnly.port}/${account}` : this.#endpoint;
  }

  /** Makes the table, where it is not there yet. */
  createTable(name: string): Promise<void> {
    return this.#call("POST", "Tables", [201, 409], JSON.stringify({ TableName: name })).then(() => undefined);
  }

  /** Deletes the table and its entities, where it is there. */
  deleteTable(name: string): Promise<void> {
    return this.#call("DELETE", `Tables('${name}')`, [204, 404]).then(() => undefined);
  }

  /** Table Storage restores nothing: its entities are copied away, and put back. */
  readonly data: Readonly<Record<string, DataOperation>> = {
    "storage entity query": async ({ "table-name": name = "" }) =>
      JSON.stringify({ items: await this.#entities(name) }),
    "storage entity insert": async ({ "table-name": name = "", entity = "" }) => {
      const values = entitySchema.parse(JSON.parse(entity));
      // What the service says of an entity is no property of it.
      const own = Object.entries(values).filter(([key]) => !/^(odata\.|Timestamp\b)/.test(key));
      await this.#call("PUT", addressOf(name, values), [204], JSON.stringify(Object.fromEntries(own)));
      return values.RowKey;
    },
    /** By hand, as an accident does it. */
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
        // The types of values are named, so that they can be put back.
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
