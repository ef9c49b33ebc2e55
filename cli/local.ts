import path from "node:path";

import { Command, InvalidArgumentError, Option } from "commander";

import { identities, type Identity } from "../bootstrap/rights";
import { type Cloud, clouds } from "../contract/clouds";
import { didYouMean } from "../contract/suggestion";
import { onDemand } from "../layers/on-demand";
import { defaultStack, defaultState, settingFlag } from "../local/command-line";
import { version } from "../package.json";
import type { InvokeOptions } from "../local/invoke";
import type { Subject } from "./local-subject";
import { InterruptedError, ToldError } from "./verb-error";

// Verbs load their modules after the first line of output, because it takes a second.

interface Flags {
  readonly stack: string;
  readonly state: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly weather?: string;
  readonly identity?: Identity;
}

/** Of `up`. */
interface Flagged {
  readonly detach?: boolean;
  readonly refresh?: boolean;
  readonly watch?: boolean;
  readonly debug?: string | true;
}

const cli: Command = new Command("local")
  .description("Deploys the whole program onto this machine by the real Pulumi engine: no cloud account is needed.")
  .version(version)
  .option("-s, --stack <name>", "which Pulumi.<name>.yaml", defaultStack)
  .option("-c, --config <path=value>", "override a setting of the stack, e.g. aws.frontend.enabled=false", settingFlag)
  .option("--weather <seed>", "inject faults and delays into the local clouds, by this seed; default: none")
  .addOption(
    new Option(
      "--identity <name>",
      "caller's identity, one of those that bootstrap/ creates; default: an administrator",
    ).choices(identities),
  )
  .addOption(new Option("--state <folder>", "where the local clouds keep everything").default(defaultState, ".local"))
  .showHelpAfterError("See: npm run local -- --help")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const verbs = () => onDemand(() => import("./local-verbs"));

function subject(): Subject {
  const { stack, state, config = {}, weather, identity } = cli.opts<Flags>();
  const seen = weather === undefined ? {} : { seed: weather };
  return { stack, state: path.resolve(state), config, weather: seen, ...(identity && { identity }) };
}

cli
  .command("up", { isDefault: true })
  .description("deploy, then serve until Ctrl-C")
  .option("--detach", "return once it serves; `stop` ends it")
  .option("--refresh", "read the actual resources first")
  .option("--watch", "serve each edit as soon as it is saved; default on a terminal")
  .option("--no-watch", "serve only what was deployed")
  .option("--debug [function]", "let a debugger attach to this function, or to each")
  .allowExcessArguments()
  .action(async (flags: Flagged, command: Command) => {
    const { detach = false, refresh = false, debug } = flags;
    const watch = flags.watch === undefined ? (process.stdin.isTTY ? "default" : "off") : flags.watch ? "asked" : "off";
    // Unknown verbs reach the default verb as its argument.
    const [unknown] = command.args;
    if (unknown !== undefined) refuseVerb(unknown);
    begin("Deploying", "onto this machine");
    await (await verbs()).up(subject(), { detach, refresh, watch, debug });
  });

cli
  .command("preview")
  .description("show what `up` would change")
  .option("--refresh", "read the actual resources first")
  .action(async ({ refresh = false }: { refresh?: boolean }) => {
    begin("Previewing", "on this machine");
    await (await verbs()).preview(subject(), { refresh });
  });

cli
  .command("outputs")
  .description("print the stack's outputs")
  .option("--json", "as JSON")
  .action(async ({ json = false }: { json?: boolean }) => {
    begin("Reading the outputs of", "on this machine");
    await (await verbs()).outputs(subject(), { json });
  });

cli
  .command("invoke")
  .description("invoke a function now, e.g. one with a schedule, and print its result")
  .argument("<function>", "its name in the application's pyproject.toml")
  .option("--cloud <name>", "only on this cloud")
  .option("--payload <json>", "its event; default: the event of a schedule")
  .action(async (name: string, options: InvokeOptions) => {
    begin(`Invoking ${name} of`, "on this machine");
    await (await verbs()).invoke(subject(), name, options);
  });

