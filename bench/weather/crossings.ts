import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { type Cloud, clouds } from "../../contract/clouds";
import type { Edited } from "../board";

/** A setting's change from its default to another value and back, on a deployed stack. */
export interface Crossing {
  /** Default: everywhere. */
  readonly clouds?: readonly Cloud[];
  /** The other value with the settings that it requires, by path. */
  readonly to: Readonly<Record<string, unknown>>;
  /** Settings of the stack before and after. Default: none. */
  readonly from?: Readonly<Record<string, unknown>>;
  /** The engine test that changes it, if the nightly run does not, e.g. because it concerns several clouds. */
  readonly crossedBy?: string;
  /** Note for the table. */
  readonly note?: string;
}

const kmsKeyArn = "arn:aws:kms:ap-northeast-1:123456789012:key/12345678-1234-1234-1234-123456789012";
const certificateArn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
const boundary = "arn:aws:iam::123456789012:policy/boundary";
const publicLayer = {
  arn: "arn:aws:lambda:ap-northeast-1:770693421928:layer:Klayers-p312-PyJWT:1",
  packages: { pyjwt: "2.0.0" },
};
const signIn = { "auth.issuer": "https://login.example.com/", "auth.audience": "api" };
const domain = { "aws.frontend.domain": "app.example.com", "aws.frontend.certificateArn": certificateArn };
const shared = { aws: { "aws.function.canary.percentage": 10 }, gcp: { "gcp.function.canary.percentage": 10 } };
const ofFirewall = { "azure.frontend.enabled": true };

