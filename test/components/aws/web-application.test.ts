import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { ApiFunction } from "../../../components/aws/api-function";
import { HttpApi } from "../../../components/aws/http-api";
import { ScheduledFunction } from "../../../components/aws/scheduled-function";
import { Table } from "../../../components/aws/table";
import { WebApplication, type WebApplicationArgs } from "../../../components/aws/web-application";
import { DependencyLayer } from "../../../components/dependency-layer";
import { applicationBundle, layerBundle } from "../bundles";
import { httpPlan, scheduledPlan } from "../plans";
import { type CloudAnswers, record, type Recording, unseal, valueOf } from "../mocks";

const account = "123456789012";
const arn = (service: string, rest: string) => `arn:aws:${service}:eu-west-1:${account}:${rest}`;

const answers: CloudAnswers = {
  "aws:lambda/layerVersion:LayerVersion": ({ inputs }) => ({
    arn: arn("lambda", `layer:${String(inputs.layerName)}:7`),
    version: "7",
  }),
  "aws:lambda/function:Function": ({ inputs }) => ({
    arn: arn("lambda", `function:${String(inputs.name)}`),
    invokeArn: `invoke:${String(inputs.name)}`,
    version: "3",
  }),
  "aws:lambda/alias:Alias": ({ inputs }) => ({
    arn: arn("lambda", `function:${String(inputs.functionName)}:live`),
    invokeArn: `invoke:${String(inputs.functionName)}:live`,
  }),
  // The check of versions with snapshots prints the number of the version that answered.
  "command:local:Command": ({ inputs }) => ({
    stdout: JSON.stringify(inputs.environment).includes("SNAP_START") ? "4" : "",
  }),
  "aws:secretsmanager/secret:Secret": ({ inputs }) => ({
    id: arn("secretsmanager", `secret:${String(inputs.name)}-ABCDEF`),
    arn: arn("secretsmanager", `secret:${String(inputs.name)}-ABCDEF`),
  }),
  "aws:secretsmanager/secretVersion:SecretVersion": () => ({ versionId: "version-1" }),
  "aws:iam/role:Role": ({ inputs }) => ({ arn: `arn:aws:iam::${account}:role/${String(inputs.name)}` }),
  "aws:cloudwatch/logGroup:LogGroup": ({ inputs }) => ({ arn: arn("logs", `log-group:${String(inputs.name)}`) }),
  "aws:dynamodb/table:Table": ({ inputs }) => ({ arn: arn("dynamodb", `table/${String(inputs.name)}`) }),
  "aws:apigatewayv2/api:Api": () => ({
    apiEndpoint: "https://api1.execute-api.eu-west-1.amazonaws.com",
    executionArn: arn("execute-api", "api1"),
  }),
  "aws:s3/bucket:Bucket": () => ({
    bucket: "web-bucket",
    arn: "arn:aws:s3:::web-bucket",
    bucketRegionalDomainName: "web-bucket.s3.eu-west-1.amazonaws.com",
  }),
  "aws:cloudfront/distribution:Distribution": () => ({
    arn: `arn:aws:cloudfront::${account}:distribution/E1`,
    domainName: "d1.cloudfront.net",
  }),
  "aws:cloudfront/function:Function": () => ({ arn: `arn:aws:cloudfront::${account}:function/web` }),
  "aws:wafv2/webAcl:WebAcl": () => ({ arn: arn("wafv2", "global/webacl/web/1") }),
};

let site: string;

beforeAll(() => {
  site = mkdtempSync(path.join(tmpdir(), "site-"));
  for (const file of ["index.html", "app.js", ".hidden"]) writeFileSync(path.join(site, file), file);
});

afterAll(() => {
  rmSync(site, { recursive: true });
});

async function application(
  overrides: Partial<WebApplicationArgs> = {},
  options: () => pulumi.ComponentResourceOptions = () => ({}),
) {
  return record(
    () =>
      new WebApplication(
        "aws",
        {
          scope: { project: "shop", stack: "test" },
          region: "eu-west-1",
          functions: [httpPlan()],
          tables: [{ name: "messages", partitionKey: "board", sortKey: "id" }],
          bundles: [applicationBundle, layerBundle()],
          version: "1.2.3",
          site,
          ...overrides,
        },
        options(),
      ),
    { answers },
  );
}

function policyOf(recording: Recording, type: string): { Statement: Record<string, unknown>[] } {
  return JSON.parse(String(recording.only(type).policy)) as { Statement: Record<string, unknown>[] };
}

