import { readFileSync } from "node:fs";

import { parse } from "@marcbachmann/cel-js";
import { strFromU8, unzipSync } from "fflate";

import type { Captured } from "../capture";
import { type Relation, valuesAt } from "../rules";

const all = (resources: readonly Captured[], ...types: string[]) =>
  resources.filter(({ type }) => types.includes(type));

const at = ({ inputs }: Captured, path: string): readonly unknown[] => valuesAt(inputs, path.split("."));

const text = (resource: Captured, path: string): string => String(at(resource, path)[0]);

const types = {
  member: "gcp:projects/iAMMember:IAMMember",
  account: "gcp:serviceaccount/account:Account",
  function: "gcp:cloudfunctionsv2/function:Function",
  repository: "gcp:artifactregistry/repository:Repository",
  object: "gcp:storage/bucketObject:BucketObject",
  database: "gcp:firestore/database:Database",
  group: "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup",
  backendService: "gcp:compute/backendService:BackendService",
  urlMap: "gcp:compute/uRLMap:URLMap",
  forwardingRule: "gcp:compute/globalForwardingRule:GlobalForwardingRule",
  securityPolicy: "gcp:compute/securityPolicy:SecurityPolicy",
  invoker: "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
  secretReader: "gcp:secretmanager/secretIamMember:SecretIamMember",
  secretVersion: "gcp:secretmanager/secretVersion:SecretVersion",
  job: "gcp:cloudscheduler/job:Job",
} as const;

const members: readonly string[] = [
  types.member,
  "gcp:storage/bucketIAMMember:BucketIAMMember",
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
  types.invoker,
  types.secretReader,
];

/** Minimum and maximum MiB that Cloud Run allows, by number of CPUs. */
const memoryOfCpus: Readonly<Record<string, readonly [number, number]>> = {
  1: [128, 4096],
  2: [128, 8192],
  4: [2048, 16_384],
  6: [4096, 24_576],
  8: [4096, 32_768],
};

const mebibytes: Readonly<Record<string, number>> = {
  k: 1e3 / 2 ** 20,
  M: 1e6 / 2 ** 20,
  G: 1e9 / 2 ** 20,
  Ki: 1 / 1024,
  Mi: 1,
  Gi: 1024,
};

function inMebibytes(quantity: string): number {
  const [, number, unit = ""] = /^(\d+)(\w+)$/.exec(quantity) ?? [];
  return Number(number) * (mebibytes[unit] ?? NaN);
}

