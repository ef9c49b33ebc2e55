import { randomUUID } from "node:crypto";

import type { DataPlane } from "../data-plane";
import { Timetable } from "../timetable";
import type { AsynchronousInvocations } from "./asynchronous";
import type { AwsResources } from "./resources";
import { parseExpression } from "./schedule-expression";

export interface SchedulerOptions {
  readonly resources: AwsResources;
  readonly invocations: AsynchronousInvocations;
}

/** EventBridge Scheduler: invokes functions at their scheduled times, in UTC, if the schedule's role allows it. */
export class Scheduler implements DataPlane {
  readonly #timetable = new Timetable();

  constructor(private readonly options: SchedulerOptions) {}

  start({ id }: { readonly id: string }): Promise<void> {
    const { scheduleExpression, state } = this.options.resources.get("aws:scheduler/schedule:Schedule", id);
    this.#timetable.clear(id);
    if (state === "ENABLED") {
      this.#timetable.set(id, parseExpression(scheduleExpression), () => {
        this.run(id).catch((error: unknown) => {
          console.error(`schedule ${id}: ${error instanceof Error ? error.message : String(error)}`);
        });
      });
    }
    return Promise.resolve();
  }

  stop(id: string): Promise<void> {
    this.#timetable.clear(id);
    return Promise.resolve();
  }

  close(): void {
    this.#timetable.close();
  }

  /**
   * Sends a schedule's event now.
   *
   * @throws if the schedule's role may not invoke the target, or the target does not exist.
   */
  async run(id: string): Promise<void> {
    const { resources, invocations } = this.options;
    const { arn, target } = resources.get("aws:scheduler/schedule:Schedule", id);
    const request = { action: "lambda:InvokeFunction", resource: target.arn };
    if (!resources.roleAllows(target.roleArn, request)) {
      throw new Error(
        `${target.roleArn} is not authorized to perform: lambda:InvokeFunction on resource: ${target.arn}`,
      );
    }
    await invocations.send(target.arn, target.input ?? JSON.stringify(scheduledEvent(arn, "aws.scheduler", "{}")));
  }
}

/** The event of a schedule or a rule for a target without its own input. */
export function scheduledEvent(arn: string, source: "aws.scheduler" | "aws.events", detail: string | object) {
  const [, , , region = "", account = ""] = arn.split(":");
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "Scheduled Event",
    source,
    account,
    time: new Date().toISOString().replace(/\.\d+/, ""),
    region,
    resources: [arn],
    detail,
  };
}
