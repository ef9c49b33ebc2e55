import type { Check, CloudSubject } from "./check";
import type { Finding } from "./report";

export const notificationsCheck: Check<CloudSubject> = {
  id: "notifications",
  about: "whether the recipients of alarms have confirmed their subscription",
  applies: ({ outputs, inspected }) => outputs.alarmTopic !== undefined && inspected.subscriptions !== undefined,
  async run({ outputs, inspected, commands }) {
    const subscriptions = (await inspected.subscriptions?.(outputs.alarmTopic ?? "")) ?? [];
    const unconfirmed = subscriptions.filter(({ confirmed }) => !confirmed);
    if (subscriptions.length === 0) {
      const finding: Finding = {
        severity: "error",
        title: "alarms reach no address: the topic has no subscription",
        evidence: [outputs.alarmTopic ?? ""],
        cause: "AWS deletes a subscription that is not confirmed within 48 hours; or the recipient unsubscribed.",
        next: `${commands.redeploy}, then follow the link in the mail`,
      };
      return { summary: finding.title, findings: [finding] };
    }
    const findings = unconfirmed
      .map(({ endpoint }) => masked(endpoint))
      .map((endpoint): Finding => ({
        severity: "warning",
        title: `${endpoint} receives no alarms: the subscription is not confirmed`,
        evidence: [outputs.alarmTopic ?? ""],
        cause: "AWS sends one mail with a link, and deletes the subscription if it is not followed within 48 hours.",
        next: `follow the link in the mail to ${endpoint}; where it is gone: ${commands.redeploy}`,
      }));
    return { summary: `${subscriptions.length - unconfirmed.length} of ${subscriptions.length} confirmed`, findings };
  },
};

/** Masks an address: many people may read a published report. */
function masked(address: string): string {
  return address.replace(/^(.)[^@]*@/, "$1***@");
}