/** Rules between resources, which no description of a single resource can express. */
export const relations: readonly Relation[] = [
  {
    rule: "an instance's memory suits its CPUs",
    source: "https://cloud.google.com/run/docs/configuring/services/memory-limits#cpu-minimum",
    broken: (resources) =>
      all(resources, types.function).flatMap((fn) => {
        const cpus = text(fn, "serviceConfig.availableCpu");
        const memory = inMebibytes(text(fn, "serviceConfig.availableMemory"));
        const [least, most] = memoryOfCpus[cpus] ?? [NaN, NaN];
        return memory >= least && memory <= most
          ? []
          : [`${memory} MiB with ${cpus} CPU, which takes ${least} to ${most} MiB`];
      }),
  },
  {
    rule: "the entry point is a function of the source's entry file",
    source: "https://cloud.google.com/functions/docs/writing#entry-point",
    broken: (resources) =>
      all(resources, types.function).flatMap((fn) => {
        const object = text(fn, "buildConfig.source.storageSource.object");
        const entryPoint = text(fn, "buildConfig.entryPoint");
        const source = all(resources, types.object).find(({ inputs }) => inputs.name === object);
        const file = source && at(source, "source.path")[0];
        if (typeof file !== "string") return [`${object} is no uploaded file`];
        const entry = text(fn, "buildConfig.environmentVariables.GOOGLE_FUNCTION_SOURCE");
        const { [entry]: main } = unzipSync(readFileSync(file), { filter: ({ name }) => name === entry });
        const defined = new RegExp(
          `^(?:async )?def ${entryPoint}\\(|\\b(?:import|as) ${entryPoint}\\b|^${entryPoint} = `,
          "m",
        );
        return main && defined.test(strFromU8(main)) ? [] : [`${object} has no ${entryPoint} in ${entry}`];
      }),
  },
  {
    rule: "the repository of a function's images is where the function is",
    source: "https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#BuildConfig",
    broken: (resources) =>
      all(resources, types.function).flatMap((fn) => {
        const repository = text(fn, "buildConfig.dockerRepository");
        return repository.includes(`/locations/${text(fn, "location")}/`) ? [] : [repository];
      }),
  },
  {
    rule: "a serverless endpoint group, and who may call the service, are where the function is",
    source: "https://cloud.google.com/load-balancing/docs/negs/serverless-neg-concepts#limitations",
    broken: (resources) => {
      const located = new Map(all(resources, types.function).map((fn) => [text(fn, "name"), text(fn, "location")]));
      const group = all(resources, types.group).map(
        (each) => [text(each, "cloudRun.service"), text(each, "region")] as const,
      );
      const invoker = all(resources, types.invoker).map(
        (each) => [text(each, "name"), text(each, "location")] as const,
      );
      return [...group, ...invoker].flatMap(([name, location]) =>
        located.get(name) === location ? [] : [`${name} is in ${located.get(name) ?? "no place"}, not in ${location}`],
      );
    },
  },
  {
    rule: "a role on a repository names where it is",
    source:
      "https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories/setIamPolicy",
    broken: (resources) =>
      all(resources, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember").flatMap((role) => {
        const repository = all(resources, types.repository).find(
          (each) => text(each, "repositoryId") === text(role, "repository"),
        );
        return repository && text(repository, "location") === text(role, "location") ? [] : [text(role, "location")];
      }),
  },
  {
    rule: "the database is where the function is",
    source: "https://cloud.google.com/firestore/docs/locations#considerations",
    broken: (resources) => {
      const locations = new Set(all(resources, types.function).map((fn) => text(fn, "location")));
      return all(resources, types.database)
        .map((database) => text(database, "locationId"))
        .filter((location) => !locations.has(location));
    },
  },
  {
    rule: "a serverless backend has no health check, port name or timeout",
    source: "https://cloud.google.com/load-balancing/docs/negs/serverless-neg-concepts#limitations",
    broken: (resources) => {
      const serverless = new Set(all(resources, types.group).map(({ id }) => id));
      return all(resources, types.backendService)
        .filter((service) => at(service, "backends.group").some((group) => serverless.has(String(group))))
        .flatMap((service) => ["healthChecks", "portName", "timeoutSec"].filter((name) => name in service.inputs));
    },
  },
  {
    rule: "the load-balancing scheme is the same throughout",
    source: "https://cloud.google.com/load-balancing/docs/backend-service#load_balancing_scheme",
    broken: (resources) => {
      const schemes = all(resources, types.backendService, types.forwardingRule).map((each) =>
        text(each, "loadBalancingScheme"),
      );
      return new Set(schemes).size > 1 ? [...new Set(schemes)] : [];
    },
  },
  {
    rule: "a URL map answers what no path matches in one way",
    source: "https://cloud.google.com/compute/docs/reference/rest/v1/urlMaps",
    broken: (resources) =>
      all(resources, types.urlMap).flatMap((map) => {
        const ways = ["defaultService", "defaultUrlRedirect"].filter((name) => name in map.inputs);
        return ways.length === 1 ? [] : [`${text(map, "name")} has ${ways.join(" and ") || "none"}`];
      }),
  },
  {
    rule: "a host rule's path matcher is in its URL map",
    source: "https://cloud.google.com/compute/docs/reference/rest/v1/urlMaps",
    broken: (resources) =>
      all(resources, types.urlMap).flatMap((map) => {
        const known = at(map, "pathMatchers.name");
        return at(map, "hostRules.pathMatcher").flatMap((name) => (known.includes(name) ? [] : [String(name)]));
      }),
  },
  {
    rule: "forwarding rules of one address differ in their port, which suits the proxy",
    source: "https://cloud.google.com/load-balancing/docs/forwarding-rule-concepts#port_specifications",
    broken: (resources) => {
      const rules = all(resources, types.forwardingRule);
      const ends = rules.map((rule) => `${text(rule, "ipAddress")}:${text(rule, "portRange")}`);
      return [
        ...ends.filter((end, index) => ends.indexOf(end) !== index),
        ...rules.flatMap((rule) => {
          const secure = text(rule, "target").includes("/targetHttpsProxies/");
          return secure === (text(rule, "portRange") === "443") ? [] : [`${text(rule, "target")} on another's port`];
        }),
      ];
    },
  },
  {
    rule: "a security policy ends with a rule for everyone else, and no two have one priority",
    source: "https://cloud.google.com/armor/docs/security-policy-overview#eval-order",
    broken: (resources) =>
      all(resources, types.securityPolicy).flatMap((policy) => {
        const priorities = at(policy, "rules.priority");
        return [
          ...(priorities.includes(2_147_483_647) ? [] : ["no rule of the last priority"]),
          ...priorities.filter((priority, index) => priorities.indexOf(priority) !== index).map(String),
        ];
      }),
  },
  {
    rule: "a security policy's rule matches by an expression or by addresses, and each expression can be read",
    source: "https://cloud.google.com/armor/docs/rules-language-reference",
    broken: (resources) => {
      const policies = all(resources, types.securityPolicy);
      const matches = policies.flatMap((policy) => at(policy, "rules.match"));
      return [
        ...matches.filter((match) => {
          const ways = ["expr.expression", "versionedExpr"].flatMap((way) => valuesAt(match, way.split(".")));
          return ways.length !== 1;
        }),
        ...policies.flatMap((policy) => at(policy, "rules.match.expr.expression")).filter((each) => !readable(each)),
      ].map((each) => JSON.stringify(each));
    },
  },
  {
    rule: "a condition of a role can be read",
    source: "https://cloud.google.com/iam/docs/conditions-overview",
    broken: (resources) =>
      all(resources, types.member)
        .flatMap((member) => at(member, "condition.expression"))
        .filter((expression) => !readable(expression))
        .map(String),
  },
  {
    rule: "a job calls a function of the program, for whom its token is and where its account may invoke it",
    source: "https://cloud.google.com/scheduler/docs/http-target-auth",
    broken: (resources) => {
      const invokers = all(resources, types.invoker).map((each) => `${text(each, "name")} ${text(each, "member")}`);
      return all(resources, types.job).flatMap((job) => {
        const uri = text(job, "httpTarget.uri");
        const called = all(resources, types.function).find(
          ({ outputs }) => valuesAt(outputs, ["serviceConfig", "uri"])[0] === uri,
        );
        const account = `serviceAccount:${text(job, "httpTarget.oidcToken.serviceAccountEmail")}`;
        return [
          ...(called ? [] : [`${uri} is no function's`]),
          ...(text(job, "httpTarget.oidcToken.audience") === uri ? [] : ["the token is for another"]),
          ...(called && invokers.includes(`${text(called, "name")} ${account}`)
            ? []
            : [`${account} may not invoke it`]),
        ];
      });
    },
  },
  {
    rule: "a job is where the function is that it calls",
    source: "https://cloud.google.com/scheduler/docs/setup",
    broken: (resources) => {
      const located = new Map(
        all(resources, types.function).map((fn) => [
          String(valuesAt(fn.outputs, ["serviceConfig", "uri"])[0]),
          text(fn, "location"),
        ]),
      );
      return all(resources, types.job)
        .filter((job) => located.get(text(job, "httpTarget.uri")) !== text(job, "region"))
        .map((job) => text(job, "region"));
    },
  },
  {
    rule: "a function reads secrets in versions that there are, as an account that may read them",
    source: "https://cloud.google.com/functions/docs/configuring/secrets",
    broken: (resources) => {
      const versions = all(resources, types.secretVersion).map(({ id }) => id);
      const readers = all(resources, types.secretReader).map((each) => {
        return `${text(each, "member")} ${text(each, "secretId")}`;
      });
      return all(resources, types.function).flatMap((fn) => {
        const account = `serviceAccount:${text(fn, "serviceConfig.serviceAccountEmail")}`;
        return at(fn, "serviceConfig.secretEnvironmentVariables").flatMap((variable) => {
          const [project, secret, version] = ["projectId", "secret", "version"].map(
            (name) => valuesAt(variable, [name])[0],
          );
          const named = `projects/${String(project)}/secrets/${String(secret)}/versions/${String(version)}`;
          return [
            ...(versions.includes(named) ? [] : [`${named} is not there`]),
            ...(readers.includes(`${account} ${String(secret)}`) ? [] : [`${account} may not read ${String(secret)}`]),
          ];
        });
      });
    },
  },
  {
    rule: "a member is everyone, an account of the program, or the load balancer's own",
    source: "https://cloud.google.com/iam/docs/principal-identifiers",
    broken: (resources) => {
      const accounts = new Set(all(resources, types.account).map(({ outputs }) => outputs.member));
      return all(resources, ...members)
        .map((each) => text(each, "member"))
        .filter((member) => {
          const known = member === "allUsers" || accounts.has(member);
          return !known && !/^serviceAccount:service-\d+@https-lb\.iam\.gserviceaccount\.com$/.test(member);
        });
    },
  },
];

function readable(expression: unknown): boolean {
  try {
    parse(String(expression));
    return true;
  } catch {
    return false;
  }
}
