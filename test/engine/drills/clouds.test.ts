import { afterAll, beforeAll, expect, test } from "vitest";

import { startCloud, stopCloud } from "../../../local/cloud-process";
import { everywhere } from "../../../local/drills/drills";
import { change, only } from "../../../local/drills/faults";
import type { Report } from "../../../operations/diagnose/report";
import { changes, LocalDeployment, type Run } from "../local-deployment";
import { practise, storeOf } from "./drill";

const deployment = new LocalDeployment([]);

beforeAll(() => deployment.restore());

afterAll(() => deployment.end());

/** Runs diagnose by the command line, as an operator on call does. */
async function look(...flags: string[]): Promise<{ run: Run; report: Report }> {
  const run = await deployment.run(["diagnose", "--json", ...flags]);
  if (run.stdout === "") throw new Error(`diagnose printed no report:\n${run.stderr}`);
  return { run, report: JSON.parse(run.stdout) as Report };
}

test("a new deployment is healthy", async () => {
  const { run, report } = await look("--drift");
  expect(report.results.map(({ status, findings }) => ({ status, findings }))).toEqual(
    report.results.map(() => ({ status: "passed", findings: [] })),
  );
  expect(report.clouds.map(({ cloud }) => cloud)).toEqual(["aws", "azure", "gcp"]);
  expect(run.code).toBe(0);
});

test("lost items of tables are restored by each cloud's own means", async () => {
  const { aws, azure, gcp } = deployment.outputs();
  const board = (apiUrl: string) => `${apiUrl}/api/messages/`;
  for (const { apiUrl } of [aws, azure, gcp]) {
    const body = JSON.stringify({ content: "kept", author: "Ada" });
    const headers = { "content-type": "application/json" };
    expect((await fetch(board(apiUrl), { method: "POST", headers, body })).status).toBe(201);
  }
  const run = await deployment.run(["drill", "restore"]);
  expect(run.code, run.stderr).toBe(0);
  const [, lost = "", restored = ""] = run.stderr.split(/^(?:What users get|Restore.*):$/m);
  expect(run.stderr.split(/^What users get:$/m)[0]).toMatch(/aws dynamodb delete-item .*az storage entity query/s);
  for (const cloud of ["aws", "azure", "gcp"]) {
    expect(lost).toMatch(new RegExp(`${cloud} GET /api/messages.* 200 (?!.*kept)`));
    expect(run.stderr.split(/^After:$/m)[1]).toMatch(new RegExp(`${cloud} GET /api/messages.* 200 .*kept`));
  }
  expect(restored).toMatch(/aws dynamodb restore-table-to-point-in-time .*gcloud firestore import /s);
  expect(changes({ stderr: restored })).toEqual(["~ updated  aws:dynamodb:Table  aws-messages"]);
  for (const { apiUrl } of [aws, azure, gcp]) expect(await (await fetch(board(apiUrl))).text()).toContain("kept");
});

practise(deployment, everywhere);

test("changes outside of Pulumi are listed on request", async () => {
  await stopCloud(deployment.state);
  const store = storeOf(deployment, "aws");
  change(store, only(store, "aws:dynamodb/table:Table"), { tags: {} });
  store.delete(only(store, "aws:s3/bucketPolicy:BucketPolicy"));
  await startCloud(deployment.state, { attached: true });

  const { report } = await look("--only", "drift", "--drift");
  expect(report.results).toHaveLength(1);
  expect(report.results[0]?.findings[0]?.evidence).toEqual(
    expect.arrayContaining([
      "aws:dynamodb/table:Table aws-messages: tags",
      expect.stringMatching(/^aws:s3\/bucketPolicy:BucketPolicy .*: gone$/),
    ]),
  );

  const healed = await deployment.run(["up", "--detach", "--refresh"]);
  expect(healed.code, healed.stderr).toBe(0);
  expect(changes(healed).sort()).toEqual([
    "+ created  aws:s3:BucketPolicy  aws-web",
    "~ updated  aws:dynamodb:Table  aws-messages",
  ]);
});

test("manual changes of an app setting and of code are found, although no refresh reads them", async () => {
  await stopCloud(deployment.state);
  const azure = storeOf(deployment, "azure");
  const apps = azure.list("azure-native:web:WebApp").filter(({ inputs }) => !String(inputs.name).includes("-next"));
  for (const app of apps) {
    const siteConfig = app.inputs.siteConfig as { appSettings: { name: string; value: string }[] };
    const appSettings = siteConfig.appSettings.map(({ name, value }) => {
      return { name, value: name === "APPLICATION_VERSION" ? "0.0.1" : value };
    });
    change(azure, app, { siteConfig: { ...siteConfig, appSettings } });
  }
  const aws = storeOf(deployment, "aws");
  change(aws, only(aws, "aws:lambda/function:Function"), { code: aws.keepText("patched") });
  await startCloud(deployment.state, { attached: true });
  const { report } = await look("--only", "function");
  const titles = report.results.flatMap(({ cloud, findings }) => findings.map(({ title }) => `${cloud}: ${title}`));
  expect(titles).toEqual([
    "azure: app settings are not as they were deployed: APPLICATION_VERSION",
    expect.stringMatching(/^aws: \$LATEST has other code than version \d+, which serves/),
  ]);
});

test("clouds that do not run are unknown, with the command that starts them", async () => {
  await deployment.run(["stop"]);
  const { run, report } = await look("--only", "credentials");
  expect(run.code).toBe(2);
  expect(report.results.map(({ status }) => status)).toEqual(["unknown", "unknown", "unknown"]);
  expect(report.results[0]?.findings[0]?.next).toBe(`npm run local -- --state ${deployment.state} up --detach`);
});
