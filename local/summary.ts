import type { OutputMap } from "@pulumi/pulumi/automation";
import Table from "cli-table3";

import type { StackValues } from "../components/outputs";
import { clouds } from "../contract/clouds";

/** A table of a stack's addresses and layers, for a person. */
export function addressTable(outputs: OutputMap): string {
  const table = new Table({ head: ["cloud", "frontend", "API", "version"], style: { head: [], border: [] } });
  for (const cloud of clouds) {
    const found = outputs[cloud]?.value as StackValues[typeof cloud];
    if (found) table.push([cloud, found.frontendUrl ?? "off", found.apiUrl ?? "", found.version]);
  }
  const isApplication = clouds.some((cloud) => cloud in outputs) || Object.keys(outputs).length === 0;
  if (!isApplication) {
    // The outputs of the user's own program.
    const shown = Object.entries(outputs).map(([name, { value, secret }]) => {
      return `${name} ${secret ? "[secret]" : typeof value === "string" ? value : JSON.stringify(value)}`;
    });
    return [...shown, ""].join("\n");
  }
  const arns = Object.values((outputs.layerArns?.value ?? {}) as Record<string, string>);
  return [table.toString(), ...arns.map((arn) => `layer ${arn}`), ""].join("\n");
}
