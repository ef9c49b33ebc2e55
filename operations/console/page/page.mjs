/** Titles of the clouds. */
const titles = { aws: "AWS", azure: "Azure", gcp: "Google Cloud" };

/** Lines that stay on the page. */
const keptLines = 500;

/** Parts of an archive that are shown; the rest is one. */
const shownParts = 8;

const by = (id) => document.getElementById(id);

/** An element with attributes and children; text is text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children.flat().filter((child) => child !== undefined));
  return made;
}

function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const bytes = (size) => (size < 1e6 ? `${Math.ceil(size / 1000)} kB` : `${(size / 1e6).toFixed(1)} MB`);

const link = (address) =>
  /^https?:\/\//.test(address ?? "") ? element("a", { href: address }, address) : (address ?? "off");

const none = (text) => element("p", { class: "soft" }, text);

/** URN of the part that is shown. */
let chosen;

/** Pages of resources in their vendors' consoles, by URN. */
let links = {};

function graph({ width, height, nodes, edges }, cloud) {
  const svg = drawn("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "group",
    "aria-label": `Parts on ${titles[cloud]}`,
  });
  // What is drawn is not larger than what it was laid out for.
  svg.style.maxWidth = `${width}px`;
  for (const { points } of edges) {
    const [first, ...rest] = points;
    svg.append(drawn("path", { d: `M${first.x},${first.y}${rest.map(({ x, y }) => `L${x},${y}`).join("")}` }));
  }
  for (const node of nodes) {
    const name = drawn("tspan", { x: 0, y: -2 });
    name.textContent = `${node.name} `;
    const kind = drawn("tspan", { x: 0, y: 14, class: "kind" });
    kind.textContent = `${node.kind} · ${node.resources.length}`;
    const { width: w, height: h } = node;
    const part = drawn(
      "g",
      {
        transform: `translate(${node.x},${node.y})`,
        role: "button",
        tabindex: "0",
        "aria-pressed": String(node.id === chosen),
        "data-id": node.id,
      },
      drawn("rect", { x: -w / 2, y: -h / 2, width: w, height: h, rx: 6 }),
      drawn("text", {}, name, kind),
    );
    const show = () => {
      choose(node, nodes);
      by("part").focus();
    };
    part.addEventListener("click", show);
    part.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      show();
    });
    svg.append(part);
  }
  return svg;
}

/** Shows the resources of a part. */
function choose(node, nodes) {
  chosen = node.id;
  for (const part of document.querySelectorAll("[data-id]")) {
    part.setAttribute("aria-pressed", String(part.dataset.id === chosen));
  }
  by("part").hidden = false;
  by("part-title").textContent = `${node.name}, ${node.kind}`;
  const named = (ids) => nodes.filter(({ id }) => ids.includes(id)).map(({ name }) => name);
  const needs = named(node.needs);
  const needed = nodes.filter((other) => other.needs.includes(node.id)).map(({ name }) => name);
  by("part-needs").textContent = `Needs ${needs.join(", ") || "nothing"}; needed by ${needed.join(", ") || "nothing"}.`;
  by("part-resources").replaceChildren(
    ...node.resources.map(({ urn, type, id, inputs, outputs, dependencies }) =>
      element(
        "details",
        {},
        element("summary", {}, `${urn.split("::").at(-1)} `, element("span", { class: "soft" }, type)),
        element("p", { class: "soft" }, id),
        links[urn] === undefined
          ? undefined
          : element("p", {}, element("a", { href: links[urn], rel: "noreferrer" }, "In the cloud's own console")),
        element("p", {}, `After: ${dependencies.map((each) => each.split("::").at(-1)).join(", ") || "nothing"}`),
        element("h3", {}, "Inputs"),
        element("pre", { tabindex: "0" }, JSON.stringify(inputs, null, 2)),
        element("h3", {}, "Outputs"),
        element("pre", { tabindex: "0" }, JSON.stringify(outputs, null, 2)),
      ),
    ),
  );
}

function facts(pairs) {
  return element(
    "dl",
    {},
    pairs.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value ?? ""))),
  );
}

