import type { Cloud } from "../../contract/clouds";
import { UnansweredError } from "../unanswered-error";
import type { KeptRelease, ReleasedFunction, ReleasePort } from "./port";
import type { ReleasedStack } from "./stack";

/** Who is asked: the engine, and each cloud that can let an earlier release serve. */
export interface ReleaseSource {
  readonly stack: ReleasedStack;
  /** Absent where the cloud cannot. */
  readonly port: (cloud: Cloud, region: string) => ReleasePort | undefined;
}

/** A release of a function, as it is listed. */
export interface ListedRelease extends KeptRelease {
  readonly cloud: Cloud;
  readonly fn: ReleasedFunction;
  /** Absent where the engine does not know it. */
  readonly commit?: string;
}

/** Every release that is still there, by cloud and function, the newest first. */
export async function listReleases({ stack, port }: ReleaseSource): Promise<ListedRelease[]> {
  const [found, commitAt] = await Promise.all([stack.clouds(), stack.commits()]);
  const listed = found.flatMap(({ cloud, region, functions }) => {
    const asked = port(cloud, region);
    return functions.map(async (fn) => {
      const releases = (await asked?.releases(fn)) ?? [];
      return releases.map((release) => ({ ...release, cloud, fn, commit: commitAt(release.publishedAt) }));
    });
  });
  return (await Promise.all(listed)).flat();
}

export interface RollbackOptions extends ReleaseSource {
  /** A release, or how it begins. Default: the one before that which serves, of each function that was deployed last. */
  readonly to?: string;
  readonly dryRun: boolean;
  /** Asks a function that serves whether it does, as which release; throws where it does not. */
  readonly check: (fn: ReleasedFunction, release: KeptRelease, cloud: Cloud, region: string) => Promise<string>;
  /** Told what happens, a line each. */
  readonly progress: (line: string) => void;
}

/** What a function is moved from, and to. */
export interface Move {
  readonly cloud: Cloud;
  readonly region: string;
  readonly fn: ReleasedFunction;
  readonly from?: KeptRelease;
  readonly to: KeptRelease;
}

/** Seconds between the releases of functions that one update published. */
const oneUpdate = 600;

/**
 * Lets an earlier release serve, tells the engine's state, and asks that release afterwards.
 *
 * @returns what was moved, or would be.
 * @throws {UnansweredError} where there is no such release, or where it does not serve.
 */
export async function rollBack(options: RollbackOptions): Promise<Move[]> {
  const { stack, port, dryRun, check, progress } = options;
  const started = performance.now();
  const moves = await plannedMoves(options);
  if (dryRun) return moves;
  for (const { cloud, region, fn, to } of moves) {
    await port(cloud, region)?.serve(fn, to);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    progress(`${cloud}: ${fn.name} serves ${to.name}, release ${to.release || "unknown"}, after ${seconds} s`);
  }
  const resources = await stack.resources();
  const told = moves.flatMap(({ cloud, region, fn }) =>
    resources.filter((resource) => port(cloud, region)?.tellsServing(fn, resource)).map(({ urn }) => urn),
  );
  // What serves is asked while the engine reads it.
  const [answers] = await Promise.all([
    Promise.all(moves.map(({ cloud, region, fn, to }) => check(fn, to, cloud, region))),
    stack.refresh(told),
  ]);
  for (const answer of answers) progress(answer);
  return moves;
}

async function plannedMoves({ stack, port, to }: RollbackOptions): Promise<Move[]> {
  const candidates: (Move & { readonly since: number })[] = [];
  const known: string[] = [];
  for (const { cloud, region, functions } of await stack.clouds()) {
    for (const fn of functions) {
      const releases = (await port(cloud, region)?.releases(fn)) ?? [];
      known.push(...releases.map((release) => `${release.release || release.name} (${fn.name} on ${cloud})`));
      const from = releases.find(({ share }) => share > 0);
      const wanted =
        to === undefined
          ? earlier(releases, from)
          : releases.find(({ release, name }) => name === to || (release !== "" && release.startsWith(to)));
      if (wanted === undefined || wanted.name === from?.name) continue;
      if (!wanted.verified) {
        throw new UnansweredError(
          `${wanted.release || wanted.name} of ${fn.name} on ${cloud} has never been verified`,
          `npm run releases -- -s ${stack.name}, and choose one that was`,
        );
      }
      candidates.push({ cloud, region, fn, from, to: wanted, since: from?.publishedAt.getTime() ?? 0 });
    }
  }
  if (candidates.length === 0) {
    const what =
      to === undefined ? "no release before the one that serves" : `no release ${to} that does not serve yet`;
    throw new UnansweredError(
      `stack ${stack.name} has ${what}; there are ${known.join(", ") || "none"}`,
      "check out the commit that was fine, and deploy it",
    );
  }
  // Functions that the last update did not touch stay as they are.
  const last = Math.max(...candidates.map(({ since }) => since));
  return to === undefined ? candidates.filter(({ since }) => last - since <= oneUpdate * 1000) : candidates;
}

/** The newest verified release that is older than the one which serves. */
function earlier(releases: readonly KeptRelease[], serving: KeptRelease | undefined): KeptRelease | undefined {
  if (serving === undefined) return undefined;
  return releases.find(
    ({ verified, publishedAt, name }) => verified && name !== serving.name && publishedAt <= serving.publishedAt,
  );
}
