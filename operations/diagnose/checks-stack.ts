import { version as sdkVersion } from "@pulumi/pulumi/version";
import { satisfies } from "semver";

import { findUv } from "../../layers/uv";
import { installedPython } from "../../layers/python";
import { engines } from "../../package.json";
import type { Check, StackSubject } from "./check";
import type { Finding } from "./report";
import { nameIn, typeIn } from "../../contract/urn";

/** Maximum number of findings that one check lists; the others are counted. */
const listed = 10;

export const toolchainCheck: Check<StackSubject> = {
  id: "toolchain",
  about: "versions of Node.js, Pulumi, uv and Python on this machine",
  async run({ stack }) {
    const tools = await Promise.all([
      tool(
        "Node.js",
        "install Node.js: https://nodejs.org",
        () => Promise.resolve(process.versions.node),
        engines.node,
      ),
      tool(
        "Pulumi",
        "install Pulumi: https://www.pulumi.com/docs/install/",
        () => stack.engineVersion(),
        `^${sdkVersion}`,
      ),
      tool("uv", "install uv: https://docs.astral.sh/uv", async () =>
        (await findUv()) === "uv" ? "on the PATH" : "in the cache",
      ),
      pythonOf(await stack.setting("pythonVersion")),
    ]);
    return {
      summary: tools.map(({ said }) => said).join(", "),
      findings: tools.flatMap(({ finding }) => (finding === undefined ? [] : [finding])),
    };
  },
};

interface Tool {
  /** Name and version, e.g. `Node.js 20.1.0`. */
  readonly said: string;
  readonly finding?: Finding;
}

async function tool(name: string, next: string, version: () => Promise<string>, needed?: string): Promise<Tool> {
  try {
    const found = await version();
    if (needed === undefined || satisfies(found, needed, { includePrerelease: true }))
      return { said: `${name} ${found}` };
    return {
      said: `${name} ${found}`,
      finding: { severity: "warning", title: `${name} is ${found}, needed is ${needed}`, evidence: [], next },
    };
  } catch (error) {
    const evidence = [error instanceof Error ? error.message : String(error)];
    return { said: `no ${name}`, finding: { severity: "warning", title: `there is no ${name}`, evidence, next } };
  }
}

/** Only the local clouds and the tests run Python; a deployment does not. */
async function pythonOf(wanted: string): Promise<Tool> {
  const next = `install Python ${wanted}, e.g.: uv python install ${wanted}`;
  try {
    const python = await installedPython(wanted);
    if (python === undefined) throw new Error("there is none");
    const { version, exact } = python;
    if (exact) return { said: `Python ${version}` };
    const title = `Python is ${version}, the functions' is ${wanted}`;
    return {
      said: `Python ${version}`,
      finding: {
        severity: "info",
        title,
        evidence: [],
        cause: "The local clouds run the functions on it instead.",
        next,
      },
    };
  } catch {
    return {
      said: "no Python",
      finding: {
        severity: "info",
        title: "there is no Python",
        evidence: [],
        cause: "The local clouds need one, and fetch it when they start.",
        next,
      },
    };
  }
}

export const stateCheck: Check<StackSubject> = {
  id: "state",
  about: "the last update, and what it left pending",
  async run({ stack, commands }) {
    const [update, pending] = await Promise.all([stack.lastUpdate(), stack.pendingOperations()]);
    const findings: Finding[] = [];
    if (update?.result === "in-progress") {
      findings.push({
        severity: "warning",
        title: `an ${update.kind} is in progress, or was killed`,
        evidence: [`begun ${update.startTime.toISOString()}`],
        cause: "The run holds the stack's lock.",
        next: commands.cancel,
      });
    } else if (update !== undefined && update.result !== "succeeded") {
      findings.push({
        severity: "warning",
        title: `the last ${update.kind} is ${update.result}`,
        evidence: [`begun ${update.startTime.toISOString()}`],
        cause: "What is deployed may be neither the old program nor the new one.",
        next: commands.deploy,
      });
    }
    if (pending.length > 0) {
      findings.push({
        severity: "warning",
        title: `${pending.length} operations were interrupted`,
        evidence: pending.slice(0, listed),
        cause: "The engine ended before the cloud had answered, so it does not know what became of them.",
        next: commands.reconcile,
      });
    }
    const time = update?.endTime ?? update?.startTime;
    const last = update && time ? `${update.kind} ${update.result} ${time.toISOString()}` : "never updated";
    return { summary: `${last}, ${pending.length} pending`, findings };
  },
};

export const driftCheck: Check<StackSubject> = {
  id: "drift",
  about: "with --drift: what was changed outside Pulumi, by asking the clouds for every resource",
  applies: ({ drift }) => drift,
  // Its duration depends on the number of resources.
  timeoutMs: 1_800_000,
  async run({ stack, commands }) {
    const drifted = await stack.drift();
    if (drifted.length === 0) return { summary: "every resource is as it was deployed", findings: [] };
    const title = `${drifted.length} resources are not as they were deployed`;
    const finding: Finding = {
      severity: "warning",
      title,
      evidence: drifted
        .slice(0, listed)
        .map(({ urn, gone, properties }) => `${resourceOf(urn)}: ${gone ? "gone" : properties.join(", ")}`),
      cause: "They were changed outside Pulumi.",
      next: commands.redeploy,
    };
    return { summary: title, findings: [finding] };
  },
};

/** Type and name of a resource. */
function resourceOf(urn: string): string {
  return `${typeIn(urn)} ${nameIn(urn)}`;
}
