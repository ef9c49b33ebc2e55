import { createHmac } from "node:crypto";

/** Azurite's own account, whose name and key its documentation publishes: it opens nothing but this machine's own. */
export const account = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Addresses of the services that an identity may use, by the name of their part of a connection string. */
export type Endpoints = Readonly<Partial<Record<"TableEndpoint" | "QueueEndpoint", string>>>;

/** What stands in an app's environment in the place of a connection by managed identity. */
export function connectionString(endpoints: Endpoints, { refused }: { readonly refused: boolean }): string {
  const key = refused ? Buffer.alloc(64).toString("base64") : accountKey;
  const addresses = Object.entries(endpoints).map(([name, endpoint]) => `${name}=${endpoint};`);
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};${addresses.join("")}`;
}

/** The value of a header `Authorization` with the account's key (Azure Storage REST API, "Shared Key Lite"). */
export function sharedKeyLite(toSign: string): string {
  const signature = createHmac("sha256", Buffer.from(accountKey, "base64")).update(toSign).digest("base64");
  return `SharedKeyLite ${account}:${signature}`;
}