function table(caption, head, rows) {
  return element(
    "table",
    { "aria-label": caption },
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        head.map((each) => element("th", { scope: "col" }, each)),
      ),
    ),
    element(
      "tbody",
      {},
      rows.map((row) =>
        element(
          "tr",
          {},
          row.map((each) => element("td", {}, each)),
        ),
      ),
    ),
  );
}

function showState(state) {
  const missing = state.missing ?? {};
  links = state.links ?? {};
  by("project").textContent = state.project;
  by("stack").textContent = state.stack;
  by("clouds").replaceChildren(
    ...state.clouds.map(({ cloud, region, apiUrl, frontendUrl, version, facts: more = [], graph: parts }) =>
      element(
        "article",
        { class: "card", "data-cloud": cloud },
        element("h3", {}, titles[cloud]),
        facts([
          ["Region", region],
          ["API", link(apiUrl)],
          ["Frontend", link(frontendUrl)],
          ["Version", version],
          ...more,
        ]),
        parts === undefined ? undefined : graph(parts, cloud),
      ),
    ),
  );
  if (state.clouds.length === 0) by("clouds").append(none("Nothing is deployed: npm run local"));
  by("no-graph").textContent = missing.graph ?? "";
  const again = state.clouds.flatMap(({ graph: { nodes } = { nodes: [] } }) => nodes.map((node) => ({ node, nodes })));
  const same = again.find(({ node }) => node.id === chosen);
  if (same !== undefined) choose(same.node, same.nodes);

  const update = state.lastUpdate;
  by("update").textContent =
    update === undefined
      ? ""
      : `Last ${update.kind}: ${update.result}, ${new Date(update.startedAt).toLocaleString()}${update.seconds === undefined ? "" : `, in ${update.seconds} s`}`;
  by("changes").replaceChildren(
    missing.changes !== undefined
      ? none(`Not known: ${missing.changes}`)
      : update === undefined || update.changes.length === 0
        ? none(`Nothing${update === undefined ? "" : `; ${update.unchanged} resources are as they were`}.`)
        : table(
            "Changes",
            ["Change", "Type", "Name"],
            update.changes.map(({ how, kind, name }) => [how, kind, name]),
          ),
  );
  by("releases").replaceChildren(
    ...(missing.releases === undefined ? [] : [none(`Not known: ${missing.releases}`)]),
    ...(state.releases.length > 0
      ? [
          table(
            "Releases",
            ["Cloud", "Function", "Version", "Release", "Since", "Serves"],
            state.releases.map((each) => [
              titles[each.cloud],
              each.function,
              each.name,
              each.release,
              Date.parse(each.publishedAt) === 0 ? "" : new Date(each.publishedAt).toLocaleString(),
              each.share === 0 ? "" : each.share === 1 ? "all requests" : `${Math.round(each.share * 100)}%`,
            ]),
          ),
        ]
      : missing.releases === undefined
        ? [none("None is kept.")]
        : []),
  );
  by("packed").replaceChildren(
    ...(missing.packed === undefined ? state.packed.map(packed) : [none(`Not known: ${missing.packed}`)]),
  );
}

function packed({ cloud, name, size, parts }) {
  const rest = parts.slice(shownParts);
  const others = rest.reduce((sum, part) => sum + part.size, 0);
  const shown = [
    ...parts.slice(0, shownParts),
    ...(rest.length > 0 ? [{ name: `${rest.length} more`, size: others }] : []),
  ];
  return element(
    "article",
    { class: "card" },
    element("h3", {}, `${name} `, element("span", { class: "soft" }, `${titles[cloud]}, ${bytes(size)} unpacked`)),
    shown.map((part) =>
      element(
        "div",
        { class: "part" },
        element("span", {}, part.name),
        element("meter", { min: "0", max: String(size), value: String(part.size), "aria-label": part.name }),
        element("span", {}, bytes(part.size)),
      ),
    ),
  );
}

