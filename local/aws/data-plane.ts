import path from "node:path";

import { liveAlias } from "../../operations/releases/aws";
import { type CloudDataPlane, HttpDataPlane } from "../data-plane";
import { Logs } from "../logs";
import { Objects } from "../objects";
import type { Resources } from "../store";
import { AsynchronousInvocations } from "./asynchronous";
import { BucketNotifications } from "./bucket-notifications";
import { CloudFront } from "./cloudfront";
import { DynamoDb } from "./dynamodb";
import { EventRules } from "./event-rules";
import { EventSources } from "./event-sources";
import { bodyLimit, HttpApis, ownAnswers } from "./http-api";
import { Lambda } from "./lambda";
import { Queues } from "./queues";
import { AwsResources } from "./resources";
import { declaredObject, S3 } from "./s3";
import { Scheduler } from "./scheduler";
import { SecretsManager } from "./secrets-manager";
import { Sqs } from "./sqs";
import { versionType } from "./versions";

/**
 * Starts local AWS.
 *
 * @param state folder of tables and logs between runs; logs are in `logs/`, see {@link Logs}.
 */
export async function startAws(stored: Resources, state: string): Promise<CloudDataPlane> {
  const resources = new AwsResources(stored);
  const logs = new Logs(path.join(state, "logs"));
  const dynamoDb = await DynamoDb.start(resources, path.join(state, "dynamodb"));
  const secretsManager = await SecretsManager.start(resources);
  const queues = new Queues(resources, path.join(state, "sqs"));
  const sqs = new Sqs(resources, queues);
  const invoke = (target: string, event: string): Promise<void> => invocations.send(target, event);
  const eventRules = new EventRules({ resources, queues, invoke });
  const objects = new Objects((bucket, key) => declaredObject(resources, bucket, key), path.join(state, "s3"));
  const notifications = new BucketNotifications({ resources, queues, invoke });
  const s3 = new S3({ resources, objects, notifications });
  const lambda: Lambda = new Lambda({
    resources,
    logs,
    endpoints: {
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.endpoint,
      AWS_ENDPOINT_URL_SQS: await sqs.start(),
      AWS_ENDPOINT_URL_EVENTBRIDGE: await eventRules.listen(),
      AWS_ENDPOINT_URL_S3: await s3.listen(),
    },
  });
  const invocations = new AsynchronousInvocations(lambda);
  const scheduler = new Scheduler({ resources, invocations });
  const eventSources = new EventSources({ resources, lambda, queues });
  const httpApis = new HttpApis({ resources, lambda, logs });
  const cloudFront = new CloudFront(resources, s3);

  const apis = new HttpDataPlane(
    ({ apiEndpoint }) => apiEndpoint,
    (id) => (request) => httpApis.handle(id, request),
    {
      bodyLimit,
      tooLarge: ownAnswers.tooLarge,
    },
  );
  const distributions = new HttpDataPlane(
    ({ domainName }) => domainName,
    (id) => (request) => cloudFront.handle(id, request),
  );
  const addresses = new HttpDataPlane(
    ({ url }) => url,
    (id) => (request) => sqs.handle(request, resources.get("aws:sqs/queue:Queue", id).name),
  );
  const buckets = new HttpDataPlane(
    ({ bucketDomainName }) => bucketDomainName,
    (id) => (request) => s3.handle(request, id),
  );
  return {
    types: {
      "aws:apigatewayv2/api:Api": apis,
      "aws:cloudfront/distribution:Distribution": distributions,
      "aws:dynamodb/table:Table": {
        start: (resource) => dynamoDb.createTable(resources.parse("aws:dynamodb/table:Table", resource)),
        stop: () => Promise.resolve(),
        remove: (resource) => dynamoDb.deleteTable(resources.parse("aws:dynamodb/table:Table", resource).name),
      },
      "aws:lambda/function:Function": {
        // Starts with the first event.
        start: () => Promise.resolve(),
        async complete({ id }, store) {
          const made = await lambda.snapshot(id);
          const published = made && store.get(versionType, `${id}:${made.version}`);
          if (published === undefined) return;
          const reason = made?.reason;
          const state = reason === undefined ? { state: "Active" } : { state: "Failed", stateReason: reason };
          store.put({ ...published, outputs: { ...published.outputs, ...state } });
          if (reason === undefined) return;
          throw new Error(
            `waiting for Lambda Function (${id}) version publish: unexpected state 'Failed', wanted target 'Successful'. ` +
              `last error: ${reason}`,
          );
        },
        stop: (name) => lambda.stop(name),
      },
      "aws:scheduler/schedule:Schedule": scheduler,
      "aws:cloudwatch/eventRule:EventRule": eventRules,
      "aws:lambda/eventSourceMapping:EventSourceMapping": eventSources,
      "aws:s3/bucket:Bucket": {
        // A bucket that an older version of this program created has no local address.
        start: (resource) =>
          String(resource.outputs.bucketDomainName).startsWith("127.0.0.1:")
            ? buckets.start(resource)
            : Promise.resolve(),
        stop: (id) => buckets.stop(id),
        async remove(resource) {
          if (objects.own(resource.id).length > 0 && resource.inputs.forceDestroy !== true) {
            await this.start(resource);
            throw new Error(`BucketNotEmpty: The bucket you tried to delete is not empty: ${resource.id}`);
          }
          objects.remove(resource.id);
        },
      },
      "aws:s3/bucketObjectv2:BucketObjectv2": s3.declared,
      "aws:sqs/queue:Queue": {
        start: (resource) => addresses.start(resource),
        stop: (id) => addresses.stop(id),
        remove: (resource) => {
          queues.remove(resources.parse("aws:sqs/queue:Queue", resource).name);
          return Promise.resolve();
        },
      },
    },
    data: dynamoDb.data,
    async invoke({ functionName, qualifier, payload = "{}" }) {
      const target = qualifier === undefined ? functionName : `${functionName}:${qualifier}`;
      const { functionError, tail, ...result } = await lambda.invoke(target, Buffer.from(payload));
      // Wait for the function's last log lines.
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { payload: result.payload.toString(), failed: functionError !== undefined, log: tail.join("\n") };
    },
    changeCode({ functionName, ...change }) {
      const alias = resources.find(
        "aws:lambda/alias:Alias",
        (each) => each.functionName === functionName && each.name === liveAlias,
      );
      return lambda.changeCode(alias === undefined ? functionName : `${functionName}:${liveAlias}`, change);
    },
    async close() {
      scheduler.close();
      invocations.close();
      await Promise.all([apis.close(), distributions.close(), addresses.close(), buckets.close(), eventRules.close()]);
      const pollers = eventSources.close();
      await lambda.close();
      await Promise.all([pollers, dynamoDb.close(), secretsManager.close(), sqs.close(), s3.close()]);
    },
  };
}
