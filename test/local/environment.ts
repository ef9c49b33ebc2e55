import type { CloudDataPlane } from "../../local/data-plane";
import { FakeResources, temporaryDirectory } from "./resources";

/** A local cloud around one application. Tests can change everything in `resources`. */
export abstract class Environment {
  readonly state = temporaryDirectory();
  readonly resources = new FakeResources();
  plane!: CloudDataPlane;
  apiUrl = "";
  siteUrl = "";

  async start(): Promise<this> {
    await this.declare();
    await this.restart();
    return this;
  }

  /** Starts all resources again, as after an end of the cloud. */
  async restart(): Promise<void> {
    this.plane = await this.startCloud();
    for (const [type, plane] of Object.entries(this.plane.types)) {
      for (const resource of this.resources.list(type)) await plane.start(resource);
    }
  }

  protected abstract startCloud(): CloudDataPlane | Promise<CloudDataPlane>;
  /** Adds the resources and sets their addresses. */
  protected abstract declare(): Promise<void>;
}
