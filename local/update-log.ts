import type { EngineEvent, OpType } from "@pulumi/pulumi/automation";
import { nameIn } from "../contract/urn";

/** How operations of the engine are printed; others change nothing. */
const operations: Partial<Record<OpType, { sign: string; planned: string; done: string }>> = {
  create: { sign: "+", planned: "create", done: "created" },
  update: { sign: "~", planned: "update", done: "updated" },
  "create-replacement": { sign: "±", planned: "replace", done: "replaced" },
  delete: { sign: "-", planned: "delete", done: "deleted" },
  "delete-replaced": { sign: "-", planned: "delete the replaced", done: "deleted the replaced" },
  "discard-replaced": { sign: "-", planned: "drop the replaced", done: "dropped the replaced" },
};

/** Warnings about live addresses: local ones always use plain HTTP within this machine. */
const elsewhere = /^The Google Cloud frontend answers plain HTTP/;

/** Prints the engine's events: one line for each change, and each error once. */
export class UpdateLog {
  readonly #errors = new Set<string>();
  readonly #failed: string[] = [];

  constructor(
    private readonly print: (line: string) => void,
    private readonly tense: "planned" | "done",
  ) {}

  readonly onEvent = (event: EngineEvent): void => {
    const step = this.tense === "planned" ? event.resourcePreEvent : event.resOutputsEvent;
    if (step) this.#change(step.metadata.op, step.metadata.type, step.metadata.urn, step.metadata.diffs ?? []);
    if (event.resOpFailedEvent) this.#failed.push(nameIn(event.resOpFailedEvent.metadata.urn));
    if (event.diagnosticEvent) this.#diagnostic(event.diagnosticEvent.severity, event.diagnosticEvent.message);
    if (event.summaryEvent && this.#errors.size === 0)
      this.#summary(event.summaryEvent.resourceChanges, event.summaryEvent.durationSeconds);
  };

  /** The errors; empty if there were none. */
  get errors(): string[] {
    return [...this.#errors];
  }

  #change(op: OpType, type: string, urn: string, changed: readonly string[]): void {
    const operation = operations[op];
    if (operation === undefined || type.startsWith("pulumi:") || type.startsWith("multicloud:")) return;
    const properties = changed.length > 0 ? `  [${changed.join(", ")}]` : "";
    this.print(`${operation.sign} ${operation[this.tense]}  ${shortType(type)}  ${nameIn(urn)}${properties}`);
  }

  #diagnostic(severity: string, marked: string): void {
    // The engine marks colours as <{%fg 1%}>.
    const message = marked.replace(/<\{%.*?%\}>/g, "").trim();
    if (severity === "error") {
      // The engine repeats a program's error with its stack.
      const [text = ""] = message.replace(/^Unhandled exception: (\w*Error: )?/, "").split(/\n\s+at /);
      if (text !== "update failed" && text !== "preview failed") this.#errors.add(text);
    } else if (message !== "" && !elsewhere.test(message) && (severity === "warning" || severity === "info")) {
      this.print(message);
    }
  }

  #summary(changes: Partial<Record<OpType, number>>, seconds: number): void {
    const counts = Object.entries(changes)
      .filter(([op]) => op !== "same")
      .map(([op, count]) => `${count} ${op}`);
    const total = counts.length === 0 ? "no changes" : counts.join(", ");
    this.print(`${total}; ${changes.same ?? 0} unchanged (${seconds} s)`);
  }
}

/** `aws:lambda/function:Function` as `aws:lambda:Function`. */
function shortType(type: string): string {
  return type.replace(/\/[^:]*:/, ":");
}
