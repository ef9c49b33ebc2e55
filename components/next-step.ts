import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * Prints the next step after each failure of a cloud, since clouds and providers do not say that an update continues
 * from where it failed. The program calls it before it declares anything.
 */
export function tellNextStep(): void {
  // With mocks there is neither a stack nor an engine.
  if (pulumi.runtime.getStackResource() === undefined) return;
  const tell: pulumi.ErrorHookFunction = async ({ errors: [latest = ""] }) => {
    await sayNextStep(latest);
    return false;
  };
  // The engine calls the hook outside of the program's async context, where the Automation API has no log.
  const hook = new pulumi.ErrorHook("next-step", AsyncResource.bind(tell));
  pulumi.runtime.registerStackTransformation(({ type, props, opts }) => {
    // Commands print their own causes and steps, and so do hooks that retry an operation.
    if (!ofClouds.test(type) || opts.hooks?.onError !== undefined) return undefined;
    return { props, opts: { ...opts, hooks: { ...opts.hooks, onError: [hook] } } };
  });
}

/**
 * Prints it after the final failure of an operation. The engine ends soon afterwards, so the call has to be awaited.
 *
 * @param error of the cloud: what a new account or a deleted stack is refused has a step of its own.
 */
export async function sayNextStep(error = ""): Promise<void> {
  const refusal = refusals.find(({ sign }) => sign.test(error));
  const mend = refusal === undefined ? "" : `${refusal.next}. `;
  await pulumi.log.error(
    `${mend}Completed changes stay: run the same command again to continue; if it fails again for the same reason, ` +
      `fix that first; npm run diagnose -- -s ${pulumi.getStack()} shows more`,
  );
}

interface Refusal {
  /** The cloud's error. */
  readonly sign: RegExp;
  readonly next: string;
}

/** What a cloud refuses until something outside the program has changed. */
const refusals: readonly Refusal[] = [
  {
    // Text as in hashicorp/terraform-provider-aws#36663.
    sign: /account must be verified before you can add new CloudFront resources/,
    next:
      "AWS has not verified this account for CloudFront yet: send it this message as a support case " +
      "(https://console.aws.amazon.com/support/home), and deploy without a frontend until then " +
      "(pulumi config set --path aws.frontend.enabled false)",
  },
  {
    // API reference of Lambda, PutFunctionConcurrency; a new account has ten executions in all.
    sign: /decreases account's UnreservedConcurrentExecution below its minimum value/,
    next:
      "The account's limit of concurrent executions, ten in a new account, has nothing to reserve: ask for more in Service " +
      "Quotas (AWS Lambda, L-B99A9384), or reserve nothing (pulumi config set --path aws.function.reservedConcurrency -- -1)",
  },
  {
    // API reference of CloudWatch Logs, CreateLogGroup.
    sign: /ResourceAlreadyExistsException: The specified log group already exists/,
    next:
      "A stack or a function before left this log, and the stack does not know it: export what has to be kept, and delete it " +
      "(aws logs delete-log-group --log-group-name GROUP)",
  },
  {
    // hashicorp/terraform-provider-azurerm#5465; the name is free again after 14 days.
    sign: /The workspace name '[^']*' is not unique/,
    next:
      "Azure keeps the log of a deleted stack for 14 days, and gives it back in the same region only: set azure.region to " +
      "that region, or delete it for good from there (az monitor log-analytics workspace recover, then delete --force)",
  },
];

const ofClouds = /^(aws|azure-native|gcp):/;
