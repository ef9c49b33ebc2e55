// The page: lists messages and posts them, through /api/ of its own address only.

const providers = { aws: "AWS", azure: "Azure", gcp: "Google Cloud" };
const contentLimit = 2000;
const timeout = 15_000;

/** What a person is told of a field that the API refused, by the API's own type of error; of others, its own words. */
const fieldErrors = {
  missing: "This is needed.",
  string_too_short: "This is needed.",
  string_too_long: (field) => `This is too long: ${field === "author" ? 80 : contentLimit} characters at most.`,
  string_pattern_mismatch: "This contains a character that cannot be shown.",
};

const element = (id) => document.getElementById(id);
const form = element("form");
const fields = { author: element("author"), content: element("content") };

/** Path of the next page, where there is one. */
let older;

/** A request that did not succeed, in words for the reader of the page. */
class ApiError extends Error {
  constructor(message, { status, problems = [] } = {}) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(timeout) });
  } catch (error) {
    const late = error.name === "TimeoutError";
    throw new ApiError(late ? `It did not answer within ${timeout / 1000} seconds.` : "It cannot be reached.");
  }
  const json = response.headers.get("Content-Type")?.includes("json");
  const body = json ? await response.json().catch(() => undefined) : undefined;
  if (response.ok && body !== undefined) return { body, response };

  const { status } = response;
  if (Array.isArray(body?.detail)) throw new ApiError("It refused the request.", { status, problems: body.detail });
  const reason = typeof body?.detail === "string" ? body.detail : "what answered is not the API";
  const id = response.headers.get("X-Request-Id");
  throw new ApiError(`It answered ${status}: ${reason}.${id ? ` Request ${id}.` : ""}`, { status });
}

/** The path in a `Link: <...>; rel="next"` header, where it leads to this page's own API. */
function nextPage(response) {
  const target = /<([^>]*)>\s*;\s*rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
  if (target === undefined) return undefined;
  const url = new URL(target, location.origin);
  return url.origin === location.origin && url.pathname.startsWith("/api/") ? url.pathname + url.search : undefined;
}

/** A message as an element. Its text is set as text, so nothing in it is ever markup. */
function messageElement({ author, content, created_at: createdAt }) {
  const item = element("message").content.cloneNode(true).firstElementChild;
  const date = new Date(createdAt);
  item.querySelector(".avatar").textContent = [...author][0].toUpperCase();
  item.querySelector(".author").textContent = author;
  item.querySelector(".content").textContent = content;
  const time = item.querySelector("time");
  time.dateTime = createdAt;
  time.title = date.toLocaleString("en", { dateStyle: "full", timeStyle: "medium" });
  time.textContent = ago(date);
  return item;
}

const units = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(date) {
  const seconds = (Date.now() - date) / 1000;
  if (seconds > 7 * 86_400) return date.toLocaleDateString("en", { dateStyle: "medium" });
  const [unit, size] = units.find(([, each]) => seconds >= each) ?? [];
  return unit ? relative.format(-Math.floor(seconds / size), unit) : "just now";
}

function announce(text) {
  element("announcement").textContent = text;
}

function showStatus(state, text) {
  element("status").dataset.state = state;
  element("status-text").textContent = text;
}

/** Says that the API is down, and why; or, without a reason, that it is not. */
function showDown(reason) {
  element("down").hidden = reason === undefined;
  if (reason === undefined) return;
  element("down-reason").textContent = reason;
  showStatus("down", "API is down");
}

/** Runs an action of a button, which cannot be started again meanwhile and keeps the focus. */
async function busy(button, action) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  try {
    await action();
  } finally {
    button.ariaDisabled = null;
  }
}

function showPage({ body, response }) {
  older = nextPage(response);
  element("older").hidden = older === undefined;
  element("messages").append(...body.map(messageElement));
  element("empty").hidden = element("messages").childElementCount > 0;
}

async function load() {
  const empty = element("messages").childElementCount === 0;
  element("board").ariaBusy = "true";
  element("loading").hidden = !empty;
  element("empty").hidden = true;
  try {
    const [status, page] = await Promise.all([request("/api/"), request("/api/messages/")]);
    const { provider, version } = status.body;
    document.documentElement.dataset.provider = provider;
    showStatus("up", `Answered by ${providers[provider] ?? provider} · version ${version}`);
    showDown();
    element("messages").replaceChildren();
    showPage(page);
  } catch (error) {
    showDown(error.message);
  } finally {
    element("loading").hidden = true;
    element("board").ariaBusy = "false";
  }
}

async function loadOlder() {
  const list = element("messages");
  const shown = list.childElementCount;
  try {
    showPage(await request(older));
    showDown();
    announce(`${list.childElementCount - shown} older messages`);
    // Else the focus would be lost with the button, at the end of the list.
    if (older === undefined) focusOn(list.children[shown]);
  } catch (error) {
    showDown(error.message);
  }
}

function focusOn(item) {
  if (!item) return;
  item.tabIndex = -1;
  item.focus();
}

async function post() {
  showErrors([]);
  const { author, content } = fields;
  try {
    const { body } = await request("/api/messages/", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ content: content.value, author: author.value }),
    });
    const item = messageElement(body);
    item.classList.add("new");
    element("messages").prepend(item);
    element("empty").hidden = true;
    showDown();
    content.value = "";
    showCount();
    content.focus();
    announce("Your message is posted.");
    remember(author.value);
  } catch (error) {
    if (error instanceof ApiError) showErrors(error.problems, error);
    else throw error;
  }
}

/** Shows what the API refused: at its field where it named one, else below the form. */
function showErrors(problems, error) {
  const unplaced = [];
  const messages = {};
  for (const { loc, msg, type } of problems) {
    const field = loc.at(-1);
    const text = fieldErrors[type] ?? `${msg}.`;
    if (field in fields) messages[field] = typeof text === "function" ? text(field) : text;
    else unplaced.push(msg);
  }
  for (const [name, field] of Object.entries(fields)) {
    field.ariaInvalid = name in messages ? "true" : null;
    element(`${name}-error`).textContent = messages[name] ?? "";
    element(`${name}-error`).hidden = !(name in messages);
  }
  Object.values(fields)
    .find((field) => field.ariaInvalid)
    ?.focus();

  const general = element("form-error");
  general.hidden = error === undefined || Object.keys(messages).length > 0;
  if (general.hidden) return;
  general.textContent =
    error.status === 401
      ? "Not posted: this board takes messages only from those who are signed in."
      : `Not posted, your text is still here. The API is why: ${[error.message, ...unplaced].join(" ")}`;
}

function showCount() {
  const length = [...fields.content.value].length;
  const count = element("content-count");
  count.textContent = `${length} of ${contentLimit}`;
  count.toggleAttribute("data-over", length > contentLimit);
}

/** Storage may be forbidden; then a name is typed again. */
function remember(name) {
  try {
    localStorage.setItem("author", name);
  } catch {}
}

function rememberedName() {
  try {
    return localStorage.getItem("author") ?? "";
  } catch {
    return "";
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(element("post"), post);
});
fields.content.addEventListener("input", showCount);
fields.content.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
element("refresh").addEventListener("click", (event) => void busy(event.currentTarget, load));
element("retry").addEventListener("click", (event) => {
  void busy(event.currentTarget, async () => {
    await load();
    // The button is gone, and the focus with it.
    if (element("down").hidden) element("refresh").focus();
  });
});
element("older").addEventListener("click", (event) => void busy(event.currentTarget, loadOlder));

fields.author.value = rememberedName();
showCount();
void load();
