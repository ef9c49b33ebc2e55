import path from "node:path";

import { InvalidArgumentError } from "commander";

import { isCompiled, projectFolder } from "../contract/form";

/** Default folder of the local clouds. */
export const defaultState = path.join(projectFolder, ".local");
/** Default stack: in the repository the first one to deploy; another project may have no stack yet. */
export const defaultStack = isCompiled ? "dev" : "staging";

/** Identifies a local stack. */
export interface LocalStackName {
  /** Folder of the local clouds' state. */
  readonly state: string;
  /** Default: staging. */
  readonly stack?: string;
  /** Name of the stack's Pulumi project. Default: this one. */
  readonly project?: string;
}

/** The command line of a verb for a stack, e.g. `npm run local -- up --detach`. */
export function commandLine({ state, stack = defaultStack }: LocalStackName, verb: string): string {
  const flags = [
    ...(path.resolve(state) === defaultState ? [] : ["--state", quoted(state)]),
    ...(stack === defaultStack ? [] : ["--stack", quoted(stack)]),
  ];
  return ["npm run local --", ...flags, verb].join(" ");
}

/**
 * Parses a setting of the command line, `<path>=<value>`, and adds it to the previous ones.
 *
 * @throws {InvalidArgumentError} if there is no path.
 */
export function settingFlag(text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected <path>=<value>, e.g. aws.frontend.enabled=false");
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
