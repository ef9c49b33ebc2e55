import path from "node:path";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { HttpApi } from "../../components/aws/http-api";
import type { AwsOutputs, LayerOutputs, StackOutputs } from "../../components/outputs";

/** What a stack's output is to whoever reads it. */
type Read<T> = pulumi.Output<pulumi.Unwrap<T>>;

/**
 * A second stack, in its own project: its function has FastAPI and Mangum from the first one's layer, and counts the
 * first one's messages by their authors.
 */
function program() {
  const environment = new pulumi.StackReference(new pulumi.Config().require("environment"));
  const layerArns = environment.requireOutput("layerArns") as Read<StackOutputs["layerArns"]>;
  const layers = environment.requireOutput("layers") as Read<Record<string, LayerOutputs>>;
  const { region, messagesTable } = environment.requireOutput("aws") as Read<AwsOutputs>;
  const { pythonVersion, architecture } = layers.apply(firstOf);

  const options = { provider: new aws.Provider("aws", { region }) };
  const { accountId } = aws.getCallerIdentityOutput({}, options);
  const tableArn = pulumi.interpolate`arn:aws:dynamodb:${region}:${accountId}:table/${messagesTable}`;

  const name = `authors-${pulumi.getStack()}`;
  const logGroup = new aws.cloudwatch.LogGroup(name, { name: `/aws/lambda/${name}`, retentionInDays: 30 }, options);
  const assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });
  const role = new aws.iam.Role(name, { name, assumeRolePolicy }, options);
  const policy = new aws.iam.RolePolicy(
    name,
    {
      role: role.name,
      policy: pulumi.jsonStringify({
        Version: "2012-10-17",
        Statement: [
          { Effect: "Allow", Action: "dynamodb:Query", Resource: tableArn },
          {
            Effect: "Allow",
            Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
            Resource: pulumi.interpolate`${logGroup.arn}:*`,
          },
        ],
      }),
    },
    options,
  );
  const fn = new aws.lambda.Function(
    name,
    {
      name,
      code: new pulumi.asset.FileArchive(path.join(__dirname, "code")),
      handler: "authors.handler",
      // A function runs what its layers were built for.
      runtime: pulumi.interpolate`python${pythonVersion}`,
      architectures: [architecture],
      layers: layerArns.apply((arns) => Object.values(arns)),
      role: role.arn,
      environment: { variables: { MESSAGES_TABLE: pulumi.interpolate`${messagesTable}` } },
      loggingConfig: { logFormat: "JSON", logGroup: logGroup.name },
    },
    { ...options, dependsOn: [policy] },
  );
  const api = new HttpApi(
    name,
    {
      apiName: name,
      functions: [
        { name, routes: ["/*"], invocation: { functionName: fn.name, arn: fn.arn, invokeArn: fn.invokeArn } },
      ],
    },
    { providers: [options.provider] },
  );
  return Promise.resolve({ url: api.url });
}

function firstOf<T>(values: Record<string, T>): T {
  const [first] = Object.values(values);
  if (first === undefined) throw new Error("the environment has no layer: is aws among its clouds?");
  return first;
}

export = program;
