import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import type { HeaderList } from "./http";

const objectSchema = z.object({ file: z.string(), headers: z.array(z.tuple([z.string(), z.string()])) });

/** Stored state of a key, in addition to the resource that declares it. */
const entrySchema = z.object({
  /** Hash of the resource's inputs when they were last applied. */
  declared: z.string().optional(),
  /** Object that replaced the declared one; null if the storage's API deleted it. */
  object: objectSchema.nullable().optional(),
});
type Entry = z.output<typeof entrySchema>;

/** An object of a bucket: the file with its bytes, and its response headers. */
export interface StoredObject {
  readonly file: string;
  readonly headers: HeaderList;
}

/** The objects of buckets: those that resources declare, and those that programs put. They survive a restart. */
export class Objects {
  readonly #entries = new Map<string, Map<string, Entry>>();

  /**
   * @param declared the object that a resource declares.
   * @param directory of the objects, with one folder per bucket.
   */
  constructor(
    private readonly declared: (bucket: string, key: string) => StoredObject | undefined,
    private readonly directory: string,
  ) {}

  find(bucket: string, key: string): StoredObject | undefined {
    const object = this.#of(bucket).get(key)?.object;
    if (object !== undefined) return object ?? undefined;
    return this.declared(bucket, key);
  }

  /** Keys of the objects that programs have put, and that no resource declares. */
  own(bucket: string): string[] {
    return [...this.#of(bucket)].flatMap(([key, { object, declared }]) =>
      object && declared === undefined ? [key] : [],
    );
  }

  put(bucket: string, key: string, body: Buffer, headers: HeaderList): void {
    const { declared } = this.#of(bucket).get(key) ?? {};
    this.#set(bucket, key, { declared, object: this.#write(bucket, key, body, headers) });
  }

  /** @returns whether the object existed. */
  delete(bucket: string, key: string): boolean {
    if (this.find(bucket, key) === undefined) return false;
    const { declared } = this.#of(bucket).get(key) ?? {};
    this.#set(bucket, key, declared === undefined ? undefined : { declared, object: null });
    return true;
  }

  /**
   * Replaces a key's object with the one that a resource declares.
   *
   * @param content of an object that has no file of its own.
   * @returns whether the resource has changed since it was last declared; false when the cloud restarts with the same
   * resource.
   */
  declare(
    { bucket, key }: { readonly bucket: string; readonly key: string },
    inputs: object,
    content?: { readonly body: Buffer; readonly headers: HeaderList },
  ): boolean {
    const declared = createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
    if (this.#of(bucket).get(key)?.declared === declared) return false;
    const object = content && this.#write(bucket, key, content.body, content.headers);
    this.#set(bucket, key, { declared, ...(object && { object }) });
    return true;
  }

  /** Forgets the declared object of a key, and its replacement. */
  withdraw(bucket: string, key: string): void {
    this.#set(bucket, key, undefined);
  }

  /** Deletes the content of a bucket. */
  remove(bucket: string): void {
    this.#entries.delete(bucket);
    rmSync(path.join(this.directory, bucket), { recursive: true, force: true });
  }

  #write(bucket: string, key: string, body: Buffer, headers: HeaderList): z.output<typeof objectSchema> {
    mkdirSync(path.join(this.directory, bucket), { recursive: true });
    const file = path.join(this.directory, bucket, createHash("sha256").update(key).digest("hex"));
    writeFileSync(`${file}.new`, body);
    renameSync(`${file}.new`, file);
    return { file, headers: headers.map(([name, value]) => [name, value]) };
  }

  #of(bucket: string): Map<string, Entry> {
    const known = this.#entries.get(bucket);
    if (known !== undefined) return known;
    const file = this.#index(bucket);
    const stored = existsSync(file)
      ? z.array(z.tuple([z.string(), entrySchema])).parse(JSON.parse(readFileSync(file, "utf8")))
      : [];
    const entries = new Map(stored);
    this.#entries.set(bucket, entries);
    return entries;
  }

  #set(bucket: string, key: string, entry: Entry | undefined): void {
    const entries = this.#of(bucket);
    const file = entries.get(key)?.object?.file;
    if (entry === undefined) entries.delete(key);
    else entries.set(key, entry);
    mkdirSync(path.join(this.directory, bucket), { recursive: true });
    writeFileSync(`${this.#index(bucket)}.new`, JSON.stringify([...entries]));
    renameSync(`${this.#index(bucket)}.new`, this.#index(bucket));
    if (file !== undefined && !entry?.object) rmSync(file, { force: true });
  }

  #index(bucket: string): string {
    return path.join(this.directory, bucket, "objects.json");
  }
}
