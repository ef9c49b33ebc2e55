import type { Cloud } from "../../contract/clouds";
import type { Commands } from "./check";
import { diagnoseCloud } from "./diagnose";
import type { InspectedClouds } from "./inspected-cloud";
import type { DeployedOutputs } from "./outputs";
import { described } from "./text";

export interface FailedCloud {
  readonly cloud: Cloud;
  readonly outputs: DeployedOutputs;
  readonly clouds: InspectedClouds;
  readonly commands: Commands;
  /** When the failure began. */
  readonly since: Date;
}

/** The checks that look for causes; the others see only the failure. */
const explaining = ["function", "compatibility", "table", "log"];

/** Milliseconds that each check may take. */
const timeout = 30_000;

/** Findings from the cloud and the function's log that explain why a cloud's API does not serve, as text. */
export async function causesOf({ cloud, outputs, clouds, commands, since }: FailedCloud): Promise<string[]> {
  const [values, inspected] = [outputs[cloud], clouds[cloud]];
  if (values === undefined || inspected === undefined) return [];
  const subject = {
    cloud,
    outputs: values,
    layers: outputs.layers,
    application: outputs.application,
    inspected,
    since,
    askedAt: since,
    commands,
  };
  const results = await diagnoseCloud(subject, { only: explaining, timeout });
  return results.flatMap((result) => result.findings.map((finding) => described(result, finding)));
}
