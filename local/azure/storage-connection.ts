import { createHmac } from "node:crypto";

/** Azurite's account, with the name and key from its documentation: it gives access to nothing but local data. */
export const account = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Addresses of the services that an identity may use, by their key in a connection string. */
export type Endpoints = Readonly<Partial<Record<"TableEndpoint" | "QueueEndpoint", string>>>;

/** Connection string that replaces a connection by managed identity in an app's environment. */
export function connectionString(endpoints: Endpoints, { refused }: { readonly refused: boolean }): string {
  const key = refused ? Buffer.alloc(64).toString("base64") : accountKey;
  const addresses = Object.entries(endpoints).map(([name, endpoint]) => `${name}=${endpoint};`);
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};${addresses.join("")}`;
}

/** The `Authorization` header, signed with the account's key (Azure Storage REST API, "Shared Key Lite"). */
export function sharedKeyLite(toSign: string): string {
  const signature = createHmac("sha256", Buffer.from(accountKey, "base64")).update(toSign).digest("base64");
  return `SharedKeyLite ${account}:${signature}`;
}
