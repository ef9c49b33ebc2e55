import { createHmac } from "node:crypto";

import { response } from "../http";

/** Azurite's account, with the name and key from its documentation: it gives access to nothing but local data. */
export const account = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Error of the queue and blob services for an identity without the necessary role. */
export const permissionMismatch = response(
  403,
  '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthorizationPermissionMismatch</Code><Message>This request is not ' +
    "authorized to perform this operation using this permission.</Message></Error>",
  [["Content-Type", "application/xml"]],
);

/** Addresses of the services that an identity may use, by their key in a connection string. */
export type Endpoints = Readonly<Partial<Record<"TableEndpoint" | "QueueEndpoint" | "BlobEndpoint", string>>>;

/** Connection string that replaces a connection by managed identity in an app's environment. */
export function connectionString(endpoints: Endpoints, { refused }: { readonly refused: boolean }): string {
  const key = refused ? Buffer.alloc(64).toString("base64") : accountKey;
  const addresses = Object.entries(endpoints).map(([name, endpoint]) => `${name}=${endpoint};`);
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};${addresses.join("")}`;
}

/** The `Authorization` header, signed with the account's key (Azure Storage REST API, "Shared Key Lite"). */
export function sharedKeyLite(toSign: string): string {
  return `SharedKeyLite ${account}:${signature(toSign)}`;
}

function signature(toSign: string): string {
  return createHmac("sha256", Buffer.from(accountKey, "base64")).update(toSign).digest("base64");
}

/**
 * Asks the queue or blob service of azurite, as the account's owner (Azure Storage REST API, "Shared Key").
 *
 * @param resource path below the account.
 */
export function storageRequest(
  server: string,
  method: string,
  resource: string,
  { body = "", type = "", query = "", headers = {} }: StorageRequest = {},
): Promise<Response> {
  const signed = { ...headers, "x-ms-date": new Date().toUTCString(), "x-ms-version": "2019-02-02" };
  const canonical = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`);
  const asked = [...new URLSearchParams(query)].sort().map(([name, value]) => `\n${name}:${value}`);
  const length = Buffer.byteLength(body) || "";
  // Encoding and language stand before the length, its digest before the type; a date and five conditions behind it.
  const toSign =
    `${method}\n\n\n${length}\n\n${type}\n\n\n\n\n\n\n` +
    `${canonical.join("")}/${account}/${account}/${resource}${asked.join("")}`;
  const Authorization = `SharedKey ${account}:${signature(toSign)}`;
  return fetch(`${server}/${account}/${resource}${query}`, {
    method,
    // A text without a type would be given one, which is not signed.
    ...(type !== "" && { body }),
    headers: { ...signed, Authorization, ...(type !== "" && { "Content-Type": type }) },
  });
}

interface StorageRequest {
  /** Goes with its type. */
  readonly body?: string | Buffer;
  readonly type?: string;
  /** With its question mark. */
  readonly query?: string;
  /** Those that begin with `x-ms-`, before `x-ms-date` in the alphabet. */
  readonly headers?: Readonly<Record<string, string>>;
}
