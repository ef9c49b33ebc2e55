import type { OutputMap } from "@pulumi/pulumi/automation";
import Table from "cli-table3";

import type { StackValues } from "../components/outputs";
import { clouds } from "../contract/clouds";

/** The addresses to open, and the layers behind them: what a person wants to see of a stack's outputs. */
export function addressTable(outputs: OutputMap): string {
  const table = new Table({ head: ["cloud", "frontend", "API", "version"], style: { head: [], border: [] } });
  for (const cloud of clouds) {
    const found = outputs[cloud]?.value as StackValues[typeof cloud];
    if (found) table.push([cloud, found.frontendUrl ?? "off", found.apiUrl ?? "", found.version]);
  }
  const isApplication = clouds.some((cloud) => cloud in outputs) || Object.keys(outputs).length === 0;
  if (!isApplication) {
    // Those of a program of its own.
    const shown = Object.entries(outputs).map(([name, { value, secret }]) => {
      return `${name} ${secret ? "[secret]" : typeof value === "string" ? value : JSON.stringify(value)}`;
    });
    return [...shown, ""].join("\n");
  }
  const arns = Object.values((outputs.layerArns?.value ?? {}) as Record<string, string>);
  return [table.toString(), ...arns.map((arn) => `layer ${arn}`), ""].join("\n");
}