async function look() {
  by("look").disabled = true;
  by("verdict").className = "verdict";
  by("verdict").textContent = "Looking it over…";
  try {
    const answer = await fetch("/diagnose");
    if (!answer.ok) throw new Error(await answer.text());
    showReport(await answer.json());
  } catch (error) {
    by("verdict").textContent = "It could not be looked over";
    by("findings").replaceChildren(element("pre", { tabindex: "0" }, error.message));
  } finally {
    by("look").disabled = false;
  }
}

function showReport({ results = [] }) {
  const failed = results.filter(({ status }) => status === "failed").length;
  const unknown = results.filter(({ status }) => status === "unknown").length;
  const [kind, text] =
    failed > 0
      ? ["failed", `${failed} of ${results.length} checks failed`]
      : unknown > 0
        ? ["unknown", `${unknown} of ${results.length} checks could not be made`]
        : ["passed", `All ${results.length} checks passed`];
  by("verdict").className = `verdict ${kind}`;
  by("verdict").textContent = text;
  const found = results.flatMap(({ cloud, check, findings }) => findings.map((each) => ({ cloud, check, ...each })));
  by("findings").replaceChildren(
    ...(found.length === 0 ? [none("Nothing was found.")] : []),
    ...found.map(({ cloud, check, severity, title, evidence, cause, next }) =>
      element(
        "article",
        { class: `finding ${severity}` },
        element("h3", {}, element("span", { class: "severity" }, severity), ` ${title}`),
        element("p", { class: "soft" }, cloud === undefined ? check : `${titles[cloud]}, ${check}`),
        cause === undefined ? undefined : element("p", {}, cause),
        evidence.length === 0 ? undefined : element("pre", { tabindex: "0" }, evidence.join("\n")),
        next === undefined ? undefined : element("p", {}, "Next: ", element("code", {}, next)),
      ),
    ),
  );
  by("checks").replaceChildren(
    table(
      "Checks",
      ["Check", "Cloud", "Status", "Found"],
      results.map(({ check, function: fn, cloud, status, summary }) => [
        fn === undefined ? check : `${check} ${fn}`,
        titles[cloud] ?? "",
        element("span", { class: status }, status),
        summary,
      ]),
    ),
  );
}

function showLines(lines) {
  const log = by("lines");
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  for (const { at, cloud, request, log: name, text } of lines) {
    const time = new Date(at);
    const row = element(
      "div",
      { class: request ? "request" : "line", "data-cloud": cloud },
      element("time", { datetime: time.toISOString() }, time.toLocaleTimeString()),
      ` ${cloud} ${request ? "" : `${name}  `}${text}`,
    );
    row.hidden = !isShown(row);
    log.append(row);
  }
  while (log.childElementCount > keptLines) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function isShown(row) {
  const clouds = [...document.querySelectorAll("[name=shown]:checked")].map(({ value }) => value);
  return clouds.includes(row.dataset.cloud) && (!by("requests").checked || row.className === "request");
}

/** Shows what is live, as long as the page is open. */
async function live() {
  for (const box of document.querySelectorAll("input[type=checkbox]")) {
    box.addEventListener("change", () => {
      for (const row of by("lines").children) row.hidden = !isShown(row);
    });
  }
  by("look").addEventListener("click", look);
  const readState = async () => {
    const state = await (await fetch("/state")).json();
    document.title = `${state.project}, ${state.stack || "nothing deployed"}`;
    showState(state);
  };
  const events = new EventSource("/events");
  events.addEventListener("lines", ({ data }) => showLines(JSON.parse(data)));
  let timer;
  events.addEventListener("changed", () => {
    // An update writes the state many times.
    clearTimeout(timer);
    timer = setTimeout(() => {
      void readState();
      void look();
    }, 1500);
  });
  await readState();
  await look();
}

/** Shows the data that `diagnose --html` wrote into the page. */
function still({ model, report }) {
  for (const each of document.querySelectorAll("[data-live]")) each.remove();
  by("looked").textContent =
    `Looked at ${new Date(report.startedAt).toLocaleString()}, in ${(report.durationMs / 1000).toFixed(1)} s`;
  showState(model);
  showReport(report);
}

const written = by("document");
if (written === null) await live();
else still(JSON.parse(written.textContent));
