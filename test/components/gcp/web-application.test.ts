import { execSync } from "node:child_process";

import * as gcp from "@pulumi/gcp/provider";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import type { FunctionPlan } from "../../../components/function-plan";
import { WebApplication, type WebApplicationArgs } from "../../../components/gcp/web-application";
import { sourceBundle } from "../bundles";
import { type CloudAnswers, record, type Recording, unseal, valueOf } from "../mocks";
import { temporarySite } from "../site";

const uriOf = (functionName: string) => `https://${functionName}-x1-an.a.run.app`;
const serviceUri = uriOf("shop-test-api");

const answers: CloudAnswers = {
  "gcp:serviceaccount/account:Account": ({ inputs }) => {
    const email = `${String(inputs.accountId)}@proj-1.iam.gserviceaccount.com`;
    return { id: `projects/proj-1/serviceAccounts/${email}`, email };
  },
  "gcp:artifactregistry/repository:Repository": ({ inputs }) => ({
    id: `projects/proj-1/locations/asia-northeast1/repositories/${String(inputs.repositoryId)}`,
    name: inputs.repositoryId,
  }),
  "gcp:cloudfunctionsv2/function:Function": ({ inputs }) => ({
    serviceConfig: {
      ...(inputs.serviceConfig as object),
      uri: uriOf(String(inputs.name)),
      service: `projects/proj-1/locations/asia-northeast1/services/${String(inputs.name)}`,
    },
  }),
  "gcp:secretmanager/secretVersion:SecretVersion": () => ({ version: "1" }),
  "gcp:compute/globalAddress:GlobalAddress": () => ({ address: "203.0.113.7" }),
};

const site = temporarySite();

const api: FunctionPlan & { readonly description: { readonly kind: "http" } } = {
  description: {
    kind: "http",
    name: "api",
    entryPoints: {},
    requirements: {},
    environment: {},
    secrets: [],
    tables: ["messages"],
    routes: ["/*"],
    probes: [{ path: "/api/", status: 200 }],
  },
  environment: {},
  secrets: {},
};
const worker: FunctionPlan = {
  description: {
    kind: "schedule",
    name: "worker",
    schedule: { kind: "rate", minutes: 60 },
    entryPoints: {},
    requirements: {},
    environment: {},
    secrets: ["PAYMENT_KEY"],
    tables: [],
  },
  environment: { MODE: "careful" },
  secrets: { PAYMENT_KEY: "sesame" },
  memory: 256,
  timeout: 120,
};
const bundle = { ...sourceBundle, functions: ["api", "worker", "hooks"] };

/** The hash includes the project: bucket names are unique among all customers. */
const unknownInPreviews = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A serverless backend accepts no health check, and Cloud Armor is a setting. */
async function application(overrides: Partial<WebApplicationArgs> = {}, previewed?: CloudAnswers) {
  return record(
    () =>
      new WebApplication("gcp", {
        scope: { project: "shop", stack: "test" },
        project: "proj-1",
        region: "asia-northeast1",
        functions: [api],
        tables: [{ name: "messages", partitionKey: "board", sortKey: "id" }],
        bundles: [bundle],
        version: "1.2.3",
        site: site.directory,
        ...overrides,
      }),
    {
      answers: { ...answers, ...previewed },
      invokes: { "gcp:organizations/getProject:getProject": { number: "4242" } },
      preview: previewed !== undefined,
    },
  );
}

const ofType = (recording: Recording, type: string) => recording.of(`gcp:${type}`);
const only = (recording: Recording, type: string) => recording.only(`gcp:${type}`);

