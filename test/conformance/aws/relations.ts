import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import vm from "node:vm";

import { unzipSync } from "fflate";
import { z } from "zod";

import type { Captured } from "../capture";
import { publicLayer } from "../combinations";
import { type Relation, valuesAt } from "../rules";
import { documentRelations, parsed, publishedMetrics } from "./documents";
import { all, signedCode, types } from "./registered";

const docs = "https://docs.aws.amazon.com";

const regionIn = (arn: string) => arn.split(":")[3];

/** Names and unpacked sizes of the files in a zip. */
function entriesOf(zip: string): { name: string; size: number }[] {
  const entries: { name: string; size: number }[] = [];
  unzipSync(readFileSync(zip), {
    filter: ({ name, originalSize }) => {
      entries.push({ name, size: originalSize });
      return false;
    },
  });
  return entries;
}

function textIn(zip: string, wanted: string): string | undefined {
  const content = unzipSync(readFileSync(zip), { filter: ({ name }) => name === wanted })[wanted];
  return content && Buffer.from(content).toString("utf8");
}

/** The actions and resources that a role allows, by statement. */
function allowed(resources: readonly Captured[], roleArn: string): { actions: unknown[]; on: unknown[] }[] {
  const names = all(resources, "role").flatMap(({ arn, name }) => (arn === roleArn ? [name] : []));
  return all(resources, "policy")
    .filter(({ role }) => names.includes(role))
    .flatMap(({ policy }) => valuesAt(policy, ["Statement"]))
    .filter((statement) => valuesAt(statement, ["Effect"])[0] === "Allow")
    .map((statement) => ({ actions: valuesAt(statement, ["Action"]), on: valuesAt(statement, ["Resource"]) }));
}

/** The secrets in a function's environment, by variable. */
const namedSecrets = z.record(z.string(), z.strictObject({ arn: z.string(), version: z.string() }));

const unpackedSize = (zip: string) => entriesOf(zip).reduce((total, { size }) => total + size, 0);

