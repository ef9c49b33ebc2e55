import type { IncomingHttpHeaders, ServerResponse } from "node:http";

import { accessKeyOf, type AwsResources } from "./resources";

/** Why an AWS service denies a request. */
export interface Denial {
  readonly type: string;
  readonly message: string;
}

/** The access key that signed a request. */
export function accessKeyIn({ authorization = "" }: IncomingHttpHeaders): string | undefined {
  return /Credential=([^/,\s]+)/.exec(authorization)?.[1];
}

/** ARN of the role whose session has an access key. Signatures are not verified. */
export function roleOf(resources: AwsResources, key: string | undefined): string | undefined {
  return resources.find("aws:iam/role:Role", ({ arn }) => accessKeyOf(arn) === key)?.arn;
}

export const unknownCaller: Denial = {
  type: "UnrecognizedClientException",
  message: "The security token included in the request is invalid.",
};

/** The denial for an action that none of a role's policies allows on a resource; undefined if one does. */
export function denial(resources: AwsResources, role: string, action: string, resource: string): Denial | undefined {
  if (resources.roleAllows(role, { action, resource })) return undefined;
  const caller = role.replace(/:iam:(.*):role\//, ":sts:$1:assumed-role/");
  return {
    type: "AccessDeniedException",
    message:
      `User: ${caller}/local is not authorized to perform: ${action} on resource: ${resource} ` +
      `because no identity-based policy allows the ${action} action`,
  };
}

/** Sends an error in the format of AWS's JSON protocol. */
export function deny(reply: ServerResponse, { type, message }: Denial): void {
  const body = JSON.stringify({ __type: `com.amazon.coral.service#${type}`, message, Message: message });
  reply.writeHead(400, { "Content-Type": "application/x-amz-json-1.0", "Content-Length": Buffer.byteLength(body) });
  reply.end(body);
}
