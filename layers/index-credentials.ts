import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

import { parse } from "smol-toml";
import { z } from "zod";

/**
 * Environment variables of uv with index addresses: several addresses in one variable, each optionally with a name
 * before it.
 */
const indexSettings = ["UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"];

/** Where to set the user and password of an index, for a message. */
export const credentialSources =
  `the index's address in ${indexSettings.join(", ")}, from UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD for an ` +
  `index with a name there or in uv's files of settings, and from ~/.netrc (NETRC)`;

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * The Authorization header for a file of an index, from the sources that uv reads: the file's address, otherwise the
 * address or settings of its index, since an index that needs credentials needs them for its files too, otherwise
 * `.netrc`.
 *
 * @param index name of the file's index in uv's configuration files, as `configuredIndexes` returns it.
 */
export async function credentialsFor(file: URL, index = ""): Promise<Record<string, string>> {
  const found =
    inAddress(file) ??
    inSettings(index) ??
    indexes()
      .filter(({ address }) => address.origin === file.origin)
      .map(({ name, address }) => inAddress(address) ?? inSettings(name))
      .find((credentials) => credentials !== undefined) ??
    (await inNetrc(file.hostname));
  if (found === undefined) return {};
  return { Authorization: `Basic ${Buffer.from(`${found.user}:${found.password}`).toString("base64")}` };
}

/** An index with a name in a configuration file. */
export interface NamedIndex {
  readonly name: string;
  readonly address: URL;
}

const indexesSchema = z.object({
  index: z.array(z.object({ name: z.string().optional(), url: z.string() })).default([]),
});
const projectSchema = z.object({ tool: z.object({ uv: indexesSchema }) });

/**
 * The named indexes that uv finds from a folder: in the nearest `uv.toml` above it, or `pyproject.toml` with
 * `[tool.uv]`.
 */
export function configuredIndexes(folder: string): NamedIndex[] {
  for (let at = path.resolve(folder), above = path.dirname(at); ; at = above, above = path.dirname(at)) {
    const found =
      indexesSchema.safeParse(settingsIn(path.join(at, "uv.toml"))).data?.index ??
      projectSchema.safeParse(settingsIn(path.join(at, "pyproject.toml"))).data?.tool.uv.index;
    if (found !== undefined) {
      return found.flatMap(({ name, url }) =>
        name !== undefined && URL.canParse(url) ? [{ name, address: new URL(url) }] : [],
      );
    }
    if (at === above) return [];
  }
}

/** uv itself reports a file that is not valid TOML. */
function settingsIn(file: string): unknown {
  try {
    return existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
  } catch {
    return undefined;
  }
}

function indexes(): { name: string; address: URL }[] {
  return indexSettings
    .flatMap((setting) => (process.env[setting] ?? "").split(/\s+|,(?=\w+:)/))
    .map((text) => /^(?:([\w-]+)=)?(.*)$/.exec(text) ?? [])
    .flatMap(([, name = "", address = ""]) => (URL.canParse(address) ? { name, address: new URL(address) } : []));
}

function inAddress({ username, password }: URL): Credentials | undefined {
  if (username === "") return undefined;
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
}

function inSettings(name: string): Credentials | undefined {
  if (name === "") return undefined;
  const setting = `UV_INDEX_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;
  const { [`${setting}_USERNAME`]: user, [`${setting}_PASSWORD`]: password } = process.env;
  return user === undefined && password === undefined ? undefined : { user: user ?? "", password: password ?? "" };
}

async function inNetrc(host: string): Promise<Credentials | undefined> {
  const file = process.env.NETRC ?? path.join(homedir(), ".netrc");
  const text = await readFile(file, "utf8").catch(() => "");
  const words = text.replace(/^\s*#.*$/gm, "").split(/\s+/);
  const entries: { host: string | undefined; user?: string; password?: string }[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const [word, value = ""] = words.slice(at);
    const last = entries.at(-1);
    if (word === "machine") entries.push({ host: value });
    else if (word === "default") entries.push({ host: undefined });
    else if (word === "login" && last) last.user = value;
    else if (word === "password" && last) last.password = value;
    else continue;
    if (word !== "default") at += 1;
  }
  const entry = entries.find((each) => each.host === host || each.host === undefined);
  return entry?.password === undefined ? undefined : { user: entry.user ?? "", password: entry.password };
}
