import { readFileSync } from "node:fs";
import path from "node:path";

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { Board } from "./board";
import { launchBrowser, noBrowser } from "./browser";

if (noBrowser !== undefined) console.warn(`The page is not tested: ${noBrowser}`);

const contrastFailures = readFileSync(path.join(__dirname, "contrast.mjs"), "utf8");

describe.skipIf(noBrowser !== undefined)("the page", () => {
  let browser: Browser;
  let board: Board;
  let page: Page;
  /** The browser's complaints: errors of scripts, and violations of the content security policy. */
  let complaints: string[];

  beforeAll(async () => {
    browser = await launchBrowser();
  }, 30_000);
  afterAll(() => browser.close());

  beforeEach(async () => {
    board = await new Board().start();
    complaints = [];
  });
  afterEach(async () => {
    await page.context().close();
    board.stop();
    expect(complaints).toEqual([]);
  });

  /** Opens the page, and waits until it has loaded. */
  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    page = await context.newPage();
    page.setDefaultTimeout(5000);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        complaints.push(message.text());
      }
    });
    page.on("dialog", (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(board.address);
    await page.locator("#board[aria-busy=false]").waitFor();
    return page;
  }

  const contents = () => page.locator(".message .content").allTextContents();
  const postButton = () => page.getByRole("button", { name: "Post" });

  async function write(author: string, content: string): Promise<void> {
    await page.getByLabel("Your name").fill(author);
    await page.getByLabel("Message", { exact: true }).fill(content);
  }

  test("lists the messages, newest first, and the cloud that answered", async () => {
    board.add("first", "Grace", 90);
    board.add("second", "Ada");
    await open();
    expect(await contents()).toEqual(["second", "first"]);
    expect(await page.locator(".message .author").allTextContents()).toEqual(["Ada", "Grace"]);
    expect(await page.locator(".message time").allTextContents()).toEqual(["just now", "1 hour ago"]);
    expect(await page.locator("#status").textContent()).toContain("Answered by AWS · version 3.0.0");
    expect(await page.title()).toBe("Messages");
  });

  test("says so if there are none", async () => {
    await open();
    await page.getByText("No messages yet").waitFor();
  });

  test("sends requests only to its own address, under a policy that allows no other", async () => {
    await open();
    const foreign: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(board.address)) foreign.push(request.url());
    });
    await page.reload();
    await page.locator("#board[aria-busy=false]").waitFor();
    expect(foreign).toEqual([]);
    expect(board.requests).toEqual(expect.arrayContaining(["/api/", "/api/messages/"]));
  });

  test("shows that it is loading", async () => {
    board.add("there");
    const context = await browser.newContext();
    page = await context.newPage();
    let answer = () => {
      /* Nothing asked yet. */
    };
    await page.route("**/api/**", async (route) => {
      await new Promise<void>((resolve) => (answer = resolve));
      await route.continue();
    });
    await page.goto(board.address);
    expect(await page.locator(".placeholder").first().isVisible()).toBe(true);
    expect(await page.locator("#board").getAttribute("aria-busy")).toBe("true");
    await page.unrouteAll({ behavior: "ignoreErrors" });
    answer();
  });

  test("posts a message, keeps the name, and is ready for the next", async () => {
    board.add("earlier");
    await open();
    await write("Ada", "hello\nworld 🎉");
    await postButton().click();
    await page.getByText("hello").waitFor();
    expect(await contents()).toEqual(["hello\nworld 🎉", "earlier"]);
    expect(await page.getByRole("status").last().textContent()).toBe("Your message is posted.");
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("");
    await page.reload();
    await page.locator("#board[aria-busy=false]").waitFor();
    expect(await page.getByLabel("Your name").inputValue()).toBe("Ada");
    expect(await contents()).toEqual(["hello\nworld 🎉", "earlier"]);
  });

  test.each([
    `<img src=x onerror="alert(1)">`,
    `<script>alert(1)</script>`,
    `"><svg onload=alert(1)>`,
    `&lt;b&gt; & {{7*7}} javascript:alert(1)`,
  ])("shows %s as text", async (text) => {
    board.add(text, text);
    await open();
    await write(text, text);
    await postButton().click();
    await page.locator(".message").nth(1).waitFor();
    expect(await contents()).toEqual([text, text]);
    expect(await page.locator(".message .author").allTextContents()).toEqual([text, text]);
    expect(await page.locator(".message").locator("img, script, svg, b").count()).toBe(0);
  });

  test("shows the API's error at its field, and focuses it", async () => {
    await open();
    board.refusal = {
      status: 422,
      detail: [
        { loc: ["body", "content"], msg: "String should have at least 1 character", type: "string_too_short" },
        { loc: ["body", "author"], msg: "String should be nice", type: "unheard_of" },
      ],
    };
    await write("Ada", "x");
    await postButton().click();
    const content = page.getByLabel("Message", { exact: true });
    await page.locator("#content[aria-invalid=true]").waitFor();
    expect(await page.locator("#content-error").textContent()).toBe("This is needed.");
    expect(await page.locator("#author-error").textContent()).toBe("String should be nice.");
    expect(await content.getAttribute("aria-describedby")).toContain("content-error");
    expect(await page.locator(":focus").getAttribute("id")).toBe("author");
    expect(await page.locator("#form-error").isVisible()).toBe(false);
    expect(await content.inputValue()).toBe("x");

    board.refusal = undefined;
    await postButton().click();
    await page.locator(".message").waitFor();
    expect(await page.locator("[aria-invalid], .error:visible").count()).toBe(0);
  });

  test.each([
    [401, "a bearer token is needed", "Not posted: this board takes messages only from those who are signed in."],
    [413, "the body is longer than 16384 bytes", "It answered 413: the body is longer than 16384 bytes."],
  ] as const)("says why a post is answered %i, and keeps the text", async (status, detail, said) => {
    await open();
    board.refusal = { status, detail };
    await write("Ada", "do not lose me");
    await postButton().click();
    await page.locator("#form-error", { hasText: said }).waitFor();
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("do not lose me");
  });

  test.each([
    ["store failed", "It answered 503: messages are unavailable at the moment. Request request-1."],
    ["gateway error", "It answered 500: what answered is not the API."],
    ["not the API", "It answered 200: what answered is not the API."],
  ] as const)("says that the API is down (%s), and recovers with a retry", async (mode, reason) => {
    board.add("there");
    board.mode = mode;
    await open();
    const alert = page.locator("#down[role=alert]");
    expect(await alert.textContent()).toContain("The API is down");
    expect(await alert.textContent()).toContain(reason);
    expect(await page.locator("#status").textContent()).toContain("API is down");
    expect(await page.getByText("No messages yet").isVisible()).toBe(false);

    await page.getByRole("button", { name: "Try again" }).click();
    // Until the request is answered: a recovery before that would be this retry's, and leave no button.
    await page.locator("#retry:not([aria-disabled])").waitFor();
    expect(await alert.isVisible()).toBe(true);
    board.mode = "up";
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("there", { exact: true }).waitFor();
    expect(await alert.isVisible()).toBe(false);
    expect(await page.locator("#status").textContent()).toContain("Answered by AWS");
    expect(await page.locator(":focus").getAttribute("id")).toBe("refresh");
  });

  test("says that the API cannot be reached, and keeps its content", async () => {
    board.add("there");
    await open();
    await page.route("**/api/**", (route) => route.abort("connectionrefused"));
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("It cannot be reached.").waitFor();
    expect(await contents()).toEqual(["there"]);
  });

  test("loads older messages until there are none", async () => {
    for (let number = 1; number <= 45; number++) board.add(`message ${number}`);
    await open();
    const older = page.getByRole("button", { name: "Older messages" });
    expect(await page.locator(".message").count()).toBe(20);
    await older.click();
    await page.locator(".message").nth(39).waitFor();
    expect(await page.locator(":focus").getAttribute("id")).toBe("older");
    await older.click();
    await page.locator(".message").nth(44).waitFor();
    expect(await older.isVisible()).toBe(false);
    expect(await page.locator(":focus .content").textContent()).toBe("message 5");
    expect(await contents()).toEqual(Array.from({ length: 45 }, (_, index) => `message ${45 - index}`));
  });

  test("follows no link to another site", async () => {
    await open();
    await page.route("**/api/messages/", (route) =>
      route.fulfill({ json: [], headers: { Link: '<https://elsewhere.example/api/>; rel="next"' } }),
    );
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.locator("#board[aria-busy=false]").waitFor();
    expect(await page.getByRole("button", { name: "Older messages" }).isVisible()).toBe(false);
  });

  test("can be used with only the keyboard", async () => {
    await open();
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").getAttribute("id")).toBe("author");
    await page.keyboard.type("Ada");
    await page.keyboard.press("Tab");
    await page.keyboard.type("one");
    await page.keyboard.press("Control+Enter");
    await page.getByText("one", { exact: true }).waitFor();
    expect(await page.locator(":focus").getAttribute("id")).toBe("content");
    await page.keyboard.type("two");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await page.keyboard.press("Enter");
    await page.getByText("two", { exact: true }).waitFor();
    expect(await contents()).toEqual(["two", "one"]);
  });

  test("counts characters as the API does", async () => {
    await open();
    await write("Ada", "🎉".repeat(2001));
    expect(await page.locator("#content-count[data-over]").textContent()).toBe("2001 of 2000");
  });

  test.each([390, 768, 1280])("fits a window of %i pixels, with very long words", async (width) => {
    board.add("x".repeat(2000), "y".repeat(80));
    board.add("short");
    board.mode = "store failed";
    await open({ viewport: { width, height: 800 } });
    const overflow = () => page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    expect(await overflow()).toBe(0);
    board.mode = "up";
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".message").nth(1).waitFor();
    expect(await overflow()).toBe(0);
  });

  test.each(["light", "dark"] as const)("has enough contrast in the %s colours", async (colorScheme) => {
    board.add("a message");
    await open({ colorScheme });
    expect(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")).toBe(
      colorScheme === "dark" ? "rgb(16, 16, 22)" : "rgb(246, 246, 249)",
    );
    board.refusal = { status: 422, detail: [{ loc: ["body", "content"], msg: "x", type: "missing" }] };
    await write("Ada", "x".repeat(2001));
    await postButton().click();
    await page.locator("#content[aria-invalid=true]").waitFor();
    for (const provider of ["aws", "azure", "gcp", ""]) {
      await page.evaluate(`document.documentElement.dataset.provider = "${provider}"`);
      expect(await page.evaluate(contrastFailures)).toEqual([]);
    }
    board.mode = "store failed";
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("The API is down").waitFor();
    expect(await page.evaluate(contrastFailures)).toEqual([]);
  });
});
