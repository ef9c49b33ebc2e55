import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { readZip } from "../../layers/unzip";
import { deflated, writeZip, type ZipEntry } from "../../layers/zip";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { ResourceStore, type StoredResource } from "../../local/store";
import type { Report } from "../../operations/diagnose/report";
import { type Cloud, clouds } from "../../settings";
import { execute, LocalDeployment, type Run } from "./local-deployment";

const checkout = path.join(__dirname, "..", "..");
const deployment = new LocalDeployment(["clouds=[aws,azure,gcp]"]);

beforeAll(() => deployment.up());

afterAll(() => deployment.end());

/** A fault, made by hand where the engine does not see it. */
interface Fault {
  readonly make: (store: ResourceStore) => void | Promise<void>;
  /** What has to be named before everything else of that cloud. */
  readonly first: { readonly check: string; readonly title: RegExp };
}

/** Faults of one kind, in as many clouds as have it. */
interface Drill {
  readonly name: string;
  readonly faults: Readonly<Partial<Record<Cloud, Fault>>>;
}

/** The folders of the local clouds, by the names of their providers. */
const folders: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

const lambda = "aws:lambda/function:Function";
const layerVersion = "aws:lambda/layerVersion:LayerVersion";

const drills: readonly Drill[] = [
  {
    name: "the layer is detached",
    faults: {
      aws: {
        make: (store) => {
          change(store, only(store, lambda), { layers: [] });
        },
        first: { check: "function", title: /layer .*-dependencies is not attached/ },
      },
    },
  },
  {
    name: "a layer of another architecture",
    faults: {
      aws: {
        async make(store) {
          const pythonVersion = String(only(store, lambda).inputs.runtime).replace("python", "");
          const flags = ["--target", "aws", "--architecture", "arm64", "--python-version", pythonVersion, "--json"];
          const built = await execute([path.join(checkout, "layers", "main.ts"), "build", ...flags], checkout);
          const { bundles } = JSON.parse(built.stdout) as { bundles: { kind: string; path: string }[] };
          const layer = bundles.find(({ kind }) => kind === "layer");
          const code = store.keep(layer?.path ?? "");
          change(store, attachedLayer(store), { compatibleArchitectures: ["arm64"], code });
        },
        first: {
          check: "compatibility",
          title: /-dependencies:\d+ is for arm64, the function's architecture is x86_64/,
        },
      },
    },
  },
  {
    name: "native modules of another architecture",
    faults: {
      aws: {
        make: (store) =>
          rezipped(store, attachedLayer(store), "code", (file) =>
            /_pydantic_core\..*\.so$/.test(file) ? undefined : "as it is",
          ),
        first: { check: "log", title: /wrong-platform wheel: pydantic_core\._pydantic_core/ },
      },
    },
  },
  {
    name: "a package is missing",
    faults: {
      aws: {
        make: (store) =>
          rezipped(store, attachedLayer(store), "code", (file) =>
            file.includes("/starlette/") ? undefined : "as it is",
          ),
        first: { check: "log", title: /missing module starlette/ },
      },
      azure: {
        make: (store) =>
          rezipped(store, packageOf(store, "azure-native:storage:Blob"), "source", (file) =>
            file.includes("/starlette/") ? undefined : "as it is",
          ),
        first: { check: "log", title: /missing module starlette/ },
      },
    },
  },
  {
    name: "the code crashes",
    faults: {
      aws: {
        make: (store) => rezipped(store, only(store, lambda), "code", crashing),
        first: { check: "log", title: /RuntimeError: drill/ },
      },
      azure: {
        make: (store) => rezipped(store, packageOf(store, "azure-native:storage:Blob"), "source", crashing),
        first: { check: "log", title: /RuntimeError: drill/ },
      },
    },
  },
  {
    name: "the function never answers",
    faults: {
      aws: {
        async make(store) {
          change(store, only(store, lambda), { timeout: 1 });
          await rezipped(store, only(store, lambda), "code", (file) =>
            file === "api/aws/function.py" ? "import time\n\ndef handler(*_):\n    time.sleep(60)\n" : "as it is",
          );
        },
        first: { check: "log", title: /^timeout/ },
      },
    },
  },
  {
    name: "identities without rights",
    faults: {
      aws: {
        make: (store) => {
          store.delete(only(store, "aws:iam/rolePolicy:RolePolicy"));
        },
        first: { check: "log", title: /its log is silent/ },
      },
      azure: {
        make: (store) => {
          for (const role of store.list("azure-native:authorization:RoleAssignment")) store.delete(role);
        },
        first: { check: "log", title: /permission denied/ },
      },
      gcp: {
        make: (store) => {
          for (const role of store.list("gcp:projects/iAMMember:IAMMember")) store.delete(role);
        },
        first: { check: "log", title: /permission denied/ },
      },
    },
  },
  {
    name: "a role without the table",
    faults: {
      aws: {
        make: (store) => {
          const policy = only(store, "aws:iam/rolePolicy:RolePolicy");
          change(store, policy, { policy: String(policy.inputs.policy).replaceAll("dynamodb:", "sqs:") });
        },
        first: { check: "log", title: /permission denied/ },
      },
    },
  },
  {
    name: "the function may not run",
    faults: {
      aws: {
        make: (store) => {
          change(store, only(store, lambda), { reservedConcurrentExecutions: 0 });
        },
        first: { check: "function", title: /^throttled: the function's reserved concurrency is 0/ },
      },
    },
  },
  {
    name: "the API lets nothing through",
    faults: {
      aws: {
        make: (store) => {
          const throttled = { throttlingBurstLimit: 0, throttlingRateLimit: 0 };
          change(store, only(store, "aws:apigatewayv2/stage:Stage"), { defaultRouteSettings: throttled });
        },
        first: { check: "log", title: /^throttled/ },
      },
    },
  },
  {
    name: "the function may not be called",
    faults: {
      aws: {
        make: (store) => {
          store.delete(only(store, "aws:lambda/permission:Permission"));
        },
        first: { check: "log", title: /API Gateway may not invoke the function/ },
      },
      gcp: {
        make: (store) => {
          store.delete(only(store, "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"));
        },
        first: { check: "api", title: /GET \/api\/ answers 403/ },
      },
    },
  },
  {
    name: "the table is deleted",
    faults: {
      aws: {
        make: (store) => {
          store.delete(only(store, "aws:dynamodb/table:Table"));
          rmSync(path.join(deployment.state, "aws", "dynamodb"), { recursive: true });
        },
        first: { check: "table", title: /table .*-messages is not there/ },
      },
      azure: {
        make: (store) => {
          store.delete(only(store, "azure-native:storage:Table"));
          rmSync(path.join(deployment.state, "azure-native", "tables"), { recursive: true });
        },
        first: { check: "table", title: /table messages is not there/ },
      },
      gcp: {
        make: (store) => {
          store.delete(only(store, "gcp:firestore/database:Database"));
        },
        first: { check: "table", title: /table messages is not there/ },
      },
    },
  },
  {
    name: "the frontend is emptied",
    faults: {
      aws: emptied("aws:s3/bucketObjectv2:BucketObjectv2"),
      azure: emptied("azure-native:storage:Blob"),
      gcp: emptied("gcp:storage/bucketObject:BucketObject"),
    },
  },
];

test("what was just deployed is healthy", async () => {
  const { run, report } = await look("--drift");
  expect(report.results.map(({ status, findings }) => ({ status, findings }))).toEqual(
    report.results.map(() => ({ status: "passed", findings: [] })),
  );
  expect(report.clouds.map(({ cloud }) => cloud)).toEqual(["aws", "azure", "gcp"]);
  expect(run.code).toBe(0);
});

test.each(drills)("$name: that is named first, and a refresh heals it", async ({ faults }) => {
  await stopCloud(deployment.state);
  const faulty = clouds.filter((cloud) => faults[cloud] !== undefined);
  for (const cloud of faulty) {
    await faults[cloud]?.make(new ResourceStore(path.join(deployment.state, folders[cloud])));
  }
  await startCloud(deployment.state, { attached: false });
  const { run, report } = await look();
  const up = await deployment.run(["up", "--detach", "--refresh"]);
  const healed = await look();

  expect(run.code).toBe(1);
  for (const cloud of faulty) {
    const found = report.results.find((result) => result.cloud === cloud);
    expect(found, run.stdout).toMatchObject({ check: faults[cloud]?.first.check, status: "failed" });
    expect(found?.findings[0]?.title).toMatch(faults[cloud]?.first.title ?? /^$/);
    expect(found?.findings[0]).toMatchObject({
      cause: expect.any(String) as string,
      next: expect.any(String) as string,
    });
  }
  // The other clouds, and what is common to all, are not blamed for it.
  expect(new Set(failed(report).map(({ cloud }) => cloud))).toEqual(new Set(faulty));

  expect(up.code, up.stderr).toBe(0);
  expect(failed(healed.report)).toEqual([]);
  expect(healed.run.code).toBe(0);
});

test("what was changed behind the stack's back is listed where it is asked for", async () => {
  await stopCloud(deployment.state);
  const store = new ResourceStore(path.join(deployment.state, folders.aws));
  change(store, only(store, "aws:dynamodb/table:Table"), { tags: {} });
  store.delete(only(store, "aws:s3/bucketPolicy:BucketPolicy"));
  await startCloud(deployment.state, { attached: false });

  const { report } = await look("--only", "state", "--drift");
  expect(report.results).toHaveLength(1);
  expect(report.results[0]?.findings[0]?.evidence).toEqual(
    expect.arrayContaining([
      "aws:dynamodb/table:Table aws-messages: tags",
      expect.stringMatching(/^aws:s3\/bucketPolicy:BucketPolicy .*: gone$/),
    ]),
  );
});

test("clouds that do not run are unknown, with the command that starts them", async () => {
  await deployment.run(["stop"]);
  const { run, report } = await look("--only", "credentials");
  expect(run.code).toBe(2);
  expect(report.results.map(({ status }) => status)).toEqual(["unknown", "unknown", "unknown"]);
  expect(report.results[0]?.findings[0]?.next).toBe("npm run local -- up --detach");
});

/** One look by the command line, as whoever is on call takes it. */
async function look(...flags: string[]): Promise<{ run: Run; report: Report }> {
  const run = await deployment.run(["diagnose", "--json", ...flags]);
  if (run.stdout === "") throw new Error(`diagnose printed no report:\n${run.stderr}`);
  return { run, report: JSON.parse(run.stdout) as Report };
}

const failed = (report: Report) => report.results.filter(({ status }) => status === "failed");

function only(store: ResourceStore, type: string): StoredResource {
  const found = store.list(type);
  const [resource] = found;
  if (resource === undefined || found.length > 1) throw new Error(`expected one ${type}, found ${found.length}`);
  return resource;
}

/** The object that a function app or a function is deployed from. */
function packageOf(store: ResourceStore, type: string): StoredResource {
  const resource = store.list(type).find(({ urn }) => urn.includes(":ApiFunction$"));
  if (resource === undefined) throw new Error(`there is no ${type} of a function`);
  return resource;
}

/** No object of a frontend is there. */
function emptied(type: string): Fault {
  return {
    make: (store) => {
      for (const object of store.list(type)) if (object.urn.includes(":Frontend$")) store.delete(object);
    },
    first: { check: "frontend", title: /the frontend answers \d+ without its page/ },
  };
}

function crashing(file: string): string | undefined {
  return file === "api/app.py" ? "raise RuntimeError('drill')\n" : "as it is";
}

/** The layer version that the function has: older ones stay beside it. */
function attachedLayer(store: ResourceStore): StoredResource {
  const [arn] = only(store, lambda).inputs.layers as string[];
  const layer = store.get(layerVersion, arn ?? "");
  if (layer === undefined) throw new Error(`there is no layer version ${arn ?? ""}`);
  return layer;
}

function change(store: ResourceStore, resource: StoredResource, inputs: Readonly<Record<string, unknown>>): void {
  store.put({ ...resource, inputs: { ...resource.inputs, ...inputs } });
}

/** Changes an archive file by file: what `edit` gives is the file's new text, `undefined` leaves it out. */
async function rezipped(
  store: ResourceStore,
  resource: StoredResource,
  property: "code" | "source",
  edit: (file: string) => string | undefined,
): Promise<void> {
  const { path: archive } = resource.inputs[property] as { path: string };
  const entries: ZipEntry[] = [];
  for (const entry of await readZip(readFileSync(archive))) {
    const text = edit(entry.name);
    if (text !== undefined) entries.push(text === "as it is" ? entry : await deflated(entry.name, Buffer.from(text)));
  }
  const file = path.join(deployment.state, "drill.zip");
  writeFileSync(file, writeZip(entries));
  change(store, resource, { [property]: store.keep(file) });
}
