import type { Identity } from "../bootstrap/rights";
import type { WeatherReport } from "../local/weather";

/** Which stack a verb is about, and with which settings. */
export interface Subject {
  readonly stack: string;
  readonly state: string;
  /** Laid over the stack's file, in YAML, by their path. */
  readonly config: Readonly<Record<string, string>>;
  /** What goes wrong on the local clouds. */
  readonly weather: WeatherReport;
  /** Who asks them. Default: an administrator. */
  readonly identity?: Identity;
}