/** Every setting of settings/schema.ts, by its name; `<function>` is the board's api, or its worker where that has it. */
export const crossings: Readonly<Record<string, Crossing>> = {
  application: {
    to: { application: "examples/shop", functions: { api: { secrets: { PAYMENT_KEY: "any" } } } },
    crossedBy: "test/engine/applications.test.ts",
    note: "Tables that the other application does not describe are deleted with what they hold, unless `deletionProtection` is on.",
  },
  functions: { to: { "functions.api.environment.GREETING": "hello" } },
  "functions.<function>.environment": { to: { "functions.api.environment.GREETING": "hello" } },
  "functions.<function>.secrets": {
    to: { "functions.api.secrets.TOKEN": "another" },
  },
  "functions.<function>.memory": { to: { "functions.api.memory": 2048 } },
  "functions.<function>.timeout": { to: { "functions.api.timeout": 20 } },
  "functions.<function>.schedule": { to: { "functions.worker.schedule": "0 3 * * *" } },
  clouds: {
    to: { clouds: ["aws", "gcp"] },
    crossedBy: "test/engine/clouds.test.ts",
    clouds: ["azure"],
    note: "A cloud that is taken out is deleted with its tables, unless `deletionProtection` is on; shown for Azure.",
  },
  pythonVersion: {
    to: { pythonVersion: "3.13" },
    note: "On Azure requests may fail for some seconds, which the preview says, unless `azure.function.blueGreen` is on.",
  },
  layerStrategy: { clouds: ["aws"], to: { layerStrategy: "split" } },
  bytecode: { to: { bytecode: false } },
  deletionProtection: { to: { deletionProtection: true } },
  smokeCheck: { to: { smokeCheck: false } },
  notificationEmail: { to: { notificationEmail: "on-call@example.com" } },
  logRetentionDays: { to: { logRetentionDays: 30 } },
  "auth.issuer": { to: signIn },
  "auth.audience": { from: signIn, to: { ...signIn, "auth.audience": "another" } },
  "aws.region": { clouds: ["aws"], to: { "aws.region": "eu-west-1" } },
  "aws.architecture": {
    clouds: ["aws"],
    to: { "aws.architecture": "arm64" },
    note: "Locally with packages without native modules: this machine runs one processor.",
    crossedBy: "test/engine/updates.test.ts",
  },
  "aws.publicLayers": {
    clouds: ["aws"],
    to: { layerStrategy: "hybrid", "aws.publicLayers": { "ap-northeast-1": [publicLayer] } },
    crossedBy: "test/engine/strategies.test.ts",
  },
  "aws.shareLayersWith": { clouds: ["aws"], to: { "aws.shareLayersWith": ["210987654321"] } },
  "aws.permissionsBoundary": { clouds: ["aws"], to: { "aws.permissionsBoundary": boundary } },
  "aws.codeSigning": { clouds: ["aws"], to: { "aws.codeSigning": "enforce" } },
  "aws.function.memorySize": { clouds: ["aws"], to: { "aws.function.memorySize": 1024 } },
  "aws.function.timeout": { clouds: ["aws"], to: { "aws.function.timeout": 20 } },
  "aws.function.reservedConcurrency": { clouds: ["aws"], to: { "aws.function.reservedConcurrency": 50 } },
  "aws.function.snapStart": { clouds: ["aws"], to: { "aws.function.snapStart": true } },
  "aws.function.kmsKeyArn": { clouds: ["aws"], to: { "aws.function.kmsKeyArn": kmsKeyArn } },
  "aws.function.canary.percentage": {
    clouds: ["aws"],
    to: { "aws.function.canary.percentage": 10 },
    crossedBy: "test/engine/canary.test.ts",
  },
  "aws.function.canary.minutes": {
    clouds: ["aws"],
    from: shared.aws,
    to: { ...shared.aws, "aws.function.canary.minutes": 5 },
    crossedBy: "test/engine/canary.test.ts",
  },
  "aws.function.canary.errors": {
    clouds: ["aws"],
    from: shared.aws,
    to: { ...shared.aws, "aws.function.canary.errors": 3 },
    crossedBy: "test/engine/canary.test.ts",
  },
  "aws.function.canary.alarms": {
    clouds: ["aws"],
    from: shared.aws,
    to: { ...shared.aws, "aws.function.canary.alarms": ["errors-of-shop"] },
    crossedBy: "test/engine/canary.test.ts",
  },
  "aws.api.throttle.rate": { clouds: ["aws"], to: { "aws.api.throttle.rate": 500 } },
  "aws.api.throttle.burst": { clouds: ["aws"], to: { "aws.api.throttle.burst": 500 } },
  "aws.frontend.enabled": { clouds: ["aws"], to: { "aws.frontend.enabled": false } },
  "aws.frontend.domain": { clouds: ["aws"], to: domain },
  "aws.frontend.certificateArn": {
    clouds: ["aws"],
    from: domain,
    to: { ...domain, "aws.frontend.certificateArn": certificateArn.replace("/1234", "/4321") },
  },
  "aws.frontend.waf": { clouds: ["aws"], to: { "aws.frontend.waf": true } },
  "aws.frontend.logBucket": { clouds: ["aws"], to: { "aws.frontend.logBucket": "logs-of-example" } },
  "azure.region": { clouds: ["azure"], to: { "azure.region": "westeurope" } },
  "azure.storageAccountName": { clouds: ["azure"], to: { "azure.storageAccountName": "messages2of2example" } },
  "azure.function.memorySize": { clouds: ["azure"], to: { "azure.function.memorySize": 2048 } },
  "azure.function.maximumInstances": { clouds: ["azure"], to: { "azure.function.maximumInstances": 50 } },
  "azure.function.concurrency": { clouds: ["azure"], to: { "azure.function.concurrency": 20 } },
  "azure.function.frontDoorOnly": {
    clouds: ["azure"],
    to: { ...ofFirewall, "azure.function.frontDoorOnly": true },
    note: "`apiUrl` answers 403 from then on, which is what the setting is for.",
  },
  "azure.function.blueGreen": {
    clouds: ["azure"],
    to: { "azure.function.blueGreen": true },
    crossedBy: "test/engine/azure-release.test.ts",
  },
  "azure.function.deployment": {
    clouds: ["azure"],
    to: { "azure.function.deployment": "az" },
    crossedBy: "test/components/azure/web-application.test.ts",
    note: "`az` needs an Azure CLI that is signed in, which no local cloud is.",
  },
  "azure.frontend.enabled": { clouds: ["azure"], to: { "azure.frontend.enabled": false } },
  "azure.frontend.domain": { clouds: ["azure"], to: { "azure.frontend.domain": "azure.example.com" } },
  "azure.frontend.waf": { clouds: ["azure"], to: { "azure.frontend.waf": true } },
  "gcp.region": { clouds: ["gcp"], to: { "gcp.region": "europe-west1" } },
  "gcp.project": { clouds: ["gcp"], to: { "gcp.project": "another-123456" } },
  "gcp.function.public": {
    clouds: ["gcp"],
    to: { "gcp.function.public": false },
    note: "The API answers 403 to who is not signed in to Google Cloud, which is what the setting is for.",
  },
  "gcp.function.memorySize": { clouds: ["gcp"], to: { "gcp.function.memorySize": 1024 } },
  "gcp.function.timeout": { clouds: ["gcp"], to: { "gcp.function.timeout": 20 } },
  "gcp.function.concurrency": { clouds: ["gcp"], to: { "gcp.function.concurrency": 40 } },
  "gcp.function.maximumInstances": { clouds: ["gcp"], to: { "gcp.function.maximumInstances": 8 } },
  "gcp.function.canary.percentage": {
    clouds: ["gcp"],
    to: { "gcp.function.canary.percentage": 10 },
    crossedBy: "test/engine/canary.test.ts",
  },
  "gcp.function.canary.minutes": {
    clouds: ["gcp"],
    from: shared.gcp,
    to: { ...shared.gcp, "gcp.function.canary.minutes": 5 },
    crossedBy: "test/engine/canary.test.ts",
  },
  "gcp.function.canary.errors": {
    clouds: ["gcp"],
    from: shared.gcp,
    to: { ...shared.gcp, "gcp.function.canary.errors": 3 },
    crossedBy: "test/engine/canary.test.ts",
  },
  "gcp.frontend.enabled": { clouds: ["gcp"], to: { "gcp.frontend.enabled": false } },
  "gcp.frontend.domain": {
    clouds: ["gcp"],
    to: { "gcp.frontend.domain": "gcp.example.com" },
    note: "HTTP is redirected to HTTPS from then on.",
  },
  "gcp.frontend.publicBucket": {
    clouds: ["gcp"],
    to: { "gcp.frontend.publicBucket": true },
    note: "The grant before stays until the new one is known everywhere (7 minutes). Back to `false` the bucket is closed at once: the site answers 403 for 2 to 7 minutes, which the preview says.",
  },
  "gcp.frontend.cloudArmor": { clouds: ["gcp"], to: { "gcp.frontend.cloudArmor": true } },
};

/** Settings of every tested stack, so that each setting has an effect. */
export const standing: Readonly<Record<string, unknown>> = { "functions.api.secrets.TOKEN": "first" };

export const concerns = ({ clouds: own = clouds }: Crossing, cloud: Cloud): boolean => own.includes(cloud);

/** Adds to the board what some settings need: a secret, and a scheduled worker. */
export function withWorker({ folder }: Pick<Edited, "folder">): void {
  const description = path.join(folder, "pyproject.toml");
  const text = readFileSync(description, "utf8");
  const tables = "tables = { messages";
  if (!text.includes(tables)) throw new Error(`${description} has no ${tables}`);
  writeFileSync(description, text.replace(tables, `secrets = ["TOKEN"]\n${tables}`));
  const requirements = clouds.map((cloud) => `${cloud} = "requirements/${cloud}.in"`).join(", ");
  appendFileSync(
    description,
    `\n[tool.multicloud.functions.worker]\nhandler = "worker:run"\nschedule = "rate(1 hour)"\nrequirements = { ${requirements} }\n`,
  );
  writeFileSync(path.join(folder, "worker.py"), "def run():\n    pass\n");
}