cli
  .command("logs")
  .description("print requests to functions, and the functions' logs")
  .option("--follow", "also print new lines, until Ctrl-C")
  .addOption(new Option("--cloud <name>", "of this cloud alone").choices(clouds))
  .option("--function <name>", "only logs whose name contains this")
  .option("--lines <count>", "how many of the latest events", positive("lines"), 100)
  .option("--all", "also the logs of the clouds' runtimes and gateways")
  .action(async (flags: { follow?: boolean; cloud?: Cloud; function?: string; lines: number; all?: boolean }) => {
    begin("Reading the logs of", "on this machine");
    await (await verbs()).logs(subject(), flags);
  });

cli
  .command("drill")
  .description("break the deployment here, show what users see, diagnose it, and repair it")
  .argument("[drill]", "e.g. missing-layer; default: list them")
  .action(async (name?: string) => {
    if (name === undefined) {
      const { drillTable } = await onDemand(() => import("./local-drill"));
      process.stdout.write(drillTable());
      return;
    }
    begin("Practising on", "on this machine");
    await (await verbs()).drill(subject(), name);
  });

cli
  .command("stop")
  .description("stop what `up --detach` left serving; everything deployed stays")
  .action(async () => {
    begin("Stopping", "on this machine");
    await (await verbs()).stop(subject());
  });

cli
  .command("destroy")
  .description("delete everything deployed here")
  .action(async () => {
    begin("Deleting", "from this machine");
    await (await verbs()).destroy(subject());
  });

cli
  .command("reset")
  .description("delete the state of the local clouds and the engine, even where it is damaged")
  .action(async () => {
    tell(`Deleting the state of the local clouds in ${cli.opts<Flags>().state}`);
    await (await verbs()).reset(subject());
  });

cli
  .command("cache")
  .description("show the size of the project's cache; --prune deletes entries that are old or above the limit")
  .option("--prune", "delete; `up` does it once a day by the same limits")
  .option("--unused <days>", "age at which an unused entry is deleted", positive("days"))
  .option("--limit <GB>", "size limit of the whole cache", positive("gigabytes"))
  .action(async ({ prune = false, unused, limit }: { prune?: boolean; unused?: number; limit?: number }) => {
    const { showCache } = await onDemand(() => import("./cache"));
    showCache({ prune, unusedDays: unused, bytes: limit === undefined ? undefined : limit * 1e9 });
  });

function positive(unit: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= 0) || text.trim() === "") throw new InvalidArgumentError(`expected a number of ${unit}`);
    return value;
  };
}

/** The command has many options and checks, so it is loaded only if needed. */
async function addDiagnose(): Promise<void> {
  const command = cli
    .command("diagnose")
    .description("check the whole environment: each fault, its cause and the next step");
  if (!process.argv.includes("diagnose")) return;
  const { asDiagnose } = await onDemand(() => import("./diagnose-command"));
  const open = async () => {
    const [{ findEngine }, { localEnvironment }] = await onDemand(() =>
      Promise.all([import("../local/engine"), import("../local/inspected-clouds")]),
    );
    return localEnvironment(await findEngine(tell), subject());
  };
  const releases = async () => {
    const { releaseSource } = await onDemand(() => import("./release-source"));
    const { stack, state } = subject();
    return releaseSource(stack, state, tell);
  };
  asDiagnose(command, open, releases, { isLive: false });
}

function begin(doing: string, where: string): void {
  tell(`${doing} stack ${cli.opts<Flags>().stack} ${where}`);
}

function refuseVerb(word: string): never {
  const names = cli.commands.map((command) => command.name());
  cli.error(`error: there is no verb ${word}${didYouMean(word, names) || `; expected one of ${names.join(", ")}`}`);
}

/** The error message, without the command line and the repeated output that the Automation API adds. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^error: (.+)$/m.exec(message)?.[1] ?? message;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

addDiagnose()
  .then(() => cli.parseAsync())
  .catch((error: unknown) => {
    if (!(error instanceof ToldError)) tell(`error: ${reason(error)}`);
    process.exitCode = error instanceof InterruptedError ? 130 : 1;
  });
