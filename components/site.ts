import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

import { contentType } from "mime-types";

/** One file of the frontend, as every cloud's storage takes it. */
export interface SiteFile {
  /** Its path below the site's root, with slashes: the object's key. */
  readonly key: string;
  /** Absolute path on this machine. */
  readonly path: string;
  readonly contentType: string;
}

/**
 * File names here carry no hash of their content, so every cache asks whether its copy is current, which an answer of 304
 * says in few bytes. Front Door alone holds a copy for a minute, in which a page may run with the script of another release.
 */
export const siteCacheControl = "no-cache";

/**
 * What the frontend's pages may load: themselves and their own API. Set on every response by each cloud's CDN.
 */
export const contentSecurityPolicy =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/** Headers of every response, site and API alike; AWS has a property for each instead. */
export const securityHeaders = {
  "Content-Security-Policy": contentSecurityPolicy,
  "Referrer-Policy": "same-origin",
  "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/**
 * Paths of a frontend's address that go to functions, the longest first, so that the first match is the most exact. A
 * function that answers everything gets `/api/*`: all else is the site.
 *
 * @param routes those of every function that answers requests.
 */
export function functionPaths(routes: readonly string[]): string[] {
  const paths = new Set(routes.map((route) => (route === "/*" ? "/api/*" : route)));
  return [...paths].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
}

/**
 * The files of a frontend, in an order that no file system changes; hidden files are left out.
 *
 * @throws where `directory` has no `index.html`.
 */
export function siteFiles(directory: string): SiteFile[] {
  if (!existsSync(path.join(directory, "index.html"))) {
    throw new Error(`frontend: no index.html in ${directory}; pass the folder that holds the built site`);
  }
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ file, key: path.relative(directory, file).split(path.sep).join("/") }))
    .filter(({ key }) => !key.split("/").some((part) => part.startsWith(".")))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ file, key }) => ({
      key,
      path: file,
      contentType: contentType(path.basename(key)) || "application/octet-stream",
    }));
}
