import path from "node:path";

import { liveAlias } from "../../operations/releases/aws";
import { type CloudDataPlane, HttpDataPlane } from "../data-plane";
import { Logs } from "../logs";
import type { Resources } from "../store";
import { CloudFront } from "./cloudfront";
import { DynamoDb } from "./dynamodb";
import { bodyLimit, HttpApis, ownAnswers } from "./http-api";
import { Lambda } from "./lambda";
import { AwsResources } from "./resources";
import { Scheduler } from "./scheduler";
import { SecretsManager } from "./secrets-manager";

/**
 * Starts local AWS.
 *
 * @param state where tables and logs are kept between runs; logs are in `logs/`, see {@link Logs}.
 */
export async function startAws(stored: Resources, state: string): Promise<CloudDataPlane> {
  const resources = new AwsResources(stored);
  const logs = new Logs(path.join(state, "logs"));
  const dynamoDb = await DynamoDb.start(resources, path.join(state, "dynamodb"));
  const secretsManager = await SecretsManager.start(resources);
  const lambda = new Lambda({
    resources,
    logs,
    endpoints: {
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.endpoint,
    },
  });
  const scheduler = new Scheduler({ resources, lambda });
  const httpApis = new HttpApis({ resources, lambda, logs });
  const cloudFront = new CloudFront(resources);

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
        // The first event starts it.
        start: () => Promise.resolve(),
        stop: (name) => lambda.stop(name),
      },
      "aws:scheduler/schedule:Schedule": scheduler,
    },
    async invoke({ functionName, qualifier, payload = "{}" }) {
      const target = qualifier === undefined ? functionName : `${functionName}:${qualifier}`;
      const { functionError, tail, ...result } = await lambda.invoke(target, Buffer.from(payload));
      // What the function wrote last is on its way here.
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { payload: result.payload.toString(), failed: functionError !== undefined, log: tail.join("\n") };
    },
    changeCode({ functionName, folder }) {
      const alias = resources.find(
        "aws:lambda/alias:Alias",
        (each) => each.functionName === functionName && each.name === liveAlias,
      );
      return lambda.changeCode(alias === undefined ? functionName : `${functionName}:${liveAlias}`, folder);
    },
    async close() {
      scheduler.close();
      await Promise.all([apis.close(), distributions.close()]);
      await lambda.close();
      await Promise.all([dynamoDb.close(), secretsManager.close()]);
    },
  };
}
