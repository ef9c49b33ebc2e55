/** When somebody is told, on every cloud alike. */
export const alarmLimits = {
  /** Minutes over which errors, refused requests and latency are looked at. */
  minutes: 5,
  /** Windows in a row that are over a limit before somebody is told: one slow start wakes nobody. */
  latencyWindows: 3,
  /** Milliseconds that 95 of 100 requests are answered in. A cold start with all dependencies takes under two seconds. */
  latencyMs: 3000,
} as const;
