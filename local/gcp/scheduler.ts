import type { DataPlane } from "../data-plane";
import type { HttpResponse } from "../http";
import { Timetable } from "../timetable";
import type { CloudFunctions } from "./functions";
import type { GcpResources } from "./resources";
import { unixCronMinutes } from "./unix-cron";

export interface SchedulerOptions {
  readonly resources: GcpResources;
  readonly functions: Pick<CloudFunctions, "handle">;
}

/** Cloud Scheduler: calls functions at their scheduled times, in UTC, with each job's service account. */
export class Scheduler implements DataPlane {
  readonly #timetable = new Timetable();

  constructor(private readonly options: SchedulerOptions) {}

  start({ id }: { readonly id: string }): Promise<void> {
    const { schedule, paused } = this.options.resources.get("gcp:cloudscheduler/job:Job", id);
    const isDue = paused ? undefined : unixCronMinutes(schedule);
    this.#timetable.set(id, isDue && { at: isDue }, () => {
      this.run(id).catch((error: unknown) => {
        console.error(`job ${id}: ${error instanceof Error ? error.message : String(error)}`);
      });
    });
    return Promise.resolve();
  }

  stop(id: string): Promise<void> {
    this.#timetable.clear(id);
    return Promise.resolve();
  }

  close(): void {
    this.#timetable.close();
  }

  /** The job that calls a function, if there is one. */
  jobOf(functionName: string): string | undefined {
    const { resources } = this.options;
    return resources.list("gcp:cloudscheduler/job:Job").find(({ httpTarget: { uri } }) => {
      return resources.functionAt(uri)?.name === functionName;
    })?.id;
  }

  /**
   * Calls a job's target now.
   *
   * @throws if no function has the target's address.
   */
  async run(id: string, body?: string): Promise<HttpResponse> {
    const { resources, functions } = this.options;
    const { httpTarget, name } = resources.get("gcp:cloudscheduler/job:Job", id);
    const fn = resources.functionAt(httpTarget.uri);
    if (fn === undefined) throw new Error(`job ${name}: no local function has the address ${httpTarget.uri}`);
    const { oidcToken } = httpTarget;
    return functions.handle(
      fn.id,
      {
        method: httpTarget.httpMethod,
        target: new URL(httpTarget.uri).pathname,
        headers: [
          ["Host", new URL(httpTarget.uri).host],
          ["User-Agent", "Google-Cloud-Scheduler"],
          ["X-CloudScheduler", "true"],
          ["X-CloudScheduler-JobName", name],
          ["X-CloudScheduler-ScheduleTime", new Date().toISOString()],
          ...(body === undefined ? [] : [["Content-Type", "application/json"] as const]),
        ],
        body: Buffer.from(body ?? httpTarget.body ?? "", body === undefined ? "base64" : "utf8"),
        remoteAddress: "127.0.0.1",
      },
      // A token is valid for one audience: a function accepts only its own address.
      oidcToken?.audience === undefined || oidcToken.audience === httpTarget.uri
        ? oidcToken?.serviceAccountEmail
        : undefined,
    );
  }
}
