import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { type Application, readApplication } from "../contract/application";
import { type Cloud, clouds } from "../contract/clouds";
import { projectFolder } from "../contract/form";
import { didYouMean } from "../contract/suggestion";
import type { CloudAddress } from "../local/control";
import { commandLine } from "../local/command-line";
import { providers } from "../local/deployed-functions";
import { offered } from "../local/drills/drills";
import { LiveStore } from "../local/drills/live-store";
import { Rehearsal, type Restorable, restorables, restoreDrill, restoreStory } from "../local/drills/restore";
import { probedFunctions } from "../local/drills/probed";
import { stackOutputs } from "../local/engine-state";
import { localEnvironment } from "../local/inspected-clouds";
import type { PulumiCommand } from "@pulumi/pulumi/automation";
import { diagnose } from "../operations/diagnose/diagnose";
import { findingsOf } from "../operations/diagnose/report";
import { described } from "../operations/diagnose/text";
import type { Subject } from "./local-subject";

/** Name of the drill with a refused update. */
const refusedUpdate = "refused-update";

/** The engine's operations for a drill. */
export interface DrillTools {
  readonly engine: PulumiCommand;
  readonly tell: (line: string) => void;
  /** Deploys with additional settings; throws if that fails. */
  readonly deploy: (options: {
    readonly refresh: boolean;
    readonly settings?: Record<string, string>;
  }) => Promise<void>;
}

/** The drills with their descriptions. */
export function drillTable(): string {
  const all = [
    ...offered.map(({ id, story = "" }) => [id, story] as const),
    [refusedUpdate, refusedStory] as const,
    [restoreDrill, restoreStory] as const,
  ];
  const width = Math.max(...all.map(([id]) => id.length));
  return ["Drills:", ...all.map(([id, story]) => `  ${id.padEnd(width)}  ${story}`), ""].join("\n");
}

const refusedStory = "Deploys code that does not start: the update is refused, and users notice nothing.";

/**
 * Breaks the deployment, shows what users get, diagnoses the fault, and repairs it.
 *
 * @throws if there is no such drill, or nothing that it could break.
 */
export async function drill(subject: Subject, cloud: CloudAddress, name: string, tools: DrillTools): Promise<void> {
  const known = [...offered.map(({ id }) => id), refusedUpdate, restoreDrill];
  const found = offered.find(({ id }) => id === name);
  if (!known.includes(name)) {
    throw new Error(`there is no drill ${name}${didYouMean(name, known) || `; expected one of ${known.join(", ")}`}`);
  }
  const deployed = clouds.filter((each) => each in stackOutputs(subject));
  const restored = name === restoreDrill ? restorables(stackOutputs(subject)) : [];
  const on = deployed.filter((each) =>
    name === restoreDrill
      ? restored.some((restorable) => restorable.cloud === each)
      : found === undefined || found.faults[each] !== undefined,
  );
  if (on.length === 0) {
    throw new Error(`nothing that ${name} breaks is deployed; deploy first: ${commandLine(subject, "up --detach")}`);
  }
  const started = performance.now();
  const story = new Story(subject, on, tools);
  await story.users("Before");
  if (name === restoreDrill) {
    await rehearse(subject, cloud, restored, story, tools);
  } else if (found === undefined) {
    await refuse(subject, story, tools);
  } else {
    tools.tell(`\nBreak: ${found.story ?? found.name}`);
    for (const each of on) {
      const store = new LiveStore(subject.state, providers[each], cloud);
      await found.faults[each]?.make(store, subject.state);
      await store.flush();
    }
    await story.users("What users get");
    await story.diagnosed();
    tools.tell(`\nRepair: ${commandLine(subject, "up --refresh")}`);
    await tools.deploy({ refresh: true });
  }
  await story.users("After");
  tools.tell(`\nDone in ${Math.round((performance.now() - started) / 1000)} s.`);
}

