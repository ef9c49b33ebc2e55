import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, expect, test } from "vitest";

import {
  currentCacheControl,
  hashedNames,
  immutableCacheControl,
  type SiteFile,
  siteFiles,
} from "../../components/site";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function site(files: Readonly<Record<string, string>>): SiteFile[] {
  const folder = mkdtempSync(path.join(tmpdir(), "site-"));
  folders.push(folder);
  for (const [key, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, key)), { recursive: true });
    writeFileSync(path.join(folder, key), content);
  }
  return siteFiles(folder);
}

const textOf = (files: readonly SiteFile[], key: string) => files.find((file) => file.key === key)?.text;
const hashed = (files: readonly SiteFile[]) =>
  files.filter(({ cacheControl }) => cacheControl === immutableCacheControl).map(({ key }) => key);
/** A key without its hash. */
const plain = (key: string) => key.replace(new RegExp(hashedNames), ".");

const page = `<!doctype html><link rel="stylesheet" href="/css/a.css"><img alt="" src='logo.svg'>
<script type="module" src="./app.js"></script><a href="/logo.svg">as it is</a>`;

test("a file that a page loads has a name with its hash, and its own name as well", () => {
  const files = site({
    "index.html": page,
    "app.js": "run()",
    "logo.svg": "<svg/>",
    "css/a.css": "@font-face{src:url('../f.woff2')} p{background:url(/logo.svg)}",
    "f.woff2": "font",
    "robots.txt": "",
  });
  const names = hashed(files);
  expect(names.map(plain).sort()).toEqual(["app.js", "css/a.css", "f.woff2", "logo.svg"]);
  expect(files.filter(({ key }) => !names.includes(key)).map(({ key, cacheControl }) => [key, cacheControl])).toEqual(
    ["app.js", "css/a.css", "f.woff2", "index.html", "logo.svg", "robots.txt"].map((key) => [key, currentCacheControl]),
  );
  const [app = "", style = "", font = "", logo = ""] = ["app.js", "css/a.css", "f.woff2", "logo.svg"].map((key) =>
    names.find((name) => plain(name) === key),
  );
  expect(textOf(files, "index.html")).toBe(
    page.replace("/css/a.css", `/${style}`).replace("'logo.svg'", `'${logo}'`).replace("./app.js", `./${app}`),
  );
  expect(textOf(files, style)).toBe(`@font-face{src:url('../${font}')} p{background:url(/${logo})}`);
});

test("other content changes the name, also in the page and style sheets that refer to it", () => {
  const before = site({
    "index.html": '<link rel="stylesheet" href="a.css">',
    "a.css": "p{background:url(b.png)}",
    "b.png": "1",
  });
  const after = site({
    "index.html": '<link rel="stylesheet" href="a.css">',
    "a.css": "p{background:url(b.png)}",
    "b.png": "2",
  });
  expect(hashed(before).filter((key) => hashed(after).includes(key))).toEqual([]);
  expect(textOf(before, "index.html")).not.toBe(textOf(after, "index.html"));
});

test.each<[string, Record<string, string>]>([
  [
    "a module that another one imports, which would run twice",
    { "index.html": '<script type="module" src="/a.js"></script>', "a.js": "", "b.js": 'import "./a.js"' },
  ],
  ["what has to have a given hash", { "index.html": '<script src="/a.js" integrity="sha384-x"></script>', "a.js": "" }],
  ["what is on another host", { "index.html": '<script src="https://cdn.example/a.js"></script>', "a.js": "" }],
  ["what is asked for with a query", { "index.html": '<script src="/a.js?v=1"></script>', "a.js": "" }],
  [
    "what a reader follows",
    { "index.html": '<a href="/a.js">source</a><link href="/other.html">', "a.js": "", "other.html": "" },
  ],
])("%s keeps its name", (_, files) => {
  const found = site(files);
  expect(hashed(found)).toEqual([]);
  expect(textOf(found, "index.html")).toBe(files["index.html"]);
});

test("pages are uploaded last", () => {
  const files = site({ "index.html": page, "about.html": "", "app.js": "" });
  expect(files.filter(({ isPage }) => isPage).map(({ key }) => key)).toEqual(["about.html", "index.html"]);
});
