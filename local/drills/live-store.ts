import path from "node:path";

import type { CloudAddress } from "../control";
import { deleteResource, putResource } from "../cloud-process";
import { ResourceStore, type StoredResource } from "../store";
import type { FaultyStore } from "./faults";

/** The resources of a running local cloud: changes are collected, then applied. */
export class LiveStore implements FaultyStore {
  readonly #stored: ResourceStore;
  readonly #changes: (() => Promise<void>)[] = [];

  /** @param provider name of the cloud's provider and folder. */
  constructor(
    private readonly state: string,
    private readonly provider: string,
    private readonly cloud: CloudAddress,
  ) {
    this.#stored = new ResourceStore(path.join(state, provider));
  }

  get(type: string, id: string): StoredResource | undefined {
    return this.#stored.get(type, id);
  }

  list(type: string): StoredResource[] {
    return this.#stored.list(type);
  }

  keep(source: string): { path: string; sha256: string } {
    return this.#stored.keep(source);
  }

  put(resource: StoredResource): void {
    this.#changes.push(() => putResource(this.cloud, { ...resource, cloud: this.provider }));
  }

  delete({ type, id }: Pick<StoredResource, "type" | "id">): void {
    this.#changes.push(() => deleteResource(this.state, { cloud: this.provider, type, id }));
  }

  /** Applies the changes in order. */
  async flush(): Promise<void> {
    for (const change of this.#changes.splice(0)) await change();
  }
}
