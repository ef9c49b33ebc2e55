import { BuildError } from "../../layers/build-error";
import { readLock } from "../../layers/lock";
import type { Check, CloudSubject } from "./check";
import type { Finding } from "./report";

/** Days between two updates of the dependencies, as .github/workflows/layers.yml makes them. */
const updateInterval = 31;

export const layersCheck: Check<CloudSubject> = {
  id: "layers",
  about: "whether the deployed layers are built from the lock of this checkout, and how old they are",
  applies: ({ cloud }) => cloud === "aws",
  async run({ layers, inspected, commands }) {
    const lock = await readLock("aws").catch((error: unknown) => {
      if (error instanceof BuildError) return error;
      throw error;
    });
    if (lock instanceof BuildError) {
      const finding: Finding = { severity: "warning", title: "the lock does not match", evidence: [lock.message] };
      return { summary: finding.title, findings: [{ ...finding, next: "npm run layer -- lock --target aws" }] };
    }

    const deployed = await Promise.all(
      Object.entries(layers).map(async ([name, layer]) => {
        const { createdAt } = (await inspected.layer(layer.arn)) ?? {};
        const days = createdAt === undefined ? undefined : (Date.now() - Date.parse(createdAt)) / 86_400_000;
        return { name, layer, days };
      }),
    );
    const findings = deployed.flatMap(({ name, layer, days }): Finding[] => {
      if (layer.lockSha256 !== lock.sha256) {
        return [
          {
            severity: "warning",
            title: `${name} is built from another lock than this checkout's`,
            evidence: [`deployed: ${layer.lockSha256}`, `layers/requirements/aws.lock: ${lock.sha256}`],
            cause: "The lock has changed since the last deployment.",
            next: commands.deploy,
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
    return { summary: `${deployed.length} deployed, at most ${Math.max(0, ...ages)} days old`, findings };
  },
};
