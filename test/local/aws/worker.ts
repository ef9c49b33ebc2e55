import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { archive, type FakeResources } from "../resources";

export const account = "123456789012";
export const arn = (service: string, rest: string) => `arn:aws:${service}:ap-northeast-1:${account}:${rest}`;
export const functionArn = arn("lambda", "function:worker");
const roleArn = `arn:aws:iam::${account}:role/worker`;

/** File in which a function records its events, one JSON value per line. */
export const notesIn = (state: string) => path.join(state, "notes");

export function notedIn<Event>(notes: string): Event[] {
  const lines = existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : [];
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Event);
}

/** Inputs of a function `worker`; its role and log group are added. The variable `NOTES` names its file of events. */
export function declaredWorker(resources: FakeResources, state: string, source: string) {
  resources.put("aws:iam/role:Role", "worker", { name: "worker" }, { arn: roleArn });
  resources.put("aws:cloudwatch/logGroup:LogGroup", "/w", { name: "/w" }, { arn: arn("logs", "log-group:/w") });
  const inputs = {
    name: "worker",
    role: roleArn,
    handler: "main.handler",
    runtime: "python3.12",
    code: archive(state, { "main.py": source }),
    timeout: 30,
    environment: { variables: { NOTES: notesIn(state) } },
    loggingConfig: { logFormat: "JSON", logGroup: "/w" },
  };
  return ["aws:lambda/function:Function", "worker", inputs, { arn: functionArn }] as const;
}

/** Gives the worker's role a policy with these statements. */
export function allowWorker(resources: FakeResources, Statement: readonly object[]): void {
  const policy = JSON.stringify({ Version: "2012-10-17", Statement });
  resources.put("aws:iam/rolePolicy:RolePolicy", "worker:worker", { role: "worker", policy });
}
