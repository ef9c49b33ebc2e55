import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";

import { z } from "zod";

import type { DataPlane } from "../data-plane";
import { header, type HeaderList, type HttpRequest, type HttpResponse, response, splitTarget } from "../http";
import type { Objects, StoredObject } from "../objects";
import type { StoredResource } from "../store";
import type { BucketEvents, ObjectDescription, Overwriting } from "./bucket-events";
import { Callers, type IsMember } from "./callers";
import { crc32c } from "./crc32c";
import { isGranted } from "./pubsub-roles";
import type { GcpResources, Resource } from "./resources";

type Bucket = Resource<"gcp:storage/bucket:Bucket">;

type Permission = `storage.${"buckets.get" | `objects.${"create" | "delete" | "get" | "list" | "update"}`}`;

const all: readonly Permission[] = [
  "storage.objects.create",
  "storage.objects.delete",
  "storage.objects.get",
  "storage.objects.list",
  "storage.objects.update",
];

/** Permissions of the roles (Cloud Storage, "IAM roles for Cloud Storage"). */
const roles: Readonly<Record<string, readonly Permission[]>> = {
  "roles/storage.objectViewer": ["storage.objects.get", "storage.objects.list"],
  "roles/storage.objectCreator": ["storage.objects.create"],
  "roles/storage.objectUser": all,
  "roles/storage.objectAdmin": all,
  "roles/storage.admin": [...all, "storage.buckets.get"],
  "roles/storage.legacyObjectReader": ["storage.objects.get"],
  "roles/storage.legacyBucketReader": ["storage.objects.list", "storage.buckets.get"],
  "roles/storage.legacyBucketWriter": [
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.list",
    "storage.buckets.get",
  ],
};

/** Response headers by the properties of an object that a caller may set. */
const fields = {
  contentType: "Content-Type",
  cacheControl: "Cache-Control",
  contentEncoding: "Content-Encoding",
  contentDisposition: "Content-Disposition",
  contentLanguage: "Content-Language",
} as const;

const metadataPrefix = "x-goog-meta-";

const settable = z.object({
  contentType: z.string().optional(),
  cacheControl: z.string().optional(),
  contentEncoding: z.string().optional(),
  contentDisposition: z.string().optional(),
  contentLanguage: z.string().optional(),
  metadata: z.record(z.string(), z.string().nullable()).optional(),
});
type Settable = z.output<typeof settable>;

/** A resumable upload that is not complete. */
interface Session {
  readonly bucket: Bucket;
  readonly name: string;
  readonly given: Settable;
  readonly query: URLSearchParams;
  readonly isMember?: IsMember;
  received: Buffer;
}

/** An error response of the JSON API. */
class StorageError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export interface StorageOptions {
  readonly resources: GcpResources;
  readonly objects: Objects;
  readonly events: Pick<BucketEvents, "publish">;
  /** Folder of the file with the owner's address. */
  readonly directory: string;
}

/**
 * The part of Cloud Storage's JSON API that uploads, reads, lists and deletes objects, and PUT, GET and DELETE of
 * `/<bucket>/<object>` as in its XML API. Earlier versions of an object are not kept.
 */
export class Storage {
  /** A function finds its own address in `STORAGE_EMULATOR_HOST`. */
  readonly callers: Callers;

