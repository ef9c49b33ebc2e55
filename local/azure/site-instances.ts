import { Instances } from "../instances";
import type { PythonProcessOptions } from "../process";

/** Milliseconds during which old and new instances both answer requests. */
const overlap = 1_000;

/** Milliseconds between the last request to an instance and its end. */
const drain = 10_000;

/** How instances are replaced (Flex Consumption, "Site update strategies"). */
export type UpdateStrategy =
  /** Stops the old instances, then starts the new one; requests wait. */
  | "Recreate"
  /**
   * Old instances answer until the new one does, and for a while in parallel. Then they end, whether the new one serves
   * or not.
   */
  | "RollingUpdate";

/** The inputs of a site's instance. */
export interface SiteConfiguration {
  /** Changes whenever a new instance is needed. */
  readonly key: string;
  readonly strategy: UpdateStrategy;
  readonly launch: (port: number) => Promise<PythonProcessOptions>;
}

interface Site {
  readonly key: string;
  readonly instance: string;
  /** Address of the instance; absent until it listens. */
  origin?: string;
  /** Instance of the previous configuration, while it still receives requests. */
  old?: { readonly instance: string; readonly origin: string };
}

/** The instances of function apps: one for each app, and a second one during a replacement. */
export class SiteInstances {
  readonly #instances = new Instances();
  readonly #sites = new Map<string, Site>();
  readonly #ends = new Set<NodeJS.Timeout>();
  #count = 0;

  /** Address for a request to the site. */
  async origin(id: string, configuration: SiteConfiguration): Promise<string> {
    const site = await this.#site(id, configuration);
    // While both run, every other request goes to the old one.
    if (site.old !== undefined && (site.origin === undefined || (this.#count += 1) % 2 === 0)) return site.old.origin;
    return this.#started(site, configuration);
  }

  /** Whether an instance listens, so that requests need not wait. */
  isWarm(id: string): boolean {
    const site = this.#sites.get(id);
    return site?.origin !== undefined || site?.old !== undefined;
  }

  /** Address of the instance with this configuration. */
  async newest(id: string, configuration: SiteConfiguration): Promise<string> {
    return this.#started(await this.#site(id, configuration), configuration);
  }

  /**
   * Moves requests to an instance with another configuration as soon as it serves.
   *
   * @param alone whether the old instance has to end before the new one starts. Default: it serves until then.
   * @throws if the new one does not start; the old one then continues to serve.
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
