import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import http from "node:http";
import path from "node:path";

import { nodeArguments, projectFolder } from "../../contract/form";
import { pageFile, pageTypes } from "../../operations/console/page";
import { project } from "../../operations/project";
import { bind, type Listener } from "../http";
import { isRequest, isShown, LogReader, readable } from "../log-reader";
import { consoleModel, stacksIn } from "./model";

const pages: Readonly<Record<string, keyof typeof pageTypes>> = {
  "/": "index.html",
  "/page.css": "page.css",
  "/page.mjs": "page.mjs",
};

/** Only the console's own files and no inline scripts, since logs contain text of others. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'";

/** Milliseconds between two reads of the logs and the engine's state, while a page is open. */
const interval = 200;

/** Log lines at the start of a page. */
const firstLines = 200;

/** Timeout of diagnose in milliseconds. */
const diagnoseLimit = 120_000;

/**
 * Serves the console of a state folder: the state of engine and local clouds, live requests and logs, and the findings
 * of diagnose.
 */
export function serveConsole(state: string): Promise<Listener> {
  const server = http.createServer((request, reply) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    answer(state, pathname, request, reply).catch((error: unknown) => {
      if (reply.headersSent) {
        reply.destroy();
        return;
      }
      reply.writeHead(500, { "Content-Type": "text/plain; charset=utf-8" });
      reply.end(error instanceof Error ? error.message : String(error));
    });
  });
  return bind(server);
}

async function answer(
  state: string,
  pathname: string,
  request: http.IncomingMessage,
  reply: http.ServerResponse,
): Promise<void> {
  // Against DNS rebinding: another site's host name may resolve to this address.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? "")) {
    reply.writeHead(421).end();
    return;
  }
  const page = pages[pathname];
  if (page !== undefined) {
    const type = pageTypes[page];
    reply.writeHead(200, { "Content-Type": type, "Content-Security-Policy": policy, "Cache-Control": "no-store" });
    reply.end(pageFile(page));
    return;
  }
  const [stack] = stacksIn(state);
  if (pathname === "/events") {
    stream(state, request, reply);
  } else if (pathname === "/state") {
    json(
      reply,
      stack === undefined
        ? { project, stack: "", clouds: [], releases: [], packed: [] }
        : await consoleModel(state, stack),
    );
  } else if (pathname === "/diagnose") {
    json(reply, stack === undefined ? {} : JSON.parse(await diagnosed(state, stack)));
  } else {
    reply.writeHead(404).end();
  }
}

function json(reply: http.ServerResponse, value: unknown): void {
  reply.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  reply.end(JSON.stringify(value));
}

/** Server-sent events: log lines, and changes of the engine's state. */
function stream(state: string, request: http.IncomingMessage, reply: http.ServerResponse): void {
  reply.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const send = (event: string, data: unknown) => reply.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const reader = new LogReader(state);
  const lines = () =>
    reader
      .next()
      .filter(isShown)
      .map((event) => ({
        at: event.timestamp,
        cloud: event.cloud,
        request: isRequest(event),
        log: event.log.split("/").at(-1) ?? "",
        text: readable(event.message),
      }));
  send("lines", lines().slice(-firstLines));
  let version = versionOf(state);
  const timer = setInterval(() => {
    try {
      const next = lines();
      if (next.length > 0) send("lines", next);
      const now = versionOf(state);
      if (now !== version) send("changed", {});
      version = now;
    } catch {
      // Other processes write and delete these files at the same time; the next read succeeds.
    }
  }, interval);
  request.on("close", () => {
    clearInterval(timer);
  });
}

/** Changes with the engine's state. */
function versionOf(state: string): string {
  const stacks = path.join(state, "engine", ".pulumi", "stacks", project);
  return stacksIn(state)
    .map((stack) => `${stack} ${statSync(path.join(stacks, `${stack}.json`)).mtimeMs}`)
    .join(" ");
}

let running: Promise<string> | undefined;

/** The findings of `diagnose`, in JSON. Concurrent requests share one run. */
function diagnosed(state: string, stack: string): Promise<string> {
  return (running ??= diagnose(state, stack).finally(() => (running = undefined)));
}

function diagnose(state: string, stack: string): Promise<string> {
  const child = spawn(
    process.execPath,
    [
      ...nodeArguments(path.join(__dirname, "..", "..", "cli", "local")),
      ...["--state", state, "--stack", stack, "diagnose", "--json"],
    ],
    { cwd: projectFolder, stdio: ["ignore", "pipe", "pipe"], timeout: diagnoseLimit },
  );
  const written = { stdout: "", stderr: "" };
  for (const output of ["stdout", "stderr"] as const) {
    child[output].setEncoding("utf8").on("data", (text: string) => (written[output] += text));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", () => {
      if (written.stdout.startsWith("{")) resolve(written.stdout);
      else reject(new Error(written.stderr.trim()));
    });
  });
}