  /** Sends the events of the objects that resources declare. */
  readonly declared: DataPlane = {
    start: ({ inputs, id }: StoredResource) => {
      const { bucket, name } = this.options.resources.get("gcp:storage/bucketObject:BucketObject", id);
      if (this.options.objects.declare({ bucket, key: name }, inputs)) {
        const object = this.#describe(bucket, name);
        if (object !== undefined) this.options.events.publish("OBJECT_FINALIZE", object);
      }
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
    remove: (resource: StoredResource) => {
      const { bucket, name } = this.options.resources.parse("gcp:storage/bucketObject:BucketObject", resource);
      const object = this.#describe(bucket, name);
      this.options.objects.withdraw(bucket, name);
      if (object !== undefined) this.#gone(bucket, object);
      return Promise.resolve();
    },
  };

  readonly #sessions = new Map<string, Session>();
  #lastGeneration = 0;

  constructor(private readonly options: StorageOptions) {
    const { directory } = options;
    this.callers = new Callers({ directory, answer: (request, isMember) => this.#answer(request, isMember) });
  }

  async #answer(request: HttpRequest, isMember?: IsMember): Promise<HttpResponse> {
    try {
      return await Promise.resolve(this.#called(request, isMember));
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const { status: code, reason, message } = error;
      return response(code, { error: { code, message, errors: [{ message, domain: "global", reason }] } });
    }
  }

  #called(request: HttpRequest, isMember?: IsMember): HttpResponse {
    const { method, target } = request;
    const { path, query: text } = splitTarget(target);
    const query = new URLSearchParams(text);
    const [, upload, bucketName, part, encodedName] =
      /^\/(?:(upload|download)\/)?storage\/v1\/b\/([^/]+)(?:\/(o)(?:\/([^/]+))?)?\/?$/.exec(path) ?? [];
    if (bucketName === undefined) return this.#byPath(request, path, isMember);
    const bucket = this.#bucket(decodeURIComponent(bucketName));
    const name = encodedName === undefined ? undefined : decodeURIComponent(encodedName);
    if (upload === "upload" && part === "o") return this.#upload(request, bucket, query, isMember);
    const operation = `${method} ${name !== undefined ? "object" : part !== undefined ? "objects" : "bucket"}`;
    switch (operation) {
      case "GET bucket":
        this.#require("storage.buckets.get", bucket, undefined, isMember);
        return response(200, {
          ...{ kind: "storage#bucket", id: bucket.name, name: bucket.name, location: bucket.location.toUpperCase() },
          ...{ storageClass: "STANDARD", versioning: bucket.versioning, metageneration: "1" },
        });
      case "GET objects":
        this.#require("storage.objects.list", bucket, undefined, isMember);
        return response(200, this.#list(bucket.name, query.get("prefix") ?? "", query.get("delimiter") ?? ""));
      case "GET object": {
        this.#require("storage.objects.get", bucket, name, isMember);
        const object = this.#existing(bucket.name, name ?? "", query);
        return query.get("alt") === "media" ? media(request, object.stored) : response(200, object.description);
      }
      case "DELETE object":
        this.#require("storage.objects.delete", bucket, name, isMember);
        this.#delete(bucket.name, name ?? "", query);
        return response(204, "");
      case "PATCH object":
        this.#require("storage.objects.update", bucket, name, isMember);
        return response(200, this.#update(bucket.name, name ?? "", query, parsed(request.body)));
      default:
        throw unserved(method, path);
    }
  }

  /** PUT, GET and DELETE of `/<bucket>/<object>`. */
  #byPath(request: HttpRequest, path: string, isMember?: IsMember): HttpResponse {
    const { method, headers, body } = request;
    const [, bucketName, ...parts] = path.split("/").map(decodeURIComponent);
    const name = parts.join("/");
    if (bucketName === undefined || name === "" || bucketName === "storage") throw unserved(method, path);
    const bucket = this.#bucket(bucketName);
    const query = new URLSearchParams();
    switch (method) {
      case "PUT": {
        const given = Object.fromEntries(
          Object.entries(fields).map(([property, field]) => [property, header(headers, field)] as const),
        );
        const metadata = Object.fromEntries(
          headers.flatMap(([field, value]) => {
            const key = field.toLowerCase();
            return key.startsWith(metadataPrefix) ? [[key.slice(metadataPrefix.length), value]] : [];
          }),
        );
        const { etag } = this.#put(bucket, name, body, { ...given, metadata }, query, isMember);
        return response(200, "", [["ETag", `"${String(etag)}"`]]);
      }
      case "GET":
        this.#require("storage.objects.get", bucket, name, isMember);
        return media(request, this.#existing(bucketName, name, query).stored);
      case "DELETE":
        this.#require("storage.objects.delete", bucket, name, isMember);
        this.#delete(bucketName, name, query);
        return response(204, "");
      default:
        throw unserved(method, path);
    }
  }

  #upload(request: HttpRequest, bucket: Bucket, query: URLSearchParams, isMember?: IsMember): HttpResponse {
    const { method, headers, body } = request;
    const contentType = header(headers, "content-type");
    const kind = query.get("uploadType");
    if (method === "PUT" && query.has("upload_id")) return this.#chunk(request, query.get("upload_id") ?? "");
    if (method === "POST" && kind === "media") {
      return response(200, this.#put(bucket, nameIn(query), body, { contentType }, query, isMember));
    }
    if (method === "POST" && kind === "multipart") {
      const [first, second] = multipart(contentType ?? "", body);
      if (first === undefined || second === undefined) {
        throw new StorageError(400, "badRequest", "Missing end boundary in multipart body.");
      }
      const given = { contentType: header(second.headers, "content-type"), ...parsed(first.body) };
      return response(200, this.#put(bucket, nameIn(query, first.body), second.body, given, query, isMember));
    }
    if (method === "POST" && kind === "resumable") {
      const given = { contentType: header(headers, "x-upload-content-type"), ...parsed(body) };
      const name = nameIn(query, body);
      this.#require("storage.objects.create", bucket, name, isMember);
      const id = randomUUID();
      this.#sessions.set(id, { bucket, name, given, query, isMember, received: Buffer.alloc(0) });
      const host = header(headers, "host") ?? "";
      const location = `http://${host}/upload/storage/v1/b/${bucket.name}/o?uploadType=resumable&upload_id=${id}`;
      return response(200, "", [["Location", location]]);
    }
    throw unserved(method, `upload/storage/v1/b/${bucket.name}/o with uploadType=${kind ?? ""}`);
  }

  /** A part of a resumable upload: `Content-Range: bytes 0-99/*`, with the size in place of the star at its end. */
  #chunk({ headers, body }: HttpRequest, id: string): HttpResponse {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new StorageError(404, "notFound", "No such upload session.");
    const { bucket, name, given, query, isMember, received } = session;
    const range = header(headers, "content-range");
    const [, start, total = ""] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(range ?? `bytes 0-0/${body.length}`) ?? [];
    const next = start === undefined ? received : Buffer.concat([received.subarray(0, Number(start)), body]);
    session.received = next;
    if (total === "*" || next.length < Number(total)) {
      return response(308, "", next.length === 0 ? [] : [["Range", `bytes=0-${next.length - 1}`]]);
    }
    this.#sessions.delete(id);
    return response(200, this.#put(bucket, name, next, given, query, isMember));
  }

  #put(
    bucket: Bucket,
    name: string,
    body: Buffer,
    given: Settable,
    query: URLSearchParams,
    isMember?: IsMember,
  ): ObjectDescription {
    this.#require("storage.objects.create", bucket, name, isMember);
    const replaced = this.#describe(bucket.name, name);
    // Replacing an object deletes it.
    if (replaced !== undefined) this.#require("storage.objects.delete", bucket, name, isMember);
    requireGeneration(query, replaced?.generation);
    this.#lastGeneration = Math.max(this.#lastGeneration + 1, Date.now() * 1000);
    this.options.objects.put(bucket.name, name, body, [
      ...headersOf(given),
      ["x-goog-generation", String(this.#lastGeneration)],
      ["x-goog-metageneration", "1"],
    ]);
    const { description } = this.#existing(bucket.name, name, new URLSearchParams());
    const overwroteGeneration = replaced?.generation;
    this.options.events.publish("OBJECT_FINALIZE", description, overwroteGeneration ? { overwroteGeneration } : {});
    if (replaced) this.#gone(bucket.name, replaced, { overwrittenByGeneration: description.generation });
    return description;
  }

  #delete(bucket: string, name: string, query: URLSearchParams): void {
    const { description } = this.#existing(bucket, name, query);
    this.options.objects.delete(bucket, name);
    this.#gone(bucket, description);
  }

  #update(bucket: string, name: string, query: URLSearchParams, change: Settable): ObjectDescription {
    const { stored, description } = this.#existing(bucket, name, query);
    const { metadata, ...before } = settable.parse(description);
    const merged = { ...before, ...change, metadata: { ...metadata, ...change.metadata } };
    this.options.objects.put(bucket, name, readFileSync(stored.file), [
      ...headersOf(merged),
      ["x-goog-generation", description.generation],
      ["x-goog-metageneration", String(Number(description.metageneration) + 1)],
    ]);
    const changed = this.#existing(bucket, name, new URLSearchParams()).description;
    this.options.events.publish("OBJECT_METADATA_UPDATE", changed);
    return changed;
  }

  /** Tells of an object that is no longer the live version of its name. */
  #gone(bucketName: string, object: ObjectDescription, overwriting: Overwriting = {}): void {
    const bucket = this.options.resources.find("gcp:storage/bucket:Bucket", ({ name }) => name === bucketName);
    const event = bucket?.versioning?.enabled ? "OBJECT_ARCHIVE" : "OBJECT_DELETE";
    this.options.events.publish(event, object, overwriting);
  }

  #list(bucket: string, prefix: string, delimiter: string) {
    const declared = this.options.resources
      .list("gcp:storage/bucketObject:BucketObject")
      .flatMap((each) => (each.bucket === bucket ? [each.name] : []));
    const prefixes = new Set<string>();
    const names = [...new Set([...declared, ...this.options.objects.own(bucket)])].sort();
    const items = names.flatMap((name) => {
      if (!name.startsWith(prefix)) return [];
      const end = delimiter === "" ? -1 : name.indexOf(delimiter, prefix.length);
      if (end >= 0) prefixes.add(name.slice(0, end + delimiter.length));
      return end < 0 ? (this.#describe(bucket, name) ?? []) : [];
    });
    return {
      kind: "storage#objects",
      ...(prefixes.size > 0 && { prefixes: [...prefixes] }),
      ...(items.length > 0 && { items }),
    };
  }

  #bucket(name: string): Bucket {
    const bucket = this.options.resources.find("gcp:storage/bucket:Bucket", (each) => each.name === name);
    if (bucket === undefined) throw new StorageError(404, "notFound", "The specified bucket does not exist.");
    return bucket;
  }

  #describe(bucket: string, name: string): ObjectDescription | undefined {
    const stored = this.options.objects.find(bucket, name);
    return stored && described(bucket, name, stored);
  }

  #existing(bucket: string, name: string, query: URLSearchParams) {
    const stored = this.options.objects.find(bucket, name);
    if (stored === undefined) throw new StorageError(404, "notFound", `No such object: ${bucket}/${name}`);
    const description = described(bucket, name, stored);
    requireGeneration(query, description.generation);
    const asked = query.get("generation") ?? description.generation;
    if (asked !== description.generation) {
      throw new StorageError(404, "notFound", `No such object: ${bucket}/${name}#${asked}`);
    }
    return { stored, description };
  }

