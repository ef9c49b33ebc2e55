/** Limits of the alarms, the same on every cloud. */
export const alarmLimits = {
  /** Minutes over which errors, rejected requests and latency are measured. */
  minutes: 5,
  /** Consecutive windows above a limit before an alarm notifies, so that a single slow start does not. */
  latencyWindows: 3,
  /**
   * Milliseconds within which 95 of 100 requests are answered. A cold start with all dependencies takes under two
   * seconds.
   */
  latencyMs: 3000,
} as const;
