import { awsRules } from "./aws";
import { azureRules } from "./azure";
import { gcpRules } from "./gcp";
import type { Rule } from "./rule";
import { secretRules } from "./secrets";

/** All rules for deployments of this project. */
export const rules: readonly Rule[] = [...awsRules, ...azureRules, ...gcpRules, ...secretRules];

/** A scanner rule that this project does not follow. */
export interface Waiver {
  readonly reference: string;
  readonly about: string;
  readonly reason: string;
}

/** Findings of scanners, and the reasons to keep them. */
export const waivers: readonly Waiver[] = [
  {
    reference: "CKV_AWS_117",
    about: "Lambda functions in a VPC",
    reason: "The function calls DynamoDB and nothing else; a VPC would add a NAT gateway and shield nothing.",
  },
  {
    reference: "CKV_AWS_116",
    about: "Dead letter queues",
    reason: "They are for asynchronous invocations; an HTTP API waits for its answer and reports the failure itself.",
  },
  {
    reference: "CKV_AWS_120",
    about: "API caches",
    reason: "HTTP APIs have none, and a list of messages that is a minute old is a wrong list.",
  },
  {
    reference: "CKV_AWS_272",
    about: "Code signing of Lambda functions",
    reason:
      "Bundles are built from hash-pinned locks in the run that deploys them; aws.codeSigning is there for those who must sign.",
  },
  {
    reference: "CKV_AWS_115",
    about: "Reserved concurrency",
    reason: "It takes from the account's limit, so it is a setting (aws.function.reservedConcurrency) and no default.",
  },
  {
    reference: "CKV_AWS_173",
    about: "Function environment encrypted with a key of one's own",
    reason: "The environment holds names and no secret; aws.function.kmsKeyArn is there for those who must.",
  },
  {
    reference: "CKV_AWS_119",
    about: "Tables encrypted with a key of one's own",
    reason: "The account's key for DynamoDB is used, whose use CloudTrail records.",
  },
  {
    reference: "CKV_AWS_158",
    about: "Log groups encrypted with a key of one's own",
    reason: "CloudWatch encrypts every log; the logs hold no message and no token.",
  },
  {
    reference: "CKV_AWS_26",
    about: "Encryption of the alarms' topic",
    reason: "CloudWatch may not use the key that AWS manages for SNS; an alarm says which limit was passed, no more.",
  },
  {
    reference: "CKV_AWS_18, CKV_AWS_21, CKV_AWS_144, CKV_AWS_145",
    about: "Log, versions, replica and own key of the site's bucket",
    reason: "The bucket holds copies of files of the repository, public ones, and only CloudFront reads it.",
  },
  {
    reference: "CKV_AWS_86, CKV_AWS_68",
    about: "Access log and web application firewall of CloudFront",
    reason: "Both cost by the request, so they are settings: aws.frontend.logBucket and aws.frontend.waf.",
  },
  {
    reference: "CKV_AWS_174",
    about: "TLS floor of a distribution without a domain",
    reason:
      "AWS sets the floor of *.cloudfront.net; with aws.frontend.domain it is TLS 1.2, and a rule here checks it.",
  },
  {
    reference: "CKV_AWS_310",
    about: "Origin failover of CloudFront",
    reason: "There is one origin for each path, and S3 and Lambda span the region's zones.",
  },
  {
    reference: "CKV_AWS_374",
    about: "Geographic restriction of CloudFront",
    reason: "The application is for everybody.",
  },
  {
    reference: "CKV_GCP_102",
    about: "Cloud Run services that everybody may invoke",
    reason: "The API is public by choice; the application checks tokens where auth.issuer is set.",
  },
  {
    reference: "CKV_AZURE_206",
    about: "Replication of storage accounts to another region",
    reason: "One region is what the service level asks for; locally redundant storage is the cheapest that keeps it.",
  },
];
