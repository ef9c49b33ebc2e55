import { z } from "zod";

import { isUnknown, type Preview, resourceOf, type Step } from "./preview";

/** A function whose release a preview would change. */
export interface ReleaseChange {
  readonly cloud: "aws" | "azure" | "gcp";
  /** Name of its resource, e.g. `aws-api`. */
  readonly name: string;
  /** The last deployed release; absent if there is none, or if the function does not have it. */
  readonly before?: string;
  /** Absent if it is known only after the update. */
  readonly after?: string;
  /** Whether the preview would undo a rollback. */
  readonly undoesRollback: boolean;
}

/** Descriptions in another form are not from this program. */
const lambda = z.object({ description: z.string().max(80) }).transform(({ description }) => description);
const variables = z
  .object({
    serviceConfig: z.object({
      environmentVariables: z.object({ MULTICLOUD_CODE: z.string(), MULTICLOUD_RELEASE: z.string() }),
    }),
  })
  .transform(
    ({ serviceConfig: { environmentVariables: found } }) =>
      [found.MULTICLOUD_CODE, found.MULTICLOUD_RELEASE].find(isUnknown) ??
      `${found.MULTICLOUD_CODE}.${found.MULTICLOUD_RELEASE}`,
  );
const packaged = z
  .object({ metadata: z.object({ release: z.string() }) })
  .transform(({ metadata: { release } }) => release);

/** Where each cloud's function has its release; on Azure only the code's part of it. */
const told = {
  "aws:lambda/function:Function": { cloud: "aws", release: lambda },
  "azure-native:storage:Blob": { cloud: "azure", release: packaged },
  "gcp:cloudfunctionsv2/function:Function": { cloud: "gcp", release: variables },
} as const;

const isTold = (type: string): type is keyof typeof told => type in told;

/** The functions that a preview would change, or return to their last deployment after a rollback. */
export function releaseChanges({ steps }: Preview): ReleaseChange[] {
  const all = steps ?? [];
  return all.flatMap((step) => {
    const { type, name } = resourceOf(step);
    // A twin is probed before the function, and serves no users.
    if (!isTold(type) || name.endsWith("-next")) return [];
    const { cloud, release } = told[type];
    const [before, after] = [step.oldState, step.newState].map((state) => release.safeParse(state?.inputs).data);
    if (after === undefined) return [];
    const undoesRollback = before === after && (all.some((other) => movesOn(other, name)) || movesColour(all, name));
    if (before === after && !undoesRollback) return [];
    return [{ cloud, name, before, after: isUnknown(after) ? undefined : after, undoesRollback }];
  });
}

/** Whether a step returns a function's traffic to its last deployment, which is not new. */
function movesOn(step: Step, name: string): boolean {
  const { type, name: own } = resourceOf(step);
  if (own !== name || step.op !== "update") return false;
  if (type === "gcp:cloudfunctionsv2/function:Function") {
    const traffic = z.object({ serviceConfig: z.object({ allTrafficOnLatestRevision: z.literal(false) }) });
    // It stays false with a canary, which decides what serves.
    const [was, is] = [step.oldState, step.newState].map((state) => traffic.safeParse(state?.inputs).success);
    return was === true && is === false;
  }
  if (type === "azure-native:resources:Deployment") {
    const [before, after] = [step.oldState, step.newState].map(
      (state) => deployedPackage.safeParse(state?.inputs).data,
    );
    return before !== undefined && before !== after;
  }
  return type === "aws:lambda/alias:Alias";
}

/** Whether Front Door's route changes to the other app without a new deployment of that app. */
function movesColour(steps: readonly Step[], name: string): boolean {
  const changed = (type: string, names: readonly string[]) =>
    steps.some((step) => {
      const { type: own, name: called } = resourceOf(step);
      return own === `azure-native:${type}` && names.includes(called) && step.op !== "same";
    });
  const route = name.replace("-", "-web-");
  return changed("cdn:Route", [route]) && !changed("web:WebApp", [name, `${name}-next`]);
}

const deployedPackage = z
  .object({ properties: z.object({ parameters: z.object({ release: z.object({ value: z.string() }) }) }) })
  .transform(({ properties }) => properties.parameters.release.value);