  /** @param isMember absent for the project's owner. */
  #require(permission: Permission, { name }: Bucket, object: string | undefined, isMember?: IsMember): void {
    if (isMember === undefined) return;
    const own = this.options.resources
      .list("gcp:storage/bucketIAMMember:BucketIAMMember")
      .filter(({ bucket }) => bucket === name || bucket === `b/${name}`);
    const giving = Object.keys(roles).filter((role) => roles[role]?.includes(permission));
    if (isGranted(this.options.resources, own, giving, isMember)) return;
    throw new StorageError(
      403,
      "forbidden",
      `The caller does not have ${permission} access to gs://${name}/${object ?? ""}. Permission '${permission}' denied ` +
        `on resource (or it may not exist); roles with it are ${giving.join(", ")}`,
    );
  }
}

/** The object that a resource declares; undefined if its content is no longer in the state folder. */
export function declaredObject(resources: GcpResources, bucket: string, name: string): StoredObject | undefined {
  const declared = resources.find(
    "gcp:storage/bucketObject:BucketObject",
    (each) => each.bucket === bucket && each.name === name,
  );
  if (declared === undefined || !existsSync(declared.source.path)) return undefined;
  return { file: declared.source.path, headers: headersOf(declared) };
}

function headersOf({ metadata = {}, ...given }: Settable): HeaderList {
  const own = Object.entries(fields).flatMap(([property, field]) => {
    const value = given[property as keyof typeof fields];
    return value === undefined ? [] : [[field, value] as const];
  });
  const custom = Object.entries(metadata).flatMap(([key, value]) => {
    return value === null ? [] : [[metadataPrefix + key, value] as const];
  });
  return [...own, ...custom];
}

