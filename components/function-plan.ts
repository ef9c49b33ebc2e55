import type * as pulumi from "@pulumi/pulumi";

import type { PythonFunction } from "../contract/application";

/** A function of the application, with what the stack's settings say of it. */
export interface FunctionPlan {
  readonly description: PythonFunction;
  /** The description's variables, overridden by the stack's settings. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** A value for each name in `description.secrets`, each a Pulumi secret. */
  readonly secrets: Readonly<Record<string, pulumi.Input<string>>>;
  /** MiB; absent: the cloud's setting. */
  readonly memory?: number;
  /** Seconds; absent: the cloud's setting. */
  readonly timeout?: number;
}
