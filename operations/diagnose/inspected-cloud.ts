import type { Cloud } from "../../contract/clouds";

/** Who asks a cloud, as it sees them. */
export interface Identity {
  /** Account, subscription or project. */
  readonly account: string;
  /** User, role or service account. */
  readonly principal: string;
}

/** A function as it is deployed now, whatever the stack believes of it. */
export interface DeployedFunction {
  /** e.g. `python3.12`. */
  readonly runtime: string;
  /** e.g. `x86_64`; absent where the cloud has but one. */
  readonly architecture?: string;
  /** The cloud's word for whether it serves, e.g. `Active`. */
  readonly state: string;
  /** ARNs of the layer versions that are attached, in their order; empty on clouds without layers. */
  readonly layerArns: readonly string[];
  /** Events that it may work on at the same time; absent where only the account's limit holds. */
  readonly reservedConcurrency?: number;
  /** What answers requests now, in the cloud's words, e.g. `version 7`; absent where the cloud has but one thing that could. */
  readonly serving?: string;
  /** What was changed by hand, in words: code or configuration beside that which serves, or that serves in its place. */
  readonly patched?: readonly string[];
  /** What serves in the place of what was deployed last, in words. */
  readonly rolledBack?: readonly string[];
  /** Digest of each app setting's value, by its name; absent where the cloud's provider reads settings back by itself. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The names of its environment variables; the values stay where they are. */
  readonly environment: readonly string[];
  /** As ISO 8601. */
  readonly modifiedAt?: string;
}

/** Where a function's log is. */
export interface LoggedFunction {
  /** The cloud's name of the function. */
  readonly functionName: string;
  /** Log group, workspace or log name. */
  readonly logs: string;
}

/** A version of a dependency layer. */
export interface DeployedLayer {
  readonly arn: string;
  readonly runtimes: readonly string[];
  readonly architectures: readonly string[];
  /** As ISO 8601; absent where the cloud does not tell it. */
  readonly createdAt?: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** The zip itself. */
  readonly content: () => Promise<Buffer>;
}

/** An address that alarms are sent to. */
export interface Subscription {
  readonly endpoint: string;
  readonly confirmed: boolean;
}

/** One event of a log. */
export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Which instance wrote it. */
  readonly stream: string;
  readonly message: string;
}

/**
 * What `diagnose` asks a cloud about one stack. The vendors' command lines ask the clouds, with their user's credentials; the
 * local clouds answer from their own state.
 *
 * Each question throws an `UnansweredError` where it cannot be answered; `undefined` says that the thing is not there.
 */
export interface InspectedCloud {
  identity(): Promise<Identity>;
  /** @param functionName the cloud's name of it. */
  function(functionName: string): Promise<DeployedFunction | undefined>;
  layer(arn: string): Promise<DeployedLayer | undefined>;
  /** @param table the cloud's name of it. */
  hasTable(table: string): Promise<boolean>;
  /** Who is told of alarms through a topic; absent on clouds that need no confirmation. */
  subscriptions?(topic: string): Promise<readonly Subscription[]>;
  /** Events of a function's log since a time, the newest last. */
  log(fn: LoggedFunction, since: Date): Promise<readonly LogEvent[]>;
  /**
   * What the gateway before the function logged since a time of requests that it refused or could not hand over, which
   * the function's own log knows nothing of; absent on clouds where both write into one log.
   */
  gatewayErrors?(since: Date): Promise<readonly LogEvent[]>;
}

/** The clouds of one stack. */
export type InspectedClouds = Readonly<Partial<Record<Cloud, InspectedCloud>>>;