/** An object as the JSON API describes it ("Objects" in its reference). */
function described(bucket: string, name: string, { file, headers }: StoredObject): ObjectDescription {
  const body = readFileSync(file);
  const { mtime, mtimeMs } = statSync(file);
  const updated = mtime.toISOString();
  const generation = header(headers, "x-goog-generation") ?? String(Math.round(mtimeMs * 1000));
  const timeCreated = new Date(Number(generation) / 1000).toISOString();
  const place = `storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
  const metadata = headers.flatMap(([field, value]) => {
    return field.startsWith(metadataPrefix) ? [[field.slice(metadataPrefix.length), value]] : [];
  });
  return {
    kind: "storage#object",
    id: `${bucket}/${name}/${generation}`,
    selfLink: `https://www.googleapis.com/${place}`,
    mediaLink: `https://storage.googleapis.com/download/${place}?generation=${generation}&alt=media`,
    name,
    bucket,
    generation,
    metageneration: header(headers, "x-goog-metageneration") ?? "1",
    ...Object.fromEntries(Object.entries(fields).map(([property, field]) => [property, header(headers, field)])),
    storageClass: "STANDARD",
    size: String(body.length),
    md5Hash: md5(body),
    crc32c: crc32c(body),
    etag: Buffer.from(`${generation}/${header(headers, "x-goog-metageneration") ?? "1"}`).toString("base64"),
    timeCreated,
    updated,
    timeStorageClassUpdated: timeCreated,
    timeFinalized: timeCreated,
    ...(metadata.length > 0 && { metadata: Object.fromEntries(metadata) as Record<string, string> }),
  };
}

