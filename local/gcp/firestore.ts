import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { Write } from "@firestore-emulator/proto/dist/google/firestore/v1/write.js";
import { FirestoreState } from "@firestore-emulator/server";
import { FirestoreEmulatorError } from "@firestore-emulator/server/dist/error/error.js";
import { FirestoreServiceV1Impl } from "@firestore-emulator/server/dist/server/FirestoreServiceV1Impl/index.js";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { z } from "zod";

import { once } from "../../layers/once";
import type { DataOperation } from "../data-plane";
import { readJournal } from "../journal";
import type { GcpResources } from "./resources";

/** Roles that read documents, and those that write them (Firestore, "IAM roles"). */
const writers = ["roles/datastore.user", "roles/datastore.owner", "roles/editor", "roles/owner"];
const readers = ["roles/datastore.viewer", "roles/viewer", ...writers];

/**
 * Firestore: an emulator of its protocol. Databases have to exist, and documents survive a restart through a journal of
 * all writes. Each service account has its own address, which identifies the caller: the protocol of Firestore's
 * emulators carries no identity.
 */
export class Firestore {
  readonly #servers = new Map<string, Promise<{ readonly server: Server; readonly port: number }>>();
  readonly #documents: Documents;

  /** @param directory of the journals, one for each database. */
  constructor(
    private readonly resources: GcpResources,
    directory: string,
  ) {
    mkdirSync(directory, { recursive: true });
    this.#documents = new Documents(directory);
  }

  /** `FIRESTORE_EMULATOR_HOST` for a function with a service account, given by its e-mail address. */
  async hostFor(serviceAccount: string): Promise<string> {
    const { port } = await once(this.#servers, serviceAccount, () => this.#listen(serviceAccount));
    return `127.0.0.1:${port}`;
  }

  /** Restores the documents of a database from its journal. */
  openDatabase(name: string): void {
    this.#documents.open(name);
  }

  /** Exports of any minute in the last seven days, if the database has point-in-time recovery, and their imports. */
  readonly data: Readonly<Record<string, DataOperation>> = {
    "firestore export": ({ database = "", folder = "", "snapshot-time": time }) => {
      const found = this.resources.find("gcp:firestore/database:Database", ({ name }) => name === database);
      if (found === undefined) throw new Error(`NOT_FOUND: The database ${database} does not exist`);
      if (time !== undefined && found.pointInTimeRecoveryEnablement !== "POINT_IN_TIME_RECOVERY_ENABLED") {
        throw new Error(`FAILED_PRECONDITION: Point-in-time recovery is not enabled for ${database}`);
      }
      return Promise.resolve(this.#documents.export(database, folder, new Date(time ?? Date.now())));
    },
    "firestore import": ({ folder = "" }) => Promise.resolve(String(this.#documents.import(folder))),
    /** Deletes documents by hand, to simulate an accident. */
    "firestore bulk-delete": ({ database = "" }) => Promise.resolve(String(this.#documents.empty(database))),
  };

  /** Deletes the documents of a database. */
  deleteDatabase(name: string): void {
    this.#documents.delete(name);
  }

  async close(): Promise<void> {
    for (const listening of this.#servers.values()) (await listening).server.forceShutdown();
    this.#servers.clear();
  }

  #listen(serviceAccount: string): Promise<{ server: Server; port: number }> {
    const view = new AuthorisedView(this.#documents, (database, roles) => {
      this.#authorise(serviceAccount, database, roles);
    });
    const server = new Server();
    server.addService(FirestoreServiceV1Impl.definition, new FirestoreService(view));
    return new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve({ server, port });
      });
    });
  }

  /** @throws if the database does not exist, or the account has no role on it. */
  #authorise(serviceAccount: string, database: string, roles: readonly string[]): void {
    if (!this.resources.find("gcp:firestore/database:Database", ({ name }) => name === database)) {
      throw new FirestoreEmulatorError(status.NOT_FOUND, `The database ${database} does not exist`);
    }
    const granted = this.resources
      .list("gcp:projects/iAMMember:IAMMember")
      .filter(({ member, role }) => member === `serviceAccount:${serviceAccount}` && roles.includes(role))
      .some(({ condition }) => condition === undefined || databaseIn(condition.expression) === database);
    if (!granted) {
      throw new FirestoreEmulatorError(
        status.PERMISSION_DENIED,
        `Missing or insufficient permissions: ${serviceAccount} on database ${database}`,
      );
    }
  }
}

