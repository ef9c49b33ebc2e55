import type { Cloud } from "../../contract/clouds";

/** The caller's identity, as the cloud reports it. */
export interface Identity {
  /** Account, subscription or project. */
  readonly account: string;
  /** User, role or service account. */
  readonly principal: string;
}

/** A function as it is deployed now, independent of the stack's state. */
export interface DeployedFunction {
  /** e.g. `python3.12`. */
  readonly runtime: string;
  /** e.g. `x86_64`; absent where the cloud has but one. */
  readonly architecture?: string;
  /** The cloud's name of its state, e.g. `Active`. */
  readonly state: string;
  /** ARNs of the attached layer versions, in order; empty on clouds without layers. */
  readonly layerArns: readonly string[];
  /** Maximum number of concurrent events; absent if only the account's limit applies. */
  readonly reservedConcurrency?: number;
  /** What serves requests now, in the cloud's terms, e.g. `version 7`; absent if the cloud has only one candidate. */
  readonly serving?: string;
  /** Descriptions of manual changes of code or configuration, whether they serve or not. */
  readonly patched?: readonly string[];
  /** Descriptions of releases that serve instead of the last deployment. */
  readonly rolledBack?: readonly string[];
  /** Digest of each app setting's value, by its name; absent if the cloud's provider reads settings back. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Names of its environment variables, without the values. */
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
  /** As ISO 8601; absent if the cloud does not report it. */
  readonly createdAt?: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** The zip itself. */
  readonly content: () => Promise<Buffer>;
}

/** A recipient of alarms. */
export interface Subscription {
  readonly endpoint: string;
  readonly confirmed: boolean;
}

/** One event of a log. */
export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Instance that wrote it. */
  readonly stream: string;
  readonly message: string;
}

/**
 * Queries of `diagnose` about one stack in a cloud: by the vendors' command lines with the user's credentials, or from the
 * state of the local clouds.
 *
 * Each query throws an `UnansweredError` if it cannot be answered; `undefined` means that the resource does not exist.
 */
export interface InspectedCloud {
  identity(): Promise<Identity>;
  /** @param functionName the cloud's name of it. */
  function(functionName: string): Promise<DeployedFunction | undefined>;
  layer(arn: string): Promise<DeployedLayer | undefined>;
  /** @param table the cloud's name of it. */
  hasTable(table: string): Promise<boolean>;
  /** Recipients of a topic's alarms; absent on clouds that need no confirmation. */
  subscriptions?(topic: string): Promise<readonly Subscription[]>;
  /** Events of a function's log since a time, oldest first. */
  log(fn: LoggedFunction, since: Date): Promise<readonly LogEvent[]>;
  /**
   * Log events of the gateway since a time, for requests that it rejected or could not pass to the function, and that are
   * not in the function's own log; absent on clouds where both write into one log.
   */
  gatewayErrors?(since: Date): Promise<readonly LogEvent[]>;
}

/** The clouds of one stack. */
export type InspectedClouds = Readonly<Partial<Record<Cloud, InspectedCloud>>>;
