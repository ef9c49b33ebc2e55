/** A query that a cloud or an engine did not answer. */
export class UnansweredError extends Error {
  /** @param next the exact command that solves it, e.g. `aws sso login`. */
  constructor(
    message: string,
    readonly next: string,
  ) {
    super(message);
  }
}

/** The whole cloud does not answer: other findings about it only follow from that. */
export class CloudDownError extends UnansweredError {}