describe("with the defaults", () => {
  let recording: Recording;
  let deployed: WebApplication;

  beforeAll(async () => {
    ({ recording, result: deployed } = await application());
  });

  test("the layer keeps its old versions for other stacks", () => {
    expect(recording.only("aws:lambda/layerVersion:LayerVersion")).toMatchObject({
      layerName: "shop-test-dependencies",
      skipDestroy: true,
      compatibleRuntimes: ["python3.12"],
      compatibleArchitectures: ["x86_64"],
    });
  });

  test("the function has the layer, and the layer's runtime and architecture", () => {
    const fn = recording.only("aws:lambda/function:Function");
    expect(fn).toMatchObject({
      name: "shop-test-api",
      handler: "multicloud_api.handler",
      layers: [arn("lambda", "layer:shop-test-dependencies:7")],
      runtime: "python3.12",
      architectures: ["x86_64"],
      memorySize: 512,
      timeout: 15,
      loggingConfig: { logFormat: "JSON", logGroup: "/aws/lambda/shop-test-api" },
      tracingConfig: { mode: "Active" },
      environment: { variables: { MESSAGES_TABLE: "shop-test-messages", APPLICATION_VERSION: "1.2.3" } },
      tags: { project: "shop", stack: "test" },
    });
    for (const absent of ["snapStart", "reservedConcurrentExecutions", "kmsKeyArn"]) {
      expect(fn[absent], absent).toBeUndefined();
    }
  });

  test("each change publishes a version, and the API calls the alias's version only through the alias", () => {
    expect(recording.only("aws:lambda/function:Function").publish).toBe(true);
    expect(recording.only("aws:lambda/alias:Alias")).toMatchObject({ name: "live", functionVersion: "3" });
    expect(recording.only("aws:lambda/permission:Permission")).toMatchObject({ qualifier: "live" });
    expect(recording.only("aws:apigatewayv2/integration:Integration").integrationUri).toBe("invoke:shop-test-api:live");
  });

  test("the function may write its own log and use its own table, and nothing else", () => {
    expect(policyOf(recording, "aws:iam/rolePolicy:RolePolicy").Statement).toEqual([
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: `${arn("logs", "log-group:/aws/lambda/shop-test-api")}:*`,
      },
      { Effect: "Allow", Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource: "*" },
      {
        Effect: "Allow",
        Action: [
          "dynamodb:BatchGetItem",
          "dynamodb:GetItem",
          "dynamodb:Query",
          "dynamodb:Scan",
          "dynamodb:BatchWriteItem",
          "dynamodb:ConditionCheckItem",
          "dynamodb:DeleteItem",
          "dynamodb:PutItem",
          "dynamodb:UpdateItem",
        ],
        Resource: arn("dynamodb", "table/shop-test-messages"),
      },
    ]);
    expect(recording.only("aws:iam/role:Role").managedPolicyArns).toBeUndefined();
  });

  test("only this HTTP API may invoke the function", () => {
    expect(recording.only("aws:lambda/permission:Permission")).toMatchObject({
      principal: "apigateway.amazonaws.com",
      sourceArn: `${arn("execute-api", "api1")}/*/*`,
    });
  });

  test("the HTTP API states that it is public, throttles, logs and has no CORS", () => {
    expect(recording.only("aws:apigatewayv2/route:Route")).toMatchObject({
      routeKey: "$default",
      authorizationType: "NONE",
    });
    expect(recording.only("aws:apigatewayv2/stage:Stage")).toMatchObject({
      name: "$default",
      autoDeploy: true,
      defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 200 },
      accessLogSettings: { destinationArn: arn("logs", "log-group:/aws/apigateway/shop-test-api") },
    });
    expect(recording.only("aws:apigatewayv2/integration:Integration")).toMatchObject({
      integrationType: "AWS_PROXY",
      integrationUri: "invoke:shop-test-api:live",
      payloadFormatVersion: "2.0",
    });
    expect(recording.only("aws:apigatewayv2/api:Api").corsConfiguration).toBeUndefined();
  });

  test("every log group has a retention period", () => {
    expect(recording.of("aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) => inputs.retentionInDays)).toEqual([
      365, 365,
    ]);
  });

  test("the table can be restored and is encrypted", () => {
    expect(recording.only("aws:dynamodb/table:Table")).toMatchObject({
      name: "shop-test-messages",
      billingMode: "PAY_PER_REQUEST",
      hashKey: "board",
      rangeKey: "id",
      pointInTimeRecovery: { enabled: true },
      serverSideEncryption: { enabled: true },
      deletionProtectionEnabled: false,
    });
  });

  test("the bucket is private, encrypted, and can only be read over TLS by this distribution", () => {
    expect(recording.only("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(recording.only("aws:s3/bucketOwnershipControls:BucketOwnershipControls")).toMatchObject({
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
    expect(
      recording.only("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
    ).toMatchObject({ rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] });

    const [reads, tls] = policyOf(recording, "aws:s3/bucketPolicy:BucketPolicy").Statement;
    expect(reads).toMatchObject({
      Effect: "Allow",
      Principal: { Service: "cloudfront.amazonaws.com" },
      Condition: { StringEquals: { "AWS:SourceArn": `arn:aws:cloudfront::${account}:distribution/E1` } },
    });
    expect(tls).toMatchObject({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } });
  });

  test("the site's files are uploaded with their types, hidden ones are not", () => {
    expect(
      recording.of("aws:s3/bucketObjectv2:BucketObjectv2").map(({ inputs }) => [inputs.key, inputs.contentType]),
    ).toEqual([
      ["app.js", "text/javascript; charset=utf-8"],
      ["index.html", "text/html; charset=utf-8"],
    ]);
  });

  test("CloudFront serves the site signed and cached, and /api/* uncached over TLS 1.2", () => {
    const distribution = recording.only("aws:cloudfront/distribution:Distribution");
    expect(distribution).toMatchObject({
      defaultRootObject: "index.html",
      origins: [
        { originId: "site", originAccessControlId: "aws-web-id" },
        {
          originId: "api",
          domainName: "api1.execute-api.eu-west-1.amazonaws.com",
          customOriginConfig: { originProtocolPolicy: "https-only", originSslProtocols: ["TLSv1.2"] },
        },
      ],
      defaultCacheBehavior: {
        targetOriginId: "site",
        viewerProtocolPolicy: "redirect-to-https",
        compress: true,
        responseHeadersPolicyId: "aws-web-id",
      },
      orderedCacheBehaviors: [
        {
          pathPattern: "/api/*",
          targetOriginId: "api",
          viewerProtocolPolicy: "redirect-to-https",
          cachePolicyId: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        },
      ],
      viewerCertificate: { cloudfrontDefaultCertificate: true },
    });
    // CloudFront compresses only cached content.
    expect(distribution).not.toHaveProperty("orderedCacheBehaviors.0.compress");
    for (const absent of ["webAclId", "loggingConfig", "aliases", "customErrorResponses"]) {
      expect(distribution[absent], absent).toBeUndefined();
    }
    expect(recording.of("aws:wafv2/webAcl:WebAcl")).toEqual([]);
  });

  test("every response carries the security headers", () => {
    expect(recording.only("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")).toMatchObject({
      securityHeadersConfig: {
        contentSecurityPolicy: { contentSecurityPolicy: expect.stringContaining("default-src 'self'") as string },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: "DENY" },
        strictTransportSecurity: { accessControlMaxAgeSec: 63_072_000, includeSubdomains: true },
      },
    });
  });

  test("the outputs match the contract", async () => {
    expect(await valueOf(deployed.outputs)).toEqual({
      region: "eu-west-1",
      functions: {
        api: {
          kind: "http",
          functionName: "shop-test-api",
          runtimeIdentity: `arn:aws:iam::${account}:role/shop-test-api`,
          logs: "/aws/lambda/shop-test-api",
          variables: [],
          tables: ["messages"],
          layers: ["shop-test-dependencies"],
          url: "https://api1.execute-api.eu-west-1.amazonaws.com",
          routes: ["/*"],
          probes: [{ path: "/api/", status: 200 }],
          release: expect.stringMatching(/^c0de\.[0-9a-f]{12}$/) as string,
        },
      },
      tables: { messages: "shop-test-messages" },
      apiUrl: "https://api1.execute-api.eu-west-1.amazonaws.com",
      frontendUrl: "https://d1.cloudfront.net",
      frontendHost: "d1.cloudfront.net",
      functionName: "shop-test-api",
      messagesTable: "shop-test-messages",
      runtimeIdentity: `arn:aws:iam::${account}:role/shop-test-api`,
      logs: "/aws/lambda/shop-test-api",
      version: "1.2.3",
      functionArn: arn("lambda", "function:shop-test-api"),
      apiId: "aws-http-id",
      accessLogs: "/aws/apigateway/shop-test-api",
      distributionId: "aws-web-id",
    });
    expect(await valueOf(deployed.layers)).toEqual({
      "shop-test-dependencies": {
        arn: arn("lambda", "layer:shop-test-dependencies:7"),
        version: "7",
        sha256: "a".repeat(64),
        lockSha256: "b".repeat(64),
        pythonVersion: "3.12",
        architecture: "x86_64",
        size: 8_000_000,
        packages: { fastapi: "0.115.0", mangum: "0.17.0", pydantic: "2.9.0" },
      },
    });
  });
});

