import path from "node:path";

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
}

/** A verb of `npm run local` on a stack, as a user types it, e.g. `npm run local -- up --detach`. */
export function commandLine({ state, stack = defaultStack }: LocalStackName, verb: string): string {
  const flags = [
    ...(path.resolve(state) === defaultState ? [] : ["--state", quoted(state)]),
    ...(stack === defaultStack ? [] : ["--stack", quoted(stack)]),
  ];
  return ["npm run local --", ...flags, verb].join(" ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
