import { createHash } from "node:crypto";

import { UnansweredError } from "../unanswered-error";
import type { InspectedStack } from "../diagnose/stack";
import { findingsOf, latencyText, layersText, type Report, verdict } from "../diagnose/report";
import { listReleases, type ReleaseSource } from "../releases/releases";
import { withoutSecrets } from "../stack-state";
import { type ConsoleModel, consoleRelease, consoleUpdate, graphsOf } from "./model";
import { packedIn } from "./packed";
import { pageFile } from "./page";
import { vendorLinks } from "./vendor-links";

/**
 * The console's data about a stack anywhere: a report of `diagnose`, the stack's state and releases. What cannot be read
 * is absent, with its reason.
 *
 * @param isLive whether the stack is on the real clouds, whose web consoles have its resources.
 */
export async function inspectedModel(
  report: Report,
  stack: Pick<InspectedStack, "resources" | "lastUpdate">,
  releases: () => Promise<ReleaseSource>,
  { isLive }: { readonly isLive: boolean },
): Promise<ConsoleModel> {
  let source: Promise<ReleaseSource> | undefined;
  const [state, update, ...kept] = await Promise.all([
    attempted(stack.resources()),
    attempted(stack.lastUpdate()),
    // Each by itself: the caller may be signed in to one of the clouds only.
    ...report.clouds.map(({ cloud }) => attempted((source ??= releases()).then((found) => listReleases(found, cloud)))),
  ]);
  const resources = (state.value ?? []).map(withoutSecrets);
  const packed = await packedIn(resources);
  const graphs = graphsOf(resources);
  const without = report.clouds.map(({ cloud }) => cloud).filter((cloud) => graphs[cloud] === undefined);
  const graph =
    state.reason === undefined
      ? `The stack's state has no component ${without.join(", ")}, so there is no graph of it.`
      : `Without a graph: the stack's state could not be read: ${state.reason}`;
  return {
    project: report.project,
    stack: report.stack,
    clouds: report.clouds.map((each) => ({
      ...each,
      graph: graphs[each.cloud],
      facts: [
        ["Function", each.functionName],
        ["Layers", layersText(each)],
        ["Latency", latencyText(each, report.results)],
      ],
    })),
    releases: kept
      .flatMap(({ value = [] }) => value)
      .map(({ cloud, fn, ...release }) => consoleRelease(cloud, fn.name, release)),
    packed,
    lastUpdate: update.value === undefined ? undefined : consoleUpdate(update.value, resources),
    links: isLive ? vendorLinks(resources) : undefined,
    missing: {
      graph: without.length === 0 ? undefined : graph,
      changes: [state, update].flatMap(({ reason }) => reason ?? [])[0],
      releases: [...new Set(kept.flatMap(({ reason }) => reason ?? []))].join("\n") || undefined,
      packed:
        packed.length > 0 ? undefined : (state.reason ?? "The archives that it deployed are not on this machine."),
    },
  };
}

interface Attempt<T> {
  readonly value?: T;
  /** Why there is no value. */
  readonly reason?: string;
}

async function attempted<T>(asked: Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await asked };
  } catch (error) {
    const next = error instanceof UnansweredError ? `; next: ${error.next}` : "";
    return { reason: `${error instanceof Error ? error.message : String(error)}${next}` };
  }
}

/** The console's page as one file: without requests and logs, and without access to any network. */
export function consoleDocument(model: ConsoleModel, report: Report): string {
  const told = findingsOf(report);
  const results = report.results.map((result) => ({
    ...result,
    findings: told.filter((each) => each.result === result).map(({ finding }) => finding),
  }));
  const [style, script] = [pageFile("page.css"), pageFile("page.mjs")];
  const policy = `default-src 'none'; style-src '${digest(style)}'; script-src '${digest(script)}'; base-uri 'none'`;
  const title = `${report.project}, ${report.stack}: ${verdict(report)}`;
  // In JSON, `<` occurs in strings only: escaped, none of them ends the element.
  const data = JSON.stringify({ model, report: { ...report, results } }).replaceAll("<", "\\u003c");
  return pageFile("index.html")
    .replace(
      /<title>.*<\/title>/,
      () => `<meta http-equiv="Content-Security-Policy" content="${policy}" />\n    <title>${escaped(title)}</title>`,
    )
    .replace(/<link rel="stylesheet".*\/>/, () => `<style>${style}</style>`)
    .replace(/<script .*<\/script>/, "")
    .replace(
      "</body>",
      () => `<script type="application/json" id="document">${data}</script>
    <script type="module">${script}</script>
  </body>`,
    );
}

function digest(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
