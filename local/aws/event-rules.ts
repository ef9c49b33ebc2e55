import { randomUUID } from "node:crypto";

import { z } from "zod";

import type { DataPlane } from "../data-plane";
import { header, type HttpRequest, type HttpResponse, listen, type Listener, response } from "../http";
import { Timetable } from "../timetable";
import { accessKeyIn, type Denial, denial, roleOf } from "./caller";
import { matchesPattern } from "./event-pattern";
import type { Queues } from "./queues";
import { maySend, mayInvoke } from "./resource-policy";
import type { AwsResources, Resource } from "./resources";
import { parseExpression } from "./schedule-expression";
import { scheduledEvent } from "./scheduler";
import { account } from "./types";

/** The fields of `PutEvents` (EventBridge API reference). */
const putEvents = z.object({
  Entries: z
    .array(
      z.object({
        Source: z.string().min(1),
        DetailType: z.string().min(1),
        Detail: z.string(),
        Resources: z.array(z.string()).default([]),
        EventBusName: z.string().default("default"),
      }),
    )
    .min(1)
    .max(10),
});

export interface EventRulesOptions {
  readonly resources: AwsResources;
  readonly queues: Queues;
  /** Runs an event asynchronously; `target` is the function's ARN. */
  readonly invoke: (target: string, event: string) => Promise<void>;
}

/**
 * EventBridge's default event bus: sends events to the functions and queues of matching and scheduled rules, if their
 * policies allow it. Failed deliveries are written to the cloud's own log.
 */
export class EventRules implements DataPlane {
  readonly #timetable = new Timetable();
  #listener: Listener | undefined;

  constructor(private readonly options: EventRulesOptions) {}

  start({ id }: { readonly id: string }): Promise<void> {
    const { scheduleExpression, state, arn } = this.options.resources.get("aws:cloudwatch/eventRule:EventRule", id);
    this.#timetable.clear(id);
    if (scheduleExpression !== undefined && state !== "DISABLED") {
      const due = parseExpression(scheduleExpression);
      this.#timetable.set(id, due, () => void this.#hand(id, scheduledEvent(arn, "aws.events", {})));
    }
    return Promise.resolve();
  }

  stop(id: string): Promise<void> {
    this.#timetable.clear(id);
    return Promise.resolve();
  }

  /** Starts the endpoint of `PutEvents`. */
  async listen(): Promise<string> {
    this.#listener = await listen((request) => Promise.resolve(this.#answer(request)));
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  async close(): Promise<void> {
    this.#timetable.close();
    await this.#listener?.close();
  }

  #answer(request: HttpRequest): HttpResponse {
    const operation = header(request.headers, "x-amz-target")?.split(".").at(-1) ?? "";
    if (operation !== "PutEvents") {
      return refused({ type: "UnknownOperationException", message: `${operation} is not served on this machine` });
    }
    const { resources } = this.options;
    const headers = Object.fromEntries(request.headers.map(([key, value]) => [key.toLowerCase(), value]));
    const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(headers.authorization ?? "")?.[1] ?? "";
    // A caller that is no function is the developer.
    const role = roleOf(resources, accessKeyIn(headers));
    const denied =
      role && denial(resources, role, "events:PutEvents", `arn:aws:events:${region}:${account}:event-bus/default`);
    if (denied) return refused(denied);
    const given = putEvents.safeParse(JSON.parse(request.body.toString()));
    if (!given.success) return refused({ type: "ValidationException", message: z.prettifyError(given.error) });
    const Entries = given.data.Entries.map((entry) => {
      if (entry.EventBusName.split("/").at(-1) !== "default") {
        return { ErrorCode: "InvalidArgument", ErrorMessage: `there is no event bus ${entry.EventBusName} here` };
      }
      const detail = parsedObject(entry.Detail);
      if (detail === undefined) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
      const EventId = randomUUID();
      this.#put({
        version: "0",
        id: EventId,
        "detail-type": entry.DetailType,
        source: entry.Source,
        account,
        time: new Date().toISOString().replace(/\.\d+/, ""),
        region,
        resources: entry.Resources,
        detail,
      });
      return { EventId };
    });
    return response(200, { FailedEntryCount: Entries.filter((entry) => "ErrorCode" in entry).length, Entries });
  }

  #put(event: object): void {
    for (const rule of this.options.resources.list("aws:cloudwatch/eventRule:EventRule")) {
      if (rule.state === "DISABLED" || rule.eventPattern === undefined) continue;
      if (matchesPattern(rule.eventPattern, event)) void this.#hand(rule.id, event);
    }
  }

  /** Sends an event to the targets of a rule; returns when all have received it. */
  async #hand(id: string, event: object): Promise<void> {
    const { resources } = this.options;
    const rule = resources.get("aws:cloudwatch/eventRule:EventRule", id);
    const targets = resources.list("aws:cloudwatch/eventTarget:EventTarget").filter((each) => each.rule === rule.name);
    await Promise.all(
      targets.map((target) =>
        this.#deliver(target, rule.arn, event).catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error);
          console.error(`rule ${rule.name}: its target ${target.arn} did not get an event: ${reason}`);
        }),
      ),
    );
  }

  async #deliver(
    { arn, input, inputPath }: Resource<"aws:cloudwatch/eventTarget:EventTarget">,
    ruleArn: string,
    event: object,
  ): Promise<void> {
    const { resources, invoke, queues } = this.options;
    const payload = input ?? JSON.stringify(inputPath === undefined ? event : partOf(event, inputPath));
    if (arn.includes(":sqs:")) {
      const queue = queues.find(arn);
      if (!maySend(resources, queue, "events.amazonaws.com", ruleArn)) {
        throw new Error("the queue's policy does not allow events.amazonaws.com to send to it for this rule");
      }
      queues.send(queue, { body: payload });
    } else {
      if (!mayInvoke(resources, arn, "events.amazonaws.com", ruleArn)) {
        throw new Error("no Permission allows events.amazonaws.com to invoke it for this rule");
      }
      await invoke(arn, payload);
    }
  }
}

/** The value at a path such as `$.detail.order`. */
function partOf(event: object, inputPath: string): unknown {
  const fields = inputPath.split(".").slice(1);
  return fields.reduce<unknown>((part, field) => {
    return typeof part === "object" && part !== null ? Reflect.get(part, field) : undefined;
  }, event);
}

function parsedObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function refused({ type, message }: Denial): HttpResponse {
  return response(400, { __type: type, message }, [["Content-Type", "application/x-amz-json-1.1"]]);
}
