import { nameCause } from "./causes";
import type { Check, CloudSubject } from "./check";
import type { Finding } from "./report";

/** Lines of the log that are shown, the newest. */
const shown = 5;

/** Characters of a line that are evidence enough. */
const lineLength = 400;

/** What a line has that tells an error, whoever wrote it: the application, the runtime or the platform. */
const tellsError =
  /"(level|severity)": ?"(ERROR|CRITICAL)"|\[ERROR\]|Traceback|"status":"(error|timeout)"|Task timed out|Exception|(^|\W)\w*Error\b/;

export const logCheck: Check<CloudSubject> = {
  id: "log",
  about: "errors in the function's log since the last update, with their cause",
  last: true,
  async run({ outputs, inspected, since, commands }) {
    const events = await inspected.log(since);
    const errors = events.map(({ message }) => message).filter((message) => tellsError.test(message));
    if (errors.length === 0) return { summary: `${events.length} lines, no error`, findings: [] };
    const known = nameCause(errors);
    const evidence = errors.slice(-shown).map((line) => line.slice(0, lineLength));
    const finding: Finding = {
      severity: "error",
      title: known?.title ?? `${errors.length} errors in the log`,
      evidence,
      cause: known?.cause,
      next: known?.next ?? commands.heal,
    };
    return { summary: `${errors.length} errors in ${outputs.logs}`, findings: [finding] };
  },
};
