/** Seconds until a grant has propagated (IAM, "Access change propagation": 2 minutes, potentially 7). */
const grantPropagation = 420;

/**
 * A command that waits until a grant has propagated, with a message. The state cannot be queried: `testIamPermissions`
 * answers only for the caller.
 *
 * @param granted the grant, for the message; without quotation marks, which the shell would interpret.
 */
export function untilKnown(granted: string): string {
  // On this machine seconds are shorter, as the local clouds define.
  const milliseconds = `${grantPropagation * 1000} * Number(process.env.LOCAL_SECOND ?? 1)`;
  const said = `Waiting ${grantPropagation / 60} minutes, until Google Cloud knows everywhere ${granted}`;
  return `node -e 'const time = ${milliseconds}; if (time > 1000) console.log("${said}"); setTimeout(() => {}, time)'`;
}
