import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { serveConsole } from "../../local/console/server";
import { Logs } from "../../local/logs";
import { temporaryDirectory } from "./resources";

test("a temporary read error ends neither the page's events nor the cloud", async () => {
  const state = temporaryDirectory();
  const listener = await serveConsole(state);
  const ended = new AbortController();
  try {
    const answer = await fetch(`http://127.0.0.1:${listener.port}/events`, { signal: ended.signal });
    const reader = answer.body?.getReader();
    const next = async () => new TextDecoder().decode((await reader?.read())?.value as Uint8Array | undefined);
    expect(await next()).toContain("event: lines");
    // A folder cannot be read as a log.
    mkdirSync(path.join(state, "aws", "logs", "folder.jsonl"), { recursive: true });
    writeFileSync(path.join(state, "aws", "logs", "broken.jsonl"), "{no JSON}\n");
    new Logs(path.join(state, "gcp", "logs")).append("api", "1", "goes on");
    expect((await fetch(`http://127.0.0.1:${listener.port}/page.css`)).status).toBe(200);
  } finally {
    ended.abort();
    await listener.close();
  }
});
