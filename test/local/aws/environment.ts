import path from "node:path";

import { startAws } from "../../../local/aws/data-plane";
import { Logs } from "../../../local/logs";
import type { LogEvent } from "../../../operations/diagnose/inspected-cloud";
import { readFileSync } from "node:fs";

import { Environment } from "../environment";
import { freePort } from "../../../local/free-port";
import { archive, blob } from "../resources";

const account = "123456789012";
const region = "ap-northeast-1";
const functionArn = `arn:aws:lambda:${region}:${account}:function:api`;
const roleArn = `arn:aws:iam::${account}:role/api`;
const tableArn = `arn:aws:dynamodb:${region}:${account}:table/messages`;
const distributionArn = `arn:aws:cloudfront::${account}:distribution/E1`;
const bucketArn = "arn:aws:s3:::site";

const source = readFileSync(path.join(__dirname, "function.py"), "utf8");

/**
 * A complete local AWS around one function: table, API, site and distribution. Tests can change everything in
 * `resources`.
 */
export class AwsEnvironment extends Environment {
  protected startCloud() {
    return startAws(this.resources, this.state);
  }

  /** Changes inputs of a resource, like an update. */
  change(type: string, id: string, inputs: Record<string, unknown>): void {
    const { inputs: before, outputs } = this.resources.get(type, id) ?? { inputs: {}, outputs: {} };
    this.resources.put(type, id, { ...before, ...inputs }, { ...outputs, ...inputs });
  }

  function(inputs: Record<string, unknown>): void {
    this.change("aws:lambda/function:Function", "api", inputs);
  }

  layer(greeting: string): { path: string; sha256: string } {
    return archive(this.state, { "python/greeting.py": `text = '${greeting}'` });
  }

