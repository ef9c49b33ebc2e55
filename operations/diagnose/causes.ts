/** Why a function fails, as its log tells it. */
export interface Cause {
  /** What it is, e.g. `missing module mangum`. */
  readonly title: string;
  /** Why it is so, in one sentence. */
  readonly cause: string;
  /** The step to take next. */
  readonly next?: string;
}

/** Causes by what they write into a log, the most telling first. */
const causes: readonly { readonly pattern: RegExp; readonly name: (found: RegExpExecArray) => Cause }[] = [
  {
    pattern: /No module named '([\w.]+)'/,
    name: ([, module = ""]) => ({
      title: `missing module ${module}`,
      cause: `The function imports ${module}, which neither its package nor a layer has.`,
    }),
  },
];

/** The cause that the lines of a log name; absent where they name none that is known. */
export function nameCause(lines: readonly string[]): Cause | undefined {
  const text = lines.join("\n");
  for (const { pattern, name } of causes) {
    const found = pattern.exec(text);
    if (found) return name(found);
  }
  return undefined;
}
