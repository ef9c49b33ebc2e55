import * as pulumi from "@pulumi/pulumi";

import type { Application, PythonFunction } from "../contract/application";
import { parseSchedule } from "../contract/schedule";
import { didYouMeanThen } from "../contract/suggestion";

/** A function of the application, with the stack's settings. */
export interface FunctionPlan {
  readonly description: PythonFunction;
  /** The description's variables, overridden by the stack's settings. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** A value for each name in `description.secrets`, each a Pulumi secret. */
  readonly secrets: Readonly<Record<string, pulumi.Input<string>>>;
  /** MiB; absent: the cloud's setting. */
  readonly memory?: number;
  /** Seconds; absent: the cloud's setting. */
  readonly timeout?: number;
}

/** The stack's settings of one function. */
export interface FunctionOverrides {
  readonly environment: Readonly<Record<string, string>>;
  /** As plain text. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly memory?: number;
  readonly timeout?: number;
  readonly schedule?: string;
}

/**
 * The functions of an application with a stack's settings.
 *
 * @param settings by function; they override the description.
 * @param common environment variables of every function.
 * @throws {pulumi.RunError} naming each missing setting, and each one of an unknown function.
 */
export function planFunctions(
  { functions }: Application,
  settings: Readonly<Record<string, FunctionOverrides>>,
  common: Readonly<Record<string, string>>,
): FunctionPlan[] {
  const names = functions.map(({ name }) => name);
  const problems = Object.keys(settings)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const known = `the application has ${names.join(", ")}`;
      return `functions.${name}: the application has no such function${didYouMeanThen(name, names, known)}`;
    });
  const plans = functions.map((description): FunctionPlan => {
    const { name } = description;
    const given = settings[name];
    const wrong = (setting: string, problem: string) => problems.push(`functions.${name}.${setting}: ${problem}`);
    const { environment = {}, secrets = {}, schedule } = given ?? {};
    for (const variable of description.secrets) {
      if (secrets[variable] === undefined) {
        const set = `pulumi config set --secret --path functions.${name}.secrets.${variable}`;
        wrong(
          `secrets.${variable}`,
          `the application needs it, and it has no value; run: ${set}, or, on this machine, give --config functions.${name}.secrets.${variable}=<value>`,
        );
      }
    }
    for (const variable of Object.keys(secrets)) {
      if (!description.secrets.includes(variable)) {
        const accepted = description.secrets.join(", ") || "none";
        wrong(`secrets.${variable}`, `the application's description lists no such secret; it lists ${accepted}`);
      }
    }
    const parsed = schedule === undefined ? undefined : parseSchedule(schedule);
    if (typeof parsed === "string") wrong("schedule", `found ${JSON.stringify(schedule)}; ${parsed}`);
    if (parsed !== undefined && description.kind !== "schedule") wrong("schedule", "this function answers requests");
    return {
      description:
        description.kind === "schedule" && typeof parsed === "object"
          ? { ...description, schedule: parsed }
          : description,
      environment: { ...common, ...description.environment, ...environment },
      secrets: Object.fromEntries(Object.entries(secrets).map(([key, value]) => [key, pulumi.secret(value)])),
      memory: given?.memory ?? description.memory,
      timeout: given?.timeout ?? description.timeout,
    };
  });
  if (problems.length > 0) {
    throw new pulumi.RunError(["The functions cannot be deployed:", ...problems.map((line) => `  ${line}`)].join("\n"));
  }
  return plans;
}