/** Deletes the tables' content, and restores it with the commands of an operator on each cloud. */
async function rehearse(
  subject: Subject,
  address: CloudAddress,
  restored: readonly Restorable[],
  story: Story,
  tools: DrillTools,
): Promise<void> {
  const { tell } = tools;
  const rehearsals = restored.map((of) => {
    const store = new LiveStore(subject.state, providers[of.cloud], address);
    return new Rehearsal(of, { address, store, tell });
  });
  tell(`\nBreak: ${restoreStory}`);
  for (const rehearsal of rehearsals) await rehearsal.lose();
  await story.users("What users get");
  tell("\nRestore, by the commands of docs/deployment.md, section 5:");
  for (const rehearsal of rehearsals) await rehearsal.restore();
  tell(`\nRepair: ${commandLine(subject, "up --refresh")}`);
  await tools.deploy({ refresh: true });
}

async function refuse(subject: Subject, story: Story, tools: DrillTools): Promise<void> {
  const outputs = stackOutputs(subject);
  const folder = typeof outputs.application === "string" ? outputs.application : "application";
  const application = readApplication(projectFolder, folder);
  const copy = path.join(projectFolder, ".local", `drill-${process.pid}`);
  cpSync(application.folder, copy, { recursive: true });
  try {
    const broken = breakEntries(application, copy);
    tools.tell(`\nBreak: an update in which ${broken.join(", ")} does not start`);
    const failure = await tools
      .deploy({ refresh: false, settings: { application: path.relative(projectFolder, copy) } })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    tools.tell(failure === undefined ? "\nIt was deployed: nothing has asked it." : "\nThe update was refused.");
  } finally {
    rmSync(copy, { recursive: true });
  }
  await story.users("What users get");
  tools.tell(`\nRepair: restore the code, and ${commandLine(subject, "up")}`);
  await tools.deploy({ refresh: false });
}

/** A fault that appears only at run time: the builder refuses modules that visibly raise. */
const crash = `

import os

if os.environ:
    raise RuntimeError("drill: this code does not start")
`;

/** Makes the functions' entry modules fail, in a copy of the application. */
function breakEntries({ functions, folder, source }: Application, copy: string): string[] {
  const modules = functions.flatMap(({ entryPoints }) => Object.values(entryPoints).map(({ module }) => module));
  return [...new Set(modules)].map((module) => {
    const file = path.join(path.relative(folder, source), `${module.replaceAll(".", "/")}.py`);
    const text = readFileSync(path.join(copy, file), "utf8");
    writeFileSync(path.join(copy, file), `${text}${crash}`);
    return file;
  });
}

/** The output of a drill. */
class Story {
  constructor(
    private readonly subject: Subject,
    private readonly on: readonly Cloud[],
    private readonly tools: DrillTools,
  ) {}

  /** Sends the requests of users. */
  async users(when: string): Promise<void> {
    this.tools.tell(`\n${when}:`);
    // A replaced version may answer for a moment.
    await sleep(1_200);
    const probes = probedFunctions(stackOutputs(this.subject)).filter(({ cloud }) => this.on.includes(cloud));
    for (const { cloud, url, path: target } of probes) {
      const started = performance.now();
      const answer = await fetch(`${url}${target}`).then(
        async (response) => `${response.status} ${shortened(await response.text())}`,
        (error: unknown) => String(error),
      );
      this.tools.tell(`  ${cloud} GET ${target}  ${answer}  (${Math.round(performance.now() - started)} ms)`);
    }
  }

  async diagnosed(): Promise<void> {
    this.tools.tell(`\nDiagnose: ${commandLine(this.subject, "diagnose")}`);
    const { state, stack } = this.subject;
    const environment = await localEnvironment(this.tools.engine, { state, stack });
    const report = await diagnose(environment, { timeout: 30_000, drift: false });
    for (const cloud of this.on) {
      const [first, ...others] = findingsOf(report).filter(({ result }) => result.cloud === cloud);
      if (first === undefined) continue;
      this.tools.tell(
        described(first.result, { ...first.finding, evidence: first.finding.evidence.slice(0, 4).map(shortened) }),
      );
      if (others.length > 0) this.tools.tell(`  and ${others.length} more that follow from it`);
    }
  }
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 140 ? `${line.slice(0, 139)}…` : line;
}
