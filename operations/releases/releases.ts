import type { Cloud } from "../../contract/clouds";
import { UnansweredError } from "../unanswered-error";
import type { EngineResource, KeptRelease, ReleasedFunction, ReleasePort, Told } from "./port";
import type { ReleasedCloud, ReleasedStack, StackUpdate } from "./stack";

/** Access to the engine and to each cloud. */
export interface ReleaseSource {
  readonly stack: ReleasedStack;
  readonly port: (cloud: ReleasedCloud) => ReleasePort;
  /** Called with a line for each operation. */
  readonly progress: (line: string) => void;
}

/** A listed release of a function. */
export interface ListedRelease extends KeptRelease {
  readonly cloud: Cloud;
  readonly fn: ReleasedFunction;
  /** Absent if the engine does not have it. */
  readonly commit?: string;
}

/** The releases of one function. */
interface FunctionReleases {
  readonly cloud: Cloud;
  readonly port: ReleasePort;
  readonly fn: ReleasedFunction;
  /** The newest first. */
  readonly releases: readonly KeptRelease[];
}

async function releasesOf({ stack, port, progress }: ReleaseSource, only?: Cloud): Promise<FunctionReleases[]> {
  const found = (await stack.clouds()).filter(({ cloud }) => only === undefined || cloud === only);
  if (found.length === 0) {
    throw new UnansweredError(
      `stack ${stack.name} is not on ${only ?? "any cloud"}`,
      `npm run releases -- -s ${stack.name}`,
    );
  }
  const asked = found.flatMap((cloud) => {
    const ofCloud = port(cloud);
    return cloud.functions.map(async (fn) => {
      const reason = ofCloud.without?.(fn);
      if (reason !== undefined) progress(`${cloud.cloud}: ${reason}`);
      const releases = reason === undefined ? await ofCloud.releases(fn) : [];
      return { cloud: cloud.cloud, port: ofCloud, fn, releases };
    });
  });
  return Promise.all(asked);
}

/** Every existing release of all clouds, or of one, by cloud and function, the newest first. */
export async function listReleases(source: ReleaseSource, only?: Cloud): Promise<ListedRelease[]> {
  const [found, updateAt] = await Promise.all([releasesOf(source, only), source.stack.updates()]);
  return found.flatMap(({ cloud, fn, releases }) =>
    releases.map((release) => ({ ...release, cloud, fn, commit: updateAt(release.publishedAt)?.commit })),
  );
}

export interface RollbackOptions extends ReleaseSource {
  /** A release or its prefix, its name in a cloud, or a commit. Default: the previous one of each function of the last update. */
  readonly to?: string;
  /** Default: every cloud of the stack. */
  readonly cloud?: Cloud;
  readonly dryRun: boolean;
  /** Probes a function for its release; throws if it does not answer as that release. */
  readonly check: (fn: ReleasedFunction, release: KeptRelease, cloud: Cloud) => Promise<string>;
  /** Called when a phase is done for all functions. Default: nothing. */
  readonly done?: (phase: RollbackPhase) => void;
}

/** Phases of a rollback, in order; the last two run in parallel. */
export type RollbackPhase = "releases read" | "traffic moved" | "release asked" | "state told";

/** The move of a function from one release to another. */
export interface Move {
  readonly cloud: Cloud;
  readonly port: ReleasePort;
  readonly fn: ReleasedFunction;
  readonly from?: KeptRelease;
  readonly to: KeptRelease;
}

/** Maximum milliseconds between releases of the same update, if the engine has no record of it. */
const oneUpdate = 600_000;

/**
 * Routes traffic to an earlier release, updates the engine's state, and probes that release.
 *
 * @returns the moves that were made, or would be.
 * @throws {UnansweredError} if there is no such release, or if it does not serve.
 */
export async function rollBack(options: RollbackOptions): Promise<Move[]> {
  const { stack, dryRun, check, progress, done: isDone } = options;
  const started = performance.now();
  const moves = await plannedMoves(options);
  isDone?.("releases read");
  if (dryRun) return moves;
  const served = await Promise.allSettled(
    moves.map(async ({ cloud, port, fn, to }) => {
      await port.serve(fn, to);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      progress(`${cloud}: ${fn.name} serves ${to.name}, release ${to.release || "unknown"}, after ${seconds} s`);
    }),
  );
  isDone?.("traffic moved");
  const done = moves.filter((_, index) => served[index]?.status === "fulfilled");
  const told = (resource: EngineResource) =>
    done.reduce<Told | undefined>((found, { port, fn, to }) => found ?? port.told(fn, to, resource), undefined);
  // Probes run while the engine's state is updated; a failure of one does not stop the others.
  const asked = Promise.allSettled(
    done.map(async ({ cloud, fn, to }) => {
      progress(await check(fn, to, cloud));
    }),
  ).finally(() => isDone?.("release asked"));
  const [[state], answers] = await Promise.all([
    Promise.allSettled([stack.tell(told)]).finally(() => isDone?.("state told")),
    asked,
  ]);
  const failures = [
    ...moves.flatMap(({ cloud, fn }, index) => failureOf(`${cloud}: ${fn.name} was not moved`, served[index])),
    ...failureOf("the engine's state was not updated", state),
    ...done.flatMap(({ cloud, fn }, index) => failureOf(`${cloud}: ${fn.name} does not answer`, answers[index])),
  ];
  if (failures.length === 0) return moves;
  throw new UnansweredError(
    failures.join("\n"),
    `npm run releases -- -s ${stack.name} shows what serves; then npm run rollback again, for what was not moved`,
  );
}

