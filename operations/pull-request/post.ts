import { z } from "zod";

export interface PullRequest {
  /** URL of GitHub's REST API, e.g. `https://api.github.com`. */
  readonly api: string;
  /** `<owner>/<name>`. */
  readonly repository: string;
  readonly number: number;
  /** A token that may write to pull requests; in a workflow, the job's own. */
  readonly token: string;
}

const comments = z.array(
  z.object({ id: z.number(), body: z.string().nullish(), user: z.object({ type: z.string() }).nullish() }),
);

/** GitHub's maximum page size for comments. */
const pageSize = 100;

/**
 * Writes `body` into the pull request's comment that begins with `marker`, or into a new one, so repeated calls leave one
 * comment. Comments of people are never changed.
 *
 * @throws with GitHub's response if it rejects the request.
 */
export async function postComment(
  pullRequest: PullRequest,
  marker: string,
  body: string,
): Promise<"created" | "updated"> {
  const { repository, number } = pullRequest;
  const existing = await find(pullRequest, marker);
  if (existing === undefined) {
    await call(pullRequest, "POST", `/repos/${repository}/issues/${number}/comments`, { body });
    return "created";
  }
  await call(pullRequest, "PATCH", `/repos/${repository}/issues/comments/${existing}`, { body });
  return "updated";
}

async function find(pullRequest: PullRequest, marker: string): Promise<number | undefined> {
  const { repository, number } = pullRequest;
  for (let page = 1; ; page++) {
    const path = `/repos/${repository}/issues/${number}/comments?per_page=${pageSize}&page=${page}`;
    const found = comments.parse(await call(pullRequest, "GET", path));
    const ours = found.find(({ body, user }) => user?.type === "Bot" && body?.startsWith(marker));
    if (ours !== undefined) return ours.id;
    if (found.length < pageSize) return undefined;
  }
}

async function call({ api, token }: PullRequest, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "x-github-api-version": "2022-11-28",
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) {
    const way = [401, 403, 404].includes(response.status) ? "; the job needs the permission pull-requests: write" : "";
    throw new Error(
      `GitHub answered ${response.status} to ${method} ${path}: ${(await response.text()).slice(0, 300)}${way}`,
    );
  }
  return response.json();
}
