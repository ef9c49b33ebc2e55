import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";

import { afterAll, describe, expect, it, vi } from "vitest";

import { proxyFor } from "../../layers/proxy";
import { withWheels } from "../../layers/wheel-store";
import type { PackageIndex } from "./package-index";
import { cached, useWorkspace } from "./workspace";

const workspace = useWorkspace();
const folder = mkdtempSync(path.join(tmpdir(), "fetch-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Fetches a wheel on the index by its address. */
async function fetchOne(name: string) {
  const [wheel] = workspace.index.publish({ name });
  if (wheel === undefined) throw new Error("nothing was published");
  const url = new URL(`${workspace.index.files}${wheel.filename}`, workspace.index.url).href;
  return withWheels(
    [{ ...wheel, url }],
    () => undefined,
    (_, content) => Promise.resolve(content.length),
  );
}

/** The headers of the requests to the index. */
function asked(): IncomingMessage[] {
  const requests: IncomingMessage[] = [];
  workspace.index.misbehave = (request) => {
    requests.push(request);
    return false;
  };
  return requests;
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

describe("a wheel is fetched", () => {
  it("with the user and password in the settings of a named index", async () => {
    vi.stubEnv("UV_DEFAULT_INDEX", undefined);
    vi.stubEnv("UV_INDEX", `our-own=${workspace.index.url}`);
    vi.stubEnv("UV_INDEX_OUR_OWN_USERNAME", "me");
    vi.stubEnv("UV_INDEX_OUR_OWN_PASSWORD", "s3:cret");
    const requests = asked();
    await fetchOne("named");
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([basic("me:s3:cret")]);
  });

  it.each([
    ["its host", "machine 127.0.0.1 login me password word\n"],
    ["any host", "machine elsewhere\n  login you\n  password other\n# a comment\ndefault login me password word\n"],
  ])("with the user and the password that .netrc has for %s", async (_, text) => {
    const file = path.join(folder, "netrc");
    writeFileSync(file, text);
    vi.stubEnv("NETRC", file);
    const requests = asked();
    await fetchOne("netrc");
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([basic("me:word")]);
  });

  it("through the proxy that the environment names", async () => {
    const tunnels: string[] = [];
    const proxy: Server = createServer().on("connect", (request, socket) => {
      tunnels.push(request.url ?? "");
      const { hostname, port } = new URL(`http://${request.url ?? ""}`);
      const target = connect(Number(port), hostname, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      for (const end of [target, socket]) end.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("NO_PROXY", undefined);
    vi.stubEnv("no_proxy", undefined);
    try {
      await fetchOne("proxied");
      expect(tunnels).toEqual([new URL(workspace.index.url).host]);
    } finally {
      proxy.close();
    }
  });

  it("after the time that a busy index asks to wait", async () => {
    let answered = 0;
    workspace.index.misbehave = (_, response) => {
      answered += 1;
      if (answered > 1) return false;
      response.writeHead(429, { "retry-after": "1" }).end();
      return true;
    };
    const before = Date.now();
    await fetchOne("busy");
    // Only a lower bound: the wait is as long as requested.
    expect(Date.now() - before).toBeGreaterThanOrEqual(1000);
    expect(answered).toBe(2);
  });
});

describe("a wheel is fetched from an index", () => {
  it("that declares it a web page, and compresses it once more", async () => {
    workspace.index.misbehave = (_, response, { content }) => {
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" }).end(gzipSync(content));
      return true;
    };
    expect(await fetchOne("disguised")).toEqual([expect.any(Number)]);
  });

  it("that sends its files from elsewhere", async () => {
    workspace.index.misbehave = (request, response) => {
      if (request.url?.endsWith("?moved")) return false;
      response.writeHead(302, { location: `${request.url ?? ""}?moved` }).end();
      return true;
    };
    expect(await fetchOne("moved")).toEqual([expect.any(Number)]);
  });
});

describe("a wheel is refused", () => {
  it.each<[string, PackageIndex["misbehave"], RegExp]>([
    [
      "redirects-in-circles",
      (request, response) => {
        response.writeHead(302, { location: request.url ?? "" }).end();
        return true;
      },
      /could not be fetched: .*redirect count exceeded/,
    ],
    [
      "resets",
      (_, response, { content }) => {
        response.writeHead(200, { "content-length": content.length });
        response.write(content.subarray(0, 100), () => response.socket?.resetAndDestroy());
        return true;
      },
      /could not be fetched: /,
    ],
    [
      "sends-a-login-page",
      (_, response) => {
        response.writeHead(200, { "content-type": "text/html" }).end("<html>Please log in</html>");
        return true;
      },
      /could not be fetched: its 26 bytes have sha256 [0-9a-f]{64}, the lock accepts/,
    ],
    [
      "trickles",
      (_, response) => {
        const timer = setInterval(() => response.write("x"), 20);
        response.on("close", () => {
          clearInterval(timer);
        });
        return true;
      },
      /could not be fetched: the index sent \d+ bytes in \d+ s, expected at least \d+/,
    ],
  ])("from an index that %s", async (name, misbehave, reason) => {
    // Longer than the pauses of a busy machine, in which the index sends nothing.
    vi.stubEnv("UV_HTTP_TIMEOUT", "0.5");
    workspace.index.misbehave = misbehave;
    await expect(fetchOne(name)).rejects.toThrow(reason);
    expect(await cached("wheels")).toEqual([]);
  });

  it("from an index that asks for a long wait, with a message", async () => {
    workspace.index.misbehave = (_, response) => {
      response.writeHead(503, { "retry-after": "3600" }).end();
      return true;
    };
    await expect(fetchOne("closed")).rejects.toThrow(
      /closed-1\.0.*could not be fetched: the index answered 503 .*asks to wait for 3600 s/,
    );
  });

  it("if an index sends endlessly more than it declared", async () => {
    let sent = 0;
    workspace.index.misbehave = (_, response) => {
      const more = () => {
        while (!response.destroyed && sent < 2 ** 28) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) {
            response.once("drain", more);
            return;
          }
        }
      };
      more();
      return true;
    };
    await expect(fetchOne("endless")).rejects.toThrow(
      /endless-1\.0.*could not be fetched: the index sends more than the \d+ bytes that the file has/,
    );
    expect(sent).toBeLessThan(2 ** 28);
  });
});

describe("the proxy of an address", () => {
  it.each([
    [{ HTTPS_PROXY: "http://p:1" }, "https://files.example.com/a", "http://p:1"],
    [{ HTTPS_PROXY: "p:1" }, "https://files.example.com/a", "http://p:1"],
    [{ HTTPS_PROXY: "http://p:1" }, "http://files.example.com/a", undefined],
    [{ ALL_PROXY: "http://p:1" }, "http://files.example.com/a", "http://p:1"],
    [{ ALL_PROXY: "http://p:1", NO_PROXY: "other.com, .example.com" }, "http://files.example.com/a", undefined],
    [{ ALL_PROXY: "http://p:1", NO_PROXY: "example.com" }, "http://myexample.com/a", "http://p:1"],
    [{ ALL_PROXY: "http://p:1", NO_PROXY: "*" }, "http://files.example.com/a", undefined],
    [{ HTTP_PROXY: "", ALL_PROXY: "" }, "http://files.example.com/a", undefined],
  ])("with %j is, for %s, %s", (settings, address, expected) => {
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]) {
      vi.stubEnv(name, undefined);
      vi.stubEnv(name.toLowerCase(), undefined);
    }
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
    expect(proxyFor(new URL(address))).toBe(expected);
  });
});
