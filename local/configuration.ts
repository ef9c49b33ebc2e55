import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { Document, isMap, isScalar, LineCounter, parse, parseDocument, YAMLParseError } from "yaml";
import { z } from "zod";

import { projectFolder } from "../contract/form";
import { didYouMean } from "../contract/suggestion";
import { covers, parseSettings, type Settings, SettingsError, settingValue } from "../settings";
import { settings as knownSettings } from "../settings/schema";

/** A stack's configuration for the local clouds. */
export interface StackConfiguration {
  /** Name of the project. */
  readonly project: string;
  /** The content of `Pulumi.<stack>.yaml`, overridden by settings of the command line, without secrets. */
  readonly document: Document;
  /** Secrets of the stack. Only its own secrets provider can decrypt them. */
  readonly secrets: readonly StackSecret[];
  /** All values by key, e.g. `shop:aws`, including Pulumi.yaml's defaults and the secrets. */
  readonly values: Readonly<Record<string, unknown>>;
}

export interface StackSecret {
  /** Path of the setting, e.g. `functions.api.secrets.KEY`. */
  readonly setting: string;
  /** The path in the form of `pulumi config set --path`. */
  readonly key: string;
  readonly value: string;
  /** Whether the value is a placeholder, because no real one was given. */
  readonly standIn: boolean;
}

export interface ConfigurationOptions {
  readonly stack: string;
  /** Settings of the command line, as YAML by path, e.g. `aws.frontend.enabled`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Folder of Pulumi.yaml and the stack files. Default: this project. */
  readonly folder?: string;
}

const projectSchema = z.object({
  name: z.string(),
  // The engine itself handles entries without a default, such as the tags that `pulumi new` writes.
  config: z.record(z.string(), z.object({ default: z.unknown().optional() })).default({}),
});

/** Keys of the stack's secrets provider; a local stack has its own provider. */
const secretsProvider = ["encryptionsalt", "encryptedkey", "secretsprovider"];

/**
 * Reads the configuration of a stack.
 *
 * @throws naming the file or setting that cannot be read.
 */
export function stackConfiguration({
  stack,
  settings = {},
  folder = projectFolder,
}: ConfigurationOptions): StackConfiguration {
  const project = projectSchema.parse(parse(readFileSync(path.join(folder, "Pulumi.yaml"), "utf8")));
  const document = stackDocument(stack, folder);
  for (const key of secretsProvider) document.delete(key);
  if (!isMap(document.get("config"))) document.set("config", document.createNode({}));
  addNamespace(document, project.name);

  const secretPaths = securePaths(document.get("config"));
  for (const [setting, text] of Object.entries(settings)) {
    const at = keyPath(setting, project.name);
    try {
      document.setIn(["config", ...at], overridingValue(setting, text));
    } catch (error) {
      if (error instanceof SettingValueError) throw error;
      const [group = setting] = setting.split(".");
      throw new Error(`--config ${setting}: Pulumi.${stack}.yaml gives ${group} one value, not a group of settings`);
    }
  }

  const known = new Set(secretPaths.map((at) => JSON.stringify(at)));
  const given = functionSecrets(document, project.name).filter((at) => !known.has(JSON.stringify(at)));
  const secrets = [...secretPaths, ...given].map((at) => secretAt(document, at, project.name));
  for (const { at, value } of secrets) document.setIn(["config", ...at], value);
  const values = withDefaults(configOf(document), project);
  for (const { at } of secrets) document.deleteIn(["config", ...at]);
  return { project: project.name, document, secrets, values };
}

/**
 * Checks the settings before an engine or a cloud is started.
 *
 * @throws naming every wrong setting, and where to change it.
 */
export function checkedSettings({ stack, settings = {}, folder }: ConfigurationOptions): Settings {
  const { project, secrets, values } = stackConfiguration({ stack, settings, folder });
  // The engine passes settings to a program as text.
  const read = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === "string" ? settingValue(value) : value,
  ]);
  const secretKeys = secrets.map(({ setting }) => `${project}:${setting}`);
  try {
    return parseSettings(Object.fromEntries(read) as typeof values, { project, stack }, secretKeys);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const given = Object.keys(settings);
    const byFlag = error.problems.filter(({ setting }) => given.some((name) => covers(name, setting)));
    const places = [
      ...(byFlag.length < error.problems.length ? [`Pulumi.${stack}.yaml`] : []),
      ...(byFlag.length > 0 ? [`--config ${[...new Set(byFlag.map(({ setting }) => setting))].join(", ")}`] : []),
    ];
    throw new Error(`${error.message}\nChange ${places.join(" and ")}`);
  }
}

/**
 * Whether the project's program is `deployApplication`, whose settings are known. Other programs declare no
 * `application` in Pulumi.yaml.
 */
