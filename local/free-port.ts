import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Ports for what listens later: below those that systems give to a program that asks for any (Linux from 32768 on), or another
 * program may have it by then.
 */
export const laterPorts = { first: 15_000, count: 17_000 } as const;

/**
 * A port of {@link laterPorts} that nothing listens on.
 *
 * @throws where none of a hundred is free.
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
