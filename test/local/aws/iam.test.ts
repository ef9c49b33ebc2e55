import { describe, expect, it } from "vitest";

import { allows, parsePolicy, trusts } from "../../../local/aws/iam";

const policy = (...statements: object[]) =>
  parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement: statements }));
const put = { action: "dynamodb:PutItem", resource: "arn:aws:dynamodb:eu-west-1:1:table/messages" };
const allowPut = { Effect: "Allow", Action: "dynamodb:PutItem", Resource: put.resource };

describe("a policy", () => {
  it.each([
    ["the action on the resource", [allowPut], true],
    ["nothing", [], false],
    ["another action", [{ ...allowPut, Action: ["dynamodb:Query", "dynamodb:Scan"] }], false],
    ["another resource", [{ ...allowPut, Resource: `${put.resource}-2` }], false],
    ["actions by wildcard, in any case", [{ ...allowPut, Action: "DynamoDB:Put*" }], true],
    ["resources by wildcard", [{ ...allowPut, Resource: "arn:aws:dynamodb:*:1:table/message?" }], true],
    [
      "everything but this",
      [
        { ...allowPut, Action: "*", Resource: "*" },
        { ...allowPut, Effect: "Deny" },
      ],
      false,
    ],
  ])("that allows %s", (_, statements, expected) => {
    expect(allows(policy(...statements), put)).toBe(expected);
  });

  const service = { ...allowPut, Principal: { Service: "apigateway.amazonaws.com" } };
  const arnLike = { ArnLike: { "AWS:SourceArn": "arn:aws:execute-api:eu-west-1:1:a1/*/*" } };
  it.each([
    ["the principal", [service], "apigateway.amazonaws.com", undefined, true],
    ["another principal", [service], "events.amazonaws.com", undefined, false],
    ["anyone", [{ ...service, Principal: "*" }], "events.amazonaws.com", undefined, true],
    [
      "the condition holds",
      [{ ...service, Condition: arnLike }],
      "apigateway.amazonaws.com",
      "a1/$default/$default",
      true,
    ],
    ["another source", [{ ...service, Condition: arnLike }], "apigateway.amazonaws.com", "a2/$default/$default", false],
    ["the key is missing", [{ ...service, Condition: arnLike }], "apigateway.amazonaws.com", undefined, false],
  ])("of a resource, with %s", (_, statements, principal, source, expected) => {
    const context = source === undefined ? undefined : { "aws:sourcearn": `arn:aws:execute-api:eu-west-1:1:${source}` };
    expect(allows(policy(...statements), { ...put, principal: ["Service", principal], context })).toBe(expected);
  });

  const source = "arn:aws:cloudfront::1:distribution/E1";
  it.each([
    ["StringEquals", "aws:SourceArn", source, true],
    ["StringEquals", "aws:SourceArn", "arn:aws:cloudfront::1:distribution/*", false],
    ["StringLike", "aws:SourceArn", "*E1", true],
    ["ArnEquals", "aws:SourceArn", "arn:aws:cloudfront::1:distribution/*", true],
    ["ArnLike", "aws:SourceArn", "arn:aws:cloudfront:*:1:*/E?", true],
    ["ArnLike", "aws:SourceArn", "arn:aws:*:distribution/E1", false],
    ["Bool", "aws:SecureTransport", "True", true],
    ["Bool", "aws:SecureTransport", "*", false],
  ])("compares by %s: %s is %s", (operator, key, value, expected) => {
    const context = { "aws:sourcearn": source, "aws:securetransport": "true" };
    const statement = { ...allowPut, Condition: { [operator]: { [key]: value } } };
    expect(allows(policy(statement), { ...put, context })).toBe(expected);
  });

  it.each([
    ["no action", { Action: "no such action" }],
    ["no ARN", { Resource: "messages" }],
    ["no service", { Principal: { Service: "apigateway" } }],
    ["no id of a statement", { Sid: "not one" }],
  ])("with %s is refused", (_, wrong) => {
    expect(() => policy({ ...allowPut, ...wrong })).toThrow();
  });

  it("with an unsupported condition is rejected", () => {
    expect(() => policy({ ...allowPut, Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } })).toThrow(
      /StringEquals/,
    );
  });
});

describe("a trust policy", () => {
  const lambda = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } };
  it.each([
    ["the service", [lambda], true],
    ["actions by wildcard", [{ ...lambda, Action: ["sts:TagSession", "sts:Assume*"] }], true],
    ["another service", [{ ...lambda, Principal: { Service: ["ec2.amazonaws.com"] } }], false],
    ["another action", [{ ...lambda, Action: "sts:TagSession" }], false],
    ["it in one statement, and denies it in another", [lambda, { ...lambda, Effect: "Deny" }], false],
  ])("that allows %s", (_, statements, expected) => {
    expect(trusts(JSON.stringify({ Statement: statements }), "lambda.amazonaws.com")).toBe(expected);
  });
});
