import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

import { z } from "zod";

import { functionSchema } from "./resources";

const revisionSchema = z.object({
  name: z.string(),
  /** The function as it was deployed. */
  fn: functionSchema,
  /** Its archive; the cloud keeps it in its content-addressed store. */
  source: z.object({ path: z.string(), sha256: z.string() }),
  /** ISO 8601. */
  createdAt: z.string().default("1970-01-01T00:00:00.000Z"),
});

/** A deployed version of a Cloud Run service, to which the service can return. */
export type Revision = z.output<typeof revisionSchema>;

const serviceSchema = z.object({
  /** Number of revisions that were ever created. */
  count: z.number(),
  /** Revisions that became ready, newest last. */
  ready: z.array(revisionSchema),
  /** Name of the revision with the rest of the traffic. */
  serving: z.string(),
  /** Traffic shares of the other revisions, from 0 to 1. */
  shares: z.record(z.string(), z.number()).default({}),
  /** Whether the traffic names revisions, so that a new one gets no traffic by itself. */
  pinned: z.boolean().default(false),
  /** Revisions by tag. */
  tags: z.record(z.string(), z.string()).default({}),
});

const none: Service = { count: 0, ready: [], serving: "", shares: {}, pinned: false, tags: {} };

type Service = z.output<typeof serviceSchema>;

/** Number of revisions to keep for each service. Cloud Run keeps a thousand. */
const kept = 10;

/** The revisions of functions' services, by function id. They survive a restart of the cloud. */
export class Revisions {
  readonly #services: Map<string, Service>;

  /** @param file with the revisions; created when needed. */
  constructor(private readonly file: string) {
    const stored: unknown = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
    this.#services = new Map(Object.entries(z.record(z.string(), serviceSchema).parse(stored)));
  }

  /** The serving revision; of several, the one with the rest of the traffic. */
  serving(id: string): Revision | undefined {
    const service = this.#services.get(id);
    return service?.ready.find(({ name }) => name === service.serving);
  }

  /** Picks the revision for the next request, by traffic share. */
  picked(id: string): Revision | undefined {
    const { ready = [], shares = {} } = this.#services.get(id) ?? {};
    let chance = Math.random();
    for (const [name, share] of Object.entries(shares)) {
      chance -= share;
      if (chance < 0) return ready.find((revision) => revision.name === name);
    }
    return this.serving(id);
  }

  /** Each revision's share of the traffic, from 0 to 1. */
  traffic(id: string): Readonly<Record<string, number>> {
    const { serving, shares = {} } = this.#services.get(id) ?? {};
    if (serving === undefined) return {};
    return { ...shares, [serving]: 1 - Object.values(shares).reduce((sum, share) => sum + share, 0) };
  }

  ready(id: string): readonly Revision[] {
    return this.#services.get(id)?.ready ?? [];
  }

  /** The next revision. Its number is never reused. */
  next(id: string, fn: Revision["fn"], source: Revision["source"]): Revision {
    const service = this.#services.get(id) ?? none;
    const count = service.count + 1;
    this.#keep(id, { ...service, count });
    const createdAt = new Date().toISOString();
    return { name: `${fn.name}-${String(count).padStart(5, "0")}-loc`, fn, source, createdAt };
  }

  /**
   * Moves the traffic to a ready revision, except the shares of others.
   *
   * @param pinned whether the traffic names revisions, so that a later one gets none by itself.
   */
  serve(id: string, revision: Revision, shares: Readonly<Record<string, number>> = {}, pinned = false): void {
    const service = this.#services.get(id) ?? { ...none, count: 1 };
    const used = new Set([revision.name, ...Object.keys(shares), ...Object.values(service.tags)]);
    this.#keep(id, { ...service, ready: withReady(service, revision, used), serving: revision.name, shares, pinned });
  }

  /** Keeps a ready revision without traffic. */
  add(id: string, revision: Revision): void {
    const service = this.#services.get(id) ?? none;
    const used = new Set([...Object.keys(this.traffic(id)), ...Object.values(service.tags)]);
    this.#keep(id, { ...service, ready: withReady(service, revision, used) });
  }

  /** Whether the traffic stays on its revisions after a deployment. */
  isPinned(id: string): boolean {
    return this.#services.get(id)?.pinned ?? false;
  }

  /** Tags of a revision. */
  tagsOf(id: string, revisionName: string): string[] {
    const tags = Object.entries(this.#services.get(id)?.tags ?? {});
    return tags.filter(([, name]) => name === revisionName).map(([tag]) => tag);
  }

  /** Assigns a tag to a revision, or removes it. */
  tag(id: string, tag: string, revisionName?: string): void {
    const service = this.#services.get(id);
    if (service === undefined) return;
    const { [tag]: _, ...others } = service.tags;
    this.#keep(id, { ...service, tags: revisionName === undefined ? others : { ...others, [tag]: revisionName } });
  }

  /** Deletes a revision without traffic. */
  drop(id: string, revisionName: string): void {
    const service = this.#services.get(id);
    if (service === undefined) return;
    const tags = Object.fromEntries(Object.entries(service.tags).filter(([, name]) => name !== revisionName));
    this.#keep(id, { ...service, tags, ready: service.ready.filter(({ name }) => name !== revisionName) });
  }

  delete(id: string): void {
    this.#services.delete(id);
    this.#save();
  }

  #keep(id: string, service: Service): void {
    this.#services.set(id, service);
    this.#save();
  }

  #save(): void {
    writeFileSync(`${this.file}.new`, JSON.stringify(Object.fromEntries(this.#services), null, 1));
    renameSync(`${this.file}.new`, this.file);
  }
}

/** Adds a revision to the ready ones, and drops the oldest unused ones. */
function withReady({ ready }: Service, revision: Revision, used: ReadonlySet<string>): Revision[] {
  const others = ready.filter(({ name }) => name !== revision.name);
  const inOrder = [...others, revision].sort((a, b) => (a.name < b.name ? -1 : 1));
  const old = inOrder.slice(0, -kept).filter(({ name }) => !used.has(name));
  return inOrder.filter((each) => !old.includes(each));
}
