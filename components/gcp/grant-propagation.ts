/** Seconds in which a grant is known everywhere (IAM, "Access change propagation": 2 minutes, potentially 7). */
const grantPropagation = 420;

/**
 * A command that ends once what was granted is known everywhere, and says that it waits. Nothing tells when that is:
 * `testIamPermissions` answers for who asks.
 *
 * @param granted what was granted, and to whom; without quotation marks, which the shell would read.
 */
export function untilKnown(granted: string): string {
  // On this machine a second is shorter, as the local clouds say.
  const milliseconds = `${grantPropagation * 1000} * Number(process.env.LOCAL_SECOND ?? 1)`;
  const said = `Waiting ${grantPropagation / 60} minutes, until Google Cloud knows everywhere ${granted}`;
  return `node -e 'const time = ${milliseconds}; if (time > 1000) console.log("${said}"); setTimeout(() => {}, time)'`;
}