  log(name: string): LogEvent[] {
    const file = new Logs(path.join(this.state, "logs")).file(name);
    return readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as LogEvent);
  }

  protected async declare(): Promise<void> {
    const { resources, state } = this;
    const apiPort = await freePort();
    const sitePort = await freePort();
    this.apiUrl = `http://127.0.0.1:${apiPort}`;
    this.siteUrl = `http://127.0.0.1:${sitePort}`;

    resources.put("aws:iam/role:Role", "api", { name: "api" }, { arn: roleArn });
    resources.put("aws:iam/rolePolicy:RolePolicy", "api:api", {
      role: "api",
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
            Resource: `arn:aws:logs:${region}:${account}:log-group:/aws/lambda/api:*`,
          },
          { Effect: "Allow", Action: ["dynamodb:PutItem", "dynamodb:Query"], Resource: tableArn },
        ],
      }),
    });
    for (const name of ["/aws/lambda/api", "/aws/apigateway/api"]) {
      resources.put(
        "aws:cloudwatch/logGroup:LogGroup",
        name,
        { name },
        { arn: `arn:aws:logs:${region}:${account}:log-group:${name}` },
      );
    }
    resources.put(
      "aws:dynamodb/table:Table",
      "messages",
      {
        name: "messages",
        hashKey: "board",
        rangeKey: "id",
        attributes: [
          { name: "board", type: "S" },
          { name: "id", type: "S" },
        ],
      },
      { arn: tableArn },
    );
    const layerArn = `arn:aws:lambda:${region}:${account}:layer:dependencies:1`;
    resources.put(
      "aws:lambda/layerVersion:LayerVersion",
      layerArn,
      {
        layerName: "dependencies",
        code: this.layer("hello"),
      },
      { arn: layerArn },
    );
    resources.put(
      "aws:lambda/function:Function",
      "api",
      {
        name: "api",
        role: roleArn,
        handler: "main.handler",
        runtime: "python3.12",
        code: archive(state, { "main.py": source }),
        layers: [layerArn],
        timeout: 10,
        environment: { variables: { MESSAGES_TABLE: "messages" } },
        loggingConfig: { logFormat: "JSON", logGroup: "/aws/lambda/api" },
      },
      { arn: functionArn },
    );

    const executionArn = `arn:aws:execute-api:${region}:${account}:a1`;
    resources.put(
      "aws:apigatewayv2/api:Api",
      "a1",
      { name: "api", protocolType: "HTTP" },
      { executionArn, apiEndpoint: this.apiUrl },
    );
    resources.put("aws:lambda/permission:Permission", "p1", {
      action: "lambda:InvokeFunction",
      function: "api",
      principal: "apigateway.amazonaws.com",
      sourceArn: `${executionArn}/*/*`,
    });
    resources.put("aws:apigatewayv2/integration:Integration", "i1", {
      apiId: "a1",
      integrationType: "AWS_PROXY",
      integrationUri: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${functionArn}/invocations`,
      payloadFormatVersion: "2.0",
    });
    resources.put("aws:apigatewayv2/route:Route", "r1", {
      apiId: "a1",
      routeKey: "$default",
      target: "integrations/i1",
    });
    resources.put("aws:apigatewayv2/stage:Stage", "$default", {
      apiId: "a1",
      name: "$default",
      accessLogSettings: {
        destinationArn: `arn:aws:logs:${region}:${account}:log-group:/aws/apigateway/api`,
        format: '{"path":"$context.path","status":"$context.status","error":"$context.integrationErrorMessage"}',
      },
      defaultRouteSettings: { throttlingRateLimit: 1000, throttlingBurstLimit: 1000 },
    });

    resources.put(
      "aws:s3/bucket:Bucket",
      "site",
      { bucket: "site" },
      { arn: bucketArn, bucketRegionalDomainName: "site.s3.local" },
    );
    resources.put("aws:s3/bucketPolicy:BucketPolicy", "site", {
      bucket: "site",
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Service: "cloudfront.amazonaws.com" },
            Action: ["s3:GetObject", "s3:ListBucket"],
            Resource: [`${bucketArn}/*`, bucketArn],
            Condition: { StringEquals: { "AWS:SourceArn": distributionArn } },
          },
          {
            Effect: "Deny",
            Principal: "*",
            Action: "s3:*",
            Resource: [`${bucketArn}/*`, bucketArn],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ],
      }),
    });
    for (const [key, contentType, content] of [
      ["index.html", "text/html; charset=utf-8", `<!doctype html><title>page</title>${"<p>text</p>".repeat(200)}`],
      ["logo.png", "image/png", "not really"],
    ] as const) {
      resources.put("aws:s3/bucketObjectv2:BucketObjectv2", `site/${key}`, {
        bucket: "site",
        key,
        contentType,
        cacheControl: "no-cache",
        source: blob(state, content),
      });
    }
    resources.put("aws:cloudfront/originAccessControl:OriginAccessControl", "oac", { signingBehavior: "always" });
    resources.put("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "headers", {
      securityHeadersConfig: {
        frameOptions: { frameOption: "DENY", override: true },
        strictTransportSecurity: { accessControlMaxAgeSec: 60, includeSubdomains: true, override: true },
      },
    });
    resources.put(
      "aws:cloudfront/function:Function",
      "spa",
      {
        code: 'function handler(event) { var r = event.request; if (!/\\.[^/]+$/.test(r.uri)) r.uri = "/index.html"; return r; }',
      },
      { arn: "arn:aws:cloudfront::function/spa" },
    );
    const behavior = { compress: true, responseHeadersPolicyId: "headers" };
    resources.put(
      "aws:cloudfront/distribution:Distribution",
      "E1",
      {
        enabled: true,
        defaultRootObject: "index.html",
        origins: [
          { originId: "site", domainName: "site.s3.local", originAccessControlId: "oac" },
          { originId: "api", domainName: `127.0.0.1:${apiPort}`, customOriginConfig: {} },
        ],
        defaultCacheBehavior: {
          ...behavior,
          targetOriginId: "site",
          allowedMethods: ["GET", "HEAD"],
          cachePolicyId: "658327ea-f89d-4fab-a63d-7e88639e58f6",
          functionAssociations: [{ eventType: "viewer-request", functionArn: "arn:aws:cloudfront::function/spa" }],
        },
        orderedCacheBehaviors: [
          {
            ...behavior,
            pathPattern: "/api/*",
            targetOriginId: "api",
            allowedMethods: ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
            cachePolicyId: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            originRequestPolicyId: "b689b0a8-53d0-40ab-baf2-68738e2966ac",
          },
        ],
      },
      { arn: distributionArn, domainName: `127.0.0.1:${sitePort}` },
    );
  }
}
