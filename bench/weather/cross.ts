import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Cloud } from "../../contract/clouds";
import { nameIn } from "../../contract/urn";
import { BoardStack, checkout, type Settings, type Told } from "../board";
import { askSteadily } from "../updates/load";
import { concerns, crossings, standing, withWorker } from "./crossings";
import { Messages, reach } from "./reach";
import { stated, stepsOn } from "./setting-changes";
import { losing, type Step, type Verdict, verdictOf } from "./verdict";

/** Result of a setting's change to another value and back, by the engine. */
export interface Crossed {
  readonly cloud: Cloud;
  readonly name: string;
  /** The preview's verdict. */
  readonly verdict: Verdict;
  /** Requests during both updates, which it may share with other settings. */
  readonly asked: number;
  readonly failed: number;
  /** Updates that failed because of injected faults and were repeated. */
  readonly again: number;
  readonly problems: readonly string[];
}

/** Settings that change responses by design, or that announce failing requests for a while, by cloud. */
const closing = new Set([
  "azure pythonVersion",
  "azure azure.function.frontDoorOnly",
  "gcp gcp.function.public",
  "gcp gcp.frontend.domain",
  "gcp gcp.frontend.publicBucket",
]);

interface Way {
  readonly name: string;
  readonly from: Settings;
  readonly to: Settings;
  readonly verdict: Verdict;
  readonly steps: readonly Step[];
  /** Whether requests may fail, as announced. */
  readonly isInterrupting: boolean;
  readonly problems: string[];
}

/**
 * Crosses every setting that concerns a cloud, one living stack for all: each is previewed by itself; then those that touch
 * different resources are changed in one update, and back in another, while API and site are asked.
 *
 * @param crossed called for each setting after its change back.
 * @param chosen names of settings. Default: all.
 */
export async function crossAll(
  cloud: Cloud,
  seed: string,
  progress: (line: string) => void,
  crossed: (crossed: Crossed) => void,
  chosen?: readonly string[],
): Promise<void> {
  const board = new BoardStack(cloud);
  const page = stated(readFileSync(path.join(checkout, "docs", "reference", "setting-changes.md"), "utf8"));
  const tell = (line: string) => {
    progress(`${cloud}: ${line}`);
  };
  let told: Settings = {};
  const add = ({ name, verdict, problems }: Way, { asked = 0, failed = 0, again = 0 } = {}) => {
    crossed({ cloud, name, verdict, asked, failed, again, problems });
    const wrong = problems.map((problem) => `\n  WRONG: ${problem}`).join("");
    tell(`${name}: ${verdict}, ${asked} asked, ${failed} failed, ${again} again${wrong}`);
  };
  try {
    await board.start({ seed });
    await board.prepare(withWorker);
    const first = await reach(board, yaml(standing), tell);
    told = first.told;
    if (first.addresses === undefined) throw new Error(first.problems.join("; "));
    const { apiUrl, frontendUrl = "" } = first.addresses;
    const messages = new Messages(apiUrl);
    for (const content of ["one", "two", "three"]) await messages.post(content);

    /** Changes to other settings, and returns the problems. */
    const go = async (settings: Settings, ways: readonly Way[]) => {
      const load = askSteadily([`${apiUrl}/api/messages/?limit=1`, frontendUrl]);
      const reached = await reach(board, { ...settings, ...told }, tell);
      await sleep(500);
      const answers = await load.stop();
      told = { ...told, ...reached.told };
      const failures = answers.filter(({ status }) => status !== 200);
      const problems = [...reached.problems];
      const lost = losing(stepsOf(reached.events));
      if (lost.length > 0) problems.push(`${lost.map(({ name }) => name).join(", ")} went with what was in it`);
      const isQuiet = !ways.some(({ isInterrupting }) => isInterrupting);
      if (isQuiet) {
        const kinds = [
          ...new Set(failures.map(({ url, status, error }) => `${new URL(url).pathname}: ${status ?? error ?? ""}`)),
        ];
        if (failures.length > 0) problems.push(`${failures.length} requests failed: ${kinds.join(", ")}`);
        const gone = await messages.lost();
        if (gone.length > 0) problems.push(`messages are lost: ${gone.join(", ")}`);
      }
      return { problems, asked: answers.length, failed: failures.length, again: reached.again + reached.configured };
    };

    const end = (batch: readonly Way[], there: Outcome, back: Outcome) => {
      const outcome = sum(there, back);
      for (const way of batch) {
        way.problems.push(...outcome.problems);
        add(way, outcome);
      }
    };

    const ways: Way[] = [];
    for (const [name, crossing] of Object.entries(crossings)) {
      if (!concerns(crossing, cloud) || crossing.crossedBy !== undefined) continue;
      if (chosen !== undefined && !chosen.includes(name)) continue;
      const from = yaml({ ...standing, ...crossing.from });
      const to = yaml({ ...standing, ...crossing.to });
      if (crossing.from !== undefined) await go(from, []);
      const { errors, events } = await board.preview({ ...to, ...told });
      const steps = errors === "" ? stepsOn(cloud, stepsOf(events)) : [];
      const verdict = errors === "" ? verdictOf(cloud, steps) : "refused";
      const expected = page.get(name)?.[cloud];
      const problems =
        verdict === expected ? [] : [`the page says ${expected ?? "nothing"}: ${errors}${described(steps)}`];
      const isInterrupting = verdict === "outage" || closing.has(`${cloud} ${name}`);
      const way: Way = { name, from, to, verdict, steps, isInterrupting, problems };
      if (verdict === "refused" || verdict === "no change") add(way);
      else if (crossing.from === undefined) ways.push(way);
      else end([way], await go(to, [way]), await go(yaml(standing), [way]));
    }
    // A batch's change back is the next batch's change, except for those with outages.
    let before: readonly Way[] = [];
    let there = nothing;
    for (const batch of [...batches(ways), []]) {
      const isAlone = [...before, ...batch].some(({ isInterrupting }) => isInterrupting);
      if (isAlone && before.length > 0 && batch.length > 0) {
        const back = await go(yaml(standing), before);
        end(before, there, back);
        before = [];
      }
      const settings = Object.assign({}, yaml(standing), ...batch.map(({ to }) => to)) as Settings;
      const outcome = await go(settings, [...before, ...batch]);
      end(before, there, outcome);
      [before, there] = [batch, outcome];
    }
  } finally {
    await board.end();
  }
}

