import * as pulumi from "@pulumi/pulumi";

/**
 * The stack's settings for a cloud's provider, e.g. `aws:profile` or `aws:allowedAccountIds`. Only Pulumi's default
 * provider reads them; a provider in the program needs them as arguments.
 *
 * @param provider name of its package.
 */
export function providerSettings(provider: "aws" | "gcp"): Record<string, pulumi.Output<unknown>> {
  const config = new pulumi.Config(provider);
  const names = Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(`${provider}:`))
    .map((key) => key.slice(provider.length + 1));
  // A program does not know which of them are secret.
  return Object.fromEntries(names.map((name) => [name, config.requireSecret(name).apply(structured)]));
}

/** Lists and objects are JSON in the engine's text; a provider converts numbers and booleans itself. */
function structured(text: string): unknown {
  return /^\s*[[{]/.test(text) ? (JSON.parse(text) as unknown) : text;
}
