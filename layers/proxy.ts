/**
 * The proxy for an address, from the environment variables that uv reads, in either case: `HTTPS_PROXY` or
 * `HTTP_PROXY`, otherwise `ALL_PROXY`; undefined for hosts in `NO_PROXY`.
 */
export function proxyFor(url: URL): string | undefined {
  const excepted = (setting("NO_PROXY") ?? "").split(",").map((text) => text.trim().replace(/^\*?\./, ""));
  const host = url.port === "" ? [url.hostname] : [url.hostname, url.host];
  if (
    excepted.some((name) => name === "*" || (name !== "" && host.some((h) => h === name || h.endsWith(`.${name}`))))
  ) {
    return undefined;
  }
  const proxy = setting(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") ?? setting("ALL_PROXY");
  if (proxy === undefined) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function setting(name: string): string | undefined {
  // An empty variable counts as unset.
  return [process.env[name.toLowerCase()], process.env[name]].find((value) => value !== undefined && value !== "");
}