function media(request: HttpRequest, { file, headers }: StoredObject): HttpResponse {
  const body = readFileSync(file);
  const shown = headers.map(([name, value]) => {
    // A header field has no other characters.
    return [name, /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value)] as const;
  });
  const range = /^bytes=(\d+)-(\d*)$/.exec(header(request.headers, "range") ?? "");
  if (range === null) {
    const hash = `crc32c=${crc32c(body)},md5=${md5(body)}`;
    return { status: 200, headers: [...shown, ["x-goog-hash", hash]], body };
  }
  const [start, end] = [Number(range[1]), Math.min(range[2] ? Number(range[2]) : Infinity, body.length - 1)];
  if (start >= body.length) return response(416, "", [["Content-Range", `bytes */${body.length}`]]);
  const contentRange = ["Content-Range", `bytes ${start}-${end}/${body.length}`] as const;
  return { status: 206, headers: [...shown, contentRange], body: body.subarray(start, end + 1) };
}

/** @param current absent if there is no object; its generation is then 0. */
function requireGeneration(query: URLSearchParams, current = "0"): void {
  const [match, other] = [query.get("ifGenerationMatch"), query.get("ifGenerationNotMatch")];
  if ((match === null || match === current) && other !== current) return;
  throw new StorageError(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.");
}

function parsed(body: Buffer): Settable {
  const result = settable.safeParse(json(body));
  if (result.success) return result.data;
  throw new StorageError(400, "invalid", z.prettifyError(result.error));
}

function json(body: Buffer): unknown {
  try {
    return body.length === 0 ? {} : JSON.parse(body.toString());
  } catch {
    throw new StorageError(400, "parseError", "Parse Error");
  }
}

/** Name of an uploaded object, in the query or in the body. */
function nameIn(query: URLSearchParams, body?: Buffer): string {
  const found = z.object({ name: z.string().min(1) }).safeParse(body && json(body));
  const name = query.get("name") ?? (found.success ? found.data.name : "");
  if (name === "") throw new StorageError(400, "required", "Required parameter: name");
  return name;
}

/** Parts of a `multipart/related` body. */
function multipart(contentType: string, body: Buffer): { headers: HeaderList; body: Buffer }[] {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) return [];
  // Latin 1 keeps each byte.
  const [, ...parts] = `\r\n${body.toString("latin1")}`.split(`\r\n--${boundary}`);
  return parts.slice(0, -1).map((part) => {
    const end = part.indexOf("\r\n\r\n");
    const headers = part
      .slice(0, end)
      .split("\r\n")
      .flatMap((line) => {
        const at = line.indexOf(":");
        return at < 0 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()] as const];
      });
    return { headers, body: Buffer.from(part.slice(end + 4), "latin1") };
  });
}

function unserved(method: string, path: string): StorageError {
  return new StorageError(
    501,
    "notImplemented",
    `${method} ${path} is not served on this machine, which uploads, gets, lists, patches and deletes objects of the ` +
      "buckets that the program declares",
  );
}

const md5 = (body: Buffer) => createHash("md5").update(body).digest("base64");
