import { writeFileSync } from "node:fs";
import path from "node:path";

import { zipSync } from "fflate";

import type { Fault } from "../cloud-tests";

const distribution = "aws:cloudfront/distribution:Distribution";
const fn = "aws:lambda/function:Function";
const integration = "aws:apigatewayv2/integration:Integration";
const elsewhere = "sa-east-1";

/**
 * A fault for each rule of relations.ts and documents.ts.
 *
 * @param folder for a file that some of them need.
 */
export function faultsIn(folder: string): Readonly<Record<string, Fault>> {
  return {
    "A certificate of CloudFront is in us-east-1, and a host name needs one": {
      type: distribution,
      inputs: { viewerCertificate: { acmCertificateArn: `arn:aws:acm:${elsewhere}:123456789012:certificate/1` } },
    },
    "A web ACL of CloudFront is made in us-east-1": {
      type: "aws:wafv2/webAcl:WebAcl",
      inputs: { region: elsewhere },
    },
    "A cache behavior has an origin of its distribution, and caches no method that it does not allow": {
      type: distribution,
      inputs: { defaultCacheBehavior: { cachedMethods: ["OPTIONS"] } },
    },
    "A function of CloudFront is JavaScript with a handler, at most 10 KB": {
      type: "aws:cloudfront/function:Function",
      inputs: { code: "function other() {}" },
    },
    "A layer is for the runtime and the processor of its function, and in its region": {
      type: fn,
      inputs: { runtime: "python3.14" },
    },
    "A function has at most five layers": { type: fn, inputs: { layers: ["1", "2", "3", "4", "5"] } },
    "A function has at most 250 MB unpacked with its layers": {
      type: "aws:lambda/layerVersion:LayerVersion",
      inputs: { code: { path: largeZip(folder) } },
    },
    "What Lambda takes from a bucket is what a job has signed, of a version of an object that is there": {
      type: fn,
      inputs: { s3Key: "signed/none.zip" },
    },
    "The handler is a function of a module in the package": { type: fn, inputs: { handler: "api.aws.function.none" } },
    "An environment has at most 4 KB": { type: fn, inputs: { environment: { variables: { MORE: "x".repeat(4096) } } } },
    "The key of an environment is in the function's region": {
      type: fn,
      inputs: { kmsKeyArn: `arn:aws:kms:${elsewhere}:123456789012:key/1` },
    },
    "SnapStart is for Python 3.12 and newer, and works on published versions": {
      type: fn,
      inputs: { snapStart: { applyOn: "PublishedVersions" }, publish: false },
    },
    "An HTTP API waits 30 seconds at most, and not less than its function may take": {
      type: fn,
      inputs: { timeout: 31 },
    },
    "An HTTP API hands its requests to a function or an alias, in a payload of a known version": {
      type: integration,
      inputs: { integrationType: "HTTP_PROXY" },
    },
    "What an API invokes, it is permitted to: the permission of an alias is not the function's": {
      type: "aws:lambda/permission:Permission",
      inputs: { qualifier: "other" },
    },
    "A route goes to an integration of its API": {
      type: "aws:apigatewayv2/route:Route",
      inputs: { target: "integrations/none" },
    },
    "The policies of a role have at most 10,240 characters": {
      type: "aws:iam/rolePolicy:RolePolicy",
      inputs: { policy: "x".repeat(10_241) },
    },
    "An alarm is of a metric that its service publishes, and has all that compares it": {
      type: "aws:cloudwatch/metricAlarm:MetricAlarm",
      inputs: { metricName: "5XXError" },
    },
    "A subscription says where to": {
      type: "aws:sns/topicSubscription:TopicSubscription",
      inputs: { endpoint: undefined },
    },
    "A role trusts the service that uses it: Lambda that of a function, the scheduler that of a schedule": {
      type: "aws:scheduler/schedule:Schedule",
      inputs: { target: { roleArn: "arn:aws:iam::123456789012:role/multicloud-auto-deploy-staging-nightly" } },
    },
    "A schedule's role may invoke what the schedule targets, and that is all it may do": {
      type: "aws:scheduler/schedule:Schedule",
      inputs: { target: { arn: "arn:aws:lambda:ap-northeast-1:123456789012:function:other:live" } },
    },
    "A function may read the secrets that its environment names, in versions that there are, and no others": {
      type: fn,
      inputs: { environment: { variables: { MULTICLOUD_SECRETS: "{}" } } },
    },
    "The policy of a role is a document as its service reads it": {
      type: "aws:iam/rolePolicy:RolePolicy",
      inputs: { policy: "{}" },
    },
    "Who may assume a role is a document as its service reads it": {
      type: "aws:iam/role:Role",
      inputs: { assumeRolePolicy: "{}" },
    },
    "The policy of a bucket is a document as its service reads it": {
      type: "aws:s3/bucketPolicy:BucketPolicy",
      inputs: { policy: "{}" },
    },
    "A line of the access log is a document as its service reads it": {
      type: "aws:apigatewayv2/stage:Stage",
      inputs: { accessLogSettings: { format: "{}" } },
    },
    "A dashboard is a document as its service reads it": {
      type: "aws:cloudwatch/dashboard:Dashboard",
      inputs: { dashboardBody: "{}" },
    },
  };
}

/** A zip that declares a size of 300 MB for its only file. */
function largeZip(folder: string): string {
  const zip = Buffer.from(zipSync({ "large.bin": new Uint8Array() }));
  const directory = zip.indexOf("PK\u0001\u0002", 0, "latin1");
  zip.writeUInt32LE(300 * 1024 * 1024, directory + 24);
  const file = path.join(folder, "large.zip");
  writeFileSync(file, zip);
  return file;
}
