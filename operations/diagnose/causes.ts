/** Why a function fails, as its log tells it. */
export interface Cause {
  /** What it is, in one line, e.g. `missing module mangum`. */
  readonly title: string;
  /** Why it is so, in one sentence. */
  readonly cause: string;
  /** The step to take next, where it is another than a deployment that heals. */
  readonly next?: string;
}

interface Sign {
  /** What is written, by whatever writes it first: a later sign may come of an earlier one. */
  readonly pattern: RegExp;
  readonly cause: (found: RegExpExecArray) => Cause;
}

/** The causes that are known, and what they write into a log, the most particular first. */
const signs: readonly Sign[] = [
  {
    pattern: /No module named ['"](\w+\._\w+)['"]|invalid ELF header|wrong ELF class|cannot open shared object file/,
    cause: ([, module]) => ({
      title: `wrong-platform wheel${module === undefined ? "" : `: ${module} cannot be loaded`}`,
      cause: "A native module was built for another processor or Python than the function's, so it cannot be imported.",
    }),
  },
  {
    pattern: /No module named ['"]mangum['"]/,
    cause: () => ({
      title: "missing layer: mangum cannot be imported",
      cause: "mangum is the first import from the dependency layer: the layer is not attached, or not the stack's.",
    }),
  },
  {
    pattern: /No module named ['"]([\w.]+)['"]/,
    cause: ([, module = ""]) => ({
      title: `missing module ${module}`,
      cause: `The function imports ${module}, which neither its package nor a layer has.`,
      next: "add it to the requirements of the function, then run: npm run layer -- lock",
    }),
  },
  {
    pattern: /Task timed out after ([\d.]+) seconds|"status":"timeout"|HttpTimeoutError|FunctionTimeoutException/,
    cause: ([, seconds]) => ({
      title: `timeout${seconds === undefined ? "" : ` after ${Number(seconds)} s`}`,
      cause:
        "The function took longer than its configuration lets it: what it calls does not answer, or it is too slow.",
    }),
  },
  {
    pattern: /ResourceNotFoundException|TableNotFound|The database \S+ does not exist|404 The database/,
    cause: () => ({
      title: "missing table",
      cause: "The table of the messages is not there, or the function looks for it elsewhere.",
    }),
  },
  {
    pattern:
      /AccessDenied|not authorized to perform|AuthorizationFailure|AuthorizationPermissionMismatch|AuthenticationFailed|PERMISSION_DENIED|Missing or insufficient permissions/,
    cause: () => ({
      title: "permission denied",
      cause:
        "The function's identity may not use the table: its policy or role is not there, or not yet known everywhere.",
    }),
  },
  {
    pattern: /API Gateway doesn't have permissions? to call the integration/,
    cause: () => ({
      title: "permission denied: API Gateway may not invoke the function",
      cause: "The function's resource policy lacks the permission for this API, so no request gets to the function.",
    }),
  },
  {
    pattern:
      /Throttl|TooManyRequests|ProvisionedThroughputExceeded|RESOURCE_EXHAUSTED|Rate Exceeded|"status":"429"|no available instance/,
    cause: () => ({
      title: "throttled",
      cause: "More requests came than the API, the function or the table may answer at once.",
      next: "raise the limit, e.g. aws.function.reservedConcurrency or aws.api.throttle.rate, or wait for the load to end",
    }),
  },
  {
    // As the runtime of Lambda writes it, in either format, and as Python prints a traceback.
    pattern: /"errorMessage": ?"([^"]{0,200})", ?"errorType": ?"(\w+)"|\b(\w+(?:Error|Exception)): ([^"\\\n]{0,200})/,
    cause: ([, lambdaMessage, lambdaType, type = lambdaType ?? "", message = lambdaMessage ?? ""]) => ({
      title: `${type}: ${message}`.trim(),
      cause: "The application fails by itself: the trace names the line.",
      next: "mend the code, or deploy the version before it",
    }),
  },
];

/** The cause that the lines of a log name; absent where they name none that is known. */
export function nameCause(lines: readonly string[]): Cause | undefined {
  const text = lines.join("\n");
  for (const { pattern, cause } of signs) {
    const found = pattern.exec(text);
    if (found) return cause(found);
  }
  return undefined;
}
