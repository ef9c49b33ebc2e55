import { createHmac } from "node:crypto";

import { afterAll, beforeAll, expect, it } from "vitest";

import { connectionString } from "../../../local/azure/storage-connection";
import { type TableAccess, Tables } from "../../../local/azure/tables";
import { temporaryDirectory } from "../resources";

let tables: Tables;

beforeAll(async () => {
  tables = await Tables.start(temporaryDirectory());
  await tables.createTable("messages");
});
afterAll(() => tables.close());

/** A request as an SDK sends it with a connection string. */
function request(access: TableAccess, method: string, resource: string, body?: object): Promise<Response> {
  const endpoints = { TableEndpoint: tables.endpoint(access === "read" ? "read" : "write") };
  const connection = connectionString(endpoints, { refused: access === "none" });
  const field = (name: string) => new RegExp(`${name}=([^;]+)`).exec(connection)?.[1] ?? "";
  const [account, date] = [field("AccountName"), new Date().toUTCString()];
  const signature = createHmac("sha256", Buffer.from(field("AccountKey"), "base64"))
    .update(`${date}\n/${account}/${account}/${resource}`)
    .digest("base64");
  return fetch(`${field("TableEndpoint")}/${resource}`, {
    method,
    body: body && JSON.stringify(body),
    headers: {
      Accept: "application/json;odata=nometadata",
      Authorization: `SharedKeyLite ${account}:${signature}`,
      "Content-Type": "application/json",
      "x-ms-date": date,
      "x-ms-version": "2019-02-02",
    },
  });
}

const write = (access: TableAccess) => request(access, "POST", "messages", { PartitionKey: "p", RowKey: access });
const read = (access: TableAccess) => request(access, "GET", "messages()");

it("lets an identity do what its role allows", async () => {
  expect((await write("write")).status).toBe(201);
  const refused = await write("read");
  expect(refused.status).toBe(403);
  expect(await refused.text()).toContain("AuthorizationPermissionMismatch");
  expect(await (await read("read")).json()).toMatchObject({ value: [{ RowKey: "write" }] });
  expect([(await write("none")).status, (await read("none")).status]).toEqual([403, 403]);
});
