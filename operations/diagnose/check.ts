import type { Cloud } from "../../contract/clouds";
import type { InspectedCloud } from "./inspected-cloud";
import type { CloudValues, DeployedOutputs, FunctionValues } from "./outputs";
import type { Finding } from "./report";
import type { DeployedFile, InspectedStack } from "./stack";

/** Result of one check. */
export interface Verdict {
  /** Observation in one line. */
  readonly summary: string;
  /** Empty if nothing is wrong. */
  readonly findings: readonly Finding[];
  /** Median response time, if measured. */
  readonly latencyMs?: number;
  /** Whether the function itself answered a request of the check. */
  readonly answered?: boolean;
}

/** Input of a check of the whole stack. */
export interface StackSubject {
  readonly stack: InspectedStack;
  readonly outputs: DeployedOutputs;
  /** Whether to compare every resource with the clouds, which is slow. */
  readonly drift: boolean;
  /** Commands for the next steps of findings, e.g. `pulumi up --refresh -s staging`. */
  readonly commands: Commands;
}

/** Input of a check of one function, or of one cloud. */
export interface CloudSubject {
  readonly cloud: Cloud;
  /** Name of the function in the application's description. */
  readonly name: string;
  readonly fn: FunctionValues;
  readonly outputs: CloudValues;
  readonly layers: DeployedOutputs["layers"];
  readonly inspected: InspectedCloud;
  /** Folder of the application in this checkout. */
  readonly application: string;
  /** Earlier errors are ignored: a later deployment may have fixed them. */
  readonly since: Date;
  /** When other checks of this run first sent requests to the function; absent without requests or responses. */
  readonly askedAt?: Date;
  readonly commands: Commands;
  /** The deployed files of every frontend; absent if the stack's state is not read. */
  readonly site?: () => Promise<readonly DeployedFile[]>;
}

/** The commands that change this stack, as a user types them. */
export interface Commands {
  /** Compares every resource with the program and corrects differences. */
  readonly redeploy: string;
  /** Deploys the program. */
  readonly deploy: string;
  /** Reads the outcome of operations that were interrupted. */
  readonly reconcile: string;
  /** Releases the lock of an update that no longer runs. */
  readonly cancel: string;
}

/** One check. Checks in a table are in causal order: a check precedes those whose findings it explains. */
export interface Check<Subject> {
  /** Id for `--only`. */
  readonly id: string;
  /** Description for `--help`. */
  readonly about: string;
  /** Whether the check applies. Default: always. */
  readonly applies?: (subject: Subject) => boolean;
  /** Runs for each function, not once for a cloud. */
  readonly eachFunction?: true;
  /** Time limit in milliseconds, if it needs more than the others. */
  readonly timeoutMs?: number;
  /** Runs after the others, because it reads their effects. */
  readonly last?: boolean;
  /**
   * @param signal aborts requests at the check's time limit.
   * @throws {UnansweredError} if it cannot be checked.
   */
  run(subject: Subject, signal: AbortSignal): Promise<Verdict>;
}
