import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { serveConsole } from "../../local/console/server";
import type { Listener } from "../../local/http";
import { Logs } from "../../local/logs";
import { consoleDocument, inspectedModel } from "../../operations/console/document";
import type { Report } from "../../operations/diagnose/report";
import { stateResource } from "../../operations/stack-state";
import { UnansweredError } from "../../operations/unanswered-error";
import { launchBrowser, noBrowser } from "./browser";

if (noBrowser !== undefined) console.warn(`The console is not tested: ${noBrowser}`);

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const urn = (name: string) => `urn:pulumi:staging::multicloud-auto-deploy::type::${name}`;

function resource(type: string, name: string, parent?: string, more: object = {}) {
  return { urn: urn(name), type, ...(parent !== undefined && { parent: urn(parent) }), ...more };
}

/** The engine's form of a secret. */
const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:x" };

const resources = [
  resource("pulumi:pulumi:Stack", "stack", undefined, { outputs: { aws: { region: "ap-northeast-1" } } }),
  resource("multicloud:aws:Environment", "aws", "stack"),
  resource("multicloud:aws:DependencyLayer", "aws-dependencies", "aws"),
  resource("aws:lambda/layerVersion:LayerVersion", "layer", "aws-dependencies"),
  resource("multicloud:aws:ApiFunction", "aws-api", "aws"),
  resource("aws:lambda/function:Function", "function", "aws-api", {
    dependencies: [urn("layer")],
    outputs: { arn: "arn:aws:lambda:ap-northeast-1:123456789012:function:shop-staging-api" },
    inputs: { handler: "multicloud_api.handler", environment: { variables: { SECRET: secret } } },
  }),
  resource("multicloud:aws:HttpApi", "aws-http", "aws"),
  resource("aws:apigatewayv2/route:Route", "route", "aws-http", { dependencies: [urn("function"), urn("layer")] }),
];
const checkpoint = JSON.stringify({ version: 3, checkpoint: { latest: { resources } } });

const report: Pick<Report, "results"> = {
  results: [
    { check: "api", cloud: "aws", status: "passed", summary: "200", findings: [], durationMs: 1 },
    {
      check: "function",
      durationMs: 1,
      cloud: "aws",
      status: "failed",
      summary: "no layer",
      findings: [
        {
          severity: "error",
          title: "layer dependencies is not attached",
          evidence: ["attached: no layer", "<script>document.title = 'other'</script>"],
          cause: "The function is without its dependencies.",
          next: "npm run local -- up --refresh",
        },
      ],
    },
  ],
};

