import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

import { z } from "zod";

import { functionSchema } from "./resources";

const revisionSchema = z.object({
  name: z.string(),
  /** The function as it was deployed. */
  fn: functionSchema,
  /** Its archive, which the cloud keeps by its content. */
  source: z.object({ path: z.string(), sha256: z.string() }),
});

/** What a Cloud Run service was once deployed as, and can go back to. */
export type Revision = z.output<typeof revisionSchema>;

const serviceSchema = z.object({
  /** How many revisions there ever were. */
  count: z.number(),
  /** Those that became ready, the newest last. */
  ready: z.array(revisionSchema),
  /** Name of the one that all traffic goes to. */
  serving: z.string(),
});

type Service = z.output<typeof serviceSchema>;

/** Revisions that are kept of each service. Cloud Run keeps a thousand. */
const kept = 10;

/** The revisions of the services behind functions, by the functions' ids: they outlive a restart of the cloud. */
export class Revisions {
  readonly #services: Map<string, Service>;

  /** @param file where they are kept, made when there is something to keep. */
  constructor(private readonly file: string) {
    const stored: unknown = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
    this.#services = new Map(Object.entries(z.record(z.string(), serviceSchema).parse(stored)));
  }

  /** The revision that answers. */
  serving(id: string): Revision | undefined {
    const service = this.#services.get(id);
    return service?.ready.find(({ name }) => name === service.serving);
  }

  ready(id: string): readonly Revision[] {
    return this.#services.get(id)?.ready ?? [];
  }

  /** A revision that is about to start. A number is never given twice. */
  next(id: string, fn: Revision["fn"], source: Revision["source"]): Revision {
    const service = this.#services.get(id) ?? { count: 0, ready: [], serving: "" };
    const count = service.count + 1;
    this.#keep(id, { ...service, count });
    return { name: `${fn.name}-${String(count).padStart(5, "0")}-loc`, fn, source };
  }

  /** Sends all traffic to a revision that is ready. */
  serve(id: string, revision: Revision): void {
    const { count = 1, ready = [] } = this.#services.get(id) ?? {};
    const others = ready.filter(({ name }) => name !== revision.name);
    const inOrder = [...others, revision].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(-kept);
    const all = inOrder.includes(revision) ? inOrder : [revision, ...inOrder];
    this.#keep(id, { count, ready: all, serving: revision.name });
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
