import { serve, type ServerType } from "@hono/node-server";
import { Hono } from "hono";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { marker } from "../../../operations/pull-request/comment";
import { postComment, type PullRequest } from "../../../operations/pull-request/post";

/** GitHub's comments of one pull request, as its REST API returns them. */
let stored: { id: number; body: string; user: { type: string } }[] = [];
let server: ServerType;
let pullRequest: PullRequest;

beforeAll(async () => {
  const github = new Hono();
  github.use(async (c, next) =>
    c.req.header("authorization") === "Bearer t0ken" ? next() : c.json({ message: "Bad credentials" }, 401),
  );
  github.get("/repos/shop/app/issues/7/comments", (c) => {
    const page = Number(c.req.query("page"));
    const size = Number(c.req.query("per_page"));
    return c.json(stored.slice((page - 1) * size, page * size));
  });
  github.post("/repos/shop/app/issues/7/comments", async (c) => {
    const { body } = await c.req.json<{ body: string }>();
    stored.push({ id: stored.length + 1, body, user: { type: "Bot" } });
    return c.json({ id: stored.length }, 201);
  });
  github.patch("/repos/shop/app/issues/comments/:id", async (c) => {
    const { body } = await c.req.json<{ body: string }>();
    stored = stored.map((old) => (old.id === Number(c.req.param("id")) ? { ...old, body } : old));
    return c.json({});
  });
  const port = await new Promise<number>((resolve) => {
    server = serve({ fetch: github.fetch, hostname: "127.0.0.1", port: 0 }, (info) => {
      resolve(info.port);
    });
  });
  pullRequest = { api: `http://127.0.0.1:${port}`, repository: "shop/app", number: 7, token: "t0ken" };
});

afterAll(() => {
  server.close();
});

beforeEach(() => {
  stored = Array.from({ length: 130 }, (_, index) => ({
    id: index + 1,
    body: index === 0 ? `${marker("staging")} by somebody` : `a review that quotes ${marker("staging")}`,
    user: { type: "User" },
  }));
});

test("the first preview creates a comment, every later one updates it", async () => {
  const body = (text: string) => `${marker("staging")}\n\n${text}`;
  expect(await postComment(pullRequest, marker("staging"), body("first"))).toBe("created");
  expect(await postComment(pullRequest, marker("staging"), body("second"))).toBe("updated");
  expect(stored).toHaveLength(131);
  expect(stored.at(-1)?.body).toBe(body("second"));
});

test("another stack's comment is another comment", async () => {
  await postComment(pullRequest, marker("staging"), marker("staging"));
  expect(await postComment(pullRequest, marker("production"), marker("production"))).toBe("created");
  expect(stored).toHaveLength(132);
});

test("an error names GitHub's response and the permission that the job needs", async () => {
  await expect(postComment({ ...pullRequest, token: "wrong" }, marker("staging"), "x")).rejects.toThrow(
    /GitHub answered 401 .*Bad credentials.*pull-requests: write/,
  );
});
