import { Command, Option } from "commander";

import { type RollbackOptions, type RollbackPhase, rollBack } from "../operations/releases/releases";
import type { KeptRelease, ReleasedFunction } from "../operations/releases/port";
import { smokeCheck } from "../operations/smoke-check";
import { type Cloud, clouds } from "../contract/clouds";
import { identityHeaders } from "./identity";
import { localOption, progress, releaseSource, runCommand } from "./release-source";

interface Flags {
  readonly stack: string;
  readonly to?: string;
  readonly cloud?: Cloud;
  readonly dryRun?: boolean;
  readonly local?: string;
}

/**
 * Seconds until a release must serve again. Azure replaces its instances one by one, and a route reaches Front Door's edge
 * locations one by one.
 */
const timeoutSeconds: Readonly<Record<Cloud, number>> = { aws: 60, azure: 3_000, gcp: 60 };

const command = new Command("rollback")
  .description(
    "let an earlier release serve again, one that was verified, without a build: in seconds on AWS and Google Cloud, in minutes on Azure",
  )
  .requiredOption("-s, --stack <name>", "the stack")
  .option("--to <release>", "a release, a version or a commit, as `npm run releases` names it; default: the one before")
  .addOption(new Option("--cloud <name>", "only there; default: everywhere").choices(clouds))
  .option("--dry-run", "only list what would change")
  .addOption(localOption())
  .showHelpAfterError("See: npm run rollback -- --help")
  .action(async ({ stack, to, cloud: only, dryRun = false, local }: Flags) => {
    // Counted from the start of the process.
    const seconds = () => (performance.now() / 1000).toFixed(1);
    const phases = [`loaded ${seconds()}`];
    const done = (phase: RollbackPhase) => phases.push(`${phase} ${seconds()}`);
    const source = await releaseSource(stack, local, progress);
    const check = (...moved: Parameters<RollbackOptions["check"]>) => checkServing(local, ...moved);
    const moves = await rollBack({ ...source, to, cloud: only, dryRun, check, progress, done });
    for (const { cloud, port, fn, from, to: target } of moves) {
      const [before, after] = [from, target].map((each) => each && `${each.name} (${each.release || "unknown"})`);
      process.stdout.write(
        `${cloud}: ${fn.name} ${dryRun ? "would go" : "went"} from ${before ?? "none"} to ${after ?? ""}: ${port.meansFor?.(fn) ?? port.means}\n`,
      );
    }
    if (dryRun) return;
    process.stdout.write(
      `in ${seconds()} s: ${phases.join(", ")}. The next update deploys what is checked out: correct or revert it first; the site's files stay as they are.\n`,
    );
  });

async function checkServing(
  local: string | undefined,
  fn: ReleasedFunction,
  { release }: KeptRelease,
  cloud: Cloud,
): Promise<string> {
  const { url, probes, name } = fn;
  if (url === undefined || probes.length === 0) return `${cloud}: ${name} runs on its schedule, as release ${release}`;
  const explain = () => Promise.resolve([]);
  const answer = await smokeCheck({
    ...{ cloud, probes, explain },
    address: url,
    headers: await identityHeaders(fn.identity, url, local),
    release: release || undefined,
    timeoutSeconds: timeoutSeconds[cloud],
  });
  return `${cloud}: ${name}: ${answer}`;
}

runCommand(command);
