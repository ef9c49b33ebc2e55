import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

import { parse } from "smol-toml";
import { z } from "zod";

/** Settings that hold addresses of indexes, as uv reads them: several in one, and each may have a name before it. */
const indexSettings = ["UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"];

/** Where user and password of an index come from, for a user who lacks them. */
export const credentialSources =
  `the index's address in ${indexSettings.join(", ")}, from UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD for an ` +
  `index with a name there or in uv's files of settings, and from ~/.netrc (NETRC)`;

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * The header with user and password for a file of an index, from where uv takes them: the file's address, else the address or
 * the settings of the index that it is on, since one that asks for them asks at its files too; else the user's `.netrc`.
 *
 * @param index name that the file's index has in uv's files of settings, as `configuredIndexes` found it.
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

/** An index that has a name in a file of settings. */
export interface NamedIndex {
  readonly name: string;
  readonly address: URL;
}

const indexesSchema = z.object({
  index: z.array(z.object({ name: z.string().optional(), url: z.string() })).default([]),
});
const projectSchema = z.object({ tool: z.object({ uv: indexesSchema }) });

/** The indexes with a name that uv finds from a folder: in the nearest `uv.toml`, or `pyproject.toml` with `[tool.uv]`, above it. */
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

/** What is no TOML is refused by uv itself. */
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
