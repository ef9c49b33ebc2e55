import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

import type { FrontendDomain } from "./components/aws/frontend";
import type { LayerStrategy } from "./components/bundles";
import type { Scope } from "./components/names";
import { type Cloud, clouds } from "./contract/clouds";
import { didYouMean } from "./contract/suggestion";
import { renamed } from "./settings/renamed";
import { type Configuration, settings as known, settingsSchema } from "./settings/schema";

/** The stack's configuration, validated and typed. */
export interface Settings extends Omit<Configuration, "clouds" | "auth" | "layerStrategy" | Cloud> {
  /** Project and stack, the prefix of every name. */
  readonly scope: Scope;
  /** Clouds to deploy to, without duplicates, in the order of the contract. */
  readonly clouds: readonly Cloud[];
  /** How the packages of the Lambda function are put into layers. */
  readonly layerStrategy: LayerStrategy;
  /** Sign-in for posting; absent if it is off. */
  readonly auth?: { readonly issuer: string; readonly audience: string };
  /** Absent if the cloud is switched off, as in the outputs. */
  readonly aws?: AwsSettings;
  readonly azure?: AzureSettings;
  readonly gcp?: GcpSettings;
}

export interface AwsSettings extends Omit<Configuration["aws"], "frontend" | "publicLayers"> {
  readonly frontend: Omit<Configuration["aws"]["frontend"], "domain" | "certificateArn"> & {
    readonly domain?: FrontendDomain;
  };
}

export type AzureSettings = Configuration["azure"];

export interface GcpSettings extends Omit<Configuration["gcp"], "project"> {
  readonly project: string;
}

/**
 * The stack's configuration; docs/reference/settings.md describes every key.
 *
 * @throws {pulumi.RunError} naming every invalid setting, its value and the accepted ones.
 */
export function readSettings(): Settings {
  const scope = { project: pulumi.getProject(), stack: pulumi.getStack() };
  try {
    const values = Object.entries(pulumi.runtime.allConfig()).map(([key, text]) => [key, settingValue(text)] as const);
    return parseSettings(Object.fromEntries(values), scope, secretKeys());
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new pulumi.RunError(
      `${error.message}\nChange Pulumi.${scope.stack}.yaml, or run: pulumi config set --path <setting> <value>`,
    );
  }
}

/** Keys with secret values, as the engine passes them to programs: for a group, the outermost key. */
function secretKeys(): readonly string[] {
  return z.array(z.string()).parse(JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]"));
}

/** Invalid settings; the message has a line for each. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";

  constructor(
    stack: string,
    /** Each with its path, its value and the accepted ones. */
    readonly problems: readonly SettingProblem[],
  ) {
    const lines = problems.map(({ setting, message }) => `  ${setting}: ${message}`);
    super([`The configuration of stack ${stack} cannot be deployed:`, ...lines].join("\n"));
  }
}

export interface SettingProblem {
  /** Path, e.g. `aws.region`. */
  readonly setting: string;
  readonly message: string;
}

/**
 * The settings of a stack from its whole configuration: Pulumi.yaml's defaults overridden by the stack's values, by
 * their keys, e.g. `shop:aws`.
 *
 * @param secretKeys keys whose values no error may print. Default: none; values below `functions` are never printed.
 * @throws {SettingsError} naming every invalid setting.
 */
