/** When an alarm notifies, the same on every cloud. */
export const alarmLimits = {
  /** Minutes over which errors, refused requests and latency are looked at. */
  minutes: 5,
  /** Consecutive windows above a limit before an alarm notifies: a single slow start does not. */
  latencyWindows: 3,
  /** Milliseconds that 95 of 100 requests are answered in. A cold start with all dependencies takes under two seconds. */
  latencyMs: 3000,
} as const;
