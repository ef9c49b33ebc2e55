import type { FunctionPlan } from "../../components/function-plan";
import type { HttpFunction, ScheduledFunction } from "../../contract/application";

/** A function that answers requests, as a description and a stack's settings give it. */
export function httpPlan(overrides: Partial<HttpFunction> = {}): FunctionPlan {
  return {
    description: {
      kind: "http",
      name: "api",
      entryPoints: { aws: { protocol: "handler", module: "api.aws.function", attribute: "handler" } },
      requirements: {},
      environment: {},
      secrets: [],
      tables: ["messages"],
      routes: ["/*"],
      probes: [{ path: "/api/", status: 200 }],
      ...overrides,
    },
    environment: {},
    secrets: {},
  };
}

/** A function that runs every hour. */
export function scheduledPlan(overrides: Partial<ScheduledFunction> = {}): FunctionPlan {
  return {
    description: {
      kind: "schedule",
      name: "cleanup",
      entryPoints: { aws: { protocol: "handler", module: "cleanup", attribute: "run" } },
      requirements: {},
      environment: {},
      secrets: [],
      tables: [],
      schedule: { kind: "rate", minutes: 60 },
      ...overrides,
    },
    environment: {},
    secrets: {},
  };
}
