import { createHmac } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";

import TableConfiguration from "azurite/dist/src/table/TableConfiguration";
import TableServer from "azurite/dist/src/table/TableServer";

/** Azurite's own account, whose name and key its documentation publishes: whoever may use it reaches this machine only. */
const account = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/**
 * Table Storage: azurite. The tables of all storage accounts are in one of azurite's, so two accounts cannot have tables of
 * one name here. What was written in the last seconds before a crash may be lost.
 */
export class Tables {
  private constructor(private readonly server: TableServer) {}

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
    return new Tables(server);
  }

  /** @param allowed false for a connection that is refused, as that of an identity without a role. */
  connectionString(allowed: boolean): string {
    const key = allowed ? accountKey : Buffer.alloc(64).toString("base64");
    return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};TableEndpoint=${this.#endpoint};`;
  }

  /** Makes the table, where it is not there yet. */
  createTable(name: string): Promise<void> {
    return this.#call("POST", "Tables", [201, 409], JSON.stringify({ TableName: name }));
  }

  /** Deletes the table and its entities, where it is there. */
  deleteTable(name: string): Promise<void> {
    return this.#call("DELETE", `Tables('${name}')`, [204, 404]);
  }

  close(): Promise<void> {
    return this.server.close();
  }

  get #endpoint(): string {
    return `${this.server.getHttpServerAddress()}/${account}`;
  }

  /** Signed with the account's key (Shared Key Lite, Azure Storage REST API reference). */
  async #call(method: string, resource: string, accepted: readonly number[], body?: string): Promise<void> {
    const date = new Date().toUTCString();
    const signature = createHmac("sha256", Buffer.from(accountKey, "base64"))
      .update(`${date}\n/${account}/${account}/${resource}`)
      .digest("base64");
    const answer = await fetch(`${this.#endpoint}/${resource}`, {
      method,
      body,
      headers: {
        Accept: "application/json;odata=nometadata",
        Authorization: `SharedKeyLite ${account}:${signature}`,
        "Content-Type": "application/json",
        "x-ms-date": date,
        "x-ms-version": "2019-02-02",
      },
    });
    const text = await answer.text();
    if (!accepted.includes(answer.status))
      throw new Error(`Table Storage ${method} ${resource}: ${answer.status} ${text}`);
  }
}
