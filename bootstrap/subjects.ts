import type { Identity } from "./rights";

/**
 * The GitHub environment of an identity. Code of pull requests runs as `preview`, so identities that may read resources,
 * including secrets, are in another one.
 */
export function environmentOf(identity: Identity, stack: string): string {
  return identity === "deploy" ? stack : `${stack}-${identity}`;
}

/** A repository on GitHub. */
export interface Repository {
  /** E.g. `ada/shop`. */
  readonly name: string;
  /** Ids of the owner and of the repository, from `gh api repos/OWNER/REPO` (`owner.id`, `id`). */
  readonly ownerId: string;
  readonly id: string;
}

/**
 * The subjects that GitHub's tokens have for a job in an environment: by names, and by names with numbers, which
 * repositories have that were created, renamed or transferred since 2026-07-15 or have opted in
 * (https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/). Both are trusted:
 * a repository changes from one to the other without a notice.
 */
export function subjects({ name, ownerId, id }: Repository, environment: string): [plain: string, immutable: string] {
  const [owner = "", repository = ""] = name.split("/");
  return [
    `repo:${owner}/${repository}:environment:${environment}`,
    `repo:${owner}@${ownerId}/${repository}@${id}:environment:${environment}`,
  ];
}