/** The protocol, with Firestore's status for denied queries; the emulator itself returns an unknown error. */
class FirestoreService extends FirestoreServiceV1Impl {
  override RunQuery(...args: Parameters<FirestoreServiceV1Impl["RunQuery"]>): void {
    const [call] = args;
    try {
      super.RunQuery(...args);
    } catch (error) {
      if (!(error instanceof FirestoreEmulatorError)) throw error;
      call.emit("error", error);
    }
  }
}

/** The documents of all databases, and their journals. */
class Documents extends FirestoreState {
  readonly #open = new Set<string>();

  constructor(private readonly directory: string) {
    super();
  }

  open(database: string): void {
    if (this.#open.has(database)) return;
    this.#open.add(database);
    for (const { time, write } of this.#journaled(database)) this.writeV1Document(time, write);
  }

  delete(database: string): void {
    for (const { time, write } of this.#journaled(database)) {
      this.writeV1Document(time, new Write({ delete: documentOf(write) }));
    }
    rmSync(this.#journal(database), { force: true });
    this.#open.delete(database);
  }

  /** Deletes every document, one by one. */
  empty(database: string): number {
    const names = new Set(this.#journaled(database).map(({ write }) => documentOf(write)));
    const time = new Date();
    for (const name of names) this.#write(time, new Write({ delete: name }));
    return names.size;
  }

  /** @returns the folder of the export, with the documents at a given time. */
  export(database: string, folder: string, until: Date): string {
    const lines = readJournal(this.#journal(database), journalLine).filter(({ time }) => time <= until);
    writeFileSync(this.#exported(folder), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return folder;
  }

  /** Overwrites each exported document; other documents stay. */
  import(folder: string): number {
    const file = this.#exported(folder);
    if (!existsSync(file)) throw new Error(`NOT_FOUND: there is no export ${folder}`);
    const writes = readJournal(file, journalLine).map(({ write }) =>
      Write.deserializeBinary(Buffer.from(write, "base64")),
    );
    const names = new Set(writes.map(documentOf));
    const time = new Date();
    for (const name of names) this.#write(time, new Write({ delete: name }));
    for (const write of writes) this.#write(time, write);
    return names.size;
  }

  #write(time: Date, write: Write): void {
    this.writeV1Document(time, write);
    this.record(time, write);
  }

  #exported(folder: string): string {
    return path.join(this.directory, `${path.basename(folder)}.export`);
  }

  record(time: Date, write: Write): void {
    const line = { time, write: Buffer.from(write.serializeBinary()).toString("base64") };
    appendFileSync(this.#journal(databaseOf(documentOf(write))), `${JSON.stringify(line)}\n`);
  }

  #journaled(database: string): { time: Date; write: Write }[] {
    return readJournal(this.#journal(database), journalLine).map(({ time, write }) => ({
      time,
      write: Write.deserializeBinary(Buffer.from(write, "base64")),
    }));
  }

  #journal(database: string): string {
    return path.join(this.directory, `${database}.jsonl`);
  }
}

const journalLine = z.object({ time: z.coerce.date(), write: z.base64() });

/** The documents with one caller's permissions: every operation of the emulator first asks for a collection. */
class AuthorisedView extends FirestoreState {
  constructor(
    private readonly documents: Documents,
    /** @throws if the caller has none of the roles. */
    private readonly authorise: (database: string, roles: readonly string[]) => void,
  ) {
    super();
  }

  override getCollection(name: string) {
    this.authorise(databaseOf(name), readers);
    return this.documents.getCollection(name);
  }

  override writeV1Document(time: Date, write: Write) {
    this.authorise(databaseOf(documentOf(write)), writers);
    const result = super.writeV1Document(time, write);
    this.documents.record(time, write);
    return result;
  }
}

/** The document that a write changes. */
function documentOf(write: Write): string {
  return write.has_update ? write.update.name : write.delete;
}

/** The database in a name such as `projects/p/databases/d/documents/messages/1`. */
function databaseOf(name: string): string {
  return name.split("/")[3] ?? "";
}

/** The database to which a condition restricts a role; other conditions are not supported. */
function databaseIn(expression: string): string | undefined {
  return /^resource\.name == "projects\/[^/]+\/databases\/([^/"]+)"$/.exec(expression)?.[1];
}
