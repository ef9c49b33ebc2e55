import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Range of ports to reserve for later: below the range from which systems assign ports (Linux: from 32768), since
 * another program could get one of those in the meantime.
 */
export const laterPorts = { first: 15_000, count: 17_000 } as const;

/**
 * A free port in {@link laterPorts}.
 *
 * @throws if a hundred attempts find none.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = laterPorts.first + randomInt(laterPorts.count);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${laterPorts.first} on is free on this machine`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, "127.0.0.1", () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
