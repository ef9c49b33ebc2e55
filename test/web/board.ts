import { readFileSync } from "node:fs";
import path from "node:path";

import { serve } from "@hono/node-server";
import { Hono } from "hono";

import { contentSecurityPolicy, siteFiles } from "../../components/site";

interface Message {
  readonly id: string;
  readonly content: string;
  readonly author: string;
  readonly created_at: string;
}

/** The API's behaviour: normal, a gateway error before it, without its table, or a site without it. */
type Mode = "up" | "gateway error" | "store failed" | "not the API";

/** The page and a fake of its API, at one local address. */
export class Board {
  mode: Mode = "up";
  /** Newest first. */
  messages: Message[] = [];
  /** The response to posting, instead of storing. */
  refusal: { status: 401 | 413 | 422; detail: unknown } | undefined;
  /** Requested paths. */
  readonly requests: string[] = [];
  address = "";
  #close = () => {
    /* Not started. */
  };

  async start(): Promise<this> {
    const app = new Hono();
    app.use(async (context, next) => {
      this.requests.push(new URL(context.req.url).pathname);
      await next();
      context.header("Content-Security-Policy", contentSecurityPolicy);
    });
    app.use("/api/*", async (context, next) => {
      switch (this.mode) {
        case "gateway error":
          return context.json({ message: "Internal Server Error" }, 500);
        case "store failed":
          return context.json({ detail: "messages are unavailable at the moment" }, 503, {
            "X-Request-Id": "request-1",
          });
        case "not the API":
          return context.html("<h1>A page</h1>");
        case "up":
          return next();
      }
    });
    app.get("/api/", (context) => context.json({ status: "ok", provider: "aws", version: "3.0.0" }));
    app.get("/api/messages/", (context) => {
      const from = Number(context.req.query("cursor") ?? 0);
      const next = from + 20;
      if (next < this.messages.length) context.header("Link", `</api/messages/?limit=20&cursor=${next}>; rel="next"`);
      return context.json(this.messages.slice(from, next));
    });
    app.post("/api/messages/", async (context) => {
      if (this.refusal) return context.json({ detail: this.refusal.detail }, this.refusal.status);
      const { content, author } = await context.req.json<{ content: string; author: string }>();
      const message = this.add(content, author);
      return context.json(message, 201);
    });
    for (const file of siteFiles(path.join(__dirname, "..", "..", "application", "web"))) {
      const route = file.key === "index.html" ? "/" : `/${file.key}`;
      app.get(route, (context) => context.body(readFileSync(file.path), 200, { "Content-Type": file.contentType }));
    }

    await new Promise<void>((resolve) => {
      const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
        this.address = `http://127.0.0.1:${port}`;
        resolve();
      });
      this.#close = () => {
        server.close();
        if ("closeAllConnections" in server) server.closeAllConnections();
      };
    });
    return this;
  }

  add(content: string, author = "Ada", minutesAgo = 0): Message {
    const created_at = new Date(Date.now() - minutesAgo * 60_000).toISOString();
    const message = { id: `${this.messages.length}`, content, author, created_at };
    this.messages.unshift(message);
    return message;
  }

  stop(): void {
    this.#close();
  }
}
