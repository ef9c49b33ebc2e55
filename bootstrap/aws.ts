import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import {
  awsPolicy,
  boundaryName,
  boundaryPolicy,
  type Place,
  type PolicyStatement,
  roleName,
  statePolicy,
} from "./aws-policy";
import type { Identity } from "./rights";

const issuer = "token.actions.githubusercontent.com";

const document = (Statement: readonly unknown[]) => JSON.stringify({ Version: "2012-10-17", Statement });

/** Size of a managed policy's document in characters without white space, at most (IAM, "Quotas"). */
const policyLimit = 6_144;

export interface AwsOptions {
  /** ARN of the account's existing provider for GitHub's tokens. Default: a new one. */
  readonly githubProviderArn?: string;
  /** Name of the bucket with the stack's state. Default: the identities may access none. */
  readonly stateBucket?: string;
}

/**
 * Roles for one stack, which GitHub's tokens of their environments may assume, and the permissions boundary that the
 * stack's own roles require: set `aws.permissionsBoundary` to it.
 */
export function awsIdentities(
  place: Place,
  trusted: (identity: Identity) => readonly string[],
  { githubProviderArn, stateBucket }: AwsOptions = {},
) {
  // An account has at most one provider per URL.
  const provider = pulumi.output(
    githubProviderArn ??
      new aws.iam.OpenIdConnectProvider("github", {
        url: `https://${issuer}`,
        clientIdLists: ["sts.amazonaws.com"],
      }).arn,
  );
  const boundary = new aws.iam.Policy("boundary", {
    name: boundaryName(place),
    policy: document(boundaryPolicy(place)),
  });
  const role = (identity: Identity) => {
    const made = new aws.iam.Role(identity, {
      name: roleName(place, identity),
      maxSessionDuration: 2 * 3600,
      assumeRolePolicy: provider.apply((arn) =>
        document([
          {
            Effect: "Allow",
            Action: "sts:AssumeRoleWithWebIdentity",
            Principal: { Federated: arn },
            Condition: {
              StringEquals: { [`${issuer}:aud`]: "sts.amazonaws.com", [`${issuer}:sub`]: trusted(identity) },
            },
          },
        ]),
      ),
    });
    const state = stateBucket === undefined ? [] : statePolicy(identity, stateBucket);
    for (const [index, statements] of inDocuments([...awsPolicy(identity, place), ...state]).entries()) {
      const name = `${identity}-${index}`;
      const policy = new aws.iam.Policy(name, {
        name: `${roleName(place, identity)}-${index}`,
        policy: document(statements),
      });
      new aws.iam.RolePolicyAttachment(name, { role: made.name, policyArn: policy.arn });
    }
    return made.arn;
  };
  return {
    deploy: role("deploy"),
    preview: role("preview"),
    drift: role("drift"),
    permissionsBoundary: pulumi.output(boundary.arn),
  };
}

/** The statements in the minimum number of documents. */
export function inDocuments(statements: readonly PolicyStatement[]): PolicyStatement[][] {
  const documents: PolicyStatement[][] = [];
  for (const statement of statements) {
    const last = documents.at(-1);
    if (last !== undefined && document([...last, statement]).length <= policyLimit) last.push(statement);
    else documents.push([statement]);
  }
  return documents;
}
