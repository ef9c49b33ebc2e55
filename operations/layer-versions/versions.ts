import { existsSync } from "node:fs";

import { LocalWorkspace, type Workspace } from "@pulumi/pulumi/automation";
import { z } from "zod";

import { projectFolder } from "../../contract/form";
import { nameLimits, resourceNamePrefix } from "../../components/names";
import { BuildError } from "../../layers/build-error";
import { cacheDirectory } from "../../layers/cache";
import { manifestFile } from "../../layers/manifest";
import { project } from "../project";
import { UnansweredError } from "../unanswered-error";
import type { LayerRegistry } from "./registry";
import { prunable, prunableFunctions, type UsedVersion, versionsInUse } from "./retention";
import { type KnownStack, knownStacks } from "./stacks";

/** Begins the part of a layer's name that distinguishes it from the stack's other resources. */
const layerPart = "dependencies";

/** Access to layers, and to the stacks that use them. */
export interface LayerSource {
  readonly registries: (region: string) => LayerRegistry;
  readonly workspace: () => Promise<Workspace>;
}

/** Selects layers. */
export interface LayerScope extends LayerSource {
  readonly stack: string;
  /** Default: the stack's region. */
  readonly region?: string;
  /** Called with a line for each slow operation. */
  readonly progress: (line: string) => void;
}

/** The layer versions of a stack, current and former, with their consumers. */
export async function listVersions(scope: LayerScope): Promise<UsedVersion[]> {
  return told(async () => (await open(scope)).versions);
}

/**
 * Deletes unused versions of a stack's layers, except the newest `keep` of each layer.
 *
 * @param dryRun whether to delete nothing.
 * @returns the versions that were deleted, or would be.
 */
export async function pruneVersions(
  scope: LayerScope,
  { keep, dryRun = false }: { readonly keep: number; readonly dryRun?: boolean },
): Promise<UsedVersion[]> {
  return told(async () => {
    const { registry, versions, functions, names } = await open(scope);
    const old = prunableFunctions(functions, names, keep);
    const goes = new Set(old.map(({ name }) => name));
    const left = versions.map((version) => ({ ...version, usedBy: version.usedBy.filter((name) => !goes.has(name)) }));
    const unused = prunable(left, keep);
    if (dryRun) return unused;
    for (const { name, published } of old) {
      if (published === undefined) continue;
      scope.progress(`Deleting ${name}`);
      await registry.deleteFunction(published);
    }
    for (const version of unused) await registry.delete(version);
    return unused;
  });
}

/**
 * This machine's bundle with the content of a layer version, found by its hash.
 *
 * @throws {BuildError} if there is no such version, or its content was not built here.
 */
export async function publishedBundle(arn: string, registries: LayerSource["registries"]): Promise<string> {
  const [, , , region = "", , , layerName = ""] = arn.split(":");
  const versions = await told(() => registries(region).versions(layerName));
  const found = versions.find((version) => version.arn === arn);
  if (found === undefined) {
    throw new BuildError(`there is no layer version ${arn}; npm run layer -- versions lists those that there are`);
  }
  const bundle = cacheDirectory("bundles", `${found.sha256}.zip`);
  if (existsSync(manifestFile(bundle))) return bundle;
  throw new BuildError(
    `${arn} has content that was not built on this machine (sha256 ${found.sha256}); check out the commit that published ` +
      `it, run npm run layer -- build, then inspect it again`,
  );
}

/** Converts an `UnansweredError` to an error of the builder's command line, with the next step. */
export async function told<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UnansweredError) throw new BuildError(`${error.message}; ${error.next}`);
    throw error;
  }
}

async function open({ stack, region, registries, workspace, progress }: LayerScope) {
  const stacks = await knownStacks(await workspace(), progress);
  const registry = registries(region ?? regionOf(stack, stacks));
  const prefix = resourceNamePrefix({ project, stack }, layerPart, nameLimits.lambdaLayer);
  return { registry, ...(await versionsInUse(registry, prefix, stacks)), names: functionNames(stack, stacks) };
}

/** The workspace of the `pulumi` on the PATH, with the backend that it is signed in to. */
export async function signedInWorkspace() {
  try {
    return await LocalWorkspace.create({ workDir: projectFolder });
  } catch {
    throw new BuildError(
      "there is no pulumi on the PATH, which knows the stacks that use a layer; install it " +
        "(https://www.pulumi.com/docs/install/), then run: pulumi whoami; or ask a local cloud with --local",
    );
  }
}

const outputsSchema = z.object({
  aws: z.object({
    region: z.string(),
    functions: z.record(z.string(), z.object({ functionName: z.string() })).default({}),
  }),
});

/** The cloud names of a stack's functions, from its outputs. */
function functionNames(stack: string, stacks: readonly KnownStack[]): string[] {
  const outputs = outputsSchema.safeParse(stackNamed(stack, stacks)?.outputs);
  return outputs.success ? Object.values(outputs.data.aws.functions).map(({ functionName }) => functionName) : [];
}

function stackNamed(stack: string, stacks: readonly KnownStack[]): KnownStack | undefined {
  return stacks.find(({ name }) => name === `stack ${stack}` || name.endsWith(`/${project}/${stack}`));
}

function regionOf(stack: string, stacks: readonly KnownStack[]): string {
  const found = stackNamed(stack, stacks);
  const outputs = outputsSchema.safeParse(found?.outputs);
  if (outputs.success) return outputs.data.aws.region;
  throw new BuildError(
    found === undefined
      ? `there is no stack ${stack} among ${stacks.map(({ name }) => name.replace("stack ", "")).join(", ") || "none"}; ` +
          `name another one with --stack`
      : `stack ${stack} is not deployed to AWS; name the region that its layers were in with --region`,
  );
}