export const relations: readonly Relation[] = [
  {
    rule: "A certificate of CloudFront is in us-east-1, and a host name needs one",
    source: `${docs}/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html`,
    broken: (resources) =>
      all(resources, "distribution").flatMap(({ aliases, viewerCertificate }) => {
        const arn = viewerCertificate?.acmCertificateArn;
        if (arn === undefined) return aliases.map((alias) => `${alias} has no certificate`);
        return /^arn:aws[\w-]*:acm:us-east-1:\d{12}:certificate\/[0-9a-f-]{36}$/.test(arn) ? [] : [arn];
      }),
  },
  {
    rule: "A web ACL of CloudFront is made in us-east-1",
    source: `${docs}/waf/latest/APIReference/API_CreateWebACL.html`,
    broken: (resources) =>
      all(resources, "webAcl")
        .filter(({ scope, region }) => scope === "CLOUDFRONT" && region !== "us-east-1")
        .map(({ region }) => String(region)),
  },
  {
    rule: "A cache behavior has an origin of its distribution, and caches no method that it does not allow",
    source: `${docs}/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html`,
    broken: (resources) =>
      all(resources, "distribution").flatMap(({ origins, defaultCacheBehavior, orderedCacheBehaviors }) =>
        [defaultCacheBehavior, ...orderedCacheBehaviors].flatMap(
          ({ targetOriginId, allowedMethods, cachedMethods }) => [
            ...(origins.some(({ originId }) => originId === targetOriginId) ? [] : [targetOriginId]),
            ...cachedMethods.filter((method) => !allowedMethods.includes(method)),
          ],
        ),
      ),
  },
  {
    rule: "A function of CloudFront is JavaScript with a handler, at most 10 KB",
    source: `${docs}/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html`,
    broken: (resources) =>
      all(resources, "cloudFrontFunction").flatMap(({ code }) => {
        if (Buffer.byteLength(code) > 10_240) return [`${Buffer.byteLength(code)} bytes`];
        try {
          return vm.runInNewContext(`${code}\n;typeof handler`) === "function" ? [] : ["no handler"];
        } catch (error) {
          return [String(error)];
        }
      }),
  },
  {
    rule: "A layer is for the runtime and the processor of its function, and in its region",
    source: `${docs}/lambda/latest/dg/python-layers.html`,
    broken: (resources) => {
      const layers = new Map(all(resources, "layer").map((layer) => [layer.arn, layer]));
      return all(resources, "function").flatMap(({ arn: functionArn, layers: attached, runtime, architectures }) =>
        attached.flatMap((arn) => {
          if (regionIn(arn) !== regionIn(functionArn)) return [`${arn} is in another region`];
          const layer = layers.get(arn);
          if (layer === undefined) return arn === publicLayer.arn ? [] : [`${arn} is not there`];
          const { compatibleRuntimes, compatibleArchitectures } = layer;
          return [
            ...(compatibleRuntimes.includes(runtime) ? [] : [`${arn} is for ${compatibleRuntimes.join()}`]),
            ...architectures
              .filter((architecture) => !compatibleArchitectures.includes(architecture))
              .map((architecture) => `${arn} is not for ${architecture}`),
          ];
        }),
      );
    },
  },
  {
    rule: "A function has at most five layers",
    source: `${docs}/lambda/latest/dg/gettingstarted-limits.html`,
    broken: (resources) =>
      all(resources, "function")
        .filter(({ layers }) => layers.length > 5)
        .map(({ layers }) => `${layers.length} layers`),
  },
  {
    rule: "A function has at most 250 MB unpacked with its layers",
    source: `${docs}/lambda/latest/dg/gettingstarted-limits.html`,
    broken: (resources) => {
      const layers = all(resources, "layer");
      return all(resources, "function")
        .map((fn) => [fn, ...layers.filter(({ arn }) => fn.layers.includes(arn))])
        .map((parts) => parts.reduce((sum, { code }) => sum + unpackedSize(code.path), 0))
        .filter((size) => size > 250 * 1024 * 1024)
        .map((size) => `${size} bytes`);
    },
  },
  {
    rule: "What Lambda takes from a bucket is what a job has signed, of a version of an object that is there",
    source: `${docs}/signer/latest/developerguide/signing-jobs-lambda.html`,
    broken: (resources) => [
      ...resources
        .filter(({ type, inputs }) => {
          const isDeployed = type === types.function || type === types.layer;
          return isDeployed && inputs.s3Key !== undefined && signedCode(inputs, resources) === undefined;
        })
        .map(({ inputs }) => JSON.stringify(inputs.s3Key)),
      ...all(resources, "signingJob")
        .filter(({ source: { s3 } }) => !all(resources, "object").some((object) => isDeepStrictEqual(object, s3)))
        .map(({ source }) => JSON.stringify(source)),
    ],
  },
  {
    rule: "The handler is a function of a module in the package",
    source: `${docs}/lambda/latest/dg/python-handler.html`,
    broken: (resources) =>
      all(resources, "function").flatMap(({ handler, code }) => {
        const steps = handler.split(".");
        const name = steps.pop() ?? "";
        const module = textIn(code.path, `${steps.join("/")}.py`);
        return module !== undefined && new RegExp(`^(def ${name}\\(|${name}\\b.*=)`, "m").test(module) ? [] : [handler];
      }),
  },
  {
    rule: "An environment has at most 4 KB",
    source: `${docs}/lambda/latest/dg/gettingstarted-limits.html`,
    broken: (resources) =>
      all(resources, "function")
        .map(({ environment }) => Buffer.byteLength(JSON.stringify(environment?.variables ?? {})))
        .filter((size) => size > 4096)
        .map((size) => `${size} bytes`),
  },
  {
    rule: "The key of an environment is in the function's region",
    source: `${docs}/kms/latest/developerguide/overview.html`,
    broken: (resources) =>
      all(resources, "function").flatMap(({ arn, kmsKeyArn }) =>
        kmsKeyArn === undefined || regionIn(kmsKeyArn) === regionIn(arn) ? [] : [kmsKeyArn],
      ),
  },
  {
    rule: "SnapStart is for Python 3.12 and newer, and works on published versions",
    source: `${docs}/lambda/latest/dg/snapstart.html`,
    broken: (resources) =>
      all(resources, "function")
        .filter(({ snapStart }) => snapStart?.applyOn === "PublishedVersions")
        .flatMap(({ name, runtime, publish }) => [
          ...(Number(/^python3\.(\d+)$/.exec(runtime)?.[1]) >= 12 ? [] : [runtime]),
          ...(publish ? [] : [`${name} publishes no version`]),
          ...all(resources, "alias")
            .filter(({ functionName, functionVersion }) => functionName === name && !/^\d+$/.test(functionVersion))
            .map(({ functionVersion }) => functionVersion),
        ]),
  },
  {
    rule: "An HTTP API waits 30 seconds at most, and not less than its function may take",
    source: `${docs}/apigateway/latest/developerguide/http-api-quotas.html`,
    broken: (resources) =>
      all(resources, "integration").flatMap(({ timeoutMilliseconds }) => [
        ...(timeoutMilliseconds > 30_000 ? [`${timeoutMilliseconds} ms`] : []),
        ...all(resources, "function")
          .filter(({ timeout }) => timeout * 1000 > timeoutMilliseconds)
          .map(({ timeout }) => `${timeout} s`),
      ]),
  },
  {
    rule: "An HTTP API hands its requests to a function or an alias, in a payload of a known version",
    source: `${docs}/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html`,
    broken: (resources) => {
      const invocable = [...all(resources, "function"), ...all(resources, "alias")].map(({ invokeArn }) => invokeArn);
      return all(resources, "integration").flatMap(({ integrationType, integrationUri = "", payloadFormatVersion }) => [
        ...(integrationType === "AWS_PROXY" ? [] : [`type ${String(integrationType)}`]),
        ...(invocable.includes(integrationUri) ? [] : [`URI ${integrationUri}`]),
        ...(payloadFormatVersion === undefined ? ["no version"] : []),
      ]);
    },
  },
  {
    rule: "What an API invokes, it is permitted to: the permission of an alias is not the function's",
    source: `${docs}/lambda/latest/dg/access-control-resource-based.html`,
    broken: (resources) =>
      all(resources, "integration").flatMap(({ integrationUri = "" }) => {
        const invoked = /functions\/(arn:.+)\/invocations$/.exec(integrationUri)?.[1] ?? "";
        const [, name, qualifier] = /:function:([^:]+)(?::(.+))?$/.exec(invoked) ?? [];
        const executionArns = all(resources, "api").map(({ executionArn }) => `${executionArn}/*/*`);
        const permitted = all(resources, "permission").some(
          (permission) =>
            permission.function === name &&
            permission.qualifier === qualifier &&
            executionArns.includes(permission.sourceArn ?? ""),
        );
        return permitted ? [] : [integrationUri];
      }),
  },
  {
    rule: "A route goes to an integration of its API",
    source: `${docs}/apigatewayv2/latest/api-reference/apis-apiid-routes.html`,
    broken: (resources) => {
      const ids = resources.filter(({ type }) => type === types.integration).map(({ id }) => `integrations/${id}`);
      return all(resources, "route").flatMap(({ target = "" }) => (ids.includes(target) ? [] : [target]));
    },
  },
  {
    rule: "The policies of a role have at most 10,240 characters",
    source: `${docs}/IAM/latest/UserGuide/reference_iam-quotas.html`,
    broken: (resources) =>
      all(resources, "policy")
        .map(({ policy }) => policy.replace(/\s/g, "").length)
        .filter((length) => length > 10_240)
        .map((length) => `${length} characters`),
  },
  {
    rule: "An alarm is of a metric that its service publishes, and has all that compares it",
    source: `${docs}/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html`,
    broken: (resources) =>
      all(resources, "alarm").flatMap((alarm) => {
        const { name, namespace, metricName, dimensions, statistic, extendedStatistic } = alarm;
        const published = publishedMetrics[namespace];
        const { comparisonOperator, evaluationPeriods, threshold, period } = alarm;
        return [
          ...(published?.names.includes(metricName) ? [] : [`${namespace} ${metricName}`]),
          ...Object.keys(dimensions).filter((dimension) => dimension !== published?.dimension),
          ...((statistic === undefined) === (extendedStatistic === undefined) ? [`${name} has not one statistic`] : []),
          ...Object.entries({ comparisonOperator, evaluationPeriods, threshold, period })
            .filter(([, value]) => value === undefined)
            .map(([property]) => `${name} has no ${property}`),
          // The evaluation window is at most a day.
          ...((evaluationPeriods ?? 0) * (period ?? 0) > 86_400 ? [`${name} looks at more than a day`] : []),
        ];
      }),
  },
  {
    rule: "A subscription says where to",
    source: `${docs}/sns/latest/api/API_Subscribe.html`,
    broken: (resources) =>
      all(resources, "subscription")
        .filter(({ endpoint }) => endpoint === undefined)
        .map(({ topic }) => topic),
  },
  {
    rule: "A role trusts the service that uses it: Lambda that of a function, the scheduler that of a schedule",
    source: `${docs}/scheduler/latest/UserGuide/setting-up.html`,
    broken: (resources) => {
      const used = [
        ...all(resources, "function").map(({ role }) => [role, "lambda.amazonaws.com"] as const),
        ...all(resources, "schedule").map(({ target }) => [target.roleArn, "scheduler.amazonaws.com"] as const),
      ];
      const trusted = new Map(
        all(resources, "role").map(({ arn, assumeRolePolicy }) => {
          return [arn, valuesAt(assumeRolePolicy, ["Statement", "Principal", "Service"])];
        }),
      );
      return used
        .filter(([role, service]) => !trusted.get(role)?.includes(service))
        .map(([role, service]) => `${role} does not trust ${service}`);
    },
  },
  {
    rule: "A schedule's role may invoke what the schedule targets, and that is all it may do",
    source: `${docs}/scheduler/latest/UserGuide/setting-up.html`,
    broken: (resources) =>
      all(resources, "schedule").flatMap(({ target: { arn, roleArn } }) => {
        const may = allowed(resources, roleArn).flatMap(({ actions, on }) =>
          actions.flatMap((action) => on.map((resource) => `${String(action)} ${String(resource)}`)),
        );
        return may.join() === `lambda:InvokeFunction ${arn}` ? [] : [`${roleArn} may ${may.join(", ") || "nothing"}`];
      }),
  },
  {
    rule: "A function may read the secrets that its environment names, in versions that there are, and no others",
    source: `${docs}/secretsmanager/latest/userguide/auth-and-access_iam-policies.html`,
    broken: (resources) => {
      const versions = all(resources, "secretVersion").map(({ secretId, versionId }) => `${secretId} ${versionId}`);
      return all(resources, "function").flatMap(({ name, role, environment }) => {
        const variable = environment?.variables.MULTICLOUD_SECRETS;
        const named = variable === undefined ? { data: {} } : namedSecrets.safeParse(parsed(variable));
        if (named.data === undefined) return [`${name}: ${String(variable)}`];
        const secrets = Object.values(named.data);
        const readable = allowed(resources, role)
          .filter(({ actions }) => actions.includes("secretsmanager:GetSecretValue"))
          .flatMap(({ on }) => on);
        return [
          ...secrets.map(({ arn }) => arn).filter((arn) => !readable.includes(arn)),
          ...secrets.map(({ arn, version }) => `${arn} ${version}`).filter((each) => !versions.includes(each)),
          ...readable.map(String).filter((arn) => !secrets.some((secret) => secret.arn === arn)),
        ];
      });
    },
  },
  ...documentRelations,
];
