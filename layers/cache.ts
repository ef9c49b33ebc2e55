import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

import { BuildError, reasonOf } from "./build-error";
import type { FilePart } from "./zip";

/**
 * A folder of the project's cache, which all checkouts of a user share: `$XDG_CACHE_HOME/multicloud-auto-deploy`, or
 * `~/.cache/multicloud-auto-deploy`. Its content can be rebuilt, so deleting it is always safe.
 */
export function cacheDirectory(...parts: string[]): string {
  const { XDG_CACHE_HOME: chosen = "" } = process.env;
  // The XDG base directory specification says to ignore relative paths.
  const base = path.isAbsolute(chosen) ? chosen : path.join(homedir(), ".cache");
  return path.join(base, "multicloud-auto-deploy", ...parts);
}

/**
 * Writes a file atomically: the content goes to a temporary file, which is then renamed.
 *
 * @throws {BuildError} if the disk is full or not writable.
 */
export async function writeAtomically(
  file: string,
  content: Buffer | string | Iterable<Buffer> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw unwritable(file, error);
  }
}

/** The error for a file or folder that cannot be written. */
export function unwritable(file: string, error: unknown): BuildError {
  const instead = file.startsWith(cacheDirectory()) ? ", or set XDG_CACHE_HOME to another folder" : "";
  return new BuildError(`${file} cannot be written: ${reasonOf(error)}; make room or give the permission${instead}`);
}

/** Writes a value for {@link readRecord}, with a checksum. */
export async function writeRecord(file: string, value: unknown): Promise<void> {
  const body = JSON.stringify(value);
  await writeAtomically(file, `${sha256(body)}\n${body}`);
}

/** The value that {@link writeRecord} wrote; undefined if it does not exist or is damaged. */
export async function readRecord<Value>(file: string): Promise<Value | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  const [hash, body = ""] = text.split("\n");
  return hash === sha256(body) ? (JSON.parse(body) as Value) : undefined;
}

/**
 * Writes bytes for {@link readBlob}, with a checksum.
 *
 * @returns where they are in the file.
 */
export async function writeBlob(file: string, content: Buffer): Promise<FilePart> {
  await writeAtomically(file, Buffer.concat([Buffer.from(sha256(content)), content]));
  return blobPart(file, content);
}

/** Where a blob's bytes are, so that they need not stay in memory. */
export function blobPart(file: string, content: Buffer): FilePart {
  return { file, start: 64, length: content.length };
}

/** The bytes that {@link writeBlob} wrote; undefined if they do not exist or are damaged. */
export async function readBlob(file: string): Promise<Buffer | undefined> {
  const stored = await readFile(file).catch(() => Buffer.alloc(0));
  const content = stored.subarray(64);
  return stored.toString("latin1", 0, 64) === sha256(content) ? content : undefined;
}

/** SHA-256 in hexadecimal. */
export function sha256(content: Buffer | string): string {
  return createHash("sha256").update(content).digest("hex");
}
