import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll } from "vitest";

/** A frontend of two files and a hidden one, which exists during the tests of the calling file. */
export function temporarySite(): { readonly directory: string } {
  const site = { directory: "" };
  beforeAll(() => {
    site.directory = mkdtempSync(path.join(tmpdir(), "site-"));
    for (const file of ["index.html", "app.js", ".hidden"]) writeFileSync(path.join(site.directory, file), file);
  });
  afterAll(() => {
    rmSync(site.directory, { recursive: true });
  });
  return site;
}
