import path from "node:path";

import { InvalidArgumentError } from "commander";

import { isCompiled, projectFolder } from "../contract/form";

/** Where the local clouds keep everything, where no other folder is named. */
export const defaultState = path.join(projectFolder, ".local");
/** In the repository the stack that is deployed first; a project of its own may have no stack yet. */
export const defaultStack = isCompiled ? "dev" : "staging";

/** Which local stack a command is about. */
export interface LocalStackName {
  /** Folder that the local clouds keep everything in. */
  readonly state: string;
  /** Default: staging. */
  readonly stack?: string;
  /** Name of the Pulumi project that the stack is of. Default: this one. */
  readonly project?: string;
}

/** A verb of `npm run local` on a stack, as a user types it, e.g. `npm run local -- up --detach`. */
export function commandLine({ state, stack = defaultStack }: LocalStackName, verb: string): string {
  const flags = [
    ...(path.resolve(state) === defaultState ? [] : ["--state", quoted(state)]),
    ...(stack === defaultStack ? [] : ["--stack", quoted(stack)]),
  ];
  return ["npm run local --", ...flags, verb].join(" ");
}

/**
 * A setting as a command line gives it, `<path>=<value>`, beside those before it.
 *
 * @throws {InvalidArgumentError} where there is no path.
 */
export function settingFlag(text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected <path>=<value>, e.g. aws.frontend.enabled=false");
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