export function parseSettings(
  configuration: Readonly<Record<string, unknown>>,
  scope: Scope,
  secretKeys: readonly string[] = [],
): Settings {
  const { values, problems } = ownSettings(configuration, scope.project);
  const isSecret = (key: string) => secretKeys.some((secret) => covers(secret, key));
  problems.push(
    ...Object.keys(configuration).flatMap((key) => misplacedSetting(key, scope.project)),
    ...contradictions(configuration, values, isSecret),
  );
  const result = settingsSchema.safeParse(values, { reportInput: true });
  if (!result.success) {
    const found = (issue: z.core.$ZodIssue) => {
      if (!isPrintable(issue)) return "";
      return isSecret(`${scope.project}:${issue.path.join(".")}`)
        ? " (it is a secret)"
        : ` (found ${JSON.stringify(issue.input)})`;
    };
    problems.push(...result.error.issues.flatMap((issue) => problemsOf(issue, found(issue))));
  }
  if (problems.length > 0 || !result.success) throw new SettingsError(scope.stack, problems);

  const { clouds: on, auth, layerStrategy, aws, azure, gcp, ...common } = result.data;
  return {
    ...common,
    scope,
    clouds: clouds.filter((cloud) => on.includes(cloud)),
    layerStrategy:
      layerStrategy === "hybrid"
        ? { kind: layerStrategy, publicLayers: aws.publicLayers[aws.region] ?? [] }
        : { kind: layerStrategy },
    auth: auth.issuer && auth.audience ? { issuer: auth.issuer, audience: auth.audience } : undefined,
    aws: on.includes("aws") ? awsSettings(aws) : undefined,
    azure: on.includes("azure") ? azure : undefined,
    gcp: on.includes("gcp") && gcp.project !== undefined ? { ...gcp, project: gcp.project } : undefined,
  };
}

function awsSettings({ frontend, publicLayers: _, ...rest }: Configuration["aws"]): AwsSettings {
  const { domain, certificateArn, ...others } = frontend;
  return {
    ...rest,
    frontend: { ...others, domain: domain && certificateArn ? { name: domain, certificateArn } : undefined },
  };
}

type Group = Record<string, unknown>;

const isGroup = (value: unknown): value is Group =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The project's settings, nested. `pulumi config set aws.region` without `--path` keeps the dots in the key, with the same
 * meaning.
 */
function ownSettings(configuration: Readonly<Record<string, unknown>>, project: string) {
  const own = Object.entries(structuredClone(configuration))
    .filter(([key]) => key.startsWith(`${project}:`))
    .map(([key, value]) => ({ path: key.slice(project.length + 1).split("."), value }))
    // Outer keys are processed first, so that their group exists for inner ones.
    .sort((one, other) => one.path.length - other.path.length);
  const values: Group = {};
  const problems: SettingProblem[] = [];
  const named = (path: readonly string[]) => `${project}:${path.join(".")}`;
  for (const { path, value } of own) {
    const outer = own.findLast((other) => other.path.length < path.length && startsWith(path, other.path));
    const message = put(values, path, value, { own: named(path), outer: named(outer?.path ?? path) });
    if (message !== undefined) problems.push({ setting: path.join("."), message });
  }
  return { values, problems };
}

const startsWith = (path: readonly string[], outer: readonly string[]) =>
  outer.every((name, index) => path[index] === name);

/** Sets a value in nested groups. Returns the reason if it conflicts, with its own key and the outer one. */
function put(
  values: Group,
  path: readonly string[],
  value: unknown,
  keys: { readonly own: string; readonly outer: string },
): string | undefined {
  let group = values;
  for (const [index, step] of path.slice(0, -1).entries()) {
    const inner = (group[step] ??= {});
    if (!isGroup(inner)) {
      const taken = path.slice(0, index + 1).join(".");
      const name = renamed.get(taken);
      const next = name === undefined ? "leave one of them" : `rename that one to ${name}`;
      return `nothing can be inside ${taken}, to which ${keys.outer} gives a value that is no group; ${next}`;
    }
    group = inner;
  }
  const last = path.at(-1) ?? "";
  if (Object.hasOwn(group, last)) return `given twice: as ${keys.own} and inside ${keys.outer}; leave one of them`;
  group[last] = value;
  return undefined;
}

/** Pulumi passes every value as text; objects, arrays, numbers and booleans are JSON. */
export function settingValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // "3.12" is a version, not a number.
    return typeof value === "number" && !Number.isInteger(value) ? text : value;
  } catch {
    return text;
  }
}

/** Provider settings that one of this program's settings decides, so that two values would conflict. */
const decided: readonly (readonly [key: string, cloud: Cloud, name: string])[] = [
  ["aws:region", "aws", "region"],
  ["gcp:project", "gcp", "project"],
  ["gcp:region", "gcp", "region"],
];

