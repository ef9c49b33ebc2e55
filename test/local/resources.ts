import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { strToU8, zipSync } from "fflate";

import type { Resources, StoredResource } from "../../local/store";

/** Changeable resources in memory, in the form of the store. */
export class FakeResources implements Resources {
  readonly #resources: StoredResource[] = [];

  /** Adds a resource, or replaces the one with the same type and id. */
  put(
    type: string,
    id: string,
    inputs: Record<string, unknown>,
    outputs: Record<string, unknown> = {},
  ): StoredResource {
    this.remove(type, id);
    const resource = {
      urn: `urn:pulumi:test::test::${type}::${id}`,
      type,
      id,
      inputs,
      outputs: { ...inputs, ...outputs },
    };
    this.#resources.push(resource);
    return resource;
  }

  remove(type: string, id: string): void {
    const index = this.#resources.findIndex((resource) => resource.type === type && resource.id === id);
    if (index >= 0) this.#resources.splice(index, 1);
  }

  get(type: string, id: string): StoredResource | undefined {
    return this.#resources.find((resource) => resource.type === type && resource.id === id);
  }

  list(type: string): StoredResource[] {
    return this.#resources.filter((resource) => resource.type === type);
  }
}

export function temporaryDirectory(): string {
  return mkdtempSync(path.join(os.tmpdir(), "local-clouds-"));
}

/** A file in the store's form. */
export function blob(directory: string, content: string | Uint8Array): { path: string; sha256: string } {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const file = path.join(directory, sha256);
  writeFileSync(file, content);
  return { path: file, sha256 };
}

/** A zip of text files in the store's form. */
export function archive(directory: string, files: Record<string, string>): { path: string; sha256: string } {
  const entries = Object.entries(files).map(([name, text]) => [name, strToU8(text)]);
  return blob(directory, zipSync(Object.fromEntries(entries) as Record<string, Uint8Array>, { mtime: "1980-01-01" }));
}
