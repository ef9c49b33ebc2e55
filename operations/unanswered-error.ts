/** A question that a cloud or an engine did not answer. */
export class UnansweredError extends Error {
  /** @param next the exact command that mends it, e.g. `aws sso login`. */
  constructor(
    message: string,
    readonly next: string,
  ) {
    super(message);
  }
}

/** Nothing of a cloud answers, whatever it is asked: what else is seen of it comes of that. */
export class CloudDownError extends UnansweredError {}
