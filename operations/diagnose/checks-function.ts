import type { Cloud } from "../../contract/clouds";
import type { Check, CloudSubject, Verdict } from "./check";
import type { DeployedFunction } from "./inspected-cloud";
import { tablesOf } from "./outputs";
import type { Finding } from "./report";

/** Each cloud's names of the states in which a function serves. */
const serving: Readonly<Record<Cloud, readonly string[]>> = {
  // An inactive function wakes up at the next request.
  aws: ["Active", "Inactive"],
  azure: ["Running"],
  gcp: ["ACTIVE"],
};

export const functionCheck: Check<CloudSubject> = {
  id: "function",
  about: "whether each function exists, its state, and whether it has the stack's layers",
  eachFunction: true,
  async run(subject) {
    const { cloud, fn: expected, inspected, commands } = subject;
    const fn = await inspected.function(expected.functionName);
    if (fn === undefined) {
      return one({
        severity: "error",
        title: `function ${expected.functionName} is not there`,
        evidence: [],
        cause: "It was deleted outside Pulumi.",
        next: commands.redeploy,
      });
    }
    const wanted = cloud === "aws" ? layersOf(subject) : [];
    const missing = wanted.flatMap(([name, { arn }]) => layerFindings(name, arn, fn, commands.redeploy));
    const unset = variablesOf(subject).filter((name) => !fn.environment.includes(name));
    const findings: Finding[] = [...missing];
    if (!serving[cloud].includes(fn.state)) {
      findings.push({
        severity: "error",
        title: `the function is ${fn.state}`,
        evidence: [`expected ${serving[cloud].join(" or ")}`],
        cause: "The cloud could not start it with this configuration, or it was stopped by hand.",
        next: commands.redeploy,
      });
    }
    if (fn.reservedConcurrency === 0) {
      findings.push({
        severity: "error",
        title: "throttled: the function's reserved concurrency is 0",
        evidence: [],
        cause:
          "Every request is refused: the function was switched off this way, or aws.function.reservedConcurrency is 0.",
        next: commands.redeploy,
      });
    }
    if (unset.length > 0) {
      findings.push({
        severity: "error",
        title: `the function's environment lacks ${unset.join(", ")}`,
        evidence: [`set: ${fn.environment.join(", ") || "nothing"}`],
        cause: "Its configuration was changed outside Pulumi.",
        next: commands.redeploy,
      });
    }
    findings.push(
      ...patchedFindings(fn, commands.deploy),
      ...rolledBackFindings(fn, commands.deploy),
      ...settingFindings(expected.settings, fn, commands.deploy),
    );
    const attached = wanted.length === 0 ? "" : `, ${fn.layerArns.map(shortLayer).join(", ") || "no layer"}`;
    const answers = fn.serving === undefined ? "" : `, ${fn.serving} serves`;
    return { summary: `${fn.state}, ${described(fn)}${answers}${attached}`, findings };
  },
};

/** The stack's layers that belong to a function. */
function layersOf({ layers, fn }: CloudSubject) {
  return Object.entries(layers).filter(([name]) => fn.layers?.includes(name) ?? true);
}

/** Environment variables that a function requires. */
function variablesOf({ fn }: CloudSubject): string[] {
  return ["APPLICATION_VERSION", ...fn.variables, ...fn.tables.map((table) => `${table.toUpperCase()}_TABLE`)];
}

/** Manual changes outside the program. */
function patchedFindings({ patched = [] }: DeployedFunction, deploy: string): Finding[] {
  return patched.map((title) => ({
    severity: "warning",
    title,
    evidence: [],
    cause: "It was changed by hand. A refresh does not read code back, so no preview shows it.",
    next: `take what is worth keeping into the program, change its code or its settings, and then: ${deploy}`,
  }));
}

/** Releases that serve after a rollback. */
function rolledBackFindings({ rolledBack = [] }: DeployedFunction, deploy: string): Finding[] {
  return rolledBack.map((title) => ({
    severity: "warning",
    title,
    evidence: [],
    cause: "It was rolled back, by npm run rollback or by hand: npm run releases shows which release serves.",
    next: `fix what was rolled back, and then: ${deploy}`,
  }));
}

/** App settings that differ from the stack's: azure-native does not read them back. */
function settingFindings(
  expected: Readonly<Record<string, string>> | undefined,
  { settings }: DeployedFunction,
  deploy: string,
): Finding[] {
  if (expected === undefined || settings === undefined) return [];
  const drifted = Object.entries(expected).flatMap(([name, digest]) => (settings[name] === digest ? [] : [name]));
  if (drifted.length === 0) return [];
  const gone = drifted.filter((name) => settings[name] === undefined);
  return [
    {
      severity: "error",
      title: `app settings are not as they were deployed: ${drifted.join(", ")}`,
      evidence: gone.length === 0 ? [] : [`not there: ${gone.join(", ")}`],
      cause: "They were changed by hand. A refresh does not read app settings back, so no preview shows it.",
      next: `set them back by hand, or change a setting of the function, such as its environment, and then: ${deploy}`,
    },
  ];
}

