import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { instance } from "@viz-js/viz";
import { expect, test } from "vitest";

const folder = path.join(__dirname, "..", "docs", "diagrams");
const sources = readdirSync(folder).filter((name) => name.endsWith(".dot"));

/** Colours of both schemes: the reader's browser chooses one, even if the picture is in a page of another site. */
const style = `<style>
  text { font-family: Helvetica, Arial, sans-serif; fill: #1f2328 }
  .node polygon, .node path { fill: #f6f8fa; stroke: #59636e }
  .own polygon, .own path { fill: #ddf4ff; stroke: #0969da }
  .bad polygon, .bad path { fill: #ffebe9; stroke: #cf222e }
  .cluster polygon, .cluster path { fill: none; stroke: #d1d9e0 }
  .edge path { fill: none; stroke: #59636e }
  .edge polygon { fill: #59636e; stroke: #59636e }
  .edge text, .cluster text { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .node polygon, .node path { fill: #151b23; stroke: #9198a1 }
    .own polygon, .own path { fill: #0c2d6b; stroke: #4493f8 }
    .bad polygon, .bad path { fill: #490202; stroke: #f85149 }
    .cluster polygon, .cluster path { stroke: #3d444d }
    .edge path { stroke: #9198a1 }
    .edge polygon { fill: #9198a1; stroke: #9198a1 }
    .edge text, .cluster text { fill: #9198a1 }
  }
</style>`;

const defaults = {
  graphAttributes: { bgcolor: "transparent", fontname: "Helvetica", fontsize: 12, pad: 0.15 },
  nodeAttributes: {
    shape: "box",
    style: "rounded",
    fontname: "Helvetica",
    fontsize: 11,
    height: 0.35,
    margin: "0.22,0.07",
  },
  edgeAttributes: { fontname: "Helvetica", fontsize: 9, arrowsize: 0.6 },
};

/** A diagram as a picture, with colours by class instead of attributes. */
async function render(source: string): Promise<string> {
  const svg = (await instance()).renderString(source, { format: "svg", ...defaults });
  return svg
    .slice(svg.indexOf("<svg"))
    .replace(/<!--[^]*?-->\n/g, "")
    .replace(/ (?:fill|stroke|font-family)="[^"]*"/g, "")
    .replace(/(<svg[^>]*>)/, `$1\n${style}`);
}

test.each(sources)("the picture of %s matches its source (`npm run diagrams` writes it)", async (name) => {
  const source = readFileSync(path.join(folder, name), "utf8");
  await expect(await render(source)).toMatchFileSnapshot(path.join(folder, name.replace(".dot", ".svg")));
});