describe.skipIf(noBrowser !== undefined)("the console", () => {
  const state = mkdtempSync(path.join(tmpdir(), "console-"));
  const stacks = path.join(state, "engine", ".pulumi", "stacks", "multicloud-auto-deploy");
  let listener: Listener;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    mkdirSync(stacks, { recursive: true });
    writeFileSync(path.join(stacks, "staging.json"), checkpoint);
    listener = await serveConsole(state);
    browser = await launchBrowser();
  }, 30_000);

  afterAll(async () => {
    await browser.close();
    await listener.close();
    rmSync(state, { recursive: true });
  });

  afterEach(async () => {
    await page.context().close();
    expect(complaints.splice(0)).toEqual([]);
  });

  async function open(options: BrowserContextOptions = {}, shown = { port: () => listener.port, report }) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.route("**/diagnose", (route) => route.fulfill({ json: shown.report }));
    await page.goto(`http://127.0.0.1:${shown.port()}/`);
    await page.getByText(/\d checks (failed|passed)/).waitFor();
    return page;
  }

  const part = (name: string) => page.getByRole("button", { name: new RegExp(`^${name} `) });

  test("shows the components of each cloud and their resources, by keyboard", async () => {
    await open();
    expect(await page.locator("[data-cloud] h3").allTextContents()).toEqual(["AWS"]);
    await part("aws-api").focus();
    await page.keyboard.press("Enter");
    expect(await page.locator("#part-title").textContent()).toBe("aws-api, ApiFunction");
    expect(await page.locator("#part-needs").textContent()).toBe("Needs aws-dependencies; needed by aws-http.");
    expect(await part("aws-api").getAttribute("aria-pressed")).toBe("true");
    const first = page.locator("#part details").first();
    await first.locator("summary").click();
    expect(await first.locator("pre").first().textContent()).toContain('"handler": "multicloud_api.handler"');
    expect(await first.locator("pre").first().textContent()).toContain('"SECRET": "[secret]"');
  });

  test("draws dependencies above their dependents", async () => {
    await open();
    const top = async (name: string) => (await part(name).boundingBox())?.y ?? 0;
    expect(await top("aws-dependencies")).toBeLessThan(await top("aws-api"));
    expect(await top("aws-api")).toBeLessThan(await top("aws-http"));
  });

  test("shows the findings of diagnose as text", async () => {
    await open();
    const finding = page.locator(".finding");
    expect(await finding.locator("h3").textContent()).toContain("layer dependencies is not attached");
    expect(await finding.locator("pre").textContent()).toContain("<script>");
    expect(await page.title()).toBe("multicloud-auto-deploy, staging");
  });

  test("shows live requests and logs, also of one cloud only", async () => {
    const [aws, gcp] = [new Logs(path.join(state, "aws", "logs")), new Logs(path.join(state, "gcp", "logs"))];
    aws.append("/aws/lambda/shop-api", "1", "earlier");
    await open();
    await page.getByText("shop-api earlier").waitFor();
    await gcp.timed("shop-api", { method: "GET", target: "/api/" }, () =>
      Promise.resolve({ answer: { status: 200 }, cold: true }),
    );
    await page.getByText(/gcp GET \/api\/ 200 \d+ ms cold/).waitFor();
    await page.getByLabel("Google Cloud").uncheck();
    expect(await page.getByText(/gcp GET/).isVisible()).toBe(false);
    await page.getByLabel("Google Cloud").check();
    await page.getByLabel("requests only").check();
    expect(await page.getByText("shop-api earlier").isVisible()).toBe(false);
    expect(await page.getByText(/gcp GET/).isVisible()).toBe(true);
  });

  test("shows three clouds side by side (`npm run pictures` makes the README's picture of it)", async () => {
    const deployed = path.join(state, "three clouds");
    mkdirSync(deployed);
    const fixture = path.join(__dirname, "..", "engine", "fixtures", "state-3.0.0.tar.gz");
    execFileSync("tar", ["-xzf", fixture, "-C", deployed]);
    const other = await serveConsole(deployed);
    try {
      const results = (["aws", "azure", "gcp"] as const).map((cloud) => {
        return { check: "api", cloud, status: "passed" as const, summary: "200", findings: [], durationMs: 1 };
      });
      await open({ viewport: { width: 1280, height: 720 } }, { port: () => other.port, report: { results } });
      expect(await page.locator("[data-cloud] h3").allTextContents()).toEqual(["AWS", "Azure", "Google Cloud"]);
      await part("gcp-api").waitFor();
      const picture = await page.screenshot();
      if (process.env.PICTURES !== undefined) {
        writeFileSync(path.join(__dirname, "..", "..", "docs", "console.png"), picture);
      }
    } finally {
      await page.context().close();
      await other.close();
    }
  });

  test("changes with the engine's state", async () => {
    await open();
    const file = path.join(stacks, "staging.json");
    writeFileSync(file, checkpoint.replaceAll("aws-http", "aws-gateway"));
    await part("aws-gateway").waitFor();
    writeFileSync(file, checkpoint);
  });

  test("does not answer pages of other sites", async () => {
    await open();
    const answer = await page.request.get(`http://127.0.0.1:${listener.port}/state`, {
      headers: { Host: "other.example" },
    });
    expect(answer.status()).toBe(421);
  });

  test.each(
    ([1280, 390] as const).flatMap((width) =>
      (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
    ),
  )("is accessible, and as wide as the window, at $width pixels in $colorScheme", async ({ width, colorScheme }) => {
    await open({ viewport: { width, height: 844 }, colorScheme });
    await part("aws-api").click();
    await expectAccessible(width);
  });

  /** Shows the page that `diagnose --html` writes, from a file. */
  async function openDocument(options: BrowserContextOptions, isStateKnown = true) {
    const looked: Report = {
      ...{ project: "shop", stack: "staging", startedAt: "2026-01-02T03:04:05.000Z", durationMs: 1234 },
      clouds: (["aws", "gcp"] as const).map((cloud) => ({
        ...{ cloud, region: "ap-northeast-1", apiUrl: `https://api-${"x".repeat(40)}.example.com`, version: "4.0.0" },
        ...{ functionName: "shop-staging-api", layers: [] },
      })),
      results: report.results,
    };
    const refused = () => Promise.reject(new UnansweredError("pulumi: not logged in", "pulumi login"));
    const known = {
      resources: () => Promise.resolve(resources.map((each) => stateResource.parse(each))),
      lastUpdate: () => Promise.resolve(undefined),
    };
    const stack = isStateKnown ? known : { resources: refused, lastUpdate: refused };
    const file = path.join(state, "status.html");
    writeFileSync(file, consoleDocument(await inspectedModel(looked, stack, refused, { isLive: true }), looked));
    const context = await browser.newContext(options);
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (request.url() !== `file://${file}`) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(`file://${file}`);
  }

  test.each(
    ([1280, 390] as const).flatMap((width) =>
      (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
    ),
  )("is one file without what is live, at $width pixels in $colorScheme", async ({ width, colorScheme }) => {
    await openDocument({ viewport: { width, height: 844 }, colorScheme });
    expect(await page.title()).toBe("shop, staging: 1 error");
    expect(await page.locator("[data-live]").count()).toBe(0);
    expect(await page.locator("#verdict").textContent()).toBe("1 of 2 checks failed");
    expect(await page.locator(".finding pre").textContent()).toContain("<script>");
    await part("aws-api").focus();
    await page.keyboard.press("Enter");
    expect(await page.locator("#part-needs").textContent()).toBe("Needs aws-dependencies; needed by aws-http.");
    await page.locator("#part summary").first().click();
    const own = page.getByRole("link", { name: "In the cloud's own console" });
    expect(await own.getAttribute("href")).toContain("https://console.aws.amazon.com/go/view?arn=arn%3Aaws%3Alambda");
    await page.getByText("Each check").click();
    expect(await page.locator("#checks tbody tr").count()).toBe(2);
    expect(await page.locator("#releases").textContent()).toBe("Not known: pulumi: not logged in; next: pulumi login");
    await expectAccessible(width);
  });

  test("is without a graph where the state is not known, and says so", async () => {
    await openDocument({}, false);
    expect(await page.locator("[data-cloud] h3").allTextContents()).toEqual(["AWS", "Google Cloud"]);
    expect(await page.locator("svg").count()).toBe(0);
    expect(await page.locator("#no-graph").textContent()).toContain("could not be read: pulumi: not logged in");
  });

  async function expectAccessible(width: number) {
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(width);
    await page.evaluate(axe);
    const violations = await page.evaluate<string[]>(
      "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`))",
    );
    expect(violations).toEqual([]);
  }
});