export function deploysApplication(folder = projectFolder): boolean {
  const { config } = projectSchema.parse(parse(readFileSync(path.join(folder, "Pulumi.yaml"), "utf8")));
  return Object.keys(config).some((key) => /^(.+:)?application$/.test(key));
}

function stackDocument(stack: string, folder: string): Document {
  const file = `Pulumi.${stack}.yaml`;
  if (!existsSync(path.join(folder, file))) {
    const stacks = readdirSync(folder).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    // A project without stack files.
    if (stacks.length === 0) return new Document({});
    throw new Error(
      `there is no stack ${stack}: ${file} is missing${didYouMean(stack, stacks) || "."} Stacks are ` +
        `${stacks.join(", ")}; for another one copy the file of one and change it`,
    );
  }
  const text = readFileSync(path.join(folder, file), "utf8");
  const document = parseDocument(text, { lineCounter: new LineCounter() });
  const [error] = document.errors;
  if (error === undefined) {
    if (document.contents === null) return new Document({});
    if (!isMap(document.contents)) throw new Error(`${file} has no settings; expected them below a line "config:"`);
    return document;
  }
  const line = error.linePos?.[0].line ?? 1;
  const lines = text.split("\n").slice(0, line);
  const found =
    lines
      .reverse()
      .find((before) => before.trim() !== "")
      ?.trim() ?? "";
  throw new Error(`${file} is no YAML at line ${line}, "${found}": ${firstLine(error)}`);
}

/** The engine treats a key without a namespace as the project's. */
function addNamespace(document: Document, project: string): void {
  const config = document.get("config");
  if (!isMap(config)) return;
  for (const { key } of config.items) {
    if (isScalar(key) && typeof key.value === "string" && !key.value.includes(":"))
      key.value = `${project}:${key.value}`;
  }
}

/** Path of a setting in the file's `config`. */
function keyPath(setting: string, project: string): string[] {
  const [first = setting, ...rest] = setting.split(".");
  return [first.includes(":") ? first : `${project}:${first}`, ...rest];
}

class SettingValueError extends Error {}

function overridingValue(setting: string, text: string): unknown {
  try {
    const value: unknown = parse(text);
    const isText = knownSettings.find(({ name }) => name === setting)?.type === "string";
    // `3.12` is a version, not a number, and an id may consist of digits.
    return isText && typeof value !== "string" ? text : value;
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new SettingValueError(`--config ${setting}: "${text}" is no YAML value: ${firstLine(error)}`);
  }
}

/** Without the code excerpt after the first line. */
function firstLine({ message }: Error): string {
  return (message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
}

/** Paths of encrypted values, written as `secure: <ciphertext>`. */
function securePaths(node: unknown, at: readonly string[] = []): string[][] {
  if (!isMap(node)) return [];
  const [only, ...more] = node.items;
  if (only !== undefined && more.length === 0 && String(only.key) === "secure") return [[...at]];
  return node.items.flatMap(({ key, value }) => securePaths(value, [...at, String(key)]));
}

/** Paths of the texts in `functions.<name>.secrets`, which the engine would keep in the clear in its history. */
function functionSecrets(document: Document, project: string): string[][] {
  const keys = (at: readonly string[]) => {
    const node = document.getIn(at);
    return isMap(node) ? node.items.map(({ key }) => [...at, String(key)]) : [];
  };
  return keys(["config", `${project}:functions`])
    .flatMap((fn) => keys([...fn, "secrets"]))
    .filter((at) => typeof document.getIn(at) === "string")
    .map(([, ...at]) => at);
}

function secretAt(document: Document, at: readonly string[], project: string): StackSecret & { at: readonly string[] } {
  const [namespaced = "", ...rest] = at;
  const setting = [namespaced.replace(`${project}:`, ""), ...rest].join(".");
  const given: unknown = document.getIn(["config", ...at]);
  const standIn = isMap(given);
  return {
    at,
    setting,
    key: namespaced + rest.map((name) => (/^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`)).join(""),
    value: standIn ? `stand-in for ${setting}` : String(given),
    standIn,
  };
}

function configOf(document: Document): Record<string, unknown> {
  return z.object({ config: z.record(z.string(), z.unknown()) }).parse(document.toJS()).config;
}

/** A dotted key in Pulumi.yaml is a path, as in the engine. */
function withDefaults(
  config: Readonly<Record<string, unknown>>,
  { name, config: declared }: z.output<typeof projectSchema>,
): Record<string, unknown> {
  const defaults = new Document({});
  for (const [key, { default: value }] of Object.entries(declared)) {
    const at = keyPath(key, name);
    if (value !== undefined && !defaults.hasIn(at)) defaults.setIn(at, value);
  }
  const merged = defaults.toJS() as Record<string, unknown>;
  for (const [key, value] of Object.entries(config)) {
    const known = merged[key];
    merged[key] = isGroup(known) && isGroup(value) ? { ...known, ...value } : value;
  }
  return merged;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
