import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import type { DataPlane } from "../data-plane";
import {
  header,
  type HeaderList,
  type HttpRequest,
  type HttpResponse,
  listen,
  type Listener,
  response,
  splitTarget,
} from "../http";
import type { Objects, StoredObject } from "../objects";
import type { StoredResource } from "../store";
import type { BucketNotifications, ObjectEvent } from "./bucket-notifications";
import { accessKeyIn, denial, roleOf } from "./caller";
import { allows, parsePolicy } from "./iam";
import type { AwsResources, Resource } from "./resources";

type Bucket = Resource<"aws:s3/bucket:Bucket">;

const actions: Readonly<Record<string, string>> = {
  GET: "s3:GetObject",
  HEAD: "s3:GetObject",
  PUT: "s3:PutObject",
  DELETE: "s3:DeleteObject",
};

/** Headers of requests that are not supported here. */
const unserved = [
  "x-amz-copy-source",
  "range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
];

/** Headers of a put that are returned with the object. */
const kept = /^(content-(type|encoding|disposition|language)|cache-control|expires|x-amz-meta-.+)$/i;

export interface S3Options {
  readonly resources: AwsResources;
  readonly objects: Objects;
  readonly notifications: BucketNotifications;
}

/**
 * The part of S3 that puts, gets and deletes objects. A function needs permission from its role or the bucket's policy;
 * a caller that is no function is the developer, who may do everything. Signatures are not verified.
 */
export class S3 {
  #listener: Listener | undefined;

  /** Creates the objects that resources declare in their buckets, and sends their notifications. */
  readonly declared: DataPlane = {
    start: async ({ id, inputs }: StoredResource) => {
      const object = this.options.resources.get("aws:s3/bucketObjectv2:BucketObjectv2", id);
      const { bucket, key, content } = object;
      const given = content ? { body: Buffer.from(content), headers: declaredHeaders(object) } : undefined;
      if (!this.options.objects.declare(object, inputs, given)) return;
      await this.#publish(bucket, key, "ObjectCreated:Put");
    },
    stop: () => Promise.resolve(),
    remove: async (resource: StoredResource) => {
      const { resources, objects } = this.options;
      const { bucket, key } = resources.parse("aws:s3/bucketObjectv2:BucketObjectv2", resource);
      const wasThere = objects.find(bucket, key) !== undefined;
      objects.withdraw(bucket, key);
      if (wasThere) await this.#publish(bucket, key, "ObjectRemoved:Delete");
    },
  };

  constructor(private readonly options: S3Options) {}

  /** Starts the SDKs' endpoint for all buckets. */
  async listen(): Promise<string> {
    this.#listener = await listen((request) => this.handle(request));
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  /**
   * GetObject, as a CloudFront distribution requests it.
   *
   * @param distributionArn the distribution that signs the request; absent for an anonymous request.
   */
  get(bucket: Bucket, key: string, distributionArn: string | undefined): Promise<HttpResponse> {
    const statements = this.#policy(bucket);
    return this.#answer(bucket, key, (action, resource) =>
      allows(statements, {
        action,
        resource,
        principal: distributionArn === undefined ? undefined : ["Service", "cloudfront.amazonaws.com"],
        // CloudFront speaks TLS to S3.
        context: { "aws:securetransport": "true", ...(distributionArn && { "aws:sourcearn": distributionArn }) },
      }),
    );
  }

  /**
   * @param bucketName the bucket of a request to a bucket's own address; absent if the first part of the path names it.
   */
  async handle(request: HttpRequest, bucketName?: string): Promise<HttpResponse> {
    const { path, query } = splitTarget(request.target);
    const parts = path.slice(1).split("/").map(decodeURIComponent);
    const name = bucketName ?? parts.shift() ?? "";
    const key = parts.join("/");
    const bucket = this.options.resources.find("aws:s3/bucket:Bucket", (each) => each.bucket === name);
    if (bucket === undefined) return failed(404, "NoSuchBucket", "The specified bucket does not exist");
    const action = actions[request.method];
    // Newer SDKs also name the operation in the query.
    const parameters = [...new URLSearchParams(query).keys()].filter((each) => each !== "x-id");
    const special = unserved.find((field) => header(request.headers, field) !== undefined);
    if (action === undefined || key === "" || parameters.length > 0 || special !== undefined) {
      const asked = special ?? parameters[0];
      const what = `${request.method} of ${key === "" ? "a bucket" : "an object"}${asked === undefined ? "" : ` with ${asked}`}`;
      return failed(
        501,
        "NotImplemented",
        `${what} is not served on this machine, which has GET, HEAD, PUT and DELETE of objects`,
      );
    }

    const headers = Object.fromEntries(request.headers.map(([field, value]) => [field.toLowerCase(), value]));
    const { resources, objects } = this.options;
    const role = roleOf(resources, accessKeyIn(headers));
    const allowed = (asked: string, resource: string) =>
      role === undefined || this.#mayDo(bucket, role, asked, resource);
    const objectArn = `${bucket.arn}/${key}`;
    if (role !== undefined && !allowed(action, objectArn)) {
      const message = denial(resources, role, action, objectArn)?.message ?? "Access Denied";
      return failed(403, "AccessDenied", message);
    }
    const by = { sourceAddress: request.remoteAddress, role };
    switch (request.method) {
      case "PUT": {
        const body = unchunked(request);
        objects.put(bucket.bucket, key, body, keptHeaders(request.headers));
        await this.#publish(name, key, "ObjectCreated:Put", by);
        return response(200, "", [["ETag", eTag(body)]]);
      }
      case "DELETE":
        if (objects.delete(bucket.bucket, key)) await this.#publish(name, key, "ObjectRemoved:Delete", by);
        return response(204, "");
      default:
        return this.#answer(bucket, key, allowed);
    }
  }

