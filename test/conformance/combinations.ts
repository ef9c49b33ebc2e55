import { readFileSync } from "node:fs";
import path from "node:path";

import type { PublicLayer } from "../../components/aws/public-layers";
import type { Configuration } from "../configuration";

/** One run of the program: a stack, and the settings that override the defaults of Pulumi.yaml. */
export interface Combination {
  readonly name: string;
  readonly stack: string;
  readonly settings: Configuration;
}

const project = { project: "shop-123456" };
const domain = "app.example.com";
const certificateArn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
const kmsKeyArn = "arn:aws:kms:ap-northeast-1:123456789012:key/12345678-1234-1234-1234-123456789012";
const awsLock = path.join(__dirname, "..", "..", "application", "requirements", "aws.lock");
/** A layer of another account, with the version in the lock. */
export const publicLayer: PublicLayer = {
  arn: "arn:aws:lambda:ap-northeast-1:770693421928:layer:Klayers-p312-PyJWT:1",
  packages: { pyjwt: /^pyjwt==(\S+)/m.exec(readFileSync(awsLock, "utf8"))?.[1] ?? "" },
};
const canary = { percentage: 10, minutes: 5 };
const auth = { issuer: "https://login.example.com/", audience: "api" };

/**
 * Covers each meaningful value of every setting at least once, and an application with features that the message board
 * lacks. The clouds share runs, since their settings are independent.
 */
export const combinations: readonly Combination[] = [
  { name: "staging, as it is", stack: "staging", settings: { gcp: project } },
  {
    name: "without frontends",
    stack: "staging",
    settings: {
      bytecode: false,
      aws: { frontend: { enabled: false } },
      azure: { frontend: { enabled: false } },
      gcp: { ...project, frontend: { enabled: false } },
    },
  },
  {
    name: "production, with everything on",
    stack: "production",
    settings: {
      auth,
      deletionProtection: true,
      notificationEmail: "operations@example.com",
      aws: {
        architecture: "arm64",
        shareLayersWith: ["210987654321", "o-a1b2c3d4e5"],
        function: { snapStart: true, reservedConcurrency: 50, kmsKeyArn },
        frontend: { domain, certificateArn, waf: true, logBucket: "logs-of-example" },
      },
      azure: {
        storageAccountName: "messages2of2example",
        function: { frontDoorOnly: true, memorySize: 2048 },
        frontend: { domain, waf: true },
      },
      gcp: {
        ...project,
        function: { public: false, memorySize: 1024 },
        frontend: { domain, cloudArmor: true },
      },
    },
  },
  {
    name: "domains, a public layer and canaries",
    stack: "staging",
    settings: {
      layerStrategy: "hybrid",
      aws: {
        publicLayers: { "ap-northeast-1": [publicLayer] },
        function: { canary },
        frontend: { domain, certificateArn },
      },
      azure: { function: { deployment: "az" }, frontend: { domain } },
      gcp: { ...project, function: { canary }, frontend: { domain, publicBucket: true } },
    },
  },
  {
    name: "the smallest limits, in other regions, on the newest Python",
    stack: "dev-a-name-that-is-longer-than-many-services-accept-in-theirs",
    settings: {
      pythonVersion: "3.13",
      logRetentionDays: 30,
      notificationEmail: "operations@example.com",
      aws: {
        region: "eu-central-1",
        codeSigning: "enforce",
        function: { memorySize: 128, timeout: 1, reservedConcurrency: 1 },
        api: { throttle: { rate: 1, burst: 1 } },
        frontend: { waf: true },
      },
      azure: {
        region: "westeurope",
        function: { memorySize: 512, maximumInstances: 1 },
        frontend: { waf: true },
      },
      gcp: {
        ...project,
        region: "europe-west1",
        function: { memorySize: 128, timeout: 1, concurrency: 1, maximumInstances: 1 },
        frontend: { cloudArmor: true },
      },
    },
  },
  {
    name: "the largest limits",
    stack: "p",
    settings: {
      layerStrategy: "split",
      logRetentionDays: 545,
      deletionProtection: true,
      aws: {
        region: "us-east-1",
        function: { memorySize: 10_240, timeout: 30 },
        api: { throttle: { rate: 10_000, burst: 5_000 } },
      },
      azure: { region: "eastus", function: { memorySize: 4096, maximumInstances: 1_000, blueGreen: true } },
      gcp: {
        ...project,
        region: "us-central1",
        function: { memorySize: 32_768, timeout: 3_600, concurrency: 1_000, maximumInstances: 1_000 },
      },
    },
  },
  {
    name: "an application with a schedule, a secret and a table",
    stack: "staging",
    settings: {
      application: "examples/shop",
      functions: { api: { secrets: { PAYMENT_KEY: "a key of the payment service" } } },
      aws: { frontend: { enabled: false } },
      azure: { frontend: { enabled: false } },
      gcp: { ...project, frontend: { enabled: false } },
    },
  },
];
