import { BuildError } from "../../layers/build-error";
import { readApplication } from "../../contract/application";
import { projectFolder } from "../../contract/form";
import { lockedFunctions } from "../../layers/function-locks";
import { normalisedName } from "../../layers/lock";
import { readZip } from "../../layers/unzip";
import { UnansweredError } from "../unanswered-error";
import type { Check, CloudSubject } from "./check";
import { shortLayer } from "./checks-function";
import type { DeployedLayer } from "./inspected-cloud";
import type { Finding } from "./report";

/** Days between two updates of the dependencies by .github/workflows/layers.yml. */
const updateInterval = 31;

/** Milliseconds of a day. */
const day = 86_400_000;

export const freshnessCheck: Check<CloudSubject> = {
  id: "freshness",
  about: "whether the deployed layers and packages are built from the lock of this checkout, and how old they are",
  async run(subject) {
    const { cloud, commands, application } = subject;
    const locks = await lockedFunctions(readApplication(projectFolder, application), cloud).catch((error: unknown) => {
      if (error instanceof BuildError) return error;
      throw error;
    });
    if (locks instanceof BuildError) {
      const finding: Finding = { severity: "warning", title: "the lock does not match", evidence: [locks.message] };
      return { summary: finding.title, findings: [{ ...finding, next: `npm run layer -- lock --target ${cloud}` }] };
    }

    const deployed = await deployedBundles(subject);
    const findings = deployed.flatMap(({ name, lockSha256, days }): Finding[] => {
      if (!locks.some(({ lock }) => lock.sha256 === lockSha256)) {
        return [
          {
            severity: "warning",
            title: `${name} is built from another lock than this checkout's`,
            evidence: [
              `deployed: ${lockSha256}`,
              ...locks.map(
                ({ lock, functions }) => `locked for ${functions.map(({ name }) => name).join(", ")}: ${lock.sha256}`,
              ),
            ],
            cause: "The lock has changed since the last deployment, or this checkout is older than it.",
            next: `git pull, to be sure that this checkout is the newer one, then: ${commands.deploy}`,
          },
        ];
      }
      if (days === undefined || days <= updateInterval) return [];
      return [
        {
          severity: "info",
          title: `${name} is ${Math.floor(days)} days old`,
          evidence: [`its packages are looked at every ${updateInterval} days`],
          next: "npm run layer -- outdated",
        },
      ];
    });
    const ages = deployed.flatMap(({ days }) => (days === undefined ? [] : [Math.floor(days)]));
    const age = ages.length === 0 ? "" : `, at most ${Math.max(...ages)} days old`;
    return { summary: `${deployed.map(({ name }) => name).join(", ") || "nothing"}${age}`, findings };
  },
};

interface DeployedBundle {
  readonly name: string;
  readonly lockSha256: string;
  /** Minimum age of the deployment, in days. */
  readonly days?: number;
}

/** The layers of a stack, or the function's package on a cloud without layers. */
async function deployedBundles({ cloud, outputs, layers, inspected }: CloudSubject): Promise<DeployedBundle[]> {
  if (cloud === "aws") {
    return Promise.all(
      Object.entries(layers).map(async ([name, { arn, lockSha256 }]) => {
        const { createdAt } = (await inspected.layer(arn)) ?? {};
        return { name, lockSha256, days: daysSince(createdAt) };
      }),
    );
  }
  if (outputs.package === undefined) return [];
  const fn = await inspected.function(outputs.functionName);
  const name = `the package of ${outputs.functionName}`;
  return [{ name, lockSha256: outputs.package.lockSha256, days: daysSince(fn?.modifiedAt) }];
}

function daysSince(time: string | undefined): number | undefined {
  return time === undefined ? undefined : (Date.now() - Date.parse(time)) / day;
}

/**
 * Days after which a publisher deletes a superseded version, by the publisher's account: Klayers keeps it for a year
 * (https://github.com/keithrozario/Klayers, "Deprecation"). Other publishers have no documented period.
 */