function contradictions(
  configuration: Readonly<Record<string, unknown>>,
  values: Group,
  isSecret: (key: string) => boolean,
): SettingProblem[] {
  return decided.flatMap(([key, cloud, name]) => {
    const [given, group] = [configuration[key], values[cloud]];
    const initial = known.find((setting) => setting.name === `${cloud}.${name}`)?.initial;
    const own = (isGroup(group) ? group[name] : undefined) ?? initial;
    if (given === undefined || given === own) return [];
    return [
      {
        setting: key,
        message: isSecret(key)
          ? `set ${cloud}.${name} instead, which says something else`
          : `set ${cloud}.${name} instead, which is ${JSON.stringify(own)} (found ${JSON.stringify(given)})`,
      },
    ];
  });
}

/** A setting of this program under another project's name, as in stacks of a renamed project. */
function misplacedSetting(key: string, project: string): SettingProblem[] {
  const [namespace = "", name = ""] = key.split(":");
  const [outermost = ""] = name.split(".");
  if (namespace === project || !Object.hasOwn(settingsSchema.shape, outermost)) return [];
  return [{ setting: key, message: `this project is ${project}, by Pulumi.yaml: call it ${project}:${name}` }];
}

/** Whether one path equals the other or is its prefix. */
export function covers(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`) || outer.startsWith(`${inner}.`);
}

function problemsOf(issue: z.core.$ZodIssue, found: string): SettingProblem[] {
  const setting = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const name = [...issue.path, key].join(".");
      return { setting: name, message: newName(name) ?? `there is no such setting${suggestion(name)}` };
    });
  }
  const name = nameOf(issue.path);
  const inside = namesIn(name);
  if (issue.code === "invalid_type" && inside.length > 0 && !settingNames.includes(name)) {
    return [{ setting, message: newName(setting) ?? `expected a group of ${inside.join(", ")}${found}` }];
  }
  return [{ setting, message: `${issue.message}${found}` }];
}

/**
 * Whether an error may print a value. Below `functions` are secrets, and an invalid value may contain them at any depth:
 * of a function, only texts and numbers in the place of a text or a number are printed.
 */
function isPrintable({ path, input }: z.core.$ZodIssue): boolean {
  if (input === undefined || path[0] !== "functions") return input !== undefined;
  const type = known.find(({ name }) => name === nameOf(path))?.type;
  const isScalar = type !== undefined && type !== "object" && type !== "array";
  return isScalar && (typeof input !== "object" || input === null);
}

/** The schema's name of the setting at a path: `functions.<function>.memory` for any function. */
function nameOf(path: readonly PropertyKey[]): string {
  const [first, , ...rest] = path;
  return (first === "functions" && path.length > 1 ? [first, "<function>", ...rest] : path).map(String).join(".");
}

/** The new name of a setting from before settings were grouped. */
function newName(setting: string): string | undefined {
  const name = renamed.get(setting);
  return name === undefined ? undefined : `renamed to ${name}; change the name, the values are the same`;
}

const settingNames = known.map(({ name }) => name);

/** Names of what is directly in a group. */
function namesIn(group: string): string[] {
  const inside = settingNames.filter((name) => name.startsWith(`${group}.`));
  return [...new Set(inside.map((name) => name.slice(group.length + 1).split(".")[0] ?? ""))];
}

/** A setting with a similar name, or with the same name in an omitted group. */
function suggestion(setting: string): string {
  const last = setting.slice(setting.lastIndexOf(".") + 1);
  const cloud = clouds.find((name) => setting.startsWith(`${name}.`));
  const grouped = settingNames.filter(
    (name) => name.endsWith(`.${last}`) && (cloud === undefined || name.startsWith(`${cloud}.`)),
  );
  if (grouped.length > 0) return `; did you mean ${grouped.join(" or ")}?`;
  return didYouMean(setting, settingNames) || "; docs/reference/settings.md lists them all";
}
