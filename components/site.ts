import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { contentType } from "mime-types";

/** One file of the frontend, as every cloud's storage takes it. */
export interface SiteFile {
  /** Its path below the site's root, with slashes: the object's key. */
  readonly key: string;
  /** Absolute path on this machine. */
  readonly path: string;
  /** What is uploaded in the place of the file, which names other files by their names here. */
  readonly text?: string;
  readonly contentType: string;
  readonly cacheControl: string;
  /** Whether it names the others, and so comes last. */
  readonly isPage: boolean;
}

/** A file whose name stays when its content changes: every cache asks whether its copy is current. */
export const currentCacheControl = "no-cache";

/** A file whose name has a hash of its content: kept for a year, the longest that HTTP caches are asked for. */
export const immutableCacheControl = "public, max-age=31536000, immutable";

/** Hexadecimal digits of the hash in a name, between two dots before its extension. */
const hashDigits = 12;

/** Names with a hash, as a regular expression. */
export const hashedNames = `\\.[0-9a-f]{${hashDigits}}\\.`;

/** What is uploaded. */
export function siteAsset({ path: file, text }: SiteFile): pulumi.asset.Asset {
  return text === undefined ? new pulumi.asset.FileAsset(file) : new pulumi.asset.StringAsset(text);
}

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
 * What pages and style sheets load by its literal name is there twice: under a name with its content's hash, which they are
 * rewritten to ask for, and under its own, for whatever asks for that. So a page always gets the files of its own release.
 *
 * @throws where `directory` has no `index.html`.
 */
export function siteFiles(directory: string): SiteFile[] {
  if (!existsSync(path.join(directory, "index.html"))) {
    throw new Error(`frontend: no index.html in ${directory}; pass the folder that holds the built site`);
  }
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ path: file, key: path.relative(directory, file).split(path.sep).join("/") }))
    .filter(({ key }) => !key.split("/").some((part) => part.startsWith(".")))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return rewritten(files);
}

interface Found {
  readonly key: string;
  readonly path: string;
}

/** A tag of a page that loads a file, and the attribute that names it; links of the reader's keep their names. */
const loading = /<(?:script|link|img|source|video|audio)\b[^>]*>/gi;
const attribute = /(\s(?:src|href|poster)\s*=\s*)(["'])([^"']+)\2/gi;
const url = /(url\(\s*)(["']?)([^"')]+)\2(?=\s*\))/gi;

const extensionOf = (key: string) => path.posix.extname(key).toLowerCase();
const isPage = (key: string) => extensionOf(key) === ".html";
const isScript = (key: string) => [".js", ".mjs"].includes(extensionOf(key));
const isStyle = (key: string) => extensionOf(key) === ".css";

function rewritten(files: readonly Found[]): SiteFile[] {
  const text = new Map(
    files
      .filter(({ key }) => isPage(key) || isScript(key) || isStyle(key))
      .map((file) => [file.key, readFileSync(file.path, "utf8")] as const),
  );
  // A module that another one imports by its own name would run twice, once under each.
  const scripts = [...text].filter(([key]) => isScript(key));
  const isNamed = (key: string) =>
    scripts.some(([other, script]) => other !== key && script.includes(path.posix.basename(key)));
  const hashed = new Map<string, { readonly key: string; readonly text?: string }>();
  const nameOf = (from: string, reference: string) => hashed.get(keyOf(from, reference))?.key;

  const loaded = new Set(
    [...text].flatMap(([key, content]) =>
      isScript(key) ? [] : referencesIn(key, content).map((ref) => keyOf(key, ref)),
    ),
  );
  const assets = files.filter(({ key }) => loaded.has(key) && !isPage(key) && !isNamed(key));
  for (const { key, path: file } of assets.filter((asset) => !isStyle(asset.key))) {
    hashed.set(key, { key: withHash(key, readFileSync(file)) });
  }
  // After the files that they name; those among them that name each other keep their names for that.
  for (const { key } of assets.filter((asset) => isStyle(asset.key))) {
    const content = renamed(key, text.get(key) ?? "", nameOf);
    hashed.set(key, { key: withHash(key, content), text: content });
  }
  return files.flatMap((file): SiteFile[] => {
    const common = { path: file.path, contentType: contentType(path.basename(file.key)) || "application/octet-stream" };
    const content = text.get(file.key);
    const page = isPage(file.key) && content !== undefined ? { text: renamed(file.key, content, nameOf) } : {};
    const own = { ...common, ...page, key: file.key, cacheControl: currentCacheControl, isPage: isPage(file.key) };
    const twin = hashed.get(file.key);
    return twin === undefined
      ? [own]
      : [{ ...common, ...twin, cacheControl: immutableCacheControl, isPage: false }, own];
  });
}

/** The same page under a name with its content's hash, where a CDN can be told of another name at once. */
export function hashedPage({ key, path: file, text }: SiteFile): string {
  return withHash(key, text ?? readFileSync(file));
}

function withHash(key: string, content: string | Buffer): string {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, hashDigits);
  const extension = path.posix.extname(key);
  return `${key.slice(0, key.length - extension.length)}.${hash}${extension}`;
}

/** The key that a file's reference names; of another host, or with a query, none. */
function keyOf(from: string, reference: string): string {
  if (/^[a-z][a-z0-9+.-]*:|^\/\/|[?#]/i.test(reference)) return "";
  return reference.startsWith("/") ? reference.slice(1) : path.posix.join(path.posix.dirname(from), reference);
}

function referencesIn(key: string, content: string): string[] {
  const found: string[] = [];
  renamed(key, content, (_, reference) => {
    found.push(reference);
    return undefined;
  });
  return found;
}

/** A page or a style sheet with the references to files that have another name. */
function renamed(
  key: string,
  content: string,
  nameOf: (from: string, reference: string) => string | undefined,
): string {
  const replace = (whole: string, before: string, quote: string, reference: string) => {
    const name = nameOf(key, reference);
    return name === undefined ? whole : `${before}${quote}${sameForm(reference, name)}${quote}`;
  };
  if (isStyle(key)) return content.replace(url, replace);
  // What has to have a given hash is loaded as it is.
  return content.replace(loading, (tag) => (/\sintegrity\s*=/i.test(tag) ? tag : tag.replace(attribute, replace)));
}

/** A reference to a file in the same folder under another name, relative where it was. */
const sameForm = (reference: string, name: string) =>
  reference.slice(0, reference.lastIndexOf("/") + 1) + path.posix.basename(name);
