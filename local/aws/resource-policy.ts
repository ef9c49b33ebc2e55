import { allows, parsePolicy, type Statement } from "./iam";
import { parseTarget } from "./lambda";
import type { AwsResources, Resource } from "./resources";

/**
 * Whether a function's resource policy lets a service invoke it. Each `Permission` is a statement; an alias has its own
 * policy.
 *
 * @param arn of the function, or of its alias.
 * @param source ARN of the resource for which the service invokes it.
 */
export function mayInvoke(resources: AwsResources, arn: string, service: string, source: string): boolean {
  const { name, qualifier } = parseTarget(arn);
  const policy = resources
    .list("aws:lambda/permission:Permission")
    .filter((permission) => parseTarget(permission.function).name === name && permission.qualifier === qualifier)
    .map((permission): Statement => ({
      Effect: "Allow",
      Action: [permission.action],
      Resource: [arn],
      Principal: { Service: [permission.principal] },
      Condition: {
        ...(permission.sourceArn !== undefined && { ArnLike: { "aws:SourceArn": [permission.sourceArn] } }),
        ...(permission.sourceAccount !== undefined && {
          StringEquals: { "aws:SourceAccount": [permission.sourceAccount] },
        }),
      },
    }));
  return allows(policy, {
    action: "lambda:InvokeFunction",
    resource: arn,
    principal: ["Service", service],
    context: sourceContext(arn, source),
  });
}

/** Whether a queue's policy lets a service send to it. */
export function maySend(
  resources: AwsResources,
  queue: Resource<"aws:sqs/queue:Queue">,
  service: string,
  source: string,
): boolean {
  const documents = [
    ...(queue.policy === undefined ? [] : [queue.policy]),
    ...resources
      .list("aws:sqs/queuePolicy:QueuePolicy")
      .filter(({ queueUrl }) => queueUrl === queue.id || queueUrl === queue.url)
      .map(({ policy }) => policy),
  ];
  return allows(documents.flatMap(parsePolicy), {
    action: "sqs:SendMessage",
    resource: queue.arn,
    principal: ["Service", service],
    context: sourceContext(queue.arn, source),
  });
}

/**
 * Condition keys of the resource for which a service acts. Everything here belongs to one account, which an S3 ARN does
 * not contain.
 */
function sourceContext(target: string, source: string): Record<string, string> {
  return { "aws:sourcearn": source, "aws:sourceaccount": target.split(":")[4] ?? "" };
}