/** Problems with one of the stack's layers at the function. */
function layerFindings(name: string, arn: string, { layerArns }: DeployedFunction, redeploy: string): Finding[] {
  if (layerArns.includes(arn)) return [];
  const evidence = [`attached: ${layerArns.join(", ") || "no layer"}`, `the stack's: ${arn}`];
  const other = layerArns.find((attached) => unversioned(attached) === unversioned(arn));
  return [
    other === undefined
      ? {
          severity: "error",
          title: `layer ${name} is not attached to the function`,
          evidence,
          cause: "The function is without its dependencies, so importing them fails and every route answers 500.",
          next: redeploy,
        }
      : {
          severity: "error",
          title: `the function has ${shortLayer(other)}, not ${shortLayer(arn)}`,
          evidence,
          cause: "Another version of the layer was attached outside Pulumi.",
          next: redeploy,
        },
  ];
}

export const compatibilityCheck: Check<CloudSubject> = {
  id: "compatibility",
  about: "whether the attached layers, or the package, are for the function's runtime and architecture",
  eachFunction: true,
  async run({ inspected, commands, outputs, fn: expected }) {
    const fn = await inspected.function(expected.functionName);
    if (fn === undefined) return { summary: "no function", findings: [] };
    if (outputs.package !== undefined) {
      const runtime = `python${outputs.package.pythonVersion}`;
      const findings = mismatch("the package", "runtime", fn.runtime, [runtime], commands.redeploy);
      return { summary: `a package for ${runtime}, the function's is ${fn.runtime}`, findings };
    }
    const layers = await Promise.all(fn.layerArns.map(async (arn) => ({ arn, layer: await inspected.layer(arn) })));
    const findings = layers.flatMap(({ arn, layer }): Finding[] => {
      if (layer === undefined) {
        return [
          {
            severity: "warning",
            title: `${shortLayer(arn)} was deleted`,
            evidence: [arn],
            cause: "The function runs on, but it cannot be updated with a layer version that is gone.",
            next: commands.redeploy,
          },
        ];
      }
      const { runtimes, architectures } = layer;
      return [
        ...mismatch(shortLayer(arn), "runtime", fn.runtime, runtimes, commands.redeploy),
        ...mismatch(shortLayer(arn), "architecture", fn.architecture, architectures, commands.redeploy),
      ];
    });
    const attached = layers.length === 0 ? "no layer attached, so none to compare" : `${layers.length} attached`;
    return { summary: `${attached}, for ${described(fn)}`, findings };
  },
};

function mismatch(
  bundle: string,
  what: "runtime" | "architecture",
  ofFunction: string | undefined,
  ofLayer: readonly string[],
  redeploy: string,
): Finding[] {
  // A layer without the attribute is compatible with all.
  if (ofFunction === undefined || ofLayer.length === 0 || ofLayer.includes(ofFunction)) return [];
  return [
    {
      severity: "error",
      title: `${bundle} is for ${ofLayer.join(", ")}, the function's ${what} is ${ofFunction}`,
      evidence: [],
      cause: `Native modules of another ${what} cannot be loaded, so importing them fails.`,
      next: redeploy,
    },
  ];
}

export const tableCheck: Check<CloudSubject> = {
  id: "table",
  about: "whether the application's tables exist",
  applies: ({ outputs }) => Object.keys(tablesOf(outputs)).length > 0,
  async run({ outputs, inspected, commands }) {
    const tables = Object.values(tablesOf(outputs));
    const missing = await Promise.all(tables.map(async (table) => ((await inspected.hasTable(table)) ? [] : [table])));
    const findings = missing.flat().map((table): Finding => ({
      severity: "error",
      title: `table ${table} is not there`,
      evidence: [],
      cause: "It was deleted outside Pulumi, and whatever reads or writes it fails.",
      next: `${commands.redeploy}, then restore its content from a backup`,
    }));
    return { summary: findings[0]?.title ?? tables.join(", "), findings };
  },
};

export const credentialsCheck: Check<CloudSubject> = {
  id: "credentials",
  about: "the identity that asks the cloud, and whether the cloud answers",
  async run({ inspected }) {
    const { account, principal } = await inspected.identity();
    return { summary: `${account} as ${principal}`, findings: [] };
  },
};

function one(finding: Finding): Verdict {
  return { summary: finding.title, findings: [finding] };
}

function described({ runtime, architecture }: DeployedFunction): string {
  return architecture === undefined ? runtime : `${runtime} on ${architecture}`;
}

/** `arn:aws:lambda:<region>:<account>:layer:<name>:<version>` as `<name>:<version>`. */
export function shortLayer(arn: string): string {
  return arn.split(":").slice(-2).join(":");
}

const unversioned = (arn: string) => arn.replace(/:\d+$/, "");
