import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import zlib from "node:zlib";

import { header, type HeaderList, type HttpRequest, type HttpResponse, response, without } from "./http";

// What the clouds' object storages and content delivery networks do with a response in the same way.

const encoders = {
  br: promisify(zlib.brotliCompress),
  gzip: promisify(zlib.gzip),
};

/** Range of body sizes, in bytes, that a network compresses. */
export interface CompressibleSizes {
  readonly least: number;
  readonly most: number;
}

/** Compressible types: those in the lists of CloudFront, Front Door and Cloud CDN alike. */
const compressible =
  /^(text\/(css|html|plain|javascript|xml|csv)|application\/(json|javascript|xml|manifest\+json|wasm)|image\/(svg\+xml|x-icon|vnd\.microsoft\.icon)|font\/(ttf|otf))$/;

/** Compresses a response with an encoding that the client accepts, preferably Brotli. */
export async function compressed(
  request: Pick<HttpRequest, "headers">,
  answer: HttpResponse,
  { least, most }: CompressibleSizes,
): Promise<HttpResponse> {
  const type = (header(answer.headers, "content-type") ?? "").split(";")[0]?.trim() ?? "";
  const encoding = acceptedEncodings(request.headers).find((name) => name in encoders);
  if (
    (encoding !== "br" && encoding !== "gzip") ||
    answer.status !== 200 ||
    !compressible.test(type) ||
    answer.body.length < least ||
    answer.body.length > most ||
    header(answer.headers, "content-encoding") !== undefined
  ) {
    return answer;
  }
  return {
    ...answer,
    headers: [
      ...answer.headers.map(
        ([name, value]) =>
          // Compression changes the bytes, so the ETag becomes a weak one.
          [name, name.toLowerCase() === "etag" ? value.replace(/^(?!W\/)/, "W/") : value] as const,
      ),
      ["Content-Encoding", encoding],
      ["Vary", "Accept-Encoding"],
    ],
    body: await encoders[encoding](answer.body),
  };
}

function acceptedEncodings(headers: HeaderList): string[] {
  const accepted = (header(headers, "accept-encoding") ?? "")
    .split(",")
    .map((item) =>
      item
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/),
    )
    .filter(([, quality]) => quality !== "q=0")
    .map(([name = ""]) => name);
  return ["br", "gzip"].filter((name) => accepted.includes(name));
}

/** 304 without a body if the client has the response already. */
export function conditional(request: Pick<HttpRequest, "headers" | "method">, answer: HttpResponse): HttpResponse {
  if (answer.status !== 200 || !["GET", "HEAD"].includes(request.method)) return answer;
  const tag = header(answer.headers, "etag");
  const known = header(request.headers, "if-none-match");
  const weak = (value: string) => value.trim().replace(/^W\//, "");
  const same =
    tag !== undefined && known?.split(",").some((other) => weak(other) === weak(tag) || other.trim() === "*");
  return same
    ? { status: 304, headers: without(answer.headers, ["content-type", "content-encoding"]), body: Buffer.alloc(0) }
    : answer;
}

/** A response of object storage with a file of the site. */
export async function storedFile(
  file: string,
  { contentType, cacheControl }: { readonly contentType: string; readonly cacheControl?: string },
): Promise<HttpResponse> {
  const body = await readFile(file);
  return {
    status: 200,
    headers: [
      ["Content-Type", contentType],
      ["ETag", `"${createHash("md5").update(body).digest("hex")}"`],
      ...(cacheControl === undefined ? [] : [["Cache-Control", cacheControl] as const]),
    ],
    body,
  };
}

/** An error page of the network itself. */
export function errorPage(status: number, title: string, text: string): HttpResponse {
  return response(status, `<!doctype html><title>${title}</title><h1>${title}</h1><p>${text}</p>\n`);
}
