import type { GcpResources, Resource } from "./resources";

/** Roles that publish and roles that consume (Pub/Sub, "Access control with IAM"). */
const anything = ["roles/pubsub.editor", "roles/pubsub.admin", "roles/editor", "roles/owner"];
const publishers = ["roles/pubsub.publisher", ...anything];
const subscribers = ["roles/pubsub.subscriber", ...anything];

interface Grant {
  readonly role: string;
  readonly member: string;
  readonly condition?: unknown;
}

/**
 * @param topic absent for every topic of the project.
 * @param isMember whether the caller is a member of a policy.
 */
export function mayPublish(
  resources: GcpResources,
  topic: Resource<"gcp:pubsub/topic:Topic"> | undefined,
  isMember: (member: string) => boolean,
): boolean {
  const own = resources
    .list("gcp:pubsub/topicIAMMember:TopicIAMMember")
    .filter((grant) => topic !== undefined && resources.topic(grant.topic)?.id === topic.id);
  return isGranted(resources, own, publishers, isMember);
}

/** @param isMember whether the caller is a member of a policy. */
export function mayConsume(
  resources: GcpResources,
  { id, name }: Resource<"gcp:pubsub/subscription:Subscription">,
  isMember: (member: string) => boolean,
): boolean {
  const own = resources
    .list("gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember")
    .filter(({ subscription }) => subscription === name || subscription === id);
  return isGranted(resources, own, subscribers, isMember);
}

/**
 * Whether a grant of a resource or of the project gives one of the roles. Grants with a condition are ignored, since
 * conditions are not evaluated here.
 */
export function isGranted(
  resources: GcpResources,
  own: readonly Grant[],
  roles: readonly string[],
  isMember: (member: string) => boolean,
): boolean {
  return [...own, ...resources.list("gcp:projects/iAMMember:IAMMember")].some(
    ({ role, member, condition }) => condition === undefined && roles.includes(role) && isMember(member),
  );
}
