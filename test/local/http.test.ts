import { afterEach, expect, it, vi } from "vitest";

import { forward, type HttpHandler, HttpTimeoutError, type Listener, listen, response } from "../../local/http";

const open: Listener[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(open.splice(0).map((listener) => listener.close()));
});

async function serve(handler: HttpHandler, options: Parameters<typeof listen>[1] = {}): Promise<string> {
  const listener = await listen(handler, options);
  open.push(listener);
  return `127.0.0.1:${listener.port}`;
}

const echo: HttpHandler = ({ method, target, headers, body }) =>
  Promise.resolve(
    response(200, { method, target, headers, body: body.toString() }, [
      ["X-Twice", "1"],
      ["X-Twice", "2"],
    ]),
  );

it("names the process that uses the port", async () => {
  const [, port = ""] = (await serve(echo)).split(":");
  // Only on Linux the message names the process.
  const owner = process.platform === "linux" ? `.* \\(process ${process.pid}\\)` : "another program";
  await expect(listen(echo, { port: Number(port) })).rejects.toThrow(
    new RegExp(`^port ${port} of 127\\.0\\.0\\.1 is in use by ${owner}; end it, then run this again$`),
  );
});

it("passes requests on unchanged, also through a proxy", async () => {
  const origin = await serve(echo);
  const proxy = await serve((request) => forward(origin, request, 1_000));
  const answer = await fetch(`http://${proxy}/a%2Fb//c?x=1&x=%20`, {
    method: "PUT",
    body: "ü",
    headers: { "X-Custom": "v" },
  });
  expect(answer.headers.get("x-twice")).toBe("1, 2");
  expect(await answer.json()).toMatchObject({ method: "PUT", target: "/a%2Fb//c?x=1&x=%20", body: "ü" });
});

it("answers HEAD with the length of the response to GET", async () => {
  const origin = await serve(() => Promise.resolve(response(200, "12345")));
  const proxy = await serve((request) => forward(origin, request, 1_000));
  for (const host of [origin, proxy]) {
    const answer = await fetch(`http://${host}/`, { method: "HEAD" });
    expect([answer.headers.get("content-length"), await answer.text()]).toEqual(["5", ""]);
  }
});

it("rejects only a body above the limit", async () => {
  const tooLarge = response(413, { message: "too large" });
  const host = await serve(echo, { bodyLimit: 10, tooLarge });
  const statuses = await Promise.all(
    [10, 11].map(
      async (length) => (await fetch(`http://${host}/`, { method: "POST", body: "x".repeat(length) })).status,
    ),
  );
  expect(statuses).toEqual([200, 413]);
});

it("prints the error of a handler, and continues", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
  let fails = true;
  const host = await serve((request) => {
    if (!fails) return echo(request);
    fails = false;
    return Promise.reject(new Error("there is no such thing on this machine"));
  });
  const answer = await fetch(`http://${host}/`);
  expect([answer.status, await answer.text()]).toEqual([500, "Error: there is no such thing on this machine"]);
  expect(said).toHaveBeenCalledOnce();
  expect((await fetch(`http://${host}/`)).status).toBe(200);
});

it("names a port that is in use", async () => {
  const port = Number((await serve(echo)).split(":")[1]);
  await expect(listen(echo, { port })).rejects.toThrow(`port ${port} of 127.0.0.1 is in use`);
});

it("gives up on an origin that does not answer", async () => {
  const origin = await serve(() => new Promise(() => undefined));
  const request = { method: "GET", target: "/", headers: [["Host", origin]] as const, body: Buffer.alloc(0) };
  await expect(forward(origin, request, 50)).rejects.toThrow(HttpTimeoutError);
});
