import { existsSync } from "node:fs";

import { type Browser, chromium } from "playwright-core";

const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const executablePath = candidates.find((path) => path !== undefined && existsSync(path));

/** Why pages cannot be tried on this machine; undefined where they can. */
export const noBrowser =
  executablePath === undefined
    ? "there is no Chromium here; install it (Debian: apt-get install chromium), or set CHROMIUM to its path"
    : undefined;

/** Starts Chromium without a window, and without the connections that it makes on its own account. */
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
      // The API is on this machine, whatever proxy the environment names.
      "--no-proxy-server",
    ],
  });
}
