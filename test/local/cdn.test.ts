import { brotliDecompressSync, gunzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { compressed, conditional } from "../../local/cdn";
import { header, response } from "../../local/http";

const sizes = { least: 100, most: 1000 };
const page = response(200, "x".repeat(100), [
  ["Content-Type", "text/html; charset=utf-8"],
  ["ETag", '"tag"'],
]);

describe("compression", () => {
  it.each([
    ["gzip, deflate, br", "br"],
    ["gzip", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["deflate", undefined],
    ["", undefined],
  ])("for a client that accepts %s is %s", async (accepted, encoding) => {
    const answer = await compressed({ headers: [["Accept-Encoding", accepted]] }, page, sizes);
    expect(header(answer.headers, "content-encoding")).toBe(encoding);
    expect(header(answer.headers, "etag")).toBe(encoding === undefined ? '"tag"' : 'W/"tag"');
    const plain = { br: brotliDecompressSync, gzip: gunzipSync };
    const body = encoding === "br" || encoding === "gzip" ? plain[encoding](answer.body) : answer.body;
    expect(body).toEqual(page.body);
  });

  it.each([
    ["too short", { ...page, body: page.body.subarray(1) }],
    ["too long", { ...page, body: Buffer.alloc(1001) }],
    ["an image", response(200, "x".repeat(100), [["Content-Type", "image/png"]])],
    ["compressed already", { ...page, headers: [...page.headers, ["Content-Encoding", "gzip"] as const] }],
    ["an error", { ...page, status: 404 }],
  ])("spares what is %s", async (_, answer) => {
    expect(await compressed({ headers: [["Accept-Encoding", "br"]] }, answer, sizes)).toBe(answer);
  });
});

describe("a conditional request", () => {
  it.each([
    ["GET", '"tag"', 304],
    ["GET", 'W/"tag"', 304],
    ["HEAD", '"other", "tag"', 304],
    ["GET", "*", 304],
    ["GET", '"other"', 200],
    ["POST", '"tag"', 200],
  ])("%s with %s is answered with %i", (method, tag, status) => {
    const answer = conditional({ method, headers: [["If-None-Match", tag]] }, page);
    expect([answer.status, answer.body.length]).toEqual([status, status === 304 ? 0 : 100]);
  });
});