  async #answer(
    bucket: Bucket,
    key: string,
    allowed: (action: string, resource: string) => boolean,
  ): Promise<HttpResponse> {
    if (!allowed("s3:GetObject", `${bucket.arn}/${key}`)) return failed(403, "AccessDenied", "Access Denied");
    const object = this.options.objects.find(bucket.bucket, key);
    if (object === undefined) {
      // Only a caller who may list the bucket learns whether an object exists.
      return allowed("s3:ListBucket", bucket.arn)
        ? failed(404, "NoSuchKey", "The specified key does not exist.")
        : failed(403, "AccessDenied", "Access Denied");
    }
    return stored(object);
  }

  /** Whether the role's or the bucket's policies allow an action of a function, and none denies it. */
  #mayDo(bucket: Bucket, role: string, action: string, resource: string): boolean {
    const request = {
      action,
      resource,
      principal: ["AWS", role] as const,
      // As on AWS, where the SDK speaks TLS.
      context: { "aws:securetransport": "true" },
    };
    return this.options.resources.roleAllows(role, request, this.#policy(bucket));
  }

  #policy(bucket: Bucket) {
    return this.options.resources
      .list("aws:s3/bucketPolicy:BucketPolicy")
      .filter((policy) => policy.bucket === bucket.bucket)
      .flatMap(({ policy }) => parsePolicy(policy));
  }

  async #publish(
    name: string,
    key: string,
    event: ObjectEvent,
    by: { readonly sourceAddress: string; readonly role?: string } = { sourceAddress: "127.0.0.1" },
  ): Promise<void> {
    const bucket = this.options.resources.find("aws:s3/bucket:Bucket", (each) => each.bucket === name);
    if (bucket === undefined) return;
    const found = event === "ObjectCreated:Put" ? this.options.objects.find(name, key) : undefined;
    const body = found && (await readFile(found.file));
    const object = body && { size: body.length, eTag: md5(body) };
    this.options.notifications.publish(bucket, { event, key, object, ...by });
  }
}

/** The object that a resource declares with a file. */
export function declaredObject(resources: AwsResources, bucket: string, key: string): StoredObject | undefined {
  const declared = resources.find(
    "aws:s3/bucketObjectv2:BucketObjectv2",
    (each) => each.bucket === bucket && each.key === key,
  );
  return declared?.source && { file: declared.source.path, headers: declaredHeaders(declared) };
}

function declaredHeaders({
  contentType,
  cacheControl,
}: Pick<Resource<"aws:s3/bucketObjectv2:BucketObjectv2">, "contentType" | "cacheControl">): HeaderList {
  return [
    ["Content-Type", contentType],
    ...(cacheControl === undefined ? [] : [["Cache-Control", cacheControl] as const]),
  ];
}

async function stored({ file, headers }: StoredObject): Promise<HttpResponse> {
  const body = await readFile(file);
  return { status: 200, headers: [...headers, ["ETag", eTag(body)]], body };
}

function keptHeaders(headers: HeaderList): HeaderList {
  const fields = headers.flatMap(([name, value]) => {
    // `aws-chunked` is the encoding of the transfer, not of the object.
    const bare = value.replace(/aws-chunked,?\s*/, "");
    return kept.test(name) && bare !== "" ? [[name, bare] as const] : [];
  });
  return header(fields, "content-type") === undefined ? [["Content-Type", "binary/octet-stream"], ...fields] : fields;
}

/** The body of a put without the SDKs' chunk framing (S3 API reference, "Chunked upload"). */
function unchunked({ headers, body }: HttpRequest): Buffer {
  if (!header(headers, "x-amz-content-sha256")?.startsWith("STREAMING-")) return body;
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const end = body.indexOf("\r\n", at);
    const size = end < 0 ? 0 : parseInt(body.toString("latin1", at, end), 16);
    // Only trailers may follow the last chunk.
    if (!(size > 0)) return Buffer.concat(chunks);
    chunks.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

const md5 = (body: Buffer) => createHash("md5").update(body).digest("hex");
const eTag = (body: Buffer) => `"${md5(body)}"`;

function failed(status: number, code: string, message: string): HttpResponse {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return response(status, body, [["Content-Type", "application/xml"]]);
}
