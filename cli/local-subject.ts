import type { Identity } from "../bootstrap/rights";
import type { WeatherReport } from "../local/weather";

/** The stack of a verb, and its settings. */
export interface Subject {
  readonly stack: string;
  readonly state: string;
  /** Override the stack's file; values in YAML, by their path. */
  readonly config: Readonly<Record<string, string>>;
  /** Injected faults of the local clouds. */
  readonly weather: WeatherReport;
  /** The caller's identity. Default: an administrator. */
  readonly identity?: Identity;
}
