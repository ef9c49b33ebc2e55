import Table from "cli-table3";
import { Command } from "commander";

import { type ListedRelease, listReleases } from "../operations/releases/releases";
import { localOption, progress, releaseSource, runCommand } from "./release-source";

interface Flags {
  readonly stack: string;
  readonly local?: string;
  readonly json?: boolean;
}

const command = new Command("releases")
  .description(
    "list the releases of a stack that are still there: when, of which commit, which serves, which was verified",
  )
  .requiredOption("-s, --stack <name>", "the stack")
  .addOption(localOption())
  .option("--json", "as JSON")
  .showHelpAfterError("See: npm run releases -- --help")
  .action(async ({ stack, local, json }: Flags) => {
    const found = await listReleases(await releaseSource(stack, local, progress));
    process.stdout.write(`${json ? JSON.stringify(found, null, 2) : table(found)}\n`);
  });

function table(releases: readonly ListedRelease[]): string {
  const rows = new Table({
    head: ["cloud", "function", "release", "version", "published", "commit", "serves", "verified"],
    style: { head: [], border: [] },
  });
  for (const { cloud, fn, release, name, publishedAt, commit, share, ...known } of releases) {
    const { verified, refused = false, isAsked = true } = known;
    const isCanary = share > 0 && releases.some((other) => isSameFunction(other, { cloud, fn }) && other.share > share);
    const serves = share === 0 ? "" : `${Math.round(share * 100)} %${isCanary ? ", canary" : ""}`;
    const published = publishedAt.toISOString().replace(/\.\d+Z$/, "Z");
    rows.push([
      cloud,
      fn.name,
      release,
      name,
      published,
      commit ?? "",
      serves,
      refused ? "refused as a canary" : verified ? "yes" : isAsked ? "no" : "no probes",
    ]);
  }
  return rows.toString();
}

function isSameFunction(one: ListedRelease, { cloud, fn }: Pick<ListedRelease, "cloud" | "fn">): boolean {
  return one.cloud === cloud && one.fn.functionName === fn.functionName;
}

runCommand(command);
