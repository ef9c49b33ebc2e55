import type { Cloud } from "../../contract/clouds";
import type { InspectedCloud } from "./inspected-cloud";
import type { CloudValues, DeployedOutputs, FunctionValues } from "./outputs";
import type { Finding } from "./report";
import type { DeployedFile, InspectedStack } from "./stack";

/** What one check came to. */
export interface Verdict {
  /** What was seen, in one line. */
  readonly summary: string;
  /** Empty where everything is as it should be. */
  readonly findings: readonly Finding[];
  /** Median time of an answer, where that was measured. */
  readonly latencyMs?: number;
  /** Whether the cloud answered what the function is asked through it. */
  readonly answered?: boolean;
}

/** What a check of the whole stack looks at. */
export interface StackSubject {
  readonly stack: InspectedStack;
  readonly outputs: DeployedOutputs;
  /** Whether to ask the clouds for what was changed behind the stack's back, which takes a while. */
  readonly drift: boolean;
  /** Commands that a finding may name, e.g. `pulumi up --refresh -s staging`. */
  readonly commands: Commands;
}

/** What a check of one function, or of what its cloud has once, looks at. */
export interface CloudSubject {
  readonly cloud: Cloud;
  /** Name of the function in the application's description. */
  readonly name: string;
  readonly fn: FunctionValues;
  readonly outputs: CloudValues;
  readonly layers: DeployedOutputs["layers"];
  readonly inspected: InspectedCloud;
  /** Folder of the application, in this checkout too. */
  readonly application: string;
  /** Since when errors count: those that an earlier deployment made may be mended since. */
  readonly since: Date;
  /** When other checks of this look began to ask the function; absent where none did, or none was answered. */
  readonly askedAt?: Date;
  readonly commands: Commands;
  /** Every frontend's files, as they were deployed; absent where the stack's state is not read. */
  readonly site?: () => Promise<readonly DeployedFile[]>;
}

/** The commands that change this stack, as the reader of a finding types them. */
export interface Commands {
  /** Compares every resource with the program and corrects what differs. */
  readonly redeploy: string;
  /** Deploys the program. */
  readonly deploy: string;
  /** Reads the outcome of operations that were interrupted. */
  readonly reconcile: string;
  /** Releases the lock of an update that no longer runs. */
  readonly cancel: string;
}

/** One check; the order of checks in their table is the order of causes: what explains others comes before them. */
export interface Check<Subject> {
  /** Id that `--only` takes. */
  readonly id: string;
  /** What is looked at, for `--help`. */
  readonly about: string;
  /** Whether there is anything to look at. Default: always. */
  readonly applies?: (subject: Subject) => boolean;
  /** Looks at each function, not once at a cloud. */
  readonly eachFunction?: true;
  /** Milliseconds that it may take, where it needs more than the others. */
  readonly timeoutMs?: number;
  /** Begins when the others have ended, because it reads what they cause. */
  readonly last?: boolean;
  /**
   * @param signal aborts requests when the check's time is up.
   * @throws {UnansweredError} where it cannot be checked.
   */
  run(subject: Subject, signal: AbortSignal): Promise<Verdict>;
}
