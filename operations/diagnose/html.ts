import {
  type CheckResult,
  type CloudSummary,
  type Finding,
  findingsOf,
  latencyText,
  layersText,
  type Report,
  titleOf,
  verdict,
} from "./report";

const statuses: Readonly<Record<CheckResult["status"], string>> = {
  passed: "ok",
  failed: "failed",
  unknown: "unknown",
};

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** HTML that is already escaped. */
class Html {
  constructor(readonly text: string) {}
}

type Value = string | number | Html | undefined | readonly Value[];

function rendered(value: Value): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(rendered).join("");
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A template whose values are text, except those that are HTML themselves. */
function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(parts.map((part, index) => part + rendered(values[index])).join(""));
}

/** A report as one self-contained page. */
export function htmlPage(report: Report): string {
  const title = `${report.project}, ${report.stack}: ${verdict(report)}`;
  const findings = findingsOf(report);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <header>
          <h1>${report.project} <span class="stack">${report.stack}</span></h1>
          <p class="verdict ${worst(report)}">${verdict(report)}</p>
          <p class="when">
            Looked at <time datetime="${report.startedAt}">${report.startedAt}</time>, in
            ${(report.durationMs / 1000).toFixed(1)} s
          </p>
        </header>
        <main>
          <section class="clouds" aria-label="Clouds">${report.clouds.map((cloud) => card(cloud, report))}</section>
          ${
            findings.length === 0
              ? undefined
              : html`<section>
                  <h2>Findings</h2>
                  ${findings.map(({ result, finding }) => described(result, finding))}
                </section>`
          }
          <section>
            <h2>Checks</h2>
            <table>
              <thead>
                <tr>
                  <th scope="col">Check</th>
                  <th scope="col">Cloud</th>
                  <th scope="col">Status</th>
                  <th scope="col">Found</th>
                </tr>
              </thead>
              <tbody>
                ${report.results.map(
                  ({ cloud, status, summary, ...result }) =>
                    html`<tr>
                      <th scope="row">${titleOf(result)}</th>
                      <td>${cloud ?? ""}</td>
                      <td class="status ${status}">${statuses[status]}</td>
                      <td>${summary}</td>
                    </tr> `,
                )}
              </tbody>
            </table>
          </section>
        </main>
      </body>
    </html> `.text;
}

/** CSS class of the verdict, from the worst finding. */
function worst({ results }: Report): CheckResult["status"] {
  const order: readonly CheckResult["status"][] = ["failed", "unknown", "passed"];
  return order.find((status) => results.some((result) => result.status === status)) ?? "passed";
}

function card(cloud: CloudSummary, { results }: Report): Html {
  const own = results.filter((result) => result.cloud === cloud.cloud);
  const failed = own.filter(({ status }) => status === "failed").map(titleOf);
  const unknown = own.filter(({ status }) => status === "unknown").map(titleOf);
  const [status, word] =
    failed.length > 0
      ? ["failed", `failed: ${failed.join(", ")}`]
      : unknown.length > 0
        ? ["unknown", `unknown: ${unknown.join(", ")}`]
        : ["passed", `${own.length} checks ok`];
  const facts: readonly (readonly [string, Value])[] = [
    ["Region", cloud.region],
    ["API", cloud.apiUrl === undefined ? "none" : link(cloud.apiUrl)],
    ["Frontend", cloud.frontendUrl === undefined ? "off" : link(cloud.frontendUrl)],
    ["Function", cloud.functionName],
    ["Layers", layersText(cloud)],
    ["Version", cloud.version],
    ["Latency", latencyText(cloud, results)],
  ];
  return html`<article class="card ${status}">
    <h2>${cloud.cloud}</h2>
    <p class="status ${status}">${word}</p>
    <dl>
      ${facts.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </article>`;
}

function described({ cloud, ...result }: CheckResult, { severity, title, evidence, cause, next }: Finding): Html {
  return html`<article class="finding ${severity}">
    <h3><span class="severity">${severity}</span> ${title}</h3>
    <p class="where">${cloud === undefined ? titleOf(result) : `${cloud}, ${titleOf(result)}`}</p>
    ${cause === undefined ? undefined : html`<p>${cause}</p>`}
    ${evidence.length === 0 ? undefined : html`<pre tabindex="0">${evidence.join("\n")}</pre>`}
    ${next === undefined ? undefined : html`<p>Next: <code>${next}</code></p>`}
  </article>`;
}

function link(address: string): Value {
  return /^https?:\/\//.test(address) ? html`<a href="${address}">${address}</a>` : address;
}

const style = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --page: #f6f8fa; --card: #fff; --line: #d0d7de;
  --ok: #116329; --failed: #b3121d; --unknown: #7d4e00; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9da7b3; --page: #0d1117; --card: #161b22;
  --line: #30363d; --ok: #4cc764; --failed: #ff8a84; --unknown: #e3b341; --link: #79c0ff; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem clamp(1rem, 4vw, 3rem); background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main { max-width: 75rem; margin-inline: auto; }
h1, h2, h3, p { margin: 0; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-bottom: .5rem; } h3 { font-size: 1rem; }
.stack, .when, .where, dt { color: var(--soft); } .stack { font-weight: 400; }
.verdict { font-size: 1.25rem; font-weight: 700; }
.passed.status, .verdict.passed { color: var(--ok); }
.failed.status, .verdict.failed, .error .severity { color: var(--failed); }
.unknown.status, .verdict.unknown, .warning .severity { color: var(--unknown); }
section { margin-top: 1.5rem; }
.clouds { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.card, .finding, table { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.card, .finding { padding: 1rem; border-left-width: .35rem; }
.card.passed { border-left-color: var(--ok); }
.card.failed, .finding.error { border-left-color: var(--failed); }
.card.unknown, .finding.warning { border-left-color: var(--unknown); }
.card h2 { display: inline; margin-right: .5rem; text-transform: uppercase; } .card .status { display: inline; }
dl { margin: .75rem 0 0; } dl div { display: grid; grid-template-columns: 5.5rem 1fr; } dd { margin: 0; }
a { color: var(--link); }
.finding + .finding { margin-top: .75rem; }
.severity { text-transform: uppercase; font-size: .85rem; }
pre { margin: .5rem 0; padding: .5rem; max-height: 16rem; overflow: auto; white-space: pre-wrap; background: var(--page); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35rem .6rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); font-weight: 400; }
thead th { border-top: 0; color: var(--soft); } tbody th { font-weight: 600; } td.status { font-weight: 600; }
@media (max-width: 40rem) { thead { position: absolute; clip-path: inset(50%); }
  tr { display: grid; grid-template-columns: 1fr auto auto; border-top: 1px solid var(--line); }
  th, td { border-top: 0; } td:last-child { grid-column: 1 / -1; padding-top: 0; } }
`;