describe("with other settings", () => {
  test("without a frontend none of its resources is declared and its outputs are absent", async () => {
    const { recording, result } = await application({ site: undefined });
    expect(recording.all.filter(({ type }) => /s3|cloudfront|wafv2/.test(type))).toEqual([]);
    expect(result.outputs).not.toHaveProperty("frontendUrl");
    expect(result.outputs).not.toHaveProperty("distributionId");
  });

  test("SnapStart applies to published versions", async () => {
    const { recording } = await application({ function: { snapStart: true } });
    expect(recording.only("aws:lambda/function:Function")).toMatchObject({
      publish: true,
      snapStart: { applyOn: "PublishedVersions" },
    });
  });

  test("an arm64 layer makes an arm64 function", async () => {
    const { recording } = await application({
      bundles: [applicationBundle, layerBundle({ architecture: "arm64", pythonVersion: "3.13" })],
    });
    expect(recording.only("aws:lambda/function:Function")).toMatchObject({
      architectures: ["arm64"],
      runtime: "python3.13",
    });
  });

  test("a domain brings its certificate and a floor of TLS 1.2", async () => {
    const certificateArn = `arn:aws:acm:us-east-1:${account}:certificate/1`;
    const { recording, result } = await application({
      frontend: { domain: { name: "app.example.com", certificateArn } },
    });
    expect(recording.only("aws:cloudfront/distribution:Distribution")).toMatchObject({
      aliases: ["app.example.com"],
      viewerCertificate: {
        acmCertificateArn: certificateArn,
        sslSupportMethod: "sni-only",
        minimumProtocolVersion: "TLSv1.2_2021",
      },
    });
    expect(await valueOf(result.outputs.frontendUrl ?? "")).toBe("https://app.example.com");
  });

  test("a web ACL is declared in us-east-1 and attached", async () => {
    const { recording } = await application({ frontend: { waf: true } });
    expect(recording.only("aws:wafv2/webAcl:WebAcl")).toMatchObject({
      region: "us-east-1",
      scope: "CLOUDFRONT",
      rules: [
        {
          overrideAction: { none: {} },
          statement: {
            managedRuleGroupStatement: {
              name: "AWSManagedRulesCommonRuleSet",
              // Long messages, or ones that quote HTML, are counted and not blocked.
              ruleActionOverrides: [
                { name: "SizeRestrictions_BODY", actionToUse: { count: {} } },
                { name: "CrossSiteScripting_BODY", actionToUse: { count: {} } },
                // Messages may mention paths, addresses or the metadata service.
                { name: "GenericLFI_BODY", actionToUse: { count: {} } },
                { name: "GenericRFI_BODY", actionToUse: { count: {} } },
                { name: "EC2MetaDataSSRF_BODY", actionToUse: { count: {} } },
              ],
            },
          },
        },
      ],
    });
    expect(recording.only("aws:cloudfront/distribution:Distribution").webAclId).toBe(
      arn("wafv2", "global/webacl/web/1"),
    );
  });

  test("logs go with the stack, and cannot be deleted under deletion protection", async () => {
    const kept = async (overrides: Partial<WebApplicationArgs>) =>
      [...(await application(overrides)).recording.protected].filter((name) => name.includes("LogGroup"));
    expect(await kept({})).toEqual([]);
    const logs = ["aws-api", "aws-http"].map((name) => `aws:cloudwatch/logGroup:LogGroup ${name}`);
    expect(await kept({ deletionProtection: true })).toEqual(logs);
  });

  test("a transform overrides properties of a child, or rewrites its arguments", async () => {
    const { recording } = await application({
      function: { transform: { function: { memorySize: 1024 } } },
      table: { transform: { table: (args) => ({ ...args, tableClass: "STANDARD_INFREQUENT_ACCESS" }) } },
    });
    expect(recording.only("aws:lambda/function:Function")).toMatchObject({ memorySize: 1024, timeout: 15 });
    expect(recording.only("aws:dynamodb/table:Table")).toMatchObject({ tableClass: "STANDARD_INFREQUENT_ACCESS" });
  });
});