const keptDays: Readonly<Record<string, number>> = { "770693421928": 365 };

/** Days before the deletion of a version from which on the finding is an error. */
const noticeDays = 60;

export const publicLayersCheck: Check<CloudSubject> = {
  id: "public-layers",
  about: "whether the layers of others can be read, have what the settings say, and are not about to be deleted",
  applies: ({ outputs }) => Object.keys(outputs.publicLayers).length > 0,
  async run({ outputs: { publicLayers }, inspected }) {
    const findings = await Promise.all(
      Object.entries(publicLayers).map(async ([arn, packages]): Promise<Finding[]> => {
        const layer = await readable(inspected.layer(arn));
        if (layer === undefined) {
          return [
            {
              severity: "error",
              title: `the public layer ${shortLayer(arn)} cannot be read`,
              evidence: [arn],
              cause:
                "Its owner has deleted the version or taken the right away: the function cannot be updated with it.",
              next: wayOut,
            },
          ];
        }
        return [
          ...(await otherContent(arn, layer, packages)),
          ...superseded(arn, await readable(inspected.layer(next(arn)))),
        ];
      }),
    );
    return { summary: Object.keys(publicLayers).map(shortLayer).join(", "), findings: findings.flat() };
  },
};

const wayOut = "put another ARN into aws.publicLayers, or set layerStrategy to full, which needs no public layer";

/** For a missing layer of another account, AWS answers "access denied". */
async function readable(layer: Promise<DeployedLayer | undefined>): Promise<DeployedLayer | undefined> {
  try {
    return await layer;
  } catch (error) {
    if (error instanceof UnansweredError && /AccessDenied/.test(error.message)) return undefined;
    throw error;
  }
}

async function otherContent(
  arn: string,
  { content }: DeployedLayer,
  wanted: Readonly<Record<string, string>>,
): Promise<Finding[]> {
  const found = packagesIn((await readZip(await content())).map(({ name }) => name));
  const wrong = Object.entries(wanted).filter(([name, version]) => found.get(name) !== version);
  if (wrong.length === 0) return [];
  return [
    {
      severity: "error",
      title: `the public layer ${shortLayer(arn)} differs from aws.publicLayers`,
      evidence: wrong.map(
        ([name, version]) => `${name}: ${version} in the settings, ${found.get(name) ?? "not there"}`,
      ),
      cause: "The function imports versions that the application was not tested with, or none.",
      next: wayOut,
    },
  ];
}

/** Version of each package with metadata in a layer, by its normalised name. */
function packagesIn(files: readonly string[]): Map<string, string> {
  const metadata = /^python\/(?:lib\/python[\d.]+\/site-packages\/)?([^/]+)-([^/-]+)\.dist-info\/METADATA$/;
  return new Map(
    files.flatMap((file) => {
      const [, name, version] = metadata.exec(file) ?? [];
      return name === undefined || version === undefined ? [] : [[normalisedName(name), version] as const];
    }),
  );
}

function superseded(arn: string, successor: DeployedLayer | undefined): Finding[] {
  const days = daysSince(successor?.createdAt);
  if (days === undefined) return [];
  const kept = keptDays[arn.split(":")[4] ?? ""];
  const left = kept === undefined ? undefined : Math.round(kept - days);
  const title = `the public layer ${shortLayer(arn)} was superseded ${Math.floor(days)} days ago`;
  return [
    {
      severity: left !== undefined && left < noticeDays ? "warning" : "info",
      title: left === undefined ? title : `${title}, and is deleted in ${Math.max(0, left)} days`,
      evidence: [next(arn)],
      cause: "Publishers delete old versions; a function whose layer is gone cannot be updated.",
      next: `look at what ${shortLayer(next(arn))} has, then put its ARN and its packages into aws.publicLayers`,
    },
  ];
}

/** ARN of the next version. */
const next = (arn: string) => arn.replace(/\d+$/, (version) => String(Number(version) + 1));