function failureOf(what: string, outcome: PromiseSettledResult<unknown> | undefined): string[] {
  if (outcome?.status !== "rejected") return [];
  const { reason } = outcome as { reason: unknown };
  return [`${what}: ${reason instanceof Error ? reason.message : String(reason)}`];
}

async function plannedMoves(options: RollbackOptions): Promise<Move[]> {
  const { stack, to, cloud } = options;
  const found = await releasesOf(options, cloud);
  const isNamed = to !== undefined && found.some(({ releases }) => called(to, releases) !== undefined);
  // Reading the engine's history is slow, and not needed for a named release or a single function.
  const updateAt = isNamed || (to === undefined && found.length === 1) ? () => undefined : await stack.updates();
  const chosen = found.map(({ releases, ...each }) => {
    const from = releases.find(({ share }) => share > 0);
    const wanted =
      to === undefined ? earlier(releases, from) : (called(to, releases) ?? ofCommit(to, releases, updateAt));
    return { ...each, from, to: wanted };
  });
  const known = found.flatMap(({ fn, releases, ...each }) =>
    releases.map(({ release, name }) => `${release || name} (${fn.name} on ${each.cloud})`),
  );
  const there = `there are ${known.join(", ") || "none"}`;
  const list = `npm run releases -- -s ${stack.name}`;
  if (to !== undefined && chosen.every((each) => each.to === undefined)) {
    throw new UnansweredError(`stack ${stack.name} has no release ${to}; ${there}`, list);
  }
  const moves = chosen.flatMap((each) =>
    each.to === undefined || (each.to.share === 1 && each.from?.name === each.to.name)
      ? []
      : [{ ...each, to: each.to }],
  );
  if (moves.length === 0) {
    throw to === undefined
      ? new UnansweredError(
          `stack ${stack.name} has no verified release before the one that serves; ${there}`,
          "check out the last good commit, and deploy it",
        )
      : new UnansweredError(`release ${to} serves already`, list);
  }
  const doubtful = moves.find((move) => !mayServe(move.to));
  if (doubtful !== undefined) {
    throw new UnansweredError(
      `${doubtful.to.release || doubtful.to.name} of ${doubtful.fn.name} on ${doubtful.cloud} has never been verified`,
      `${list}, and choose one that was`,
    );
  }
  return to === undefined ? ofLastUpdate(moves, updateAt) : moves;
}

/** Leaves out functions that the last update did not change. */
function ofLastUpdate(moves: readonly Move[], updateAt: (at: Date) => StackUpdate | undefined): Move[] {
  const published = ({ from }: Move) => from?.publishedAt ?? new Date(0);
  const last = new Date(Math.max(...moves.map((move) => published(move).getTime())));
  const lastUpdate = updateAt(last);
  return moves.filter((move) => {
    const at = published(move);
    const update = updateAt(at);
    return lastUpdate !== undefined && update !== undefined
      ? update.began === lastUpdate.began
      : last.getTime() - at.getTime() <= oneUpdate;
  });
}

/** Minimum length of the prefix of a release or a commit. */
const shortest = 4;

const begins = (text: string, beginning: string) => beginning.length >= shortest && text.startsWith(beginning);

/** The newest release with that name in its cloud or in its responses. */
function called(to: string, releases: readonly KeptRelease[]): KeptRelease | undefined {
  return releases.find(({ name }) => name === to) ?? releases.find(({ release }) => begins(release, to));
}

/** The newest release of an update of a commit. */
function ofCommit(
  to: string,
  releases: readonly KeptRelease[],
  updateAt: (at: Date) => StackUpdate | undefined,
): KeptRelease | undefined {
  return releases.find(({ publishedAt }) => {
    const commit = updateAt(publishedAt)?.commit;
    // The given commit may be longer than the one kept here.
    return commit !== undefined && (begins(commit, to) || to.startsWith(commit));
  });
}

/** Whether a release was verified, or belongs to a function without probes. */
const mayServe = ({ verified, isAsked = true }: KeptRelease) => verified || !isAsked;

/** The newest rollback target that is older than the serving release. */
function earlier(releases: readonly KeptRelease[], serving: KeptRelease | undefined): KeptRelease | undefined {
  if (serving === undefined) return undefined;
  return releases.find(
    (release) =>
      mayServe(release) &&
      release.refused !== true &&
      release.name !== serving.name &&
      release.publishedAt <= serving.publishedAt,
  );
}

/** A release that was deleted, or would be. */
export interface PrunedRelease {
  readonly cloud: Cloud;
  readonly fn: ReleasedFunction;
  readonly release: KeptRelease;
}

/**
 * Deletes old releases on Azure and Google Cloud, except the newest `keep` of each function (at least one), those with
 * traffic, and those with other references. On AWS they are deleted with their layers (`pruneVersions`).
 */
export async function pruneReleases(
  source: ReleaseSource,
  { keep, dryRun }: { readonly keep: number; readonly dryRun: boolean },
): Promise<PrunedRelease[]> {
  const found = (await releasesOf(source)).filter(({ cloud }) => cloud !== "aws");
  const kept = found.map(async ({ releases, ...each }) => {
    const series = [releases, (await each.port.leftovers?.(each.fn)) ?? []];
    return series
      .flatMap((all) => all.slice(Math.max(keep, 1)))
      .flatMap((release) => (release.share > 0 || release.pinned === true ? [] : [{ ...each, release }]));
  });
  const old = (await Promise.all(kept)).flat();
  for (const { port, fn, release } of dryRun ? [] : old) await port.delete(fn, release);
  return old.map(({ cloud, fn, release }) => ({ cloud, fn, release }));
}
