import { z } from "zod";

import { awsCli } from "./vendor-cli";

const policy = z.object({ Policy: z.string() });
const statements = z.object({
  Statement: z.array(
    z.looseObject({
      Principal: z.union([z.string(), z.looseObject({ Service: z.string().optional() })]),
      Condition: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
    }),
  ),
});
const published = z.object({ Version: z.string() });
const integrations = z.object({
  Items: z.array(z.object({ IntegrationId: z.string(), IntegrationUri: z.string().default("") })).default([]),
});

/** Milliseconds until a new statement of a function's policy applies in API Gateway. */
const propagation = 30_000;

/**
 * The integration address of a version, from its function's; undefined if the address belongs to another function, or
 * already names a version or an alias.
 */
export function versionUri(uri: string, functionName: string, version: string): string | undefined {
  const own = new RegExp(`(:function:${functionName})(?=/|$)`);
  return own.test(uri) ? uri.replace(own, `$1:${version}`) : undefined;
}

/**
 * Publishes the current function with the AWS CLI, and points each HTTP API that calls it unqualified to that version.
 *
 * @param waited milliseconds until API Gateway may call the version.
 */
export async function keepFormerVersion(functionName: string, region: string, waited = propagation): Promise<void> {
  const aws = awsCli(region);
  const fn = ["--function-name", functionName];
  const found = await aws.find(policy, "lambda", "get-policy", ...fn);
  const apis = found === undefined ? [] : apisIn(found.Policy);
  if (apis.length === 0) return;
  const { Version: version } = await aws.ask(published, "lambda", "publish-version", ...fn);
  for (const { api, source } of apis) {
    const { Items } = await aws.ask(integrations, "apigatewayv2", "get-integrations", "--api-id", api);
    const moved = Items.flatMap(({ IntegrationId, IntegrationUri }) => {
      const uri = versionUri(IntegrationUri, functionName, version);
      return uri === undefined ? [] : [{ id: IntegrationId, uri }];
    });
    if (moved.length === 0) continue;
    await aws.run(
      ...["lambda", "add-permission", ...fn, "--qualifier", version, "--statement-id", `former-${api}`],
      ...["--action", "lambda:InvokeFunction", "--principal", "apigateway.amazonaws.com", "--source-arn", source],
    );
    await new Promise((resolve) => setTimeout(resolve, waited));
    for (const { id, uri } of moved) {
      const integration = ["--api-id", api, "--integration-id", id, "--integration-uri", uri];
      await aws.run("apigatewayv2", "update-integration", ...integration);
    }
  }
}

/** The HTTP APIs with permission to invoke a function, from its policy. */
function apisIn(document: string): { api: string; source: string }[] {
  return statements.parse(JSON.parse(document)).Statement.flatMap(({ Principal, Condition }) => {
    if (typeof Principal === "string" || Principal.Service !== "apigateway.amazonaws.com") return [];
    const source = Object.entries(Condition.ArnLike ?? {}).find(([key]) => key.toLowerCase() === "aws:sourcearn")?.[1];
    const api = typeof source === "string" ? source.split(":")[5]?.split("/")[0] : undefined;
    return typeof source === "string" && api !== undefined ? [{ api, source }] : [];
  });
}
