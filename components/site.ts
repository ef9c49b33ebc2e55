import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { contentType } from "mime-types";

/** A file of the frontend, for any cloud's storage. */
export interface SiteFile {
  /** Its path below the site's root, with slashes: the object's key. */
  readonly key: string;
  /** Absolute path on this machine. */
  readonly path: string;
  /** Text that is uploaded instead of the file, with references to the new names of other files. */
  readonly text?: string;
  readonly contentType: string;
  readonly cacheControl: string;
  /** Whether it refers to the others, and is therefore uploaded last. */
  readonly isPage: boolean;
}

/** For a file with a fixed name: every cache has to revalidate its copy. */
export const currentCacheControl = "no-cache";

/** For a file with a hash in its name: cached for a year, the longest time that HTTP recommends. */
export const immutableCacheControl = "public, max-age=31536000, immutable";

/** Hexadecimal digits of the hash in a name, between two dots before its extension. */
const hashDigits = 12;

/** Names with a hash, as a regular expression. */
export const hashedNames = `\\.[0-9a-f]{${hashDigits}}\\.`;

/** The asset to upload. */
export function siteAsset({ path: file, text }: SiteFile): pulumi.asset.Asset {
  return text === undefined ? new pulumi.asset.FileAsset(file) : new pulumi.asset.StringAsset(text);
}

/** What the frontend's pages may load: their own files and their API. Every cloud's CDN sets it on every response. */
export const contentSecurityPolicy =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/** Headers of every response of site and API; AWS has a property for each instead. */
export const securityHeaders = {
  "Content-Security-Policy": contentSecurityPolicy,
  "Referrer-Policy": "same-origin",
  "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/**
 * Paths of a frontend's address that go to functions, the longest first, so that the first match is the most specific.
 * A function that answers everything gets `/api/*`: all other paths belong to the site.
 *
 * @param routes those of every function that answers requests.
 */
export function functionPaths(routes: readonly string[]): string[] {
  const paths = new Set(routes.map((route) => (route === "/*" ? "/api/*" : route)));
  return [...paths].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
}

/**
 * The files of a frontend, sorted; hidden files are left out.
 *
 * Files that pages and style sheets load by a literal name are uploaded twice: under a name with their content's hash,
 * to which the references are rewritten, and under their own name. So a page always gets the files of its own release.
 *
 * @throws if `directory` has no `index.html`.
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

/** A tag that loads a file, with the attribute that names it; links keep their names. */
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
  // A module that another module imports by its own name would run twice, once under each name.
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
  // After the files that they refer to; style sheets that refer to each other keep their names.
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

/** The page under a name with its content's hash, for a CDN that can be told the new name at once. */
export function hashedPage({ key, path: file, text }: SiteFile): string {
  return withHash(key, text ?? readFileSync(file));
}

function withHash(key: string, content: string | Buffer): string {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, hashDigits);
  const extension = path.posix.extname(key);
  return `${key.slice(0, key.length - extension.length)}.${hash}${extension}`;
}

/** The key of a referenced file; none for another host or a query. */
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

/** A page or a style sheet with rewritten references. */
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
  // A file with an integrity hash is loaded unchanged.
  return content.replace(loading, (tag) => (/\sintegrity\s*=/i.test(tag) ? tag : tag.replace(attribute, replace)));
}

/** A reference to a renamed file in the same folder, relative if it was. */
const sameForm = (reference: string, name: string) =>
  reference.slice(0, reference.lastIndexOf("/") + 1) + path.posix.basename(name);
