import { existsSync } from "node:fs";

import { type Browser, chromium } from "playwright-core";

const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const executablePath = candidates.find((path) => path !== undefined && existsSync(path));

/** Why pages cannot be tested on this machine; undefined if they can. */
export const noBrowser =
  executablePath === undefined
    ? "there is no Chromium here; install it (Debian: apt-get install chromium), or set CHROMIUM to its path"
    : undefined;

/** Starts headless Chromium, without its own background connections. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      // The API is local, whatever proxy the environment has.
      "--no-proxy-server",
    ],
  });
}
