import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { Write } from "@firestore-emulator/proto/dist/google/firestore/v1/write.js";
import { FirestoreState } from "@firestore-emulator/server";
import { FirestoreServiceV1Impl } from "@firestore-emulator/server/dist/server/FirestoreServiceV1Impl/index.js";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { z } from "zod";

import type { GcpResources } from "./resources";

/** One write of the journal, a line of JSON. */
const journalLine = z.object({ time: z.coerce.date(), write: z.base64() });

/**
 * Firestore: the emulator for its protocol, with databases that have to exist, and a journal of every write by which their
 * documents outlive a restart. Security rules and IAM do not apply, as in Google's own emulator.
 */
export class Firestore {
  readonly #server = new Server();

  private constructor(private readonly state: JournaledState) {
    this.#server.addService(FirestoreServiceV1Impl.definition, new FirestoreServiceV1Impl(state));
  }

  /** @param directory where the journals are, one for each database. */
  static async start(resources: GcpResources, directory: string): Promise<Firestore> {
    mkdirSync(directory, { recursive: true });
    const firestore = new Firestore(new JournaledState(resources, directory));
    firestore.#port = await firestore.#listen();
    return firestore;
  }

  #port = 0;

  /** `FIRESTORE_EMULATOR_HOST` of the functions. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Brings the documents of a database back from its journal. */
  openDatabase(name: string): void {
    this.state.open(name);
  }

  /** Deletes the documents of a database. */
  deleteDatabase(name: string): void {
    this.state.delete(name);
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(port);
      });
    });
  }
}

class JournaledState extends FirestoreState {
  readonly #open = new Set<string>();

  constructor(
    private readonly resources: GcpResources,
    private readonly directory: string,
  ) {
    super();
  }

  override getCollection(name: string) {
    const database = databaseOf(name);
    if (!this.resources.find("gcp:firestore/database:Database", (candidate) => candidate.name === database)) {
      throw new Error(`The database ${database} does not exist`);
    }
    return super.getCollection(name);
  }

  override writeV1Document(time: Date, write: Write) {
    const result = super.writeV1Document(time, write);
    const line = { time, write: Buffer.from(write.serializeBinary()).toString("base64") };
    appendFileSync(this.#journal(databaseOf(nameOf(write))), `${JSON.stringify(line)}\n`);
    return result;
  }

  open(database: string): void {
    if (this.#open.has(database)) return;
    this.#open.add(database);
    for (const { time, write } of this.#writes(database)) super.writeV1Document(time, write);
  }

  delete(database: string): void {
    for (const { time, write } of this.#writes(database)) {
      super.writeV1Document(time, new Write({ delete: nameOf(write) }));
    }
    rmSync(this.#journal(database), { force: true });
    this.#open.delete(database);
  }

  #writes(database: string): { time: Date; write: Write }[] {
    const file = this.#journal(database);
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => journalLine.parse(JSON.parse(line)))
      .map(({ time, write }) => ({ time, write: Write.deserializeBinary(Buffer.from(write, "base64")) }));
  }

  #journal(database: string): string {
    return path.join(this.directory, `${database}.jsonl`);
  }
}

/** The document that a write changes. */
function nameOf(write: Write): string {
  return write.has_update ? write.update.name : write.delete;
}

/** The database of a name such as `projects/p/databases/d/documents/messages/1`. */
function databaseOf(name: string): string {
  return name.split("/")[3] ?? "";
}
