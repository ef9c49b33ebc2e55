import { createHash, randomUUID } from "node:crypto";

import { z } from "zod";

import type { CloudContext, Draft, Inputs, ResourceType, Rule } from "../resource-type";
import type { Properties } from "../provider-server";
import { notifiedEvents, refusedNotification } from "./bucket-notifications";
import { isEventPattern } from "./event-pattern";
import { queuePermissions } from "./event-sources";
import { allows, isPolicy, parsePolicy, policyKinds, trusts } from "./iam";
import { parseTarget } from "./lambda";
import { deadLetters, isRedrivePolicy } from "./queues";
import { AwsResources, bucketNotification } from "./resources";
import { parseExpression } from "./schedule-expression";
import {
  codeSigningConfigType,
  refusedSignature,
  signatureOf,
  signedCopy,
  signingJobType,
  signingProfileType,
  untrusted,
} from "./signing";
import { publishWhereAsked, versionFor, versionsOf } from "./versions";

/** The account that owns all local resources. */
export const account = "123456789012";

/** Region of the inputs, otherwise of the provider. */
const regionOf = ({ region }: Inputs, { configuration }: CloudContext) =>
  typeof region === "string" ? region : (configuration.region ?? "");

const arn = (service: string, region: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`;

const named = (inputs: Inputs) => String(inputs.name);

/** An id in AWS's form: letters and digits, derived from the text. */
const identifier = (text: string, length: number) =>
  createHash("sha256").update(text).digest("hex").slice(0, length).toUpperCase();

const oneOf = (...values: unknown[]): Rule => ({
  accepts: (value) => values.includes(value),
  expected: `one of ${values.join(", ")}`,
});

const matching = (pattern: RegExp, expected: string): Rule => ({
  accepts: (value) => typeof value === "string" && pattern.test(value),
  expected,
});

const between = (from: number, to: number): Rule => ({
  accepts: (value) => typeof value === "number" && value >= from && value <= to,
  expected: `a number from ${from} to ${to}`,
});

/** Maximum characters of a managed policy without white space (IAM, "Quotas"). */
const policyLimit = 6_144;

const policyOf = (kind: keyof typeof policyKinds): Rule => ({
  accepts: (value) => typeof value === "string" && isPolicy(value, kind),
  expected: `a policy document in JSON, whose statements have ${policyKinds[kind].needs.join(" and ")}${policyKinds[kind].forbids.map((key) => ` and no ${key}`).join("")}`,
});

/** Lambda developer guide, "Defined runtime environment variables". */
const reservedVariables = [
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_DEFAULT_REGION",
  "AWS_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_LAMBDA_RUNTIME_API",
  "LAMBDA_TASK_ROOT",
  "LAMBDA_RUNTIME_DIR",
];

/** Maximum bytes of all variables together, as a JSON object ("Lambda quotas"). */
const environmentLimit = 4096;

const environmentVariables: Rule = {
  accepts: (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).every((name) => /^[A-Za-z]\w+$/.test(name) && !reservedVariables.includes(name)) &&
    Buffer.byteLength(JSON.stringify(value)) <= environmentLimit,
  expected: `at most ${environmentLimit} bytes, with names of letters, digits and _ that Lambda does not reserve, as it does ${reservedVariables.join(", ")}`,
};

/** Each item of a list has to be one of these. */
const each = (...values: unknown[]): Rule => ({
  accepts: (value) => Array.isArray(value) && value.every((item) => values.includes(item)),
  expected: `a list of ${values.join(", ")}`,
});

/** The object has to have these properties; of a list, each item. */
const having = (...names: string[]): Rule => ({
  accepts: (value) =>
    (Array.isArray(value) ? (value as unknown[]) : [value]).every((item) => {
      const fields = new Map(typeof item === "object" && item !== null ? Object.entries(item) : []);
      return names.every((name) => fields.get(name) !== undefined);
    }),
  expected: `${names.join(" and ")} in it`,
});

/** From "Best practices and strategies" of tagging AWS resources. */
const tags: Rule = {
  accepts: (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(
      ([key, text]) =>
        /^.{1,128}$/.test(key) && typeof text === "string" && /^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u.test(text),
    ),
  expected: "values of at most 256 letters, digits, spaces and _ . : / = + - @",
};

const functionName = matching(/^[\w-]{1,64}$/, "1 to 64 letters, digits, - and _");
const runtimes = oneOf("python3.10", "python3.11", "python3.12", "python3.13", "python3.14");

/** Retentions that CloudWatch Logs accepts, in days. */
const retention = oneOf(
  ...[0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
);

/** A bucket has one setting of each kind, whose id is the bucket's name. */
const bucketSetting: Pick<ResourceType, "id" | "references" | "replaceOn"> = {
  id: (inputs) => String(inputs.bucket),
  references: { bucket: { type: "aws:s3/bucket:Bucket", by: "bucket" } },
  replaceOn: ["bucket"],
};

/** A part of an HTTP API. */
const apiPart = (kind: string): Pick<ResourceType, "references" | "replaceOn" | "id"> => ({
  references: { apiId: { type: "aws:apigatewayv2/api:Api" } },
  replaceOn: ["apiId"],
  id: (inputs, { store }) => identifier(`${kind} ${String(inputs.apiId)} ${store.next(kind)}`, 7).toLowerCase(),
});

const functionArn = (inputs: Inputs, region: string) => arn("lambda", region, `function:${named(inputs)}`);
const invokeArn = (target: string, region: string) =>
  `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${target}/invocations`;

function functionOutputs({ inputs }: Draft, region: string, { store }: CloudContext): Inputs {
  const self = functionArn(inputs, region);
  const copied = copyOf(inputs, store);
  const version = inputs.publish ? versionFor(store, named(inputs), { ...copied, ...inputs }) : "$LATEST";
  return {
    ...copied,
    arn: self,
    invokeArn: invokeArn(self, region),
    version,
    qualifiedArn: `${self}:${version}`,
    qualifiedInvokeArn: invokeArn(`${self}:${version}`, region),
  };
}

const originPort: Rule = {
  accepts: (value) =>
    typeof value === "number" && (value === 80 || value === 443 || (value >= 1024 && value <= 65_535)),
  expected: "80, 443, or 1024 to 65535",
};

/** Rules of a distribution's cache behaviors. */
const behaviorRules = (at: string): Readonly<Record<string, Rule>> => ({
  [`${at}.targetOriginId`]: {
    accepts: (value, { origins }) =>
      Array.isArray(origins) && origins.some(({ originId }: { originId?: unknown }) => originId === value),
    expected: "the originId of one of the distribution's origins",
  },
  [`${at}.viewerProtocolPolicy`]: oneOf("allow-all", "https-only", "redirect-to-https"),
  [`${at}.allowedMethods`]: each("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"),
  [`${at}.cachedMethods`]: each("GET", "HEAD", "OPTIONS"),
  [`${at}.functionAssociations`]: having("eventType", "functionArn"),
  [`${at}.functionAssociations.eventType`]: oneOf("viewer-request", "viewer-response"),
});

const visibility = ["cloudwatchMetricsEnabled", "metricName", "sampledRequestsEnabled"];

/** DynamoDB rejects a key without its attribute, and an attribute that is in no key. */
const keyAttributes: Rule = {
  accepts: (value, { hashKey, rangeKey }) =>
    Array.isArray(value) &&
    having("name", "type").accepts(value, {}) &&
    value.every(({ name }: { name?: unknown }) => name === hashKey || name === rangeKey) &&
    [hashKey, rangeKey].every((key) => key === undefined || value.some(({ name }: { name?: unknown }) => name === key)),
  expected: "the attributes of hashKey and rangeKey, each once",
};

export const awsTypes: Readonly<Record<string, ResourceType>> = {
  "aws:iam/role:Role": {
    name: "name",
    required: ["assumeRolePolicy"],
    json: ["assumeRolePolicy"],
    rules: {
      tags,
      name: matching(/^[\w+=,.@-]{1,64}$/, "1 to 64 characters of A-Z a-z 0-9 + = , . @ - _"),
      assumeRolePolicy: policyOf("trust"),
    },
    replaceOn: ["name", "path"],
    id: named,
    outputs: ({ inputs }) => ({ arn: `arn:aws:iam::${account}:role/${named(inputs)}` }),
  },
  "aws:iam/rolePolicy:RolePolicy": {
    name: "name",
    required: ["role", "policy"],
    json: ["policy"],
    rules: { policy: policyOf("identity") },
    references: { role: { type: "aws:iam/role:Role" } },
    replaceOn: ["name", "role"],
    id: (inputs) => `${String(inputs.role)}:${named(inputs)}`,
  },
  // An account has one provider per address.
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
    required: ["url", "clientIdLists"],
    rules: { url: matching(/^https:\/\/[\w.-]+(\/.*)?$/, "an address that begins with https://") },
    replaceOn: ["url"],
    id: ({ url }) => `arn:aws:iam::${account}:oidc-provider/${String(url).replace("https://", "")}`,
    outputs: ({ id }) => ({ arn: id }),
  },
  "aws:iam/policy:Policy": {
    name: "name",
    required: ["policy"],
    json: ["policy"],
    rules: {
      policy: {
        accepts: (value, inputs) =>
          typeof value === "string" && value.length <= policyLimit && policyOf("identity").accepts(value, inputs),
        expected: `at most ${policyLimit} characters, and ${policyOf("identity").expected}`,
      },
    },
    replaceOn: ["name", "path"],
    id: (inputs) => `arn:aws:iam::${account}:policy/${named(inputs)}`,
    outputs: ({ id }) => ({ arn: id }),
    undeletable: ({ id }, { store }) =>
      store.list("aws:iam/rolePolicyAttachment:RolePolicyAttachment").some(({ inputs }) => inputs.policyArn === id)
        ? `DeleteConflict: Cannot delete a policy attached to entities: ${id}`
        : undefined,
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    required: ["role", "policyArn"],
    references: { role: { type: "aws:iam/role:Role" }, policyArn: { type: "aws:iam/policy:Policy" } },
    replaceOn: ["role", "policyArn"],
    id: (inputs) => `${String(inputs.role)}-${String(inputs.policyArn)}`,
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    name: "name",
    rules: { tags, name: matching(/^[\w./#-]{1,512}$/, "1 to 512 characters"), retentionInDays: retention },
    replaceOn: ["name"],
    id: named,
    outputs: ({ inputs }, context) => ({ arn: arn("logs", regionOf(inputs, context), `log-group:${named(inputs)}`) }),
  },
  "aws:lambda/layerVersion:LayerVersion": {
    required: ["layerName"],
    rules: {
      compatibleArchitectures: each("x86_64", "arm64"),
      layerName: functionName,
      compatibleRuntimes: { accepts: isRuntimes, expected: runtimes.expected },
    },
    refuses: (inputs, { store }) => (inputs.code === undefined ? missingObject(inputs, store) : undefined),
    replaceOn: [
      ...["layerName", "code", "s3Bucket", "s3Key", "s3ObjectVersion", "description", "compatibleRuntimes"],
      ...["compatibleArchitectures", "licenseInfo"],
    ],
    id: (inputs, context) => {
      const layer = arn("lambda", regionOf(inputs, context), `layer:${String(inputs.layerName)}`);
      return `${layer}:${context.store.next(layer)}`;
    },
    outputs: ({ id, inputs }, { store }) => {
      const copied = copyOf(inputs, store);
      return {
        arn: id,
        layerArn: id.replace(/:\d+$/, ""),
        version: id.split(":").at(-1),
        createdDate: new Date().toISOString(),
        ...copied,
        sourceCodeHash: sha256OfBlob(inputs.code ?? copied.code),
      };
    },
    retained: ({ inputs }) => inputs.skipDestroy === true,
  },
  "aws:lambda/layerVersionPermission:LayerVersionPermission": {
    required: ["layerName", "versionNumber", "action", "principal", "statementId"],
    rules: {
      layerName: matching(
        /^([\w-]{1,64}|arn:aws[\w-]*:lambda:[\w-]+:\d{12}:layer:[\w-]{1,64})$/,
        "a layer's name or ARN",
      ),
      action: oneOf("lambda:GetLayerVersion"),
      statementId: matching(/^[\w-]{1,100}$/, "1 to 100 letters, digits, - and _"),
      principal: matching(/^(\*|\d{12}|arn:aws[\w-]*:iam::\d{12}:root)$/, "an account or *"),
      organizationId: {
        accepts: (value, { principal }) =>
          typeof value === "string" && /^o-[a-z0-9]{10,32}$/.test(value) && principal === "*",
        expected: "the id of an organisation, with * as the principal",
      },
    },
    refuses: ({ layerName, versionNumber }, { store }) => {
      const found = store.list("aws:lambda/layerVersion:LayerVersion").some(({ outputs, inputs }) => {
        return [outputs.layerArn, inputs.layerName].includes(layerName) && Number(outputs.version) === versionNumber;
      });
      const version = `${String(layerName)}:${String(versionNumber)}`;
      return found ? undefined : `ResourceNotFoundException: Layer version ${version} does not exist.`;
    },
    replaceOn: ["layerName", "versionNumber", "action", "statementId", "principal", "organizationId", "skipDestroy"],
    id: ({ layerName, versionNumber, statementId }) => [layerName, versionNumber, statementId].map(String).join(","),
    outputs: ({ inputs: { layerName, versionNumber, statementId, principal, organizationId, action } }) => {
      const everyone = { Condition: { StringEquals: { "aws:PrincipalOrgID": organizationId } } };
      const statement = {
        Sid: statementId,
        Effect: "Allow",
        Principal: principal === "*" ? "*" : { AWS: principal },
        Action: action,
        Resource: `${String(layerName)}:${String(versionNumber)}`,
        ...(organizationId !== undefined && everyone),
      };
      return { policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }), revisionId: randomUUID() };
    },
  },
  "aws:lambda/function:Function": {
    name: "name",
    required: ["role", ["code", "s3Bucket"], "handler", "runtime"],
    rules: {
      architectures: each("x86_64", "arm64"),
      "loggingConfig.logFormat": oneOf("JSON", "Text"),
      "tracingConfig.mode": oneOf("Active", "PassThrough"),
      snapStart: having("applyOn"),
      "snapStart.applyOn": oneOf("PublishedVersions", "None"),
      kmsKeyArn: matching(/^arn:aws[\w-]*:kms:[\w-]+:\d{12}:(key|alias)\/.+$/, "the ARN of a KMS key"),
      reservedConcurrentExecutions: between(-1, 2 ** 31 - 1),
      tags,
      name: functionName,
      runtime: runtimes,
      memorySize: between(128, 10_240),
      timeout: between(1, 900),
      layers: {
        accepts: (value) => Array.isArray(value) && value.length <= 5,
        expected: "at most five layers, each once",
      },
      handler: matching(/^\S{1,128}$/, "<module>.<attribute>"),
      "environment.variables": environmentVariables,
    },
    references: {
      role: { type: "aws:iam/role:Role", by: "arn" },
      layers: { type: "aws:lambda/layerVersion:LayerVersion", by: "arn" },
      "loggingConfig.logGroup": { type: "aws:cloudwatch/logGroup:LogGroup", by: "name" },
      codeSigningConfigArn: { type: codeSigningConfigType, by: "arn" },
    },
    refuses: (inputs, { store }, id) => {
      const trusting = store.list("aws:iam/role:Role").find(({ outputs }) => outputs.arn === inputs.role);
      if (trusting !== undefined && !trusts(String(trusting.inputs.assumeRolePolicy), "lambda.amazonaws.com")) {
        return "The role defined for the function cannot be assumed by Lambda.";
      }
      if (inputs.s3Bucket !== undefined) {
        const missing = missingObject(inputs, store);
        if (missing !== undefined) return missing;
      }
      const found = untrusted(inputs, store, deployedFunction(store, id));
      return found?.policy === "Enforce" ? refusedSignature(found) : undefined;
    },
    notes: (inputs, { store }, id) => {
      const found = untrusted(inputs, store, deployedFunction(store, id));
      return (
        found &&
        `${found.name} is signed by no profile that ${String(inputs.codeSigningConfigArn)} allows: Lambda deploys it all the ` +
          "same, since the policy is Warn, and counts it in the metric SignatureValidationErrors"
      );
    },
    replaceOn: ["name"],
    id: named,
    outputs: (draft, context) => functionOutputs(draft, regionOf(draft.inputs, context), context),
    applied: (resource, { store }) => {
      publishWhereAsked(store, resource);
    },
    contains: "versionOf",
  },
  [codeSigningConfigType]: {
    required: ["allowedPublishers.signingProfileVersionArns"],
    rules: {
      tags,
      description: matching(/^.{0,256}$/, "at most 256 characters"),
      "allowedPublishers.signingProfileVersionArns": {
        accepts: (value) =>
          Array.isArray(value) &&
          value.length >= 1 &&
          value.length <= 20 &&
          value.every((each) => profileVersion.test(String(each))),
        expected: "1 to 20 ARNs of versions of signing profiles",
      },
      "policies.untrustedArtifactOnDeployment": oneOf("Warn", "Enforce"),
    },
    id: (inputs, context) => {
      const id = `csc-0${identifier(`code signing ${context.store.next("code signing")}`, 16).toLowerCase()}`;
      return arn("lambda", regionOf(inputs, context), `code-signing-config:${id}`);
    },
    outputs: ({ id }) => ({ arn: id, configId: id.split(":").at(-1), lastModified: new Date().toISOString() }),
    undeletable: ({ id }, { store }) =>
      store.list("aws:lambda/function:Function").some(({ inputs }) => inputs.codeSigningConfigArn === id)
        ? `ResourceConflictException: Cannot delete the code signing configuration ${id}, which functions use.`
        : undefined,
  },
  [signingProfileType]: {
    name: "name",
    namePrefix: "namePrefix",
    required: ["platformId"],
    rules: {
      tags,
      name: matching(/^[0-9A-Za-z_]{2,64}$/, "2 to 64 letters, digits and _"),
      namePrefix: matching(/^[0-9A-Za-z_]{0,38}$/, "at most 38 letters, digits and _"),
      platformId: oneOf(
        ...["AWSLambda-SHA384-ECDSA", "Notation-OCI-SHA384-ECDSA", "AWSIoTDeviceManagement-SHA256-ECDSA"],
        ...["AmazonFreeRTOS-TI-CC3220SF", "AmazonFreeRTOS-Default"],
      ),
    },
    replaceOn: ["name", "namePrefix", "platformId", "signatureValidityPeriod", "signingMaterial"],
    id: ({ name, namePrefix }, { store }) =>
      typeof name === "string" ? name : `${String(namePrefix)}${madeUp(store, "signing profile")}`,
    outputs: ({ id, inputs }, context) => {
      const self = arn("signer", regionOf(inputs, context), `/signing-profiles/${id}`);
      const version = identifier(self, 10);
      return { name: id, arn: self, version, versionArn: `${self}/${version}`, status: "Active" };
    },
    // It is cancelled: its signatures go on counting, and its name is taken for good.
    retained: () => true,
  },
  [signingJobType]: {
    required: [
      "profileName",
      ...["bucket", "key", "version"].map((key) => `source.s3.${key}`),
      "destination.s3.bucket",
    ],
    references: {
      profileName: { type: signingProfileType },
      "source.s3.bucket": { type: "aws:s3/bucket:Bucket", by: "bucket" },
      "destination.s3.bucket": { type: "aws:s3/bucket:Bucket", by: "bucket" },
    },
    refuses: (inputs, { store }) => {
      const { s3Bucket, s3Key } = signingSource(inputs);
      const object = objectOf(signingSource(inputs), store);
      return object === undefined
        ? `ValidationException: There is no version of the object ${String(s3Key)} in the bucket ${String(s3Bucket)}`
        : undefined;
    },
    replaceOn: ["profileName", "source", "destination", "ignoreSigningJobFailure"],
    id: () => randomUUID(),
    outputs: async ({ id, inputs }, context) => {
      const { store } = context;
      const profile = store.get(signingProfileType, String(inputs.profileName));
      const source = z.object({ path: z.string() }).parse(objectOf(signingSource(inputs), store));
      const { bucket, prefix = "" } = signingDestination.parse(inputs.destination).s3;
      const profileVersionArn = String(profile?.outputs.versionArn);
      return {
        jobId: id,
        jobArn: arn("signer", regionOf(inputs, context), `/signing-jobs/${id}`),
        jobOwner: account,
        platformId: profile?.inputs.platformId,
        profileVersion: profile?.outputs.version,
        profileVersionArn,
        status: "Succeeded",
        signedObjects: [{ s3s: [{ bucket, key: `${prefix}${id}.zip` }] }],
        content: await signedCopy(store, source, profileVersionArn),
      };
    },
    // The provider cannot delete one; what it signed goes with the bucket.
    retained: () => true,
  },
  "aws:lambda/alias:Alias": {
    rules: {
      name: matching(/^(?!\d+$)[\w-]{1,128}$/, "1 to 128 letters, digits, - and _, and no number"),
      functionVersion: matching(/^(\$LATEST|\d+)$/, "$LATEST or a number"),
    },
    name: "name",
    required: ["functionName", "functionVersion"],
    references: { functionName: { type: "aws:lambda/function:Function" } },
    refuses: ({ functionName, functionVersion, routingConfig }, { store }) => {
      const found = store.get("aws:lambda/function:Function", String(functionName));
      const versions = versionsOf(store, String(functionName));
      const published = versions.map(({ outputs }) => outputs.version);
      const weights = (routingConfig as { additionalVersionWeights?: object } | undefined)?.additionalVersionWeights;
      const named = [String(functionVersion), ...Object.keys(weights ?? {})];
      const absent = named.find((version) => !published.includes(version));
      const failed = versions.find(({ outputs: { version, state } }) => {
        return state === "Failed" && named.includes(String(version));
      });
      if (failed !== undefined) {
        return (
          "operation error Lambda: UpdateAlias, https response error StatusCode: 409, ResourceConflictException: The " +
          `operation cannot be performed at this time. The function is currently in the following state: Failed: ${failed.id}`
        );
      }
      return absent === undefined || absent === "$LATEST"
        ? undefined
        : `ResourceNotFoundException: Function not found: ${String(found?.outputs.arn)}:${absent}`;
    },
    replaceOn: ["name", "functionName"],
    id: (inputs) => `${String(inputs.functionName)}:${named(inputs)}`,
    outputs: ({ id, inputs }, context) => {
      const region = regionOf(inputs, context);
      const self = arn("lambda", region, `function:${id}`);
      return { arn: self, invokeArn: invokeArn(self, region) };
    },
  },
  "aws:lambda/permission:Permission": {
    rules: {
      action: matching(/^lambda:(\*|[A-Za-z]+)$/, "an action of Lambda"),
      principal: matching(/^(\*|\d{12}|arn:\S+|[a-z0-9.-]+\.amazonaws\.com)$/, "a service, an account or *"),
      sourceArn: matching(/^arn:\S+$/, "an ARN"),
    },
    required: ["action", "function", "principal"],
    references: {
      qualifier: { type: "aws:lambda/alias:Alias", by: "name" },
      function: { type: "aws:lambda/function:Function" },
    },
    replaceOn: ["action", "function", "principal", "sourceArn", "qualifier", "statementId"],
    id: (inputs, { store }) =>
      `terraform-${identifier(String(store.next("permission")), 16).toLowerCase()}-${String(inputs.function)}`,
  },
  "aws:apigatewayv2/api:Api": {
    name: "name",
    required: ["protocolType"],
    rules: { tags, protocolType: oneOf("HTTP", "WEBSOCKET"), name: matching(/^.{1,128}$/, "1 to 128 characters") },
    replaceOn: ["protocolType"],
    id: (_, { store }) => identifier(`api ${store.next("api")}`, 10).toLowerCase(),
    outputs: async ({ id, inputs }, context, previous) => ({
      arn: `arn:aws:apigateway:${regionOf(inputs, context)}::/apis/${id}`,
      executionArn: arn("execute-api", regionOf(inputs, context), id),
      apiEndpoint: previous.apiEndpoint ?? `http://${await context.freeAddress()}`,
    }),
  },
  "aws:apigatewayv2/integration:Integration": {
    ...apiPart("integration"),
    required: ["apiId", "integrationType", "integrationUri", "payloadFormatVersion"],
    rules: {
      integrationType: oneOf("AWS_PROXY", "HTTP_PROXY"),
      integrationUri: matching(/^(arn|https?):\S+$/, "an ARN or an address"),
      payloadFormatVersion: oneOf("1.0", "2.0"),
      timeoutMilliseconds: between(50, 30_000),
    },
    replaceOn: ["apiId", "integrationType"],
  },
  "aws:apigatewayv2/route:Route": {
    ...apiPart("route"),
    required: ["apiId", "routeKey"],
    rules: {
      authorizationType: oneOf("NONE", "JWT", "AWS_IAM", "CUSTOM"),
      target: matching(/^integrations\/\w+$/, "integrations/<id>"),
      routeKey: matching(
        /^(\$default|(ANY|GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) \/\S*)$/,
        "$default, or a method and a path",
      ),
    },
    refuses: ({ apiId, routeKey, target }, { store }, id) => {
      const others = store.list("aws:apigatewayv2/route:Route").filter((route) => route.id !== id);
      if (others.some(({ inputs }) => inputs.apiId === apiId && inputs.routeKey === routeKey)) {
        return `ConflictException: Route with key ${String(routeKey)} already exists for this API`;
      }
      const integrations = store
        .list("aws:apigatewayv2/integration:Integration")
        .map((found) => `integrations/${found.id}`);
      return typeof target !== "string" || integrations.includes(target)
        ? undefined
        : `BadRequestException: Unable to find the target ${target}`;
    },
  },
  "aws:apigatewayv2/stage:Stage": {
    name: "name",
    required: ["apiId"],
    rules: {
      tags,
      name: matching(/^(\$default|[\w-]{1,128})$/, "$default, or 1 to 128 letters, digits, - and _"),
      accessLogSettings: having("destinationArn", "format"),
      "defaultRouteSettings.throttlingRateLimit": between(0, 10_000),
      "defaultRouteSettings.throttlingBurstLimit": between(0, 5_000),
    },
    references: {
      apiId: { type: "aws:apigatewayv2/api:Api" },
      "accessLogSettings.destinationArn": { type: "aws:cloudwatch/logGroup:LogGroup", by: "arn" },
    },
    replaceOn: ["apiId", "name"],
    id: (inputs) => `${String(inputs.apiId)}/${named(inputs)}`,
    outputs: ({ inputs }, { store }) => ({
      invokeUrl: store.get("aws:apigatewayv2/api:Api", String(inputs.apiId))?.outputs.apiEndpoint,
    }),
  },
  "aws:dynamodb/table:Table": {
    name: "name",
    required: ["hashKey", "attributes"],
    rules: {
      attributes: keyAttributes,
      "attributes.type": oneOf("S", "N", "B"),
      pointInTimeRecovery: having("enabled"),
      serverSideEncryption: having("enabled"),
      tags,
      name: matching(/^[\w.-]{3,255}$/, "3 to 255 letters, digits, - . and _"),
      billingMode: oneOf("PAY_PER_REQUEST", "PROVISIONED"),
    },
    replaceOn: ["name", "hashKey", "rangeKey"],
    deleteBeforeReplace: true,
    id: named,
    outputs: ({ inputs }, context) => ({ arn: arn("dynamodb", regionOf(inputs, context), `table/${named(inputs)}`) }),
    undeletable: ({ id, inputs }) =>
      inputs.deletionProtectionEnabled === true
        ? `ValidationException: Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first: ${id}`
        : undefined,
  },
  "aws:secretsmanager/secret:Secret": {
    name: "name",
    rules: {
      tags,
      name: matching(/^[\w/+=.@-]{1,512}$/, "1 to 512 letters, digits and / _ + = . @ -"),
      recoveryWindowInDays: {
        accepts: (value) => value === 0 || between(7, 30).accepts(value, {}),
        expected: "0, or 7 to 30",
      },
    },
    refuses: ({ name }, { store }, id) =>
      store.list("aws:secretsmanager/secret:Secret").some((secret) => secret.id !== id && secret.inputs.name === name)
        ? `ResourceExistsException: The operation failed because the secret ${String(name)} already exists.`
        : undefined,
    replaceOn: ["name"],
    contains: "secretId",
    // The six characters prevent a policy for a deleted secret from matching a new one of the same name.
    id: (inputs, context) => {
      const ending = identifier(`secret ${named(inputs)} ${context.store.next("secret")}`, 6);
      return arn("secretsmanager", regionOf(inputs, context), `secret:${named(inputs)}-${ending}`);
    },
    outputs: ({ id }) => ({ arn: id }),
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    required: ["secretId"],
    rules: {
      secretString: {
        accepts: (value) => typeof value === "string" && value !== "" && Buffer.byteLength(value) <= 65_536,
        expected: "text of 1 to 65536 bytes",
      },
    },
    references: { secretId: { type: "aws:secretsmanager/secret:Secret" } },
    replaceOn: ["secretId", "secretString", "secretBinary"],
    id: (inputs) => `${String(inputs.secretId)}|${randomUUID()}`,
    outputs: ({ id, inputs }) => ({
      arn: inputs.secretId,
      versionId: id.split("|").at(-1),
      versionStages: ["AWSCURRENT"],
      createdDate: new Date().toISOString(),
    }),
  },
  "aws:scheduler/schedule:Schedule": {
    name: "name",
    required: ["scheduleExpression", "flexibleTimeWindow.mode", "target.arn", "target.roleArn"],
    rules: {
      name: matching(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, - . and _"),
      state: oneOf("ENABLED", "DISABLED"),
      "flexibleTimeWindow.mode": oneOf("OFF", "FLEXIBLE"),
      scheduleExpression: {
        accepts: (value) => typeof value === "string" && parseExpression(value) !== undefined,
        expected: "rate(<n> minutes|hours|days), or cron(...) of six fields with ? for one of the two days",
      },
      "target.arn": matching(/^arn:\S+$/, "an ARN"),
      "target.input": { accepts: isJson, expected: "JSON, which Lambda takes" },
      "target.retryPolicy.maximumRetryAttempts": between(0, 185),
      "target.retryPolicy.maximumEventAgeInSeconds": between(60, 86_400),
    },
    references: { "target.roleArn": { type: "aws:iam/role:Role", by: "arn" } },
    refuses: ({ target }, { store }) => {
      const roleArn = (target as { roleArn?: unknown } | undefined)?.roleArn;
      const role = store.list("aws:iam/role:Role").find(({ outputs }) => outputs.arn === roleArn);
      return role !== undefined && !trusts(String(role.inputs.assumeRolePolicy), "scheduler.amazonaws.com")
        ? "ValidationException: The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        : undefined;
    },
    replaceOn: ["name", "groupName"],
    id: (inputs) => `default/${named(inputs)}`,
    outputs: ({ id, inputs }, context) => ({
      arn: arn("scheduler", regionOf(inputs, context), `schedule/${id}`),
      groupName: "default",
      state: inputs.state ?? "ENABLED",
    }),
  },
  "aws:sqs/queue:Queue": {
    name: "name",
    json: ["redrivePolicy", "policy"],
    rules: {
      tags,
      name: {
        accepts: (value, { fifoQueue }) =>
          typeof value === "string" && (fifoQueue === true ? /^[\w-]{1,75}\.fifo$/ : /^[\w-]{1,80}$/).test(value),
        expected: "1 to 80 letters, digits, - and _, with .fifo at the end of a FIFO queue's",
      },
      visibilityTimeoutSeconds: between(0, 43_200),
      messageRetentionSeconds: between(60, 1_209_600),
      delaySeconds: between(0, 900),
      receiveWaitTimeSeconds: between(0, 20),
      maxMessageSize: between(1024, 1_048_576),
      redrivePolicy: {
        accepts: isRedrivePolicy,
        expected: "deadLetterTargetArn and a maxReceiveCount of 1 or more, in JSON",
      },
      policy: policyOf("resource"),
    },
    refuses: ({ name, redrivePolicy, fifoQueue }, { store }, id) => {
      const queues = store.list("aws:sqs/queue:Queue");
      if (queues.some((queue) => queue.id !== id && queue.inputs.name === name)) {
        return `QueueNameExists: A queue already exists with the same name ${String(name)}`;
      }
      const dead = deadLetters({ redrivePolicy: typeof redrivePolicy === "string" ? redrivePolicy : undefined });
      if (dead === undefined) return undefined;
      const target = queues.find(({ outputs }) => outputs.arn === dead.deadLetterTargetArn);
      if (target === undefined) {
        return `InvalidParameterValue: Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist: ${dead.deadLetterTargetArn}`;
      }
      return (target.inputs.fifoQueue === true) === (fifoQueue === true)
        ? undefined
        : "InvalidParameterValue: Dead-letter queue of a FIFO queue must be a FIFO queue, that of a standard queue a standard one.";
    },
    replaceOn: ["name", "fifoQueue"],
    id: (inputs, context) => `https://sqs.${regionOf(inputs, context)}.amazonaws.com/${account}/${named(inputs)}`,
    outputs: async ({ inputs }, context, previous) => ({
      arn: arn("sqs", regionOf(inputs, context), named(inputs)),
      url: previous.url ?? `http://${await context.freeAddress()}/${account}/${named(inputs)}`,
    }),
  },
  "aws:sqs/queuePolicy:QueuePolicy": {
    required: ["queueUrl", "policy"],
    json: ["policy"],
    rules: { policy: policyOf("resource") },
    refuses: ({ queueUrl }, { store }) =>
      store.list("aws:sqs/queue:Queue").some(({ id, outputs }) => id === queueUrl || outputs.url === queueUrl)
        ? undefined
        : "AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist.",
    replaceOn: ["queueUrl"],
    id: (inputs) => String(inputs.queueUrl),
  },
  "aws:lambda/eventSourceMapping:EventSourceMapping": {
    required: ["functionName", "eventSourceArn"],
    rules: {
      eventSourceArn: matching(
        /^arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w.-]+$/,
        "the ARN of an SQS queue: others are not served here",
      ),
      batchSize: between(1, 10_000),
      maximumBatchingWindowInSeconds: between(0, 300),
      functionResponseTypes: each("ReportBatchItemFailures"),
      "scalingConfig.maximumConcurrency": between(2, 1000),
      filterCriteria: {
        accepts: (value) => value === undefined,
        expected: "none: the local cloud filters no messages",
      },
    },
    refuses: (inputs, { store }, id) => refusedSource(inputs, store, id),
    replaceOn: ["eventSourceArn", "startingPosition"],
    id: () => randomUUID(),
    outputs: ({ id, inputs }, context) => ({
      uuid: id,
      arn: arn("lambda", regionOf(inputs, context), `event-source-mapping:${id}`),
      functionArn: String(inputs.functionName).startsWith("arn:")
        ? inputs.functionName
        : arn("lambda", regionOf(inputs, context), `function:${String(inputs.functionName)}`),
      state: inputs.enabled === false ? "Disabled" : "Enabled",
    }),
  },
  "aws:cloudwatch/eventRule:EventRule": {
    name: "name",
    json: ["eventPattern"],
    rules: {
      tags,
      name: matching(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, - . and _"),
      state: oneOf("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"),
      eventBusName: oneOf("default"),
      scheduleExpression: {
        accepts: (value) => typeof value === "string" && parseExpression(value) !== undefined,
        expected: "rate(<n> minutes|hours|days), or cron(...) of six fields with ? for one of the two days",
      },
      eventPattern: {
        accepts: isEventPattern,
        expected: "an event pattern in JSON: lists of values, or of comparisons that the local cloud knows",
      },
    },
    refuses: ({ scheduleExpression, eventPattern }) =>
      scheduleExpression === undefined && eventPattern === undefined
        ? "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified."
        : undefined,
    replaceOn: ["name", "eventBusName"],
    id: named,
    outputs: ({ id, inputs }, context) => ({
      arn: arn("events", regionOf(inputs, context), `rule/${id}`),
      eventBusName: "default",
      state: inputs.state ?? "ENABLED",
    }),
  },
  "aws:cloudwatch/eventTarget:EventTarget": {
    name: "targetId",
    required: ["rule", "arn"],
    rules: {
      arn: matching(/^arn:aws[\w-]*:(lambda|sqs):\S+$/, "the ARN of a function or a queue: others are not served here"),
      input: { accepts: isJson, expected: "JSON" },
      targetId: matching(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, - . and _"),
      "retryPolicy.maximumRetryAttempts": between(0, 185),
    },
    references: { rule: { type: "aws:cloudwatch/eventRule:EventRule" } },
    refuses: ({ input, inputPath }) =>
      input !== undefined && inputPath !== undefined
        ? "ValidationException: Only one of Input, InputPath, or InputTransformer must be provided."
        : undefined,
    replaceOn: ["rule", "targetId", "eventBusName"],
    id: (inputs) => `${String(inputs.rule)}-${String(inputs.targetId)}`,
  },
  "aws:s3/bucket:Bucket": {
    name: "bucket",
    namePrefix: "bucketPrefix",
    rules: {
      tags,
      bucket: matching(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "3 to 63 lowercase letters, digits, - and ."),
      bucketPrefix: matching(/^[a-z0-9][a-z0-9.-]{0,36}$/, "1 to 37 lowercase letters, digits, - and ."),
    },
    replaceOn: ["bucket", "bucketPrefix"],
    contains: ({ type, inputs }, { id }) =>
      type === signingJobType ? signingDestination.parse(inputs.destination).s3.bucket === id : inputs.bucket === id,
    id: ({ bucket, bucketPrefix }, { store }) =>
      typeof bucket === "string" ? bucket : `${String(bucketPrefix)}${madeUp(store, "bucket")}`,
    outputs: async ({ id, inputs }, context, previous) => ({
      bucket: id,
      arn: `arn:aws:s3:::${id}`,
      bucketDomainName: previous.bucketDomainName ?? (await context.freeAddress()),
      bucketRegionalDomainName: `${id}.s3.${regionOf(inputs, context)}.amazonaws.com`,
    }),
    undeletable: ({ id, inputs }, { store }) =>
      inputs.forceDestroy !== true &&
      store.list("aws:s3/bucketObjectv2:BucketObjectv2").some((object) => object.inputs.bucket === id)
        ? `BucketNotEmpty: The bucket you tried to delete is not empty: ${id}`
        : undefined,
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": { ...bucketSetting, required: ["bucket"] },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
    ...bucketSetting,
    required: ["bucket", "rule.objectOwnership"],
    rules: { "rule.objectOwnership": oneOf("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced") },
  },
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
    ...bucketSetting,
    required: ["rules.applyServerSideEncryptionByDefault.sseAlgorithm", "bucket", "rules"],
    rules: { "rules.applyServerSideEncryptionByDefault.sseAlgorithm": oneOf("AES256", "aws:kms", "aws:kms:dsse") },
  },
  "aws:s3/bucketVersioning:BucketVersioning": {
    ...bucketSetting,
    required: ["bucket", "versioningConfiguration.status"],
  },
  "aws:s3/bucketPolicy:BucketPolicy": {
    ...bucketSetting,
    required: ["bucket", "policy"],
    json: ["policy"],
    rules: { policy: policyOf("resource") },
  },
  "aws:s3/bucketNotification:BucketNotification": {
    ...bucketSetting,
    required: ["bucket"],
    rules: {
      "lambdaFunctions.lambdaFunctionArn": matching(/^arn:aws[\w-]*:lambda:\S+$/, "the ARN of a function"),
      "lambdaFunctions.events": each(...notifiedEvents),
      "queues.queueArn": matching(/^arn:aws[\w-]*:sqs:\S+$/, "the ARN of a queue"),
      "queues.events": each(...notifiedEvents),
      topics: {
        accepts: (value) => Array.isArray(value) && value.length === 0,
        expected: "none: the local cloud tells functions and queues only",
      },
      eventbridge: oneOf(false),
    },
    refuses: (inputs, { store }) => refusedNotification(new AwsResources(store), bucketNotification.parse(inputs)),
  },
  "aws:s3/bucketObjectv2:BucketObjectv2": {
    required: ["bucket", "key"],
    references: { bucket: { type: "aws:s3/bucket:Bucket", by: "bucket" } },
    replaceOn: ["bucket", "key"],
    overwrites: true,
    id: (inputs) => `${String(inputs.bucket)}/${String(inputs.key)}`,
    outputs: ({ inputs }) => ({ versionId: identifier(JSON.stringify([inputs.source, inputs.content]), 32) }),
  },
  "aws:cloudfront/originAccessControl:OriginAccessControl": {
    name: "name",
    required: ["originAccessControlOriginType", "signingBehavior", "signingProtocol"],
    rules: {
      originAccessControlOriginType: oneOf("s3", "lambda", "mediastore", "mediapackagev2"),
      signingBehavior: oneOf("always", "never", "no-override"),
      signingProtocol: oneOf("sigv4"),
    },
    id: (inputs) => `E${identifier(`oac ${named(inputs)}`, 13)}`,
  },
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {
    rules: {
      "securityHeadersConfig.contentSecurityPolicy": having("contentSecurityPolicy", "override"),
      "securityHeadersConfig.contentTypeOptions": having("override"),
      "securityHeadersConfig.frameOptions": having("frameOption", "override"),
      "securityHeadersConfig.frameOptions.frameOption": oneOf("DENY", "SAMEORIGIN"),
      "securityHeadersConfig.referrerPolicy": having("referrerPolicy", "override"),
      "securityHeadersConfig.referrerPolicy.referrerPolicy": oneOf(
        "no-referrer",
        "no-referrer-when-downgrade",
        "origin",
        "origin-when-cross-origin",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
        "unsafe-url",
      ),
      "securityHeadersConfig.strictTransportSecurity": having("accessControlMaxAgeSec", "override"),
      "securityHeadersConfig.strictTransportSecurity.accessControlMaxAgeSec": between(0, 2 ** 31 - 1),
    },
    name: "name",
    id: (inputs) => identifier(`headers ${named(inputs)}`, 32).toLowerCase(),
  },
  "aws:cloudfront/function:Function": {
    name: "name",
    required: ["runtime", "code"],
    rules: { name: functionName, runtime: oneOf("cloudfront-js-1.0", "cloudfront-js-2.0") },
    replaceOn: ["name"],
    id: named,
    outputs: ({ id }) => ({ arn: `arn:aws:cloudfront::${account}:function/${id}`, status: "UNASSOCIATED" }),
  },
  "aws:cloudfront/distribution:Distribution": {
    required: [
      "origins.originId",
      "origins.domainName",
      "defaultCacheBehavior.targetOriginId",
      "enabled",
      "restrictions.geoRestriction.restrictionType",
      "viewerCertificate",
    ],
    rules: {
      tags,
      httpVersion: oneOf("http1.1", "http2", "http2and3", "http3"),
      "origins.domainName": matching(/^[\w.:-]{4,253}$/, "a host name"),
      "origins.customOriginConfig": having("httpPort", "httpsPort", "originProtocolPolicy", "originSslProtocols"),
      "origins.customOriginConfig.httpPort": originPort,
      "origins.customOriginConfig.httpsPort": originPort,
      "origins.customOriginConfig.originProtocolPolicy": oneOf("http-only", "https-only", "match-viewer"),
      "origins.customOriginConfig.originSslProtocols": each("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"),
      origins: having("originId", "domainName"),
      defaultCacheBehavior: having("targetOriginId", "viewerProtocolPolicy", "allowedMethods"),
      ...behaviorRules("defaultCacheBehavior"),
      orderedCacheBehaviors: having("pathPattern", "targetOriginId", "viewerProtocolPolicy", "allowedMethods"),
      ...behaviorRules("orderedCacheBehaviors"),
      "restrictions.geoRestriction.restrictionType": oneOf("none", "blacklist", "whitelist"),
      "viewerCertificate.acmCertificateArn": matching(
        /^arn:aws[\w-]*:acm:us-east-1:\d{12}:certificate\/[\w-]+$/,
        "a certificate in us-east-1",
      ),
      "viewerCertificate.sslSupportMethod": oneOf("sni-only", "vip", "static-ip"),
    },
    references: {
      "origins.originAccessControlId": { type: "aws:cloudfront/originAccessControl:OriginAccessControl" },
      "defaultCacheBehavior.responseHeadersPolicyId": {
        type: "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
      },
      "orderedCacheBehaviors.responseHeadersPolicyId": {
        type: "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
      },
      "defaultCacheBehavior.functionAssociations.functionArn": { type: "aws:cloudfront/function:Function", by: "arn" },
      webAclId: { type: "aws:wafv2/webAcl:WebAcl", by: "arn" },
    },
    id: (_, { store }) => `E${identifier(`distribution ${store.next("distribution")}`, 13)}`,
    outputs: async ({ id }, context, previous) => ({
      arn: `arn:aws:cloudfront::${account}:distribution/${id}`,
      domainName: previous.domainName ?? (await context.freeAddress()),
      hostedZoneId: "Z2FDTNDATAQYW2",
      status: "Deployed",
    }),
  },
  "aws:sns/topic:Topic": {
    name: "name",
    rules: { tags, name: matching(/^[\w-]{1,256}$/, "1 to 256 letters, digits, - and _") },
    replaceOn: ["name"],
    id: (inputs, context) => arn("sns", regionOf(inputs, context), named(inputs)),
    outputs: ({ id }) => ({ arn: id }),
  },
  "aws:sns/topicSubscription:TopicSubscription": {
    required: ["topic", "protocol", "endpoint"],
    rules: {
      endpoint: {
        accepts: (value, { protocol }) =>
          protocol !== "email" || (typeof value === "string" && /^[^\s@]{1,64}@[^\s@]{1,255}$/.test(value)),
        expected: "an address, where the protocol is email",
      },
      protocol: oneOf("email", "email-json", "http", "https", "lambda", "sms", "sqs", "firehose", "application"),
    },
    references: { topic: { type: "aws:sns/topic:Topic", by: "arn" } },
    replaceOn: ["topic", "protocol", "endpoint"],
    id: (inputs, { store }) => `${String(inputs.topic)}:${store.next("subscription")}`,
    outputs: ({ id }) => ({ arn: id, pendingConfirmation: true }),
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    name: "name",
    required: ["comparisonOperator", "evaluationPeriods"],
    rules: {
      comparisonOperator: oneOf(
        "GreaterThanOrEqualToThreshold",
        "GreaterThanThreshold",
        "LessThanThreshold",
        "LessThanOrEqualToThreshold",
      ),
      evaluationPeriods: between(1, 86_400),
      period: between(10, 86_400),
      statistic: oneOf("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
      extendedStatistic: matching(/^p(\d{1,2}(\.\d{1,10})?|100)$/, "p and a percentile"),
      treatMissingData: oneOf("breaching", "notBreaching", "ignore", "missing"),
      tags,
      name: matching(/^.{1,255}$/, "1 to 255 characters"),
    },
    references: {
      okActions: { type: "aws:sns/topic:Topic", by: "arn" },
      alarmActions: { type: "aws:sns/topic:Topic", by: "arn" },
    },
    replaceOn: ["name"],
    id: named,
    outputs: ({ id, inputs }, context) => ({ arn: arn("cloudwatch", regionOf(inputs, context), `alarm:${id}`) }),
  },
  "aws:cloudwatch/dashboard:Dashboard": {
    required: ["dashboardName", "dashboardBody"],
    rules: { dashboardName: matching(/^[\w-]{1,255}$/, "1 to 255 letters, digits, - and _") },
    replaceOn: ["dashboardName"],
    id: (inputs) => String(inputs.dashboardName),
    outputs: ({ id }) => ({ dashboardArn: `arn:aws:cloudwatch::${account}:dashboard/${id}` }),
  },
  "aws:wafv2/webAcl:WebAcl": {
    name: "name",
    required: ["scope", "defaultAction", "visibilityConfig"],
    rules: {
      name: matching(/^[\w-]{1,128}$/, "1 to 128 letters, digits, - and _"),
      visibilityConfig: having(...visibility),
      rules: having("name", "priority", "statement", "visibilityConfig"),
      "rules.name": matching(/^[\w-]{1,128}$/, "1 to 128 letters, digits, - and _"),
      "rules.priority": between(0, 2 ** 31 - 1),
      "rules.visibilityConfig": having(...visibility),
      "rules.statement.managedRuleGroupStatement": having("vendorName", "name"),
      tags,
      scope: {
        accepts: (value, { region }) => value === "REGIONAL" || (value === "CLOUDFRONT" && region === "us-east-1"),
        expected: "REGIONAL, or CLOUDFRONT with region us-east-1",
      },
    },
    replaceOn: ["name", "scope"],
    id: (inputs) => identifier(`web-acl ${named(inputs)}`, 32).toLowerCase(),
    outputs: ({ id, inputs }) => ({ arn: arn("wafv2", "us-east-1", `global/webacl/${named(inputs)}/${id}`) }),
  },
};

/** Why Lambda rejects a mapping of a queue to a function (Lambda developer guide, "Using Lambda with Amazon SQS"). */
function refusedSource(inputs: Inputs, store: CloudContext["store"], id: string | undefined): string | undefined {
  const { eventSourceArn, functionName, batchSize = 10, maximumBatchingWindowInSeconds = 0 } = inputs;
  const { name } = parseTarget(String(functionName));
  const fn = store.get("aws:lambda/function:Function", name);
  if (fn === undefined) return `InvalidParameterValueException: Function does not exist: ${String(functionName)}`;
  const queue = store.list("aws:sqs/queue:Queue").find(({ outputs }) => outputs.arn === eventSourceArn);
  if (queue === undefined) return "InvalidParameterValueException: The specified queue does not exist.";
  const twin = store.list("aws:lambda/eventSourceMapping:EventSourceMapping").some((other) => {
    const sameFunction = parseTarget(String(other.inputs.functionName)).name === name;
    return other.id !== id && other.inputs.eventSourceArn === eventSourceArn && sameFunction;
  });
  if (twin) {
    return `ResourceConflictException: An event source mapping with SQS arn (" ${String(eventSourceArn)} ") and function (" ${name} ") already exists.`;
  }
  const visibility = Number(queue.inputs.visibilityTimeoutSeconds ?? 30);
  const timeout = Number(fn.inputs.timeout ?? 3);
  if (visibility < timeout) {
    return `InvalidParameterValueException: Queue visibility timeout: ${visibility} seconds is less than Function timeout: ${timeout} seconds`;
  }
  if (Number(batchSize) > 10 && (queue.inputs.fifoQueue === true || Number(maximumBatchingWindowInSeconds) < 1)) {
    return "InvalidParameterValueException: A batch size above 10 needs a standard queue and a maximum batching window of 1 second or more.";
  }
  const role = store.list("aws:iam/role:Role").find(({ outputs }) => outputs.arn === fn.inputs.role);
  const statements = store
    .list("aws:iam/rolePolicy:RolePolicy")
    .filter((policy) => policy.inputs.role === role?.inputs.name)
    .flatMap((policy) => parsePolicy(String(policy.inputs.policy)));
  const missing = queuePermissions.find((action) => !allows(statements, { action, resource: String(eventSourceArn) }));
  return missing === undefined
    ? undefined
    : `InvalidParameterValueException: The provided execution role does not have permissions to call ${missing.slice(4)} on SQS`;
}

function isRuntimes(value: unknown): boolean {
  return Array.isArray(value) && value.length <= 15 && value.every((runtime) => runtimes.accepts(runtime, {}));
}

/** The content of the S3 object that inputs name. */
function objectOf(inputs: Inputs, store: CloudContext["store"]): unknown {
  const id = `${String(inputs.s3Bucket)}/${String(inputs.s3Key)}`;
  return store.get("aws:s3/bucketObjectv2:BucketObjectv2", id)?.inputs.source ?? signatureOf(inputs, store)?.content;
}

/** What Lambda says where it finds no object; undefined where there is one. */
function missingObject(inputs: Inputs, store: CloudContext["store"]): string | undefined {
  const where = `${String(inputs.s3Bucket)}/${String(inputs.s3Key)}`;
  return objectOf(inputs, store) === undefined
    ? `InvalidParameterValueException: Error occurred while GetObject: there is no object ${where}, and no code`
    : undefined;
}

/** What Lambda keeps of an S3 object, which may go afterwards, and who signed it. */
function copyOf(inputs: Inputs, store: CloudContext["store"]): Inputs {
  if (inputs.code !== undefined) return {};
  const signature = signatureOf(inputs, store);
  return {
    code: objectOf(inputs, store),
    signingJobArn: signature?.jobArn,
    signingProfileVersionArn: signature?.profileVersionArn,
  };
}

const deployedFunction = (store: CloudContext["store"], id: string | undefined) =>
  id === undefined ? undefined : store.get("aws:lambda/function:Function", id);

const profileVersion = /^arn:aws[\w-]*:signer:[\w-]+:\d{12}:\/signing-profiles\/\w{2,64}\/\w{10}$/;

const signingDestination = z.object({ s3: z.object({ bucket: z.string(), prefix: z.string().optional() }) });

/** The object that a job signs, as Lambda names one. */
function signingSource({ source }: Inputs): Inputs {
  const parsed = z.object({ s3: z.object({ bucket: z.string(), key: z.string() }) }).parse(source);
  return { s3Bucket: parsed.s3.bucket, s3Key: parsed.s3.key };
}

/** What the provider ends a name with, of which the beginning is given: a moment and a count. */
function madeUp(store: CloudContext["store"], series: string): string {
  return `${new Date().toISOString().replace(/\D/g, "")}0${String(store.next(series)).padStart(8, "0")}`;
}

function isJson(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

function sha256OfBlob(value: unknown): string | undefined {
  const blob = value as { sha256?: string } | undefined;
  return blob?.sha256 === undefined ? undefined : Buffer.from(blob.sha256, "hex").toString("base64");
}

export const awsInvokes: Readonly<Record<string, (args: Properties, context: CloudContext) => Properties>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    id: account,
    accountId: account,
    arn: `arn:aws:iam::${account}:user/local`,
    userId: account,
  }),
  "aws:lambda/getLayerVersion:getLayerVersion": (args, { store }) => {
    const { layerName, version } = z.object({ layerName: z.string(), version: z.number() }).parse(args);
    const arn = `${layerName}:${version}`;
    const found = store.get("aws:lambda/layerVersion:LayerVersion", arn);
    if (found === undefined) {
      throw new Error(`AccessDeniedException: not authorized to perform lambda:GetLayerVersion on ${arn}`);
    }
    return {
      id: arn,
      arn,
      layerName,
      compatibleRuntimes: [],
      compatibleArchitectures: [],
      ...(found.inputs as Properties),
      version,
    };
  },
};
