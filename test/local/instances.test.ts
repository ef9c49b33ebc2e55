import { writeFileSync } from "node:fs";
import path from "node:path";

import { afterEach, expect, it, vi } from "vitest";

import { Instances } from "../../local/instances";
import { temporaryDirectory } from "./resources";

const server = `
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
        if self.path == "/end":
            self.wfile.flush()
            os._exit(0)

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
`;
const broken = "raise SystemExit('no such module')";

const instances = new Instances();
afterEach(() => instances.close());

/** Address of the function, in a configuration whose server runs this script. */
const origin = (configuration: string, script = server, until: Promise<unknown> = Promise.resolve()) =>
  instances.origin("api", configuration, async (port) => {
    await until;
    const directory = temporaryDirectory();
    const program = path.join(directory, "server.py");
    writeFileSync(program, script);
    const args = [String(port), configuration];
    const environment = { PATH: process.env.PATH ?? "" };
    return { python: "python3", program, args, environment, directory, onLine: () => undefined };
  });
const get = async (host: string, target = "/") => (await fetch(`http://${host}${target}`)).text();

it("continues to serve if a replacement does not start, and leaves no process behind", async () => {
  const first = await origin("v1");
  await expect(origin("v2", broken)).rejects.toThrow("no such module");
  expect(await get(first)).toBe("v1");
  expect(await origin("v1")).toBe(first);

  await instances.close();
  await expect(get(first)).rejects.toThrow();
});

it("replaces the serving process, and stops it", async () => {
  const first = await origin("v1");
  expect(await get(await origin("v2"))).toBe("v2");
  await expect(get(first)).rejects.toThrow();
});

it("stops the serving process even while its replacement starts", async () => {
  const first = await origin("v1");
  let start: () => void = () => undefined;
  const replacing = origin("v2", broken, new Promise<void>((resolve) => (start = resolve)));
  const closed = instances.close();
  start();
  await expect(replacing).rejects.toThrow("no such module");
  await closed;
  await expect(get(first)).rejects.toThrow();
});

it("restarts a process that ended while its replacement failed to start", async () => {
  const first = await origin("v1");
  let start: () => void = () => undefined;
  const replacing = origin("v2", broken, new Promise<void>((resolve) => (start = resolve)));
  await get(first, "/end");
  await vi.waitFor(() => expect(get(first)).rejects.toThrow());
  start();
  await expect(replacing).rejects.toThrow("no such module");
  await vi.waitFor(async () => {
    expect(await get(await origin("v1"))).toBe("v1");
  });
});
