import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { askSteadily } from "../../bench/updates/load";
import { changes, type CloudValues, copyOfCheckout, LocalDeployment } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[gcp]", "smokeCheck=true"]);
const copy = copyOfCheckout();
const code = path.join(copy, "application", "api", "app.py");
const page = path.join(copy, "application", "web", "index.html");
const sound = readFileSync(code, "utf8");
let values: CloudValues;

beforeAll(async () => {
  await deployment.up();
  ({ gcp: values } = deployment.outputs());
});

afterAll(() => deployment.end());

/** Deploys the copy while API and frontend receive 20 requests per second each. */
async function deployUnderLoad() {
  const load = askSteadily([
    `${values.apiUrl}/api/messages/?limit=1`,
    `${values.frontendUrl}/`,
    `${values.frontendUrl}/api/`,
  ]);
  const run = await deployment.run(["up", "--detach"], { checkout: copy });
  const asked = await load.stop();
  console.log(
    `${expect.getState().currentTestName ?? ""}: ${asked.length} requests, slowest ${Math.max(...asked.map(({ ms }) => ms))} ms`,
  );
  return { run, asked, failed: asked.filter(({ status }) => status !== 200) };
}

const titleOf = async () => /<title>(.*?)<\/title>/.exec(await (await fetch(values.frontendUrl)).text())?.[1];

describe("a release whose import fails", () => {
  beforeAll(() => {
    // A failure that no proof from the source can find.
    appendFileSync(code, '\n\nLIMIT = int(os.environ["PATH"])\n');
    writeFileSync(page, readFileSync(page, "utf8").replace(/<title>.*?<\/title>/, "<title>Another page</title>"));
  });

  test("fails at the twin, names the cause, and no request fails", async () => {
    const before = await titleOf();
    const { run, asked, failed } = await deployUnderLoad();
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(/Revision '\S+-next-\S+' is not ready.*invalid literal for int\(\)/s);
    expect(asked.length).toBeGreaterThan(100);
    expect(failed).toEqual([]);
    // Neither the function nor its files were changed.
    expect(changes(run).filter((line) => /Function {2}gcp-api$|gcp-web\//.test(line))).toEqual([]);
    expect(await titleOf()).toBe(before);
  });

  test("still fails in the next update, which says what to do", async () => {
    const { run, failed } = await deployUnderLoad();
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(
      /gcp-api-next: its last deployment failed.*nothing would be deployed now.*pulumi config set --path functions\.api\.environment\.DEPLOYED_AGAIN /s,
    );
    expect(failed).toEqual([]);
  });

  test("succeeds once it is corrected, together with its page", async () => {
    writeFileSync(code, `${sound}\n# Mended.\n`);
    const { run, failed } = await deployUnderLoad();
    expect(run.code, run.stderr).toBe(0);
    expect(failed).toEqual([]);
    expect(await titleOf()).toBe("Another page");
    const preview = await deployment.run(["preview"], { checkout: copy });
    expect(preview.stderr).toContain("no changes");
  });
});

test("a release that starts but does not serve is stopped at the twin, and no request fails", async () => {
  writeFileSync(code, sound.replace("return page.messages", 'raise ValueError("no messages today")'));
  const { run, asked, failed } = await deployUnderLoad();
  expect(run.code).not.toBe(0);
  expect(changes(run)).toContain("~ updated  gcp:cloudfunctionsv2:Function  gcp-api-next");
  expect(changes(run)).not.toContain("~ updated  gcp:cloudfunctionsv2:Function  gcp-api");
  expect(run.stderr).toContain("no messages today");
  expect(asked.length).toBeGreaterThan(100);
  expect(failed).toEqual([]);
});
