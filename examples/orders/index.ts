import path from "node:path";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { ApiFunction } from "../../components/aws/api-function";
import { HttpApi } from "../../components/aws/http-api";
import { Table } from "../../components/aws/table";

/**
 * An API that accepts orders and answers at once, and a worker that has each from a queue and writes it to a table. What the
 * worker fails with three times is in a queue of its own.
 */
function program() {
  const provider = new aws.Provider("aws", { region: "eu-west-1" });
  const opts = { provider };
  const name = `orders-${pulumi.getStack()}`;

  const table = new Table("orders", { tableName: `${name}-orders`, partitionKey: "id" }, opts);
  const failed = new aws.sqs.Queue("failed", { name: `${name}-failed`, sqsManagedSseEnabled: true }, opts);
  const queue = new aws.sqs.Queue(
    "orders",
    {
      name: `${name}-orders`,
      // Not less than the worker's timeout, or Lambda refuses the mapping.
      visibilityTimeoutSeconds: 5,
      sqsManagedSseEnabled: true,
      redrivePolicy: pulumi.jsonStringify({ deadLetterTargetArn: failed.arn, maxReceiveCount: 3 }),
    },
    opts,
  );

  const common = {
    code: new pulumi.asset.FileArchive(path.join(__dirname, "code")),
    // The code has what Lambda itself brings, and no layer.
    layers: [],
    platform: { pythonVersion: "3.12", architecture: "x86_64" },
    timeout: 5,
    // What its roles have to have where a role may make no other (see bootstrap/).
    permissionsBoundary: new pulumi.Config().get("permissionsBoundary"),
  } as const;
  const worker = new ApiFunction(
    "worker",
    {
      ...common,
      functionName: `${name}-worker`,
      handler: "orders.work",
      environment: { ORDERS_TABLE: table.tableName },
      permissions: [
        table.allow(["put"]),
        {
          Effect: "Allow",
          Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
          Resource: queue.arn,
        },
      ],
    },
    opts,
  );
  new aws.lambda.EventSourceMapping(
    "orders",
    {
      eventSourceArn: queue.arn,
      functionName: worker.invocation.arn,
      functionResponseTypes: ["ReportBatchItemFailures"],
    },
    opts,
  );

  const api = new ApiFunction(
    "api",
    {
      ...common,
      functionName: `${name}-api`,
      handler: "orders.answer",
      environment: { ORDERS_TABLE: table.tableName, ORDERS_QUEUE: queue.url },
      permissions: [table.allow(["scan"])],
    },
    opts,
  );
  // What is declared after a function is granted by a policy of its own.
  api.grant("orders", { Effect: "Allow", Action: "sqs:SendMessage", Resource: queue.arn });
  const http = new HttpApi(
    "orders",
    { apiName: `${name}-orders`, functions: [{ name: "api", routes: ["/*"], invocation: api.invocation }] },
    opts,
  );

  // What other programs tell the event bus of comes to the worker as well.
  const rule = new aws.cloudwatch.EventRule(
    "placed",
    { name: `${name}-placed`, eventPattern: JSON.stringify({ source: ["shop"], "detail-type": ["order placed"] }) },
    opts,
  );
  new aws.sqs.QueuePolicy(
    "orders",
    {
      queueUrl: queue.url,
      policy: pulumi.jsonStringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Service: "events.amazonaws.com" },
            Action: "sqs:SendMessage",
            Resource: queue.arn,
            Condition: { ArnEquals: { "aws:SourceArn": rule.arn } },
          },
        ],
      }),
    },
    opts,
  );
  new aws.cloudwatch.EventTarget("placed", { rule: rule.name, arn: queue.arn, inputPath: "$.detail" }, opts);

  return Promise.resolve({ url: http.url, queueUrl: queue.url, failedUrl: failed.url, worker: worker.functionName });
}

export = program;