function named(recording: Recording, type: string, name: string): Record<string, unknown> {
  const found = ofType(recording, type).find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name} among ${recording.all.map((r) => r.name).join(", ")}`);
  return found.inputs;
}

const runtime = "serviceAccount:shop-test-api@proj-1.iam.gserviceaccount.com";
const builder = "serviceAccount:shop-test-build@proj-1.iam.gserviceaccount.com";

beforeEach(() => {
  vi.spyOn(pulumi.log, "warn").mockResolvedValue();
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("with the defaults", () => {
  let recording: Recording;
  let deployed: WebApplication;
  let warnings: string[];

  beforeAll(async () => {
    const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
    ({ recording, result: deployed } = await application());
    warnings = warn.mock.calls.map(([message]) => message);
  });

  test("the APIs are enabled first, and stay enabled", () => {
    const services = ofType(recording, "projects/service:Service");
    expect(services.map(({ inputs }) => inputs.service).sort()).toEqual(
      ["artifactregistry", "cloudbuild", "cloudfunctions", "compute", "firestore", "iam", "run"].map(
        (service) => `${service}.googleapis.com`,
      ),
    );
    for (const { inputs } of services) expect(inputs.disableOnDestroy).toBe(false);
    const order = recording.all.map(({ name, type }) => `${type} ${name}`);
    expect(order.indexOf("gcp:projects/service:Service gcp-messages-firestore")).toBeLessThan(
      order.indexOf("gcp:firestore/database:Database gcp-messages"),
    );
  });

  test("the database has its own name, can be restored, and is really deleted", () => {
    expect(only(recording, "firestore/database:Database")).toMatchObject({
      name: "shop-test-messages",
      type: "FIRESTORE_NATIVE",
      locationId: "asia-northeast1",
      pointInTimeRecoveryEnablement: "POINT_IN_TIME_RECOVERY_ENABLED",
      deleteProtectionState: "DELETE_PROTECTION_DISABLED",
      deletionPolicy: "DELETE",
    });
  });

  test("the function may use its database, and has no other role", () => {
    const members = recording.all.filter(({ inputs }) => inputs.member === runtime);
    expect(members.map(({ inputs }) => inputs)).toEqual([
      {
        project: "proj-1",
        role: "roles/datastore.user",
        member: runtime,
        condition: {
          title: "messages",
          expression: 'resource.name == "projects/proj-1/databases/shop-test-messages"',
        },
      },
    ]);
  });

  test("a separate account builds: it writes only a log and its repository, and reads only sources", () => {
    const roles = recording.all
      .filter(({ inputs }) => inputs.member === builder)
      .map(({ inputs }) => [inputs.role, inputs.repository ?? inputs.bucket ?? inputs.condition]);
    expect(roles).toHaveLength(4);
    expect(roles).toEqual(
      expect.arrayContaining([
        ["roles/logging.logWriter", undefined],
        ["roles/artifactregistry.writer", "shop-test-images"],
        ["roles/storage.objectViewer", expect.stringMatching(/^shop-test-source-[0-9a-f]{8}$/)],
        [
          "roles/storage.objectViewer",
          {
            title: "sources-of-functions",
            expression: 'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-4242-asia-northeast1")',
          },
        ],
      ]),
    );
  });

  test("the function is built from an archive named by its content, only from wheels", () => {
    const object = named(recording, "storage/bucketObject:BucketObject", "gcp-api-source");
    expect(object.name).toBe(`api-${"d".repeat(64)}.zip`);
    expect(only(recording, "cloudfunctionsv2/function:Function")).toMatchObject({
      name: "shop-test-api",
      location: "asia-northeast1",
      buildConfig: {
        runtime: "python312",
        entryPoint: "handle",
        serviceAccount: "projects/proj-1/serviceAccounts/shop-test-build@proj-1.iam.gserviceaccount.com",
        dockerRepository: "projects/proj-1/locations/asia-northeast1/repositories/shop-test-images",
        environmentVariables: {
          GOOGLE_FUNCTION_SOURCE: "multicloud_entry.py",
          GOOGLE_VENDOR_PIP_DEPENDENCIES: "wheels",
        },
        source: { storageSource: { object: object.name } },
      },
      labels: { project: "shop", stack: "test" },
    });
  });

  test("the function runs as its own account and answers on its own address", () => {
    expect(only(recording, "cloudfunctionsv2/function:Function").serviceConfig).toEqual({
      serviceAccountEmail: "shop-test-api@proj-1.iam.gserviceaccount.com",
      environmentVariables: {
        MESSAGES_TABLE: "messages",
        APPLICATION_VERSION: "1.2.3",
        GOOGLE_CLOUD_PROJECT: "proj-1",
        MESSAGES_DATABASE: "shop-test-messages",
        MULTICLOUD_CODE: expect.stringMatching(/\w/) as string,
        MULTICLOUD_RELEASE: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
      },
      availableCpu: "1",
      availableMemory: "512Mi",
      timeoutSeconds: 15,
      maxInstanceRequestConcurrency: 80,
      maxInstanceCount: 16,
      ingressSettings: "ALLOW_ALL",
      allTrafficOnLatestRevision: true,
    });
    expect(only(recording, "cloudrunv2/serviceIamMember:ServiceIamMember")).toMatchObject({
      name: "shop-test-api",
      role: "roles/run.invoker",
      member: "allUsers",
    });
  });

  test("no bucket is public, and allUsers may do nothing but call the function", () => {
    const buckets = ofType(recording, "storage/bucket:Bucket");
    expect(buckets).toHaveLength(2);
    for (const { inputs } of buckets) {
      expect(inputs).toMatchObject({ uniformBucketLevelAccess: true, publicAccessPrevention: "enforced" });
      // Bodies are JSON; at the highest sensitivity, a message's own punctuation would count as an attack.
      expect(inputs.name).toMatch(/^shop-test-(source|web)-[0-9a-f]{8}$/);
    }
    const everyone = recording.all.filter(({ inputs }) => /^all(Authenticated)?Users$/.test(String(inputs.member)));
    expect(everyone.map(({ inputs }) => inputs.role)).toEqual(["roles/run.invoker"]);
  });

  test("the load balancer's own account may read the site, once a backend has created it", () => {
    expect(named(recording, "storage/bucketIAMMember:BucketIAMMember", "gcp-web")).toMatchObject({
      role: "roles/storage.objectViewer",
      member: "serviceAccount:service-4242@https-lb.iam.gserviceaccount.com",
    });
    const order = recording.all.map(({ name, type }) => `${type} ${name}`);
    expect(order.indexOf("gcp:compute/backendBucket:BackendBucket gcp-web")).toBeLessThan(
      order.indexOf("gcp:storage/bucketIAMMember:BucketIAMMember gcp-web"),
    );
  });

  test("the site is cached and compressed, the API is neither, and both carry the security headers", () => {
    const headers = [
      "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
      "Referrer-Policy: same-origin",
      "Strict-Transport-Security: max-age=63072000; includeSubDomains",
      "X-Content-Type-Options: nosniff",
      "X-Frame-Options: DENY",
    ];
    expect(only(recording, "compute/backendBucket:BackendBucket")).toMatchObject({
      enableCdn: true,
      compressionMode: "AUTOMATIC",
      customResponseHeaders: headers,
    });
    const service = only(recording, "compute/backendService:BackendService");
    expect(service).toMatchObject({
      loadBalancingScheme: "EXTERNAL_MANAGED",
      enableCdn: false,
      logConfig: { enable: true, sampleRate: 1 },
      customResponseHeaders: headers,
    });
    // With shorter seconds, the message about minutes would be wrong.
    for (const absent of ["healthChecks", "securityPolicy"]) expect(service[absent], absent).toBeUndefined();
    expect(only(recording, "compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup")).toMatchObject({
      networkEndpointType: "SERVERLESS",
      cloudRun: { service: "shop-test-api" },
    });
  });

  test("/api/* goes to the function, everything else to the site, whose 404 is the page and not the API's", () => {
    expect(only(recording, "compute/uRLMap:URLMap")).toMatchObject({
      defaultService: "gcp-web-id",
      pathMatchers: [
        {
          pathRules: [
            { paths: ["/api/*"], service: "gcp-web-api-id" },
            {
              paths: ["/*"],
              customErrorResponsePolicy: {
                errorResponseRules: [{ matchResponseCodes: ["404"], path: "/index.html", overrideResponseCode: 200 }],
              },
            },
          ],
        },
      ],
    });
    const { pathMatchers } = only(recording, "compute/uRLMap:URLMap") as {
      pathMatchers: { pathRules: Record<string, unknown>[] }[];
    };
    expect(pathMatchers[0]?.pathRules[0]).not.toHaveProperty("customErrorResponsePolicy");
  });

  test("without a domain there is plain HTTP and a warning that says why", () => {
    expect(only(recording, "compute/globalForwardingRule:GlobalForwardingRule")).toMatchObject({
      portRange: "80",
      ipAddress: "203.0.113.7",
      loadBalancingScheme: "EXTERNAL_MANAGED",
    });
    for (const type of ["managedSslCertificate:ManagedSslCertificate", "sSLPolicy:SSLPolicy"]) {
      expect(ofType(recording, `compute/${type}`)).toEqual([]);
    }
    expect(warnings).toEqual([expect.stringMatching(/plain HTTP.*no host name of its own.*Set gcp\.frontend\.domain/)]);
  });

  test("the site's files are uploaded with their types and revalidated, hidden ones are not uploaded", () => {
    const files = ofType(recording, "storage/bucketObject:BucketObject").filter(({ name }) => name.includes("/"));
    expect(files.map(({ inputs }) => [inputs.name, inputs.contentType, inputs.cacheControl])).toEqual([
      ["app.js", "text/javascript; charset=utf-8", "no-cache"],
      ["index.html", "text/html; charset=utf-8", "no-cache"],
    ]);
  });

  test("the outputs match the contract", async () => {
    expect(await valueOf(deployed.outputs)).toEqual({
      region: "asia-northeast1",
      functions: {
        api: {
          kind: "http",
          functionName: "shop-test-api",
          runtimeIdentity: "shop-test-api@proj-1.iam.gserviceaccount.com",
          logs: "projects/proj-1/logs/run.googleapis.com%2Fstdout",
          variables: [],
          tables: ["messages"],
          url: serviceUri,
          routes: ["/*"],
          probes: [{ path: "/api/", status: 200 }],
          release: expect.stringMatching(/^c0de\.[0-9a-f]{12}$/) as string,
        },
      },
      tables: { messages: "messages" },
      apiUrl: serviceUri,
      frontendUrl: "http://203.0.113.7",
      functionName: "shop-test-api",
      messagesTable: "messages",
      runtimeIdentity: "shop-test-api@proj-1.iam.gserviceaccount.com",
      logs: "projects/proj-1/logs/run.googleapis.com%2Fstdout",
      version: "1.2.3",
      package: {
        sha256: "d".repeat(64),
        lockSha256: "e".repeat(64),
        pythonVersion: "3.12",
        architecture: "x86_64",
        size: 9_000_000,
        packages: {
          fastapi: "1.0.0",
          "functions-framework": "1.0.0",
          "google-cloud-firestore": "1.0.0",
          pydantic: "1.0.0",
        },
      },
      project: "proj-1",
      public: true,
      database: "shop-test-messages",
      frontendAddress: "203.0.113.7",
      urlMap: "shop-test-web",
    });
  });
});

describe("with other settings", () => {
  test("without a frontend none of its resources is declared and its outputs are absent", async () => {
    const { recording, result } = await application({ site: undefined });
    expect(recording.all.filter(({ type, name }) => type.includes("compute") || name.includes("web"))).toEqual([]);
    for (const absent of ["frontendUrl", "frontendAddress", "urlMap"]) {
      expect(result.outputs).not.toHaveProperty(absent);
    }
  });

  test("a domain brings a certificate, a floor of TLS 1.2, a redirect from HTTP, and no warning", async () => {
    const { recording, result } = await application({ frontend: { domain: "app.example.com" } });
    expect(only(recording, "compute/managedSslCertificate:ManagedSslCertificate")).toMatchObject({
      name: expect.stringMatching(/^shop-test-web-app-example-com-[0-9a-f]{8}$/) as string,
      managed: { domains: ["app.example.com"] },
    });
    expect(only(recording, "compute/sSLPolicy:SSLPolicy")).toMatchObject({
      profile: "MODERN",
      minTlsVersion: "TLS_1_2",
    });
    expect(only(recording, "compute/targetHttpsProxy:TargetHttpsProxy")).toMatchObject({
      urlMap: "gcp-web-id",
      sslCertificates: ["gcp-web-id"],
      sslPolicy: "gcp-web-id",
    });
    const redirect = named(recording, "compute/uRLMap:URLMap", "gcp-web-redirect");
    expect(redirect).toMatchObject({
      defaultUrlRedirect: { httpsRedirect: true, redirectResponseCode: "MOVED_PERMANENTLY_DEFAULT" },
    });
    expect(redirect.defaultService).toBeUndefined();
    expect(only(recording, "compute/targetHttpProxy:TargetHttpProxy").urlMap).toBe("gcp-web-redirect-id");
    expect(
      ofType(recording, "compute/globalForwardingRule:GlobalForwardingRule").map(({ inputs }) => inputs.portRange),
    ).toEqual(expect.arrayContaining(["443", "80"]));
    expect(await valueOf(result.outputs.frontendUrl ?? "")).toBe("https://app.example.com");
    expect(pulumi.log.warn).not.toHaveBeenCalled();
  });

  test("HTTP is redirected only once HTTPS has a certificate, for which an update waits", async () => {
    const { recording } = await application({ frontend: { domain: "app.example.com" } });
    const steps = [
      "gcp:compute/globalForwardingRule:GlobalForwardingRule gcp-web-https",
      "command:local:Command gcp-web-certificate",
      "gcp:compute/globalForwardingRule:GlobalForwardingRule gcp-web-http",
    ];
    expect(recording.isChain(steps)).toBe(true);
    const waits = async (overrides: Partial<WebApplicationArgs>) => {
      const commands = (await application(overrides)).recording.of("command:local:Command");
      return commands.find(({ name }) => name === "gcp-web-certificate")?.inputs;
    };
    const [without, having] = [await waits({}), await waits({ frontend: { domain: "app.example.com" } })];
    // Another environment is an update, and a site without users waits for nothing.
    expect([without?.environment, having?.environment]).toEqual([
      { DOMAIN: "", ADDRESS: "203.0.113.7" },
      { DOMAIN: "app.example.com", ADDRESS: "203.0.113.7" },
    ]);
    expect(having).not.toHaveProperty("create");
  });

  test("Cloud Armor protects the API", async () => {
    const { recording } = await application({ frontend: { cloudArmor: true } });
    expect(only(recording, "compute/backendService:BackendService").securityPolicy).toBe("gcp-web-id");
    const policy = only(recording, "compute/securityPolicy:SecurityPolicy");
    const rules = policy.rules as { action: string; match: { expr?: { expression: string } } }[];
    expect(rules.map(({ action }) => action)).toEqual(["deny(403)", "deny(403)", "deny(403)", "deny(403)", "allow"]);
    // Bodies are JSON, and at the highest sensitivity a message's own punctuation would be an attack.
    expect(policy.advancedOptionsConfig).toEqual({ jsonParsing: "STANDARD" });
    for (const { match } of rules.slice(0, -1)) expect(match.expr?.expression).toMatch(/, \{'sensitivity': 1\}\)$/);
  });

  test("a public bucket can be read by anyone, and the bucket of the source still cannot", async () => {
    const { recording } = await application({ frontend: { publicBucket: true } });
    expect(named(recording, "storage/bucket:Bucket", "gcp-web").publicAccessPrevention).toBe("inherited");
    expect(named(recording, "storage/bucket:Bucket", "gcp-build-source").publicAccessPrevention).toBe("enforced");
    expect(named(recording, "storage/bucketIAMMember:BucketIAMMember", "gcp-web").member).toBe("allUsers");
  });

  test("another reader of the site's bucket is waited for until it is known, while the one before may still read", async () => {
    for (const [publicBucket, reader] of [
      [true, "allUsers"],
      [false, "serviceAccount:service-4242@https-lb.iam.gserviceaccount.com"],
    ] as const) {
      const { recording } = await application({ frontend: { publicBucket } });
      const wait = recording.of("command:local:Command").find(({ name }) => name === "gcp-web-access")?.inputs;
      expect(wait).toMatchObject({
        environment: { READER: reader },
        update: expect.stringMatching(/420000/) as string,
      });
      // The first deployment has no reader before.
      expect(wait).not.toHaveProperty("create");
    }
  });

  test("a preview that does not know what a function's configuration will be still knows its service", async () => {
    const { recording } = await application(
      {},
      { "gcp:cloudfunctionsv2/function:Function": () => ({ serviceConfig: unknownInPreviews }) },
    );
    expect(only(recording, "compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup").cloudRun).toEqual({
      service: "shop-test-api",
    });
    expect(only(recording, "cloudrunv2/serviceIamMember:ServiceIamMember").name).toBe("shop-test-api");
  });

  test("if allUsers is forbidden, access is denied", async () => {
    const { recording } = await application({ function: { public: false } });
    expect(ofType(recording, "cloudrunv2/serviceIamMember:ServiceIamMember")).toEqual([]);
  });

  test.each([
    [4096, "1"],
    [4097, "2"],
    [8193, "4"],
    [16_385, "6"],
    [32_768, "8"],
  ])("an instance with %i MiB has the %s CPUs that Cloud Run requires", async (memorySize, availableCpu) => {
    const { recording } = await application({ function: { memorySize } });
    expect(only(recording, "cloudfunctionsv2/function:Function").serviceConfig).toMatchObject({
      availableCpu,
      availableMemory: `${memorySize}Mi`,
    });
  });

  test("deletion protection keeps the database", async () => {
    const { recording } = await application({ deletionProtection: true });
    expect(only(recording, "firestore/database:Database")).toMatchObject({
      deleteProtectionState: "DELETE_PROTECTION_ENABLED",
    });
  });

  test("long names fit into a service account's 30 characters, and a transform overrides properties of a child", async () => {
    const { recording } = await application({
      scope: { project: "multicloud-auto-deploy", stack: "staging" },
      function: { memorySize: 1024, transform: { function: { description: "ours" } } },
    });
    const ids = ofType(recording, "serviceaccount/account:Account").map(({ inputs }) => String(inputs.accountId));
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/);
    expect(only(recording, "cloudfunctionsv2/function:Function")).toMatchObject({
      description: "ours",
      serviceConfig: { availableMemory: "1024Mi" },
    });
  });
});

describe("with several functions", () => {
  const hooks: FunctionPlan = {
    ...api,
    description: { ...api.description, name: "hooks", tables: [], routes: ["/hooks/*", "/health"] },
  };
  let recording: Recording;
  let deployed: WebApplication;

  beforeAll(async () => {
    ({ recording, result: deployed } = await application({ functions: [api, worker, hooks] }));
  });

  const accounts = (recorded: Recording) =>
    ofType(recorded, "serviceaccount/account:Account").map(({ inputs }) => String(inputs.accountId));

  test("each API is enabled once, and all are built by one account into one repository", () => {
    const services = ofType(recording, "projects/service:Service").map(({ inputs }) => inputs.service);
    expect(new Set(services).size).toBe(services.length);
    expect(ofType(recording, "artifactregistry/repository:Repository")).toHaveLength(1);
    const functions = ofType(recording, "cloudfunctionsv2/function:Function").map(({ inputs }) => inputs);
    expect(functions.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["shop-test-api", "shop-test-worker", "shop-test-hooks"]),
    );
    const builders = functions.map(({ buildConfig }) => (buildConfig as { serviceAccount: string }).serviceAccount);
    expect(new Set(builders).size).toBe(1);
  });

  test("each runs as its own account, and only those that use a table have access to it", () => {
    expect(accounts(recording)).toEqual(
      expect.arrayContaining(["shop-test-api", "shop-test-worker", "shop-test-hooks", "shop-test-build"]),
    );
    const dataMembers = ofType(recording, "projects/iAMMember:IAMMember").filter(
      ({ inputs }) => inputs.role === "roles/datastore.user",
    );
    expect(dataMembers.map(({ inputs }) => inputs.member)).toEqual([runtime]);
    const { serviceConfig } = named(recording, "cloudfunctionsv2/function:Function", "gcp-hooks") as {
      serviceConfig: { environmentVariables: Record<string, string> };
    };
    expect(Object.keys(serviceConfig.environmentVariables)).toEqual([
      "APPLICATION_VERSION",
      "GOOGLE_CLOUD_PROJECT",
      "MULTICLOUD_RELEASE",
    ]);
  });

  test("the load balancer sends each function its routes, and those of the others to the site", () => {
    const { pathMatchers } = only(recording, "compute/uRLMap:URLMap") as {
      pathMatchers: { pathRules: { paths: string[]; service: string }[] }[];
    };
    expect(pathMatchers[0]?.pathRules.map(({ paths, service }) => [paths, service])).toEqual([
      [["/api/*"], "gcp-web-api-id"],
      [["/hooks/*", "/health"], "gcp-web-hooks-id"],
      [["/*"], "gcp-web-id"],
    ]);
    const groups = ofType(recording, "compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup");
    expect(new Map(groups.map(({ name, inputs }) => [name, inputs.cloudRun]))).toEqual(
      new Map([
        ["gcp-web-api", { service: "shop-test-api" }],
        ["gcp-web-hooks", { service: "shop-test-hooks" }],
      ]),
    );
  });

  test("a function on a schedule can be called only by the scheduler's own account", () => {
    const invoker = accounts(recording).find((id) => id.startsWith("shop-test-worker-inv"));
    const member = `serviceAccount:${invoker ?? ""}@proj-1.iam.gserviceaccount.com`;
    const invokers = ofType(recording, "cloudrunv2/serviceIamMember:ServiceIamMember").filter(
      ({ inputs }) => inputs.name === "shop-test-worker",
    );
    expect(invokers.map(({ inputs }) => [inputs.role, inputs.member])).toEqual([["roles/run.invoker", member]]);
    expect(recording.all.filter(({ inputs }) => inputs.member === member)).toHaveLength(1);
    expect(only(recording, "cloudscheduler/job:Job")).toMatchObject({
      name: "shop-test-worker",
      region: "asia-northeast1",
      schedule: "0 * * * *",
      timeZone: "Etc/UTC",
      attemptDeadline: "120s",
      httpTarget: {
        uri: uriOf("shop-test-worker"),
        httpMethod: "POST",
        oidcToken: {
          serviceAccountEmail: `${invoker ?? ""}@proj-1.iam.gserviceaccount.com`,
          audience: uriOf("shop-test-worker"),
        },
      },
    });
  });

  test("a secret is in Secret Manager, only for the function that names it, pinned to its version", () => {
    const { secretId } = only(recording, "secretmanager/secret:Secret");
    expect(secretId).toMatch(/^shop-test-worker-payment-key-[0-9a-f]{8}$/);
    const version = only(recording, "secretmanager/secretVersion:SecretVersion");
    expect(unseal(version.secretData)).toEqual({ secret: true, value: "sesame" });
    expect(version.deletionPolicy).toBe("ABANDON");
    expect(only(recording, "secretmanager/secretIamMember:SecretIamMember")).toMatchObject({
      secretId,
      role: "roles/secretmanager.secretAccessor",
      member: "serviceAccount:shop-test-worker@proj-1.iam.gserviceaccount.com",
    });
    expect(named(recording, "cloudfunctionsv2/function:Function", "gcp-worker").serviceConfig).toMatchObject({
      environmentVariables: { MODE: "careful" },
      secretEnvironmentVariables: [{ key: "PAYMENT_KEY", projectId: "proj-1", secret: secretId, version: "1" }],
      availableMemory: "256Mi",
      timeoutSeconds: 120,
    });
    const elsewhere = recording.all.filter(({ type }) => type !== "gcp:secretmanager/secretVersion:SecretVersion");
    expect(JSON.stringify(elsewhere)).not.toContain("sesame");
  });

  test("the outputs describe each function", async () => {
    const { functions = {} } = deployed.outputs;
    expect(await valueOf(functions.worker)).toEqual({
      kind: "schedule",
      functionName: "shop-test-worker",
      runtimeIdentity: "shop-test-worker@proj-1.iam.gserviceaccount.com",
      logs: "projects/proj-1/logs/run.googleapis.com%2Fstdout",
      variables: ["MODE"],
      tables: [],
      release: expect.stringMatching(/\.[0-9a-f]{12}$/) as string,
      schedule: "0 * * * *",
    });
    expect(await valueOf(functions.hooks)).toMatchObject({
      kind: "http",
      url: uriOf("shop-test-hooks"),
      routes: ["/hooks/*", "/health"],
    });
    expect(Object.keys(deployed.functions)).toEqual(["api", "worker", "hooks"]);
    expect(Object.keys(deployed.tables)).toEqual(["messages"]);
  });
});

test("a program grants a function further roles, on the provider that it passes", async () => {
  const { recording } = await record(
    () => {
      const provider = new gcp.Provider("mine", { project: "proj-1" });
      const application = new WebApplication(
        "gcp",
        {
          scope: { project: "shop", stack: "test" },
          project: "proj-1",
          region: "asia-northeast1",
          functions: [api],
          tables: [{ name: "messages", partitionKey: "board" }],
          bundles: [bundle],
          version: "1.2.3",
        },
        { provider },
      );
      application.functions.api?.grant({
        role: "roles/pubsub.publisher",
        condition: { title: "orders", expression: 'resource.name.endsWith("/topics/orders")' },
      });
    },
    {
      answers,
      invokes: { "gcp:organizations/getProject:getProject": { number: "4242" } },
    },
  );
  expect(named(recording, "projects/iAMMember:IAMMember", "gcp-api-orders")).toMatchObject({
    role: "roles/pubsub.publisher",
    member: runtime,
  });
  expect(recording.of("pulumi:providers:gcp").map(({ name }) => name)).toEqual(["mine"]);
  expect(recording.providersOf("gcp")).toEqual(["mine"]);
});

describe("what could not work is rejected", () => {
  test.each<[string, Partial<WebApplicationArgs>, RegExp]>([
    ["a function without a bundle", { bundles: [] }, /no bundle for the function api; run: npm run layer -- build/],
    ["a function that uses a table which is not there", { tables: [] }, /there is no table messages; there are none/],
    ["an application without functions", { functions: [] }, /gcp: there is no function; describe one/],
    ["a frontend without a page", { site: "/nowhere" }, /no index\.html in \/nowhere/],
  ])("%s", async (_, overrides, message) => {
    await expect(application(overrides)).rejects.toThrow(message);
  });
});

test("an application whose functions all have a schedule has no API, and its site no path to one", async () => {
  const tell = vi.spyOn(pulumi.log, "info").mockResolvedValue();
  const { recording, result } = await application({ functions: [worker], tables: [], smokeCheck: true });
  const { pathMatchers } = only(recording, "compute/uRLMap:URLMap");
  expect(pathMatchers).toMatchObject([{ pathRules: [{ paths: ["/*"] }] }]);
  expect(ofType(recording, "compute/backendService:BackendService")).toEqual([]);
  expect(recording.of("command:local:Command").map(({ name }) => name)).toContain("gcp-worker-next-check");
  expect(recording.of("command:local:Command").map(({ name }) => name)).not.toContain("gcp-smoke-check");
  expect(tell).toHaveBeenCalledWith(expect.stringContaining("asks no API"), expect.anything());
  const outputs = await valueOf(result.outputs);
  expect(outputs).toMatchObject({ functionName: "shop-test-worker", functions: { worker: { kind: "schedule" } } });
  expect(outputs).not.toHaveProperty("apiUrl");
  expect(outputs).not.toHaveProperty("database");
});

test("a twin is deployed and probed first, then the function, if they are public", async () => {
  const { recording } = await application({ smokeCheck: true });
  const functions = ofType(recording, "cloudfunctionsv2/function:Function");
  expect(functions.map(({ name }) => name)).toEqual(["gcp-api-next", "gcp-api"]);
  const [twin, live] = functions.map(({ inputs }) => inputs);
  expect(twin?.name).toMatch(/^shop-test-api-next-[0-9a-f]{8}$/);
  expect(twin?.buildConfig).toEqual(live?.buildConfig);
  const checks = recording.of("command:local:Command").filter(({ name }) => name.endsWith("check"));
  expect(checks.map(({ name, inputs }) => [name, inputs.environment])).toMatchObject([
    ["gcp-api-next-check", { CLOUD: "gcp", ADDRESS: uriOf(String(twin?.name)) }],
    ["gcp-smoke-check", { CLOUD: "gcp", ADDRESS: serviceUri }],
  ]);
  const order = recording.all.map(({ type, name }) => `${type} ${name}`);
  const at = (entry: string) => order.indexOf(entry);
  expect(at("command:local:Command gcp-api-next-check")).toBeLessThan(
    at("gcp:cloudfunctionsv2/function:Function gcp-api"),
  );
});

test("an update goes to the twin, then to the function, then to the site's files, the page last", async () => {
  const { recording } = await application({ smokeCheck: true });
  const steps = [
    "gcp:cloudfunctionsv2/function:Function gcp-api-next",
    "command:local:Command gcp-api-next-check",
    "gcp:cloudfunctionsv2/function:Function gcp-api",
    "command:local:Command gcp-smoke-check",
    "gcp:storage/bucketObject:BucketObject gcp-web/app.js",
    "gcp:storage/bucketObject:BucketObject gcp-web/index.html",
  ];
  expect(recording.isChain(steps)).toBe(true);
});

test("the twin of a private function is probed by the deploying identity, and is not public", async () => {
  const { recording } = await application({ smokeCheck: true, function: { public: false } });
  expect(ofType(recording, "cloudrunv2/serviceIamMember:ServiceIamMember")).toEqual([]);
  const checks = recording.of("command:local:Command").filter(({ name }) => name.endsWith("check"));
  expect(checks.map(({ name, inputs }) => [name, inputs.environment])).toMatchObject([
    ["gcp-api-next-check", { IDENTITY: "caller" }],
    ["gcp-smoke-check", { IDENTITY: "caller" }],
  ]);
});

test("with a canary the traffic stays on the serving revision, until the new one has had its share", async () => {
  const canary = { percentage: 10, minutes: 5, errors: 2 };
  const { recording } = await application({ functions: [api, worker], smokeCheck: true, function: { canary } });
  const traffic = ofType(recording, "cloudfunctionsv2/function:Function").map(({ name, inputs }) => {
    return [name, (inputs.serviceConfig as Record<string, unknown>).allTrafficOnLatestRevision];
  });
  expect(Object.fromEntries(traffic)).toEqual({
    ...{ "gcp-api-next": true, "gcp-api": false },
    ...{ "gcp-worker-next": true, "gcp-worker": true },
  });
  const order = recording.all.map(({ name, type }) => `${type} ${name}`);
  const steps = ["gcp-api-next-check", "gcp-api-hold", "gcp-api", "gcp-api-canary", "gcp-smoke-check"];
  const at = steps.map((step) => {
    const type = step === "gcp-api" ? "gcp:cloudfunctionsv2/function:Function" : "command:local:Command";
    return order.indexOf(`${type} ${step}`);
  });
  expect(at).toEqual([...at].sort((a, b) => a - b));
  expect(at).not.toContain(-1);
  const environmentOf = (name: string) =>
    recording.of("command:local:Command").find((each) => each.name === name)?.inputs.environment;
  const own = { CLOUD: "gcp", FUNCTION: "shop-test-api", PROJECT: "proj-1" };
  expect(environmentOf("gcp-api-hold")).toMatchObject(own);
  expect(environmentOf("gcp-api-hold")).not.toHaveProperty("RELEASE");
  const share = { PERCENTAGE: "10", MINUTES: "5", ERRORS: "2", RELEASE: expect.stringMatching(/\./) as string };
  expect(environmentOf("gcp-api-canary")).toMatchObject({ ...own, ...share });
  expect(order.filter((each) => /worker-(hold|canary)/.test(each))).toEqual([]);
});

test("the twin of a function on a schedule is public, and answers only probes", async () => {
  const { recording } = await application({ functions: [api, worker], smokeCheck: true });
  const [twin, live] = ["gcp-worker-next", "gcp-worker"].map((name) =>
    ofType(recording, "cloudfunctionsv2/function:Function").find((each) => each.name === name),
  );
  expect(twin?.inputs.serviceConfig).toMatchObject({ environmentVariables: { MULTICLOUD_TWIN: "true" } });
  expect(live?.inputs.serviceConfig).not.toMatchObject({ environmentVariables: { MULTICLOUD_TWIN: "true" } });
  const invokers = ofType(recording, "cloudrunv2/serviceIamMember:ServiceIamMember");
  expect(invokers.find(({ name }) => name === "gcp-worker-next")?.inputs.member).toBe("allUsers");
  expect(invokers.find(({ name }) => name === "gcp-worker")?.inputs.member).not.toBe("allUsers");
  const check = recording.of("command:local:Command").find(({ name }) => name === "gcp-worker-next-check");
  expect(check?.inputs.environment).toMatchObject({
    PROBES: JSON.stringify([{ path: "/multicloud/probe", status: 200, json: { status: "ok" } }]),
  });
});

test("a function waits once for the roles of its build and its account, and for Google's own accounts", async () => {
  const { recording } = await application();
  const order = recording.all.map(({ type, name }) => `${type} ${name}`);
  const at = (entry: string) => order.indexOf(entry);
  const fn = at("gcp:cloudfunctionsv2/function:Function gcp-api");
  for (const agent of ["cloudbuild", "cloudfunctions", "run"]) {
    const made = at(`gcp:projects/serviceIdentity:ServiceIdentity gcp-build-${agent}-agent`);
    expect(made).toBeGreaterThan(-1);
    expect(made).toBeLessThan(fn);
  }
  const [wait] = recording.of("command:local:Command").filter(({ name }) => name === "gcp-api-grants");
  expect(wait?.inputs.create).toMatch(/420000 \* Number\(process\.env\.LOCAL_SECOND/);
  const grants = recording.all.filter(({ type, name }) => /I[aA][mM]Member$/.test(type) && !name.startsWith("gcp-web"));
  expect(wait?.inputs.create).toMatch(/console\.log\("Waiting 7 minutes.* granted to gcp-api"\)/);
  // Where seconds are shorter, minutes that do not pass are not told.
  expect(execSync(String(wait?.inputs.create), { env: { ...process.env, LOCAL_SECOND: "0" } }).toString()).toBe("");
  expect(wait?.inputs.triggers).toHaveLength(grants.filter(({ type }) => !type.includes("cloudrunv2")).length);
  expect(at("command:local:Command gcp-api-grants")).toBeLessThan(fn);
});

test("instances beyond a new project's CPU quota cause a warning, with the name of the quota", async () => {
  await application({ smokeCheck: true, functions: [api, worker] });
  expect(pulumi.log.warn).not.toHaveBeenCalledWith(expect.stringContaining("quota"), expect.anything());
  await application({ function: { maximumInstances: 21 } });
  expect(pulumi.log.warn).toHaveBeenCalledWith(
    expect.stringMatching(/21 CPUs in asia-northeast1.*20 \(quota CpuAllocPerProjectRegion/),
    expect.anything(),
  );
});

test("a frontend for private functions causes a warning, with the command that makes them public", async () => {
  await application({ function: { public: false } });
  expect(pulumi.log.warn).toHaveBeenCalledWith(expect.stringMatching(/403.*--no-invoker-iam-check/), expect.anything());
});

test("a function that only reads a table may only read it", async () => {
  const reader = { ...api, description: { ...api.description, operations: { messages: ["get", "scan"] } } } as const;
  const { recording } = await application({ functions: [reader] });
  const roles = ofType(recording, "projects/iAMMember:IAMMember").map(({ inputs }) => inputs.role);
  expect(roles).toContain("roles/datastore.viewer");
  expect(roles).not.toContain("roles/datastore.user");
});
