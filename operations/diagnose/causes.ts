/** A known cause of failures, recognised in a function's log. */
export interface Cause {
  /** The failure in one line, e.g. `missing module mangum`. */
  readonly title: string;
  /** Its cause in one sentence. */
  readonly cause: string;
  /** The next step. Default: a deployment with a refresh. */
  readonly next?: string;
}

interface Sign {
  /** Text of the log. Earlier signs take precedence, as they may cause later ones. */
  readonly pattern: RegExp;
  readonly cause: (found: RegExpExecArray) => Cause;
}

/** Known causes with their text in a log, the most specific first. */
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
    pattern:
      /Task timed out after ([\d.]+) seconds|Timeout value of ([\d:]+) (?:was )?exceeded|"status":"timeout"|HttpTimeoutError|FunctionTimeoutException/,
    cause: ([, seconds, timeSpan]) => ({
      title: `timeout${seconds === undefined ? "" : ` after ${Number(seconds)} s`}${timeSpan === undefined ? "" : ` after ${timeSpan}`}`,
      cause:
        "The function took longer than its timeout: a service that it calls does not answer, or the function is too slow.",
    }),
  },
  {
    pattern: /ResourceNotFoundException|TableNotFound|The database \S+ does not exist|404 The database/,
    cause: () => ({
      title: "missing table",
      cause: "The table does not exist, or the function uses another name or region.",
    }),
  },
  {
    pattern:
      /AccessDenied|not authorized to perform|AuthorizationFailure|AuthorizationPermissionMismatch|AuthenticationFailed|PERMISSION_DENIED|Missing or insufficient permissions/,
    cause: () => ({
      title: "permission denied",
      cause: "The function's identity may not use the table: its policy or role is missing, or has not propagated yet.",
    }),
  },
  {
    pattern: /API Gateway doesn't have permissions? to call the integration/,
    cause: () => ({
      title: "permission denied: API Gateway may not invoke the function",
      cause: "The function's resource policy lacks the permission for this API, so no request reaches the function.",
    }),
  },
  {
    pattern:
      /Throttl|TooManyRequests|ProvisionedThroughputExceeded|RESOURCE_EXHAUSTED|Rate Exceeded|"status":"429"|no available instance/,
    cause: () => ({
      title: "throttled",
      cause: "More requests arrived than the API, the function or the table accepts at once.",
      next: "raise the limit, e.g. aws.function.reservedConcurrency or aws.api.throttle.rate, or wait for the load to end",
    }),
  },
  {
    // Formats of Lambda's runtime, of structured logs, and of a Python traceback.
    pattern:
      /"errorMessage": ?"([^"]{0,200})", ?"errorType": ?"(\w+)"|"errorType": ?"(\w+)", ?"errorMessage": ?"([^"]{0,200})"|\b(\w+(?:Error|Exception)): ([^"\\\n]{0,200})/,
    cause: ([, raised, raisedType, loggedType, logged, printedType, printed]) => ({
      title: `${raisedType ?? loggedType ?? printedType ?? ""}: ${raised ?? logged ?? printed ?? ""}`.trim(),
      cause: "The application raised an error: the trace names the line.",
      next: "correct the code, or deploy the previous version",
    }),
  },
  {
    // Written by Lambda, Azure's host, gunicorn on Google Cloud, and Cloud Run. The signs above name the error behind it.
    pattern:
      /Runtime exited with error: ([^"\\\n]+)|python (exited with code -?\d+)|Worker \(pid:\d+\) (exited with code \d+|was sent SIG\w+)|Container (called exit\(\d+\)|terminated on signal \d+)/,
    cause: ([, ended = "", python = ended, worker = python, container = worker]) => ({
      title: `the function's process ended: ${container}`,
      cause: "The code ended the process, a native module crashed, or the platform killed it, e.g. for its memory.",
      next: "see what the last requests before it did; raise the function's memory where it was killed",
    }),
  },
];

/** The known cause in the lines of a log, if any. */
export function nameCause(lines: readonly string[]): Cause | undefined {
  const text = lines.join("\n");
  for (const { pattern, cause } of signs) {
    const found = pattern.exec(text);
    if (found) return cause(found);
  }
  return undefined;
}
