import { z } from "zod";

import { UnansweredError } from "./unanswered-error";
import { gcloudCli } from "./vendor-cli";

const printed = z.union([z.object({ token: z.string() }).transform(({ token }) => token), z.string()]);

/**
 * An identity token of the account that is signed in to gcloud, which authenticates it to a function.
 *
 * @param audience address of the function, for a service account's token. A user's token has a fixed audience.
 * @throws {UnansweredError} if gcloud issues none.
 */
export async function gcpIdentity(audience: string): Promise<string> {
  const gcloud = gcloudCli();
  const print = (...more: string[]) => gcloud.ask(printed, "auth", "print-identity-token", ...more);
  try {
    return await print(`--audiences=${audience}`);
  } catch (ofServiceAccount) {
    try {
      return await print();
    } catch (ofPerson) {
      const said = [ofServiceAccount, ofPerson].map((error) =>
        error instanceof Error ? error.message : String(error),
      );
      throw new UnansweredError(
        `the functions are not public (gcp.function.public: false), and gcloud gives no identity token to ask them with: ${said.join("; ")}`,
        "gcloud auth login, or gcloud config set auth/impersonate_service_account ACCOUNT with the role roles/iam.serviceAccountOpenIdTokenCreator on it; or set smokeCheck to false",
      );
    }
  }
}
