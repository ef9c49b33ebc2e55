import { readFileSync } from "node:fs";
import path from "node:path";

/** The files of the console's page, and their media types. */
export const pageTypes = {
  "index.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.mjs": "text/javascript; charset=utf-8",
} as const;

/** The text of a file of the page. */
export function pageFile(name: keyof typeof pageTypes): string {
  return readFileSync(path.join(__dirname, "page", name), "utf8");
}
