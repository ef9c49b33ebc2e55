import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, test } from "vitest";
import { z } from "zod";

import { laterPorts } from "../../local/free-port";
import { CloudProvider } from "../../local/provider";
import { ResourceStore } from "../../local/store";

const folder = mkdtempSync(path.join(tmpdir(), "free-port-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("a resource's address has a port that the system does not assign to others before the resource serves", async () => {
  const provider = new CloudProvider({
    version: "1.0.0",
    types: {
      "own:index:Server": {
        id: (_inputs, _context, name) => name,
        outputs: async (_draft, { freeAddress }) => ({ address: await freeAddress() }),
      },
    },
    store: new ResourceStore(folder),
    dataPlane: () => Promise.resolve({ types: {}, close: () => Promise.resolve() }),
    configuration: {},
  });
  for (let index = 0; index < 20; index += 1) {
    const urn = `urn:pulumi:staging::shop::own:index:Server::server-${index}`;
    const { properties } = await provider.create(urn, {});
    const [, port] = /^127\.0\.0\.1:(\d+)$/.exec(z.string().parse(properties.address)) ?? [];
    expect(Number(port)).toBeGreaterThanOrEqual(laterPorts.first);
    expect(Number(port)).toBeLessThan(32_768);
  }
});
