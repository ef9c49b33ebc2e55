import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import { stored, writeZip } from "../layers/zip";
import { commandLine } from "./command-line";

/** A resource of a local cloud. */
export interface StoredResource {
  /** URN of the declaring Pulumi resource. */
  readonly urn: string;
  /** Pulumi's type token, e.g. `aws:lambda/function:Function`. */
  readonly type: string;
  readonly id: string;
  /** Declared inputs; an asset or archive is `{ path, sha256 }` of the cloud's copy. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The cloud's outputs: ARNs, addresses, version numbers. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** It was accepted, but its creation failed: the cloud lists it, and it has no behaviour. */
  readonly failed?: true;
  /** Inputs of a failed update, if the cloud reports them while it still serves the previous ones. */
  readonly attempted?: Readonly<Record<string, unknown>>;
  /** When it becomes visible to the rest of the cloud, in milliseconds since 1970. Default: at once. */
  readonly knownAt?: number;
}

/** The resources of a local cloud, for the data planes. */
export interface Resources {
  get(type: string, id: string): StoredResource | undefined;
  list(type: string): StoredResource[];
}

/** A deleted resource that the cloud gives back. */
interface Kept {
  readonly resource: StoredResource;
  /** In milliseconds since 1970. */
  readonly until: number;
}

interface State {
  /** Counters whose values are never reused, such as a layer's next version. */
  readonly counters: Record<string, number>;
  readonly resources: Record<string, StoredResource>;
  /** Absent in files of earlier versions. */
  kept?: Record<string, Kept>;
}

/** The resources of one local cloud on disk: a crash loses no acknowledged change. */
export class ResourceStore implements Resources {
  readonly #state: State;
  readonly #file: string;
  readonly #blobs: string;

  /** @param directory the cloud's folder; created if missing. */
  constructor(directory: string) {
    this.#file = path.join(directory, "resources.json");
    this.#blobs = path.join(directory, "blobs");
    mkdirSync(this.#blobs, { recursive: true });
    this.#state = existsSync(this.#file) ? read(this.#file) : { counters: {}, resources: {} };
  }

  get(type: string, id: string): StoredResource | undefined {
    return this.#state.resources[key(type, id)];
  }

  list(type: string): StoredResource[] {
    return this.all().filter((resource) => resource.type === type);
  }

  /** The resources that exist and are visible to the rest of the cloud. */
  readonly known: Resources = {
    get: (type, id) => {
      const found = this.get(type, id);
      return found !== undefined && isKnown(found) ? found : undefined;
    },
    list: (type) => this.list(type).filter(isKnown),
  };

  all(): StoredResource[] {
    return Object.values(this.#state.resources);
  }

  put(resource: StoredResource): void {
    this.#state.resources[key(resource.type, resource.id)] = resource;
    this.#save();
  }

  delete({ type, id }: Pick<StoredResource, "type" | "id">): void {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the state is a dictionary, as JSON has it
    delete this.#state.resources[key(type, id)];
    this.#save();
  }

  /** Deletes a resource that comes back if it is created again in time. */
  keepDeleted(resource: StoredResource, until: number): void {
    this.#state.kept = { ...this.#state.kept, [key(resource.type, resource.id)]: { resource, until } };
    this.delete(resource);
  }

  /** A deleted resource that comes back. */
  keptDeleted(type: string, id: string): StoredResource | undefined {
    const found = this.#state.kept?.[key(type, id)];
    return found !== undefined && found.until > Date.now() ? found.resource : undefined;
  }

  /** The next number of a series, from 1; a number is never reused, even after a deletion. */
  next(series: string): number {
    const number = (this.#state.counters[series] ?? 0) + 1;
    this.#state.counters[series] = number;
    this.#save();
    return number;
  }

  /** Keeps a copy of a file, or of a folder as a zip, by content, so that the original may be deleted. */
  keep(source: string): { path: string; sha256: string } {
    if (statSync(source).isDirectory()) return this.keepZip(zipOf(source));
    return this.#keep(readFileSync(source), path.extname(source));
  }

  keepText(text: string): { path: string; sha256: string } {
    return this.#keep(Buffer.from(text), ".txt");
  }

  keepZip(zip: Buffer): { path: string; sha256: string } {
    return this.#keep(zip, ".zip");
  }

  #keep(content: Buffer, extension: string): { path: string; sha256: string } {
    const sha256 = createHash("sha256").update(content).digest("hex");
    const file = path.join(this.#blobs, `${sha256}${extension}`);
    if (!existsSync(file)) {
      const temporary = `${file}.${randomUUID()}`;
      writeFileSync(temporary, content);
      renameSync(temporary, file);
    }
    return { path: file, sha256 };
  }

  #save(): void {
    const temporary = `${this.#file}.new`;
    writeFileSync(temporary, JSON.stringify(this.#state, null, 1));
    renameSync(temporary, this.#file);
  }
}

/** @throws if another program has written the file: the store's own writes are atomic. */
function read(file: string): State {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as State;
  } catch (error) {
    const next = commandLine({ state: path.dirname(path.dirname(file)) }, "reset");
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} is damaged: ${reason}; put it back as it was, or delete everything with: ${next}`);
  }
}

/** A zip of all files below a folder. */
function zipOf(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return writeZip(
    files.map(({ parentPath, name }) => {
      const file = path.join(parentPath, name);
      return stored(path.relative(folder, file).split(path.sep).join("/"), readFileSync(file));
    }),
  );
}

const isKnown = ({ failed, knownAt = 0 }: StoredResource) => failed !== true && knownAt <= Date.now();

const key = (type: string, id: string) => `${type} ${id}`;
