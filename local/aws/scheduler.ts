import { randomUUID } from "node:crypto";

import type { DataPlane } from "../data-plane";
import { allows } from "./iam";
import { type Lambda, ThrottledError } from "./lambda";
import type { AwsResources } from "./resources";
import { parseExpression } from "./schedule-expression";

/** Milliseconds after which Lambda runs an event again whose run failed (Lambda developer guide, "Asynchronous invocation"). */
const retries = [60_000, 120_000];

const minute = 60_000;

/** EventBridge Scheduler: invokes functions at their times, in UTC, where the schedule's role allows it. */
export class Scheduler implements DataPlane {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Events that are to be run again. */
  readonly #repeats = new Set<NodeJS.Timeout>();

  constructor(private readonly options: { readonly resources: AwsResources; readonly lambda: Lambda }) {}

  async start({ id }: { readonly id: string }): Promise<void> {
    await this.stop(id);
    const { scheduleExpression, state } = this.options.resources.get("aws:scheduler/schedule:Schedule", id);
    if (state === "DISABLED") return;
    const due = parseExpression(scheduleExpression);
    if (due?.every !== undefined) {
      this.#timers.set(
        id,
        setInterval(() => {
          this.#fire(id);
        }, due.every),
      );
    } else if (due !== undefined) {
      this.#everyMinute(id, due.at);
    }
  }

  stop(id: string): Promise<void> {
    const timer = this.#timers.get(id);
    this.#timers.delete(id);
    // Clears an interval as well.
    clearTimeout(timer);
    return Promise.resolve();
  }

  close(): void {
    for (const timer of [...this.#timers.values(), ...this.#repeats]) clearTimeout(timer);
    this.#timers.clear();
    this.#repeats.clear();
  }

  #everyMinute(id: string, isDue: (time: Date) => boolean): void {
    const next = minute - (Date.now() % minute);
    this.#timers.set(
      id,
      setTimeout(() => {
        if (isDue(new Date())) this.#fire(id);
        this.#everyMinute(id, isDue);
      }, next),
    );
  }

  #fire(id: string): void {
    this.run(id).catch((error: unknown) => {
      console.error(`schedule ${id}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  /**
   * Sends a schedule's event, as at its time.
   *
   * @throws where the schedule's role may not invoke the target, or the target is not there.
   */
  async run(id: string, attempt = 0): Promise<void> {
    const { resources, lambda } = this.options;
    const { arn, target } = resources.get("aws:scheduler/schedule:Schedule", id);
    const request = { action: "lambda:InvokeFunction", resource: target.arn };
    if (!allows(resources.roleStatements(target.roleArn), request)) {
      throw new Error(
        `${target.roleArn} is not authorized to perform: lambda:InvokeFunction on resource: ${target.arn}`,
      );
    }
    let failed: boolean;
    try {
      const result = await lambda.invoke(target.arn, Buffer.from(target.input ?? JSON.stringify(scheduledEvent(arn))));
      failed = result.functionError !== undefined;
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error;
      failed = true;
    }
    const delay = retries[attempt];
    if (!failed || delay === undefined) return;
    const repeat = setTimeout(() => {
      this.#repeats.delete(repeat);
      this.run(id, attempt + 1).catch(console.error);
    }, delay);
    this.#repeats.add(repeat);
  }
}

/** What a target without an input of its own gets. */
function scheduledEvent(arn: string) {
  const [, , , region = "", account = ""] = arn.split(":");
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    account,
    time: new Date().toISOString().replace(/\.\d+/, ""),
    region,
    resources: [arn],
    detail: "{}",
  };
}
