import path from "node:path";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { ApiFunction } from "../../components/aws/api-function";
import { HttpApi } from "../../components/aws/http-api";
import { DependencyLayer } from "../../components/dependency-layer";
import type { AwsOutputs } from "../../components/outputs";
import { proveCode } from "../../layers/code-proof";

/** A stack's output, as another program reads it. */
type Read<T> = pulumi.Output<pulumi.Unwrap<T>>;

/**
 * A second stack, in its own project: its function has FastAPI and Mangum from the first one's layer, and counts the
 * first one's messages by their authors.
 */
async function program() {
  const environment = new pulumi.StackReference(new pulumi.Config().require("environment"));
  const layers = await DependencyLayer.fromOutputs(environment, "api");
  const code = path.join(__dirname, "code");
  const handler = "authors.handler";
  await proveCode({ code, handler, layers });
  const { region, messagesTable } = environment.requireOutput("aws") as Read<AwsOutputs>;

  const provider = new aws.Provider("aws", { region });
  const { accountId } = aws.getCallerIdentityOutput({}, { provider });
  const tableArn = pulumi.interpolate`arn:aws:dynamodb:${region}:${accountId}:table/${messagesTable}`;

  const name = `authors-${pulumi.getStack()}`;
  const fn = new ApiFunction(
    name,
    {
      functionName: name,
      code: new pulumi.asset.FileArchive(code),
      handler,
      layers,
      environment: { MESSAGES_TABLE: pulumi.interpolate`${messagesTable}` },
      permissions: [{ Effect: "Allow", Action: "dynamodb:Query", Resource: tableArn }],
      // A version that cannot start is found out before it serves.
      verified: true,
      probes: [{ path: "/", status: 200 }],
    },
    { providers: [provider] },
  );
  const api = new HttpApi(
    name,
    { apiName: name, functions: [{ name, routes: ["/*"], invocation: fn.invocation }] },
    { providers: [provider] },
  );
  return { url: api.url };
}

export = program;
