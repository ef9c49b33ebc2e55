import { Instances } from "../instances";
import type { PythonProcessOptions } from "../process";

/** Milliseconds that instances with another configuration or package go on answering beside the new one. */
const overlap = 1_000;

/** Milliseconds after which an instance that gets no more requests is ended. */
const drain = 10_000;

/** How instances make way for others (Flex Consumption, "Site update strategies"). */
export type UpdateStrategy =
  /** The old ones are ended, then the new one starts, and requests wait for it. */
  | "Recreate"
  /** The old ones answer until the new one does, and for a while beside it; after that they end, whether it serves or not. */
  | "RollingUpdate";

/** What a site needs in order to serve. */
export interface SiteConfiguration {
  /** Whatever makes a new instance necessary. */
  readonly key: string;
  readonly strategy: UpdateStrategy;
  readonly launch: (port: number) => Promise<PythonProcessOptions>;
}

interface Site {
  readonly key: string;
  readonly instance: string;
  /** Where the instance listens; absent until it does. */
  origin?: string;
  /** Instance of the configuration before, as long as it gets requests. */
  old?: { readonly instance: string; readonly origin: string };
}

/** The instances of function apps: one for each, and a second while it is replaced. */
export class SiteInstances {
  readonly #instances = new Instances();
  readonly #sites = new Map<string, Site>();
  readonly #ends = new Set<NodeJS.Timeout>();
  #count = 0;

  /** Where a request to the site goes. */
  async origin(id: string, configuration: SiteConfiguration): Promise<string> {
    const site = await this.#site(id, configuration);
    // Beside each other, every other request goes to the old one.
    if (site.old !== undefined && (site.origin === undefined || (this.#count += 1) % 2 === 0)) return site.old.origin;
    return this.#started(site, configuration);
  }

  /** Whether an instance listens, so that no request has to wait for one. */
  isWarm(id: string): boolean {
    const site = this.#sites.get(id);
    return site?.origin !== undefined || site?.old !== undefined;
  }

  /** Where the instance with this configuration listens. */
  async newest(id: string, configuration: SiteConfiguration): Promise<string> {
    return this.#started(await this.#site(id, configuration), configuration);
  }

  /**
   * Sends requests to an instance with another configuration as soon as that serves.
   *
   * @param alone whether what serves has to be gone before the other starts. Default: it serves until then.
   * @throws where it does not start; what served goes on.
   */
  async change(id: string, { key, launch }: SiteConfiguration, { alone = false } = {}): Promise<void> {
    const current = this.#sites.get(id);
    if (current?.key === key && current.origin !== undefined) return;
    if (alone) await this.stop(id);
    const instance = `${id} ${(this.#count += 1)}`;
    const origin = await this.#instances.origin(instance, key, launch);
    const replaced = this.#sites.get(id);
    this.#sites.set(id, { key, instance, origin });
    if (replaced !== undefined) this.#after(drain, () => void this.#instances.stop(replaced.instance));
  }

  async stop(id: string): Promise<void> {
    const site = this.#sites.get(id);
    this.#sites.delete(id);
    if (site === undefined) return;
    await Promise.all(
      [site.instance, ...(site.old ? [site.old.instance] : [])].map((name) => this.#instances.stop(name)),
    );
  }

  async close(): Promise<void> {
    for (const end of this.#ends) clearTimeout(end);
    await this.#instances.close();
  }

  async #site(id: string, configuration: SiteConfiguration): Promise<Site> {
    const current = this.#sites.get(id);
    if (current?.key === configuration.key) return current;
    const site: Site = { key: configuration.key, instance: `${id} ${(this.#count += 1)}` };
    const old = current?.origin === undefined ? current?.old : { instance: current.instance, origin: current.origin };
    this.#sites.set(id, site);
    if (old !== undefined && configuration.strategy === "Recreate") await this.#instances.stop(old.instance);
    if (old !== undefined && configuration.strategy === "RollingUpdate") {
      site.old = old;
      const retire = () => {
        this.#after(overlap, () => {
          site.old = undefined;
          this.#after(drain, () => void this.#instances.stop(old.instance));
        });
      };
      this.#started(site, configuration).then(retire, retire);
    }
    return site;
  }

  async #started(site: Site, { key, launch }: SiteConfiguration): Promise<string> {
    site.origin = await this.#instances.origin(site.instance, key, launch);
    return site.origin;
  }

  #after(milliseconds: number, action: () => void): void {
    const end = setTimeout(() => {
      this.#ends.delete(end);
      action();
    }, milliseconds);
    this.#ends.add(end);
  }
}
