import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { Readable } from "node:stream";

import dynalite from "dynalite";
import { z } from "zod";

import { bind, type Listener, readBody } from "../http";
import { accessKeyIn, type Denial, denial, deny, roleOf, unknownCaller } from "./caller";
import type { AwsResources, Resource } from "./resources";

/** Only this process knows it: the control plane's own key, which every operation is allowed to. */
const controlPlaneKey = randomUUID().replaceAll("-", "").toUpperCase();

/** What tells the tables that an operation touches. */
const operationInput = z.object({
  TableName: z.string().optional(),
  RequestItems: z.record(z.string(), z.unknown()).optional(),
});

/**
 * DynamoDB: dynalite, with what AWS puts before it: a caller whose role does not allow an operation on a table is denied.
 * The caller is known by its access key; signatures are not verified.
 */
export class DynamoDb {
  private constructor(private readonly listener: Listener) {}

  /** @param directory where the tables are kept between runs. */
  static async start(resources: AwsResources, directory: string): Promise<DynamoDb> {
    const server = dynalite({ path: directory, createTableMs: 0, deleteTableMs: 0 });
    const [handle] = server.listeners("request");
    if (handle === undefined) throw new Error("dynalite has no request listener");
    server.removeAllListeners("request");
    server.on("request", authorising(resources, handle));
    return new DynamoDb(await bind(server));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.listener.port}`;
  }

  /** Makes the table, where it is not there yet. */
  async createTable(table: Resource<"aws:dynamodb/table:Table">): Promise<void> {
    await this.#call("CreateTable", tableDescription(table), "ResourceInUseException");
  }

  /** Deletes the table and its items, where it is there. */
  async deleteTable(name: string): Promise<void> {
    await this.#call("DeleteTable", { TableName: name }, "ResourceNotFoundException");
  }

  close(): Promise<void> {
    return this.listener.close();
  }

  async #call(operation: string, input: object, acceptable: string): Promise<void> {
    const answer = await fetch(this.endpoint, {
      method: "POST",
      headers: {
        Authorization: `AWS4-HMAC-SHA256 Credential=${controlPlaneKey}/local, SignedHeaders=host, Signature=none`,
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": new Date().toISOString(),
        "X-Amz-Target": `DynamoDB_20120810.${operation}`,
      },
      body: JSON.stringify(input),
    });
    const text = await answer.text();
    if (!answer.ok && !text.includes(acceptable)) throw new Error(`DynamoDB ${operation}: ${text}`);
  }
}

/** The input of CreateTable for a `dynamodb.Table`. */
export function tableDescription({ name, hashKey, rangeKey, attributes }: Resource<"aws:dynamodb/table:Table">) {
  return {
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [
      { AttributeName: hashKey, KeyType: "HASH" },
      ...(rangeKey === undefined ? [] : [{ AttributeName: rangeKey, KeyType: "RANGE" }]),
    ],
    AttributeDefinitions: attributes.map((attribute) => ({
      AttributeName: attribute.name,
      AttributeType: attribute.type,
    })),
  };
}

function authorising(resources: AwsResources, handle: CallableFunction): RequestListener {
  return (request, reply) => {
    readBody(request)
      .then((body = Buffer.alloc(0)) => {
        const denied = authorise(resources, request, body);
        if (denied) deny(reply, denied);
        else Reflect.apply(handle, undefined, [replayed(request, body), reply]);
      })
      .catch((error: unknown) => {
        reply.destroy(error instanceof Error ? error : undefined);
      });
  };
}

/** The request again, for a listener that wants to read a body which was already read. */
function replayed({ headers, method, url }: IncomingMessage, body: Buffer): Readable {
  return Object.assign(Readable.from([body], { objectMode: false }), { headers, method, url });
}

function authorise(resources: AwsResources, request: IncomingMessage, body: Buffer): Denial | undefined {
  const key = accessKeyIn(request.headers);
  // Unsigned and malformed requests are dynalite's to refuse.
  if (key === undefined || key === controlPlaneKey) return undefined;

  const role = roleOf(resources, key);
  if (role === undefined) return unknownCaller;
  const action = `dynamodb:${String(request.headers["x-amz-target"]).split(".").at(-1) ?? ""}`;
  for (const resource of tableArns(resources, role, request, body)) {
    const denied = denial(resources, role, action, resource);
    if (denied) return denied;
  }
  return undefined;
}

/** ARNs of the tables that an operation names; `*` where it names none, as `ListTables` does. */
function tableArns(resources: AwsResources, roleArn: string, request: IncomingMessage, body: Buffer): string[] {
  const { TableName, RequestItems = {} } = operationInput.parse(JSON.parse(body.toString()));
  const names = TableName === undefined ? Object.keys(RequestItems) : [TableName];
  if (names.length === 0) return ["*"];

  const tables = resources.list("aws:dynamodb/table:Table");
  const [, partition = "aws", , , account = ""] = roleArn.split(":");
  // Whether a table that is not there may be used is asked first, as on AWS: it is one of the region that is signed for.
  const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "*";
  return names.map(
    (name) =>
      tables.find((table) => table.name === name)?.arn ??
      `arn:${partition}:dynamodb:${region}:${account}:table/${name}`,
  );
}