type Outcome = Omit<Crossed, "cloud" | "name" | "verdict">;

const nothing: Outcome = { problems: [], asked: 0, failed: 0, again: 0 };

const sum = (there: Outcome, back: Outcome): Outcome => ({
  problems: [
    ...there.problems.map((problem) => `there: ${problem}`),
    ...back.problems.map((problem) => `back: ${problem}`),
  ],
  asked: there.asked + back.asked,
  failed: there.failed + back.failed,
  again: there.again + back.again,
});

/** Groups settings that touch different resources; those with outages run alone. */
function batches(ways: readonly Way[]): Way[][] {
  const all: Way[][] = [];
  for (const way of ways) {
    const keys = (steps: readonly Step[]) => steps.map(({ type, name }) => `${type} ${name}`);
    const own = new Set(keys(way.steps));
    const together = way.isInterrupting
      ? undefined
      : all.find(
          (batch) => !batch.some((other) => other.isInterrupting || keys(other.steps).some((key) => own.has(key))),
        );
    if (together === undefined) all.push([way]);
    else together.push(way);
  }
  return all;
}

/** The steps of an update, from the engine's events in order. */
function stepsOf(events: Told["events"]): Step[] {
  const gone = new Set<string>();
  const steps = new Map<string, Step>();
  for (const { resourcePreEvent } of events) {
    if (resourcePreEvent === undefined) continue;
    const { op, urn, type } = resourcePreEvent.metadata;
    const does =
      op === "create" || op === "update" || op === "delete"
        ? op
        : op === "create-replacement"
          ? gone.has(urn)
            ? "renew"
            : "replace"
          : undefined;
    if (op === "delete-replaced") gone.add(urn);
    if (does !== undefined) steps.set(urn, { type, name: nameIn(urn), does });
  }
  return [...steps.values()];
}

const described = (steps: readonly Step[]) => steps.map(({ does, type, name }) => `${does} ${type} ${name}`).join(", ");

/** Settings in the format of the command line. */
function yaml(values: Readonly<Record<string, unknown>>): Settings {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));
}
