import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener } from "node:http";
import path from "node:path";
import { Readable } from "node:stream";

import dynalite from "dynalite";
import { z } from "zod";

import type { DataOperation } from "../data-plane";
import { bind, type Listener, readBody } from "../http";
import { readJournal } from "../journal";
import { accessKeyIn, type Denial, denial, deny, roleOf, unknownCaller } from "./caller";
import type { AwsResources, Resource } from "./resources";

/** The control plane's own key, which may call every operation. Only this process knows it. */
const controlPlaneKey = randomUUID().replaceAll("-", "").toUpperCase();

/** The tables in an operation's input. */
const operationInput = z.looseObject({
  TableName: z.string().optional(),
  RequestItems: z.record(z.string(), z.unknown()).optional(),
});

/**
 * DynamoDB: dynalite, with IAM authorisation in front of it. The caller is identified by its access key; signatures are
 * not verified.
 */
export class DynamoDb {
  private constructor(
    private readonly listener: Listener,
    private readonly resources: AwsResources,
    private readonly writes: Writes,
  ) {}

  /** @param directory of the tables between runs; their journal and backups are beside it. */
  static async start(resources: AwsResources, directory: string): Promise<DynamoDb> {
    const writes = new Writes(`${directory}-backups`);
    const server = dynalite({ path: directory, createTableMs: 0, deleteTableMs: 0 });
    const [handle] = server.listeners("request");
    if (handle === undefined) throw new Error("dynalite has no request listener");
    server.removeAllListeners("request");
    server.on("request", authorising(resources, writes, handle));
    return new DynamoDb(await bind(server), resources, writes);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.listener.port}`;
  }

  /** Creates the table if it does not exist. */
  async createTable(table: Resource<"aws:dynamodb/table:Table">): Promise<void> {
    await this.#call("CreateTable", tableDescription(table), "ResourceInUseException");
  }

  /** Deletes the table and its items if it exists. */
  async deleteTable(name: string): Promise<void> {
    await this.#call("DeleteTable", { TableName: name }, "ResourceNotFoundException");
    this.writes.forget(name);
  }

  /** Point-in-time recovery and backups; each restores into a new table. */
  readonly data: Readonly<Record<string, DataOperation>> = {
    "dynamodb restore-table-to-point-in-time": async (input) => {
      const { "source-table-name": source = "", "target-table-name": target = "", "restore-date-time": time } = input;
      const table = this.#table(source);
      if (table.pointInTimeRecovery?.enabled !== true) {
        throw new Error(`PointInTimeRecoveryUnavailableException: Point in time recovery is not enabled for ${source}`);
      }
      const until = time === undefined ? Date.now() : Date.parse(time);
      await this.#createAbsent(tableDescription({ ...table, name: target }));
      for (const { operation, input: written } of this.writes.of(source, until)) {
        const request =
          "RequestItems" in written
            ? { ...written, RequestItems: { [target]: (written.RequestItems as Record<string, unknown>)[source] } }
            : { ...written, TableName: target };
        // Replay without the conditions: they held when the request was recorded.
        await this.#call(operation, request, "Exception");
      }
      return target;
    },
    "dynamodb create-backup": async ({ "table-name": name = "", "backup-name": backup = "" }) => {
      const { Table } = tableAnswer.parse(await this.#call("DescribeTable", { TableName: name }));
      const { Items } = itemsAnswer.parse(await this.#call("Scan", { TableName: name, ConsistentRead: true }));
      const { KeySchema, AttributeDefinitions } = Table;
      return this.writes.keep(backup, { KeySchema, AttributeDefinitions, Items });
    },
    "dynamodb delete-table": async ({ "table-name": name = "" }) => {
      if (this.resources.find(tableType, (table) => table.name === name)?.deletionProtectionEnabled === true) {
        throw new Error(`ValidationException: Resource cannot be deleted as it is currently protected: ${name}`);
      }
      await this.#call("DeleteTable", { TableName: name });
      await this.#waitFor(name, "absent");
      return name;
    },
    "dynamodb restore-table-from-backup": async ({ "target-table-name": target = "", "backup-arn": arn = "" }) => {
      const { KeySchema, AttributeDefinitions, Items } = backupSchema.parse(this.writes.kept(arn));
      await this.#createAbsent({ TableName: target, BillingMode: "PAY_PER_REQUEST", KeySchema, AttributeDefinitions });
      for (const Item of Items) await this.#call("PutItem", { TableName: target, Item });
      return target;
    },
    /** Deletes an item by hand, to simulate an accident. */
    "dynamodb delete-item": async ({ "table-name": name = "" }) => {
      const { Items } = itemsAnswer.parse(await this.#call("Scan", { TableName: name, ConsistentRead: true }));
      const { hashKey, rangeKey } = this.#table(name);
      for (const item of Items) {
        const Key = Object.fromEntries(Object.entries(item).filter(([key]) => key === hashKey || key === rangeKey));
        await this.#call("DeleteItem", { TableName: name, Key });
      }
      return String(Items.length);
    },
  };

  #table(name: string): Resource<"aws:dynamodb/table:Table"> {
    const table = this.resources.find(tableType, (each) => each.name === name);
    if (table === undefined) throw new Error(`TableNotFoundException: Table not found: ${name}`);
    return table;
  }

  async #createAbsent(description: Readonly<Record<string, unknown>> & { readonly TableName: string }): Promise<void> {
    const taken = await this.#call("DescribeTable", { TableName: description.TableName }, "ResourceNotFoundException");
    if (tableAnswer.safeParse(taken).success) {
      throw new Error(`TableAlreadyExistsException: Table already exists: ${description.TableName}`);
    }
    await this.#call("CreateTable", description);
    await this.#waitFor(description.TableName, "ACTIVE");
  }

  /** Waits until a table is active or deleted, like `aws dynamodb wait`. */
  async #waitFor(name: string, wanted: "ACTIVE" | "absent"): Promise<void> {
    for (const deadline = Date.now() + settlingMs; Date.now() < deadline;) {
      const answer = await this.#call("DescribeTable", { TableName: name }, "ResourceNotFoundException");
      const table = tableAnswer.safeParse(answer);
      if ((table.success ? table.data.Table.TableStatus : "absent") === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`table ${name} is not ${wanted} after ${settlingMs / 1000} s`);
  }

  close(): Promise<void> {
    return this.listener.close();
  }

  async #call(operation: string, input: object, acceptable?: string): Promise<unknown> {
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
    if (!answer.ok && (acceptable === undefined || !text.includes(acceptable))) {
      throw new Error(`DynamoDB ${operation}: ${text}`);
    }
    return JSON.parse(text) as unknown;
  }
}

const tableType = "aws:dynamodb/table:Table";

/** Milliseconds to wait for dynalite to create or delete a table. */
const settlingMs = 10_000;

const item = z.record(z.string(), z.unknown());
const itemsAnswer = z.object({ Items: z.array(item) });
const keys = { KeySchema: z.array(item), AttributeDefinitions: z.array(item) };
const tableAnswer = z.object({ Table: z.object({ ...keys, TableStatus: z.string() }) });
const backupSchema = z.object({ ...keys, Items: z.array(item) });

const writeSchema = z.object({ time: z.number(), operation: z.string(), input: z.record(z.string(), z.unknown()) });

/** Operations that change items. */
const changing = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"];

/** Journal of the write requests to each table, and its backups. */
class Writes {
  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  record(operation: string, input: z.output<typeof operationInput>): void {
    const line = `${JSON.stringify({ time: Date.now(), operation, input })}\n`;
    const tables = input.TableName === undefined ? Object.keys(input.RequestItems ?? {}) : [input.TableName];
    for (const table of tables) appendFileSync(this.#journal(table), line);
  }

  /** @param until milliseconds since 1970. */
  of(table: string, until: number): z.output<typeof writeSchema>[] {
    return readJournal(this.#journal(table), writeSchema).filter(({ time }) => time <= until);
  }

  forget(table: string): void {
    rmSync(this.#journal(table), { force: true });
  }

  keep(name: string, backup: object): string {
    writeFileSync(path.join(this.directory, `${path.basename(name)}.json`), JSON.stringify(backup));
    return name;
  }

  kept(name: string): unknown {
    const file = path.join(this.directory, `${path.basename(name)}.json`);
    if (!existsSync(file)) throw new Error(`BackupNotFoundException: Backup not found: ${name}`);
    return JSON.parse(readFileSync(file, "utf8"));
  }

  #journal(table: string): string {
    return path.join(this.directory, `${path.basename(table)}.jsonl`);
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

function authorising(resources: AwsResources, writes: Writes, handle: CallableFunction): RequestListener {
  return (request, reply) => {
    readBody(request)
      .then((body = Buffer.alloc(0)) => {
        const denied = authorise(resources, request, body);
        if (denied) {
          deny(reply, denied);
          return;
        }
        const operation = operationOf(request);
        if (changing.includes(operation)) writes.record(operation, operationInput.parse(JSON.parse(body.toString())));
        Reflect.apply(handle, undefined, [replayed(request, body), reply]);
      })
      .catch((error: unknown) => {
        reply.destroy(error instanceof Error ? error : undefined);
      });
  };
}

const operationOf = ({ headers }: IncomingMessage) => String(headers["x-amz-target"]).split(".").at(-1) ?? "";

/** A request with its body restored, for a listener that reads a body which was already read. */
function replayed({ headers, method, url }: IncomingMessage, body: Buffer): Readable {
  return Object.assign(Readable.from([body], { objectMode: false }), { headers, method, url });
}

function authorise(resources: AwsResources, request: IncomingMessage, body: Buffer): Denial | undefined {
  const key = accessKeyIn(request.headers);
  // dynalite itself rejects unsigned and malformed requests.
  if (key === undefined || key === controlPlaneKey) return undefined;

  const role = roleOf(resources, key);
  if (role === undefined) return unknownCaller;
  const action = `dynamodb:${operationOf(request)}`;
  for (const resource of tableArns(resources, role, request, body)) {
    const denied = denial(resources, role, action, resource);
    if (denied) return denied;
  }
  return undefined;
}

/** ARNs of the tables that an operation names; `*` if it names none, as `ListTables` does. */
function tableArns(resources: AwsResources, roleArn: string, request: IncomingMessage, body: Buffer): string[] {
  const { TableName, RequestItems = {} } = operationInput.parse(JSON.parse(body.toString()));
  const names = TableName === undefined ? Object.keys(RequestItems) : [TableName];
  if (names.length === 0) return ["*"];

  const tables = resources.list("aws:dynamodb/table:Table");
  const [, partition = "aws", , , account = ""] = roleArn.split(":");
  // As on AWS, authorisation comes before existence: the ARN of an unknown table uses the region of the signature.
  const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "*";
  return names.map(
    (name) =>
      tables.find((table) => table.name === name)?.arn ??
      `arn:${partition}:dynamodb:${region}:${account}:table/${name}`,
  );
}