describe("with several functions", () => {
  const orders = httpPlan({ name: "orders", routes: ["/api/orders/*", "/orders"], tables: [] });
  let recording: Recording;
  let deployed: WebApplication;

  beforeAll(async () => {
    ({ recording, result: deployed } = await application({
      functions: [httpPlan(), { ...orders, memory: 256, timeout: 7, environment: { CURRENCY: "EUR" } }],
      bundles: [
        {
          ...applicationBundle,
          functions: ["api", "orders"],
          layers: { api: ["dependencies"], orders: ["dependencies-orders"] },
        },
        layerBundle(),
        layerBundle({ name: "dependencies-orders", functions: ["orders"] }),
      ],
      notificationEmail: "operations@example.com",
    }));
  });

  const named = (type: string, name: string) => recording.of(type).find((resource) => resource.name === name)?.inputs;

  test("each has its own name, layer, environment and limits", () => {
    expect(named("aws:lambda/function:Function", "aws-api")).toMatchObject({
      layers: [arn("lambda", "layer:shop-test-dependencies:7")],
      memorySize: 512,
      timeout: 15,
    });
    expect(named("aws:lambda/function:Function", "aws-orders")).toMatchObject({
      layers: [arn("lambda", "layer:shop-test-dependencies-orders:7")],
      memorySize: 256,
      timeout: 7,
      environment: { variables: { CURRENCY: "EUR", APPLICATION_VERSION: "1.2.3" } },
    });
  });

  test("only the function that uses the table knows it and may read it", () => {
    expect(named("aws:iam/rolePolicy:RolePolicy", "aws-api")?.policy).toContain("dynamodb:Query");
    expect(named("aws:iam/rolePolicy:RolePolicy", "aws-orders")?.policy).not.toContain("dynamodb:");
    const { environment } = named("aws:lambda/function:Function", "aws-orders") ?? {};
    expect(JSON.stringify(environment)).not.toContain("MESSAGES_TABLE");
  });

  test("each path goes to its function, the site's address included", () => {
    const routes = recording.of("aws:apigatewayv2/route:Route").map(({ inputs }) => [inputs.routeKey, inputs.target]);
    expect(Object.fromEntries(routes)).toEqual({
      $default: "integrations/aws-http-id",
      "ANY /api/orders/{proxy+}": "integrations/aws-http-orders-id",
      "ANY /api/orders/": "integrations/aws-http-orders-id",
      "ANY /orders": "integrations/aws-http-orders-id",
    });
    const { orderedCacheBehaviors } = recording.only("aws:cloudfront/distribution:Distribution");
    expect((orderedCacheBehaviors as { pathPattern: string }[]).map(({ pathPattern }) => pathPattern)).toEqual([
      "/api/orders/*",
      "/orders",
      "/api/*",
    ]);
  });

  test("each has alarms, and the names of the first one's alarms stay", () => {
    const names = recording.of("aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => inputs.name);
    expect(names.sort()).toEqual([
      "shop-test-alarms-answers-5xx",
      "shop-test-alarms-errors",
      "shop-test-alarms-latency",
      "shop-test-alarms-orders-errors",
      "shop-test-alarms-orders-throttles",
      "shop-test-alarms-throttles",
    ]);
  });

  test("functions, tables and their resources are members", async () => {
    const { orders, api } = deployed.functions;
    expect(await valueOf(orders?.function.name ?? "")).toBe("shop-test-orders");
    expect(await valueOf(orders?.role.name ?? "")).toBe("shop-test-orders");
    expect(await valueOf(api?.logGroup.name ?? "")).toBe("/aws/lambda/shop-test-api");
    expect(await valueOf(deployed.tables.messages?.table.name ?? "")).toBe("shop-test-messages");
    expect(Object.keys(deployed.functions)).toEqual(["api", "orders"]);
    expect(await valueOf(deployed.functions.orders?.functionName ?? "")).toBe("shop-test-orders");
    expect(Object.keys(deployed.tables)).toEqual(["messages"]);
    expect(Object.keys(deployed.outputs.functions ?? {})).toEqual(["api", "orders"]);
  });
});

describe("a program that uses the component", () => {
  test("has every resource on the provider that it passes, in either form", async () => {
    const mine = () => new aws.Provider("mine", { region: "eu-west-1" });
    for (const options of [() => ({ provider: mine() }), () => ({ providers: [mine()] })]) {
      const { recording } = await application({ notificationEmail: "a@example.com" }, options);
      expect(recording.providersOf("aws")).toEqual(["mine"]);
    }
  });

  test("has a function, a table and an API on the provider that it passes", async () => {
    const { recording } = await record(
      () => {
        const provider = new aws.Provider("mine", { region: "eu-west-1" });
        const table = new Table("items", { tableName: "items", partitionKey: "id" }, { provider });
        const code = new pulumi.asset.AssetArchive({});
        const layer = new DependencyLayer("deps", { layerName: "deps", bundle: layerBundle() }, { provider });
        const args = { code, handler: "a.b", layers: [layer], secrets: { KEY: "hush" }, permissions: [table.read] };
        const fn = new ApiFunction("api", { ...args, functionName: "api" }, { provider });
        const schedule = { kind: "rate", minutes: 60 } as const;
        new ScheduledFunction("job", { ...args, functionName: "job", scheduleName: "job", schedule }, { provider });
        const functions = [{ name: "api", routes: ["/*"], invocation: fn.invocation }];
        new HttpApi("http", { apiName: "http", functions }, { provider });
        fn.grant("more", table.allow(["delete"]));
      },
      { answers },
    );
    expect(recording.providersOf("aws")).toEqual(["mine"]);
  });

  test("grants a function further permissions, by a separate policy", async () => {
    const { recording } = await record(
      () => {
        const code = new pulumi.asset.AssetArchive({});
        const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;
        const args = { functionName: "api", code, handler: "a.b", layers: [], platform };
        const fn = new ApiFunction("api", args);
        fn.grant("orders", { Effect: "Allow", Action: "sqs:SendMessage", Resource: pulumi.output("arn:aws:sqs:::o") });
      },
      { answers },
    );
    const granted = recording.of("aws:iam/rolePolicy:RolePolicy").find(({ name }) => name === "api-orders");
    expect(granted?.inputs.role).toBe("api");
    expect(JSON.parse(String(granted?.inputs.policy))).toEqual({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sqs:SendMessage", Resource: "arn:aws:sqs:::o" }],
    });
  });

  test("gives a function only the permissions on a table that it needs", async () => {
    const operations = { messages: ["query", "put"] } as const;
    const { recording } = await application({ functions: [httpPlan({ operations })] });
    const actions = policyOf(recording, "aws:iam/rolePolicy:RolePolicy").Statement.map(({ Action }) => Action);
    expect(actions.at(-1)).toEqual(["dynamodb:Query", "dynamodb:PutItem"]);
  });
});

describe("with a function on a schedule, which has a secret", () => {
  const plan = { ...scheduledPlan({ secrets: ["PAYMENT_KEY"] }), secrets: { PAYMENT_KEY: "hush" } };
  const secretArn = arn("secretsmanager", "secret:shop-test-cleanup/PAYMENT_KEY-ABCDEF");
  let recording: Recording;
  let deployed: WebApplication;
  const named = (type: string, name: string) => recording.of(type).find((resource) => resource.name === name)?.inputs;

  beforeAll(async () => {
    ({ recording, result: deployed } = await application({
      functions: [httpPlan(), plan],
      bundles: [
        { ...applicationBundle, functions: ["api", "cleanup"] },
        layerBundle({ functions: ["api", "cleanup"] }),
      ],
    }));
  });

  test("the schedule invokes it, by a role that may do nothing else", () => {
    expect(recording.only("aws:scheduler/schedule:Schedule")).toMatchObject({
      scheduleExpression: "rate(1 hour)",
      flexibleTimeWindow: { mode: "OFF" },
      target: { arn: arn("lambda", "function:shop-test-cleanup:live") },
    });
    expect(named("aws:iam/role:Role", "aws-cleanup-schedule")?.assumeRolePolicy).toContain("scheduler.amazonaws.com");
    expect(JSON.parse(String(named("aws:iam/rolePolicy:RolePolicy", "aws-cleanup-schedule")?.policy))).toMatchObject({
      Statement: [
        {
          Effect: "Allow",
          Action: "lambda:InvokeFunction",
          Resource: arn("lambda", "function:shop-test-cleanup:live"),
        },
      ],
    });
    expect(recording.of("aws:apigatewayv2/integration:Integration")).toHaveLength(1);
  });

  test("the secret is in Secrets Manager, and the function only gets its ARN", () => {
    const { secretString, ...version } = recording.only("aws:secretsmanager/secretVersion:SecretVersion");
    expect(unseal(secretString)).toEqual({ secret: true, value: "hush" });
    expect(version).toEqual({ secretId: secretArn });
    const { environment } = named("aws:lambda/function:Function", "aws-cleanup") ?? {};
    const { variables } = environment as { variables: Record<string, string> };
    expect(JSON.parse(variables.MULTICLOUD_SECRETS ?? "")).toEqual({
      PAYMENT_KEY: { arn: secretArn, version: "version-1" },
    });
    const others = recording.all.filter(({ type }) => type !== "aws:secretsmanager/secretVersion:SecretVersion");
    expect(JSON.stringify(others)).not.toContain("hush");
  });

  test("the function may read that secret, and the other function none", () => {
    expect(JSON.parse(String(named("aws:iam/rolePolicy:RolePolicy", "aws-cleanup")?.policy))).toMatchObject({
      Statement: expect.arrayContaining([
        { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: [secretArn] },
      ]) as unknown,
    });
    expect(named("aws:iam/rolePolicy:RolePolicy", "aws-api")?.policy).not.toContain("secretsmanager");
  });

  test("the outputs describe it", async () => {
    expect(await valueOf(deployed.outputs.functions?.cleanup)).toEqual({
      kind: "schedule",
      functionName: "shop-test-cleanup",
      runtimeIdentity: `arn:aws:iam::${account}:role/shop-test-cleanup`,
      logs: "/aws/lambda/shop-test-cleanup",
      schedule: "rate(1 hour)",
      variables: [],
      tables: [],
      layers: ["shop-test-dependencies"],
    });
  });
});

test("an application whose functions all have a schedule has no API, and its site no path to one", async () => {
  const tell = vi.spyOn(pulumi.log, "info").mockResolvedValue();
  const { recording, result } = await application({
    functions: [scheduledPlan()],
    tables: [],
    bundles: [{ ...applicationBundle, functions: ["cleanup"] }, layerBundle({ functions: ["cleanup"] })],
    notificationEmail: "on-call@example.com",
    smokeCheck: true,
  });
  expect(recording.all.filter(({ type }) => type.startsWith("aws:apigatewayv2"))).toEqual([]);
  const { origins, orderedCacheBehaviors } = recording.only("aws:cloudfront/distribution:Distribution");
  expect(origins).toMatchObject([{ originId: "site" }]);
  expect(orderedCacheBehaviors).toEqual([]);
  const alarms = recording.of("aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => inputs.namespace);
  expect(alarms).toEqual(["AWS/Lambda", "AWS/Lambda"]);
  expect(recording.of("command:local:Command").map(({ name }) => name)).not.toContain("aws-smoke-check");
  expect(tell).toHaveBeenCalledWith(expect.stringContaining("asks no API"), expect.anything());
  tell.mockRestore();
  const outputs = await valueOf(result.outputs);
  expect(outputs).toMatchObject({ functionName: "shop-test-cleanup", functions: { cleanup: { kind: "schedule" } } });
  for (const absent of ["apiUrl", "apiId", "accessLogs"]) expect(outputs).not.toHaveProperty(absent);
});

test("an application without tables has none", async () => {
  const { recording, result } = await application({ functions: [httpPlan({ tables: [] })], tables: [] });
  expect(recording.of("aws:dynamodb/table:Table")).toEqual([]);
  expect(result.outputs.tables).toEqual({});
});

describe("what could not start is rejected", () => {
  test.each<[string, Partial<WebApplicationArgs>, RegExp]>([
    [
      "no layer",
      { bundles: [applicationBundle] },
      /gave no layer dependencies for the function api; run: npm run layer -- build/,
    ],
    ["no code", { bundles: [layerBundle()] }, /gave no code for the function api; run: npm run layer -- build/],
    [
      "layers for different architectures",
      {
        bundles: [
          { ...applicationBundle, layers: { api: ["dependencies", "auth"] } },
          layerBundle(),
          layerBundle({ name: "auth", architecture: "arm64" }),
        ],
      },
      /layer auth is for Python 3\.12 on arm64, others for Python 3\.12 on x86_64/,
    ],
    [
      "six layers",
      {
        bundles: [
          { ...applicationBundle, layers: { api: Array.from({ length: 6 }, (_, index) => `group${index}`) } },
          ...Array.from({ length: 6 }, (_, index) => layerBundle({ name: `group${index}` })),
        ],
      },
      /6 layers, Lambda attaches at most 5/,
    ],
    ["a table that is not described", { tables: [] }, /api uses the table messages; tables has none/],
    ["a frontend without a page", { site: "/nowhere" }, /no index\.html in \/nowhere/],
  ])("%s", async (_, overrides, message) => {
    await expect(application(overrides)).rejects.toThrow(message);
  });
});

describe("with checks", () => {
  const checksOf = async (overrides: Partial<WebApplicationArgs> = {}) => {
    const { recording } = await application({ smokeCheck: true, ...overrides });
    const found = recording.of("command:local:Command").map(({ name, inputs }) => [name, inputs.environment] as const);
    return Object.fromEntries(found) as Record<string, Record<string, string>>;
  };

  test("a version is probed by its number, and the API once it serves", async () => {
    const checks = await checksOf();
    expect(checks["aws-api-version"]).toMatchObject({
      FUNCTION: arn("lambda", "function:shop-test-api"),
      VERSION: "3",
      RELEASE: expect.stringMatching(/^.+\.[0-9a-f]{12}$/) as string,
      PROBES: JSON.stringify([{ path: "/api/", status: 200 }]),
    });
    expect(checks["aws-smoke-check"]).toMatchObject({
      CLOUD: "aws",
      ADDRESS: "https://api1.execute-api.eu-west-1.amazonaws.com",
    });
  });

  test("an update goes to the version, then to the API, then to the site's files, the page last", async () => {
    const { recording } = await application({ smokeCheck: true });
    const steps = [
      "aws:lambda/function:Function aws-api",
      "command:local:Command aws-api-version",
      "aws:lambda/alias:Alias aws-api",
      "aws:apigatewayv2/stage:Stage aws-http",
      "command:local:Command aws-smoke-check",
      "aws:s3/bucketObjectv2:BucketObjectv2 aws-web/app.js",
      "aws:s3/bucketObjectv2:BucketObjectv2 aws-web/index.html",
    ];
    expect(recording.isChain(steps)).toBe(true);
  });

  test("a function on a schedule is probed", async () => {
    const checks = await checksOf({
      functions: [httpPlan(), scheduledPlan()],
      bundles: [
        { ...applicationBundle, functions: ["api", "cleanup"] },
        layerBundle({ functions: ["api", "cleanup"] }),
      ],
    });
    expect(checks["aws-cleanup-version"]).not.toHaveProperty("PROBES");
  });

  test("with snapshots the alias gets the version that answered, which may be a later one with the code of a failed one", async () => {
    const { recording } = await application({ smokeCheck: true, function: { snapStart: true } });
    const check = recording.of("command:local:Command").find(({ name }) => name === "aws-api-version");
    expect(check?.inputs.environment).toMatchObject({ VERSION: "3", SNAP_START: "true" });
    expect(recording.only("aws:lambda/alias:Alias").functionVersion).toBe("4");
  });

  test("with a canary a version that answered gets its share of the requests before the alias moves to it", async () => {
    const canary = { percentage: 10, minutes: 5, errors: 2, alarms: ["slow"] };
    const { recording } = await application({
      functions: [httpPlan(), scheduledPlan()],
      bundles: [
        { ...applicationBundle, functions: ["api", "cleanup"] },
        layerBundle({ functions: ["api", "cleanup"] }),
      ],
      smokeCheck: true,
      function: { canary },
    });
    const order = recording.all.map(({ type, name }) => `${type} ${name}`);
    const at = [
      "command:local:Command aws-api-version",
      "command:local:Command aws-api-canary",
      "aws:lambda/alias:Alias aws-api",
    ].map((entry) => order.indexOf(entry));
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(at).not.toContain(-1);
    const step = recording.of("command:local:Command").find(({ name }) => name === "aws-api-canary");
    expect(step?.inputs).toMatchObject({
      // Its progress is printed while it runs.
      logging: "stdout",
      environment: {
        ...{ CLOUD: "aws", FUNCTION: "shop-test-api", REGION: "eu-west-1", VERSION: "3" },
        ...{ PERCENTAGE: "10", MINUTES: "5", ERRORS: "2", ALARMS: '["slow"]' },
      },
    });
    // A function on a schedule runs too seldom for a canary.
    expect(order).not.toContain("command:local:Command aws-cleanup-canary");
    const counting = recording.of("aws:lambda/function:Function").map(({ name, inputs }) => {
      return [name, JSON.stringify(inputs.environment).includes("MULTICLOUD_CANARY")];
    });
    expect(Object.fromEntries(counting)).toEqual({ "aws-api": true, "aws-cleanup": false });
  });

  test("both probe again when the configuration changes", async () => {
    const before = await checksOf();
    for (const change of [
      { function: { memorySize: 1024 } },
      { function: { snapStart: true } },
      { function: { reservedConcurrency: 5 } },
      { environment: { FLAG: "on" } },
    ]) {
      const after = await checksOf(change);
      expect(after["aws-smoke-check"]?.DEPLOYED).not.toBe(before["aws-smoke-check"]?.DEPLOYED);
      expect(after["aws-api-version"]?.DEPENDS_ON_TOO).not.toBe(before["aws-api-version"]?.DEPENDS_ON_TOO);
    }
  });
});

test("without the smoke check nothing runs on the machine that deploys", async () => {
  expect((await application()).recording.of("command:local:Command")).toEqual([]);
});
