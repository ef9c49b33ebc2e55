import { readFileSync } from "node:fs";
import path from "node:path";

import { strToU8, unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { CloudDataPlane } from "../../../local/data-plane";
import { startGcp } from "../../../local/gcp/data-plane";
import { ownerToken } from "../../../local/gcp/owner";
import type { StoredResource } from "../../../local/store";
import { bundleFor } from "../bundle";
import { freePort } from "../../../local/free-port";
import { blob, FakeResources, temporaryDirectory } from "../resources";

const types = {
  function: "gcp:cloudfunctionsv2/function:Function",
  invoker: "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
  job: "gcp:cloudscheduler/job:Job",
  object: "gcp:storage/bucketObject:BucketObject",
  topic: "gcp:pubsub/topic:Topic",
  topicMember: "gcp:pubsub/topicIAMMember:TopicIAMMember",
  subscription: "gcp:pubsub/subscription:Subscription",
  secret: "gcp:secretmanager/secret:Secret",
  secretVersion: "gcp:secretmanager/secretVersion:SecretVersion",
  accessor: "gcp:secretmanager/secretIamMember:SecretIamMember",
} as const;

/** Source of a function that answers with `release`, after the lines of `before`. */
const source = (release: string, before = "") => `
${before}
import os
import functions_framework

@functions_framework.http
def handle(request):
    told = request.headers.get("X-CloudScheduler-JobName") or os.environ.get("PAYMENT_KEY", "")
    print("called", told, flush=True)
    return "${release} " + told
`;

let wheels: Record<string, Uint8Array>;
let runtime: string;

beforeAll(async () => {
  const bundle = await bundleFor("gcp");
  runtime = `python${bundle.pythonVersion.replace(".", "")}`;
  wheels = unzipSync(readFileSync(bundle.path), {
    filter: ({ name }) => name.startsWith("wheels/") || name === "requirements.txt",
  });
});

/** A function on a local Google Cloud, which can be deployed repeatedly. */
class Fixture {
  readonly state = temporaryDirectory();
  readonly resources = new FakeResources();
  readonly id = "projects/p/locations/europe-west1/functions/worker";
  plane!: CloudDataPlane;
  url = "";

  async start(): Promise<this> {
    this.url = `http://127.0.0.1:${await freePort()}`;
    this.plane = startGcp(this.resources, this.state);
    return this;
  }

  /** Starts all resources in a new cloud. */
  async restart(): Promise<void> {
    await this.plane.close();
    this.plane = startGcp(this.resources, this.state);
    await this.plane.types[types.function]?.start(this.resources.get(types.function, this.id) as StoredResource);
  }

  async deploy(main: string, serviceConfig: Record<string, unknown> = {}): Promise<void> {
    const archive = zipSync({ ...wheels, "main.py": strToU8(main) }, { level: 0 });
    this.resources.put(types.object, "source", {
      bucket: "sources",
      name: "worker.zip",
      source: blob(this.state, archive),
    });
    const fn = this.resources.put(
      types.function,
      this.id,
      {
        name: "worker",
        location: "europe-west1",
        buildConfig: {
          runtime,
          entryPoint: "handle",
          environmentVariables: { GOOGLE_VENDOR_PIP_DEPENDENCIES: "wheels" },
          source: { storageSource: { bucket: "sources", object: "worker.zip" } },
        },
        serviceConfig: {
          serviceAccountEmail: "worker@p.iam.gserviceaccount.com",
          timeoutSeconds: 10,
          ...serviceConfig,
        },
      },
      { url: this.url, serviceConfig: { uri: this.url } },
    );
    await this.plane.types[types.function]?.start(fn);
  }

  /** Lets a member call the function. */
  invoker(member: string): void {
    this.resources.put(types.invoker, "invoker", { name: "worker", role: "roles/run.invoker", member });
  }

  async answer(): Promise<{ status: number; text: string }> {
    const answer = await fetch(this.url);
    return { status: answer.status, text: await answer.text() };
  }

  log(): string {
    return readFileSync(path.join(this.state, "logs", "worker.jsonl"), "utf8");
  }
}

describe("a function whose traffic stays where it is sent", () => {
  let fixture: Fixture;
  const held = { allTrafficOnLatestRevision: false };
  const answers = async (count: number) => {
    const all = [];
    for (let index = 0; index < count; index += 1) all.push((await fixture.answer()).text.trim());
    return new Set(all);
  };
  beforeAll(async () => {
    fixture = await new Fixture().start();
    fixture.invoker("allUsers");
    await fixture.deploy(source("first"));
  });
  afterAll(() => fixture.plane.close());

  test("serves its newest revision at once, unless the traffic names a revision", async () => {
    await fixture.deploy(source("second"), held);
    await expect.poll(() => answers(3)).toEqual(new Set(["second"]));
    await fixture.plane.revisions?.send("worker", { "worker-00002-loc": 1 });
    await fixture.deploy(source("third"), held);
    expect(await answers(5)).toEqual(new Set(["second"]));
    await fixture.restart();
    expect(await answers(5)).toEqual(new Set(["second"]));
  });

  test("splits it, and logs each request with its revision", async () => {
    await fixture.plane.revisions?.send("worker", { "worker-00002-loc": 0.5, "worker-00003-loc": 0.5 });
    await expect.poll(() => answers(10)).toEqual(new Set(["second", "third"]));
    const logged = readFileSync(path.join(fixture.state, "logs", "requests", "worker.jsonl"), "utf8");
    expect(logged).toContain('\\"version\\":\\"worker-00003-loc\\"');
  });

  test("creates another revision of the serving one, if that is not the newest", async () => {
    await fixture.plane.revisions?.send("worker", { "worker-00002-loc": 1 });
    await fixture.deploy(source("second"), held);
    await fixture.plane.revisions?.send("worker", { "worker-00004-loc": 1 });
    await expect.poll(() => answers(3)).toEqual(new Set(["second"]));
  });
});

test("a private function answers the owner of the cloud", async () => {
  const fixture = await new Fixture().start();
  try {
    await fixture.deploy(source("closed"));
    expect((await fixture.answer()).status).toBe(403);
    const asked = (token: string) => fetch(fixture.url, { headers: { authorization: `Bearer ${token}` } });
    expect((await asked("another")).status).toBe(403);
    expect((await asked(ownerToken(fixture.state))).status).toBe(200);
  } finally {
    await fixture.plane.close();
  }
});

describe("a deployment", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await new Fixture().start();
    fixture.invoker("allUsers");
    await fixture.deploy(source("first"));
  });
  afterAll(() => fixture.plane.close());

  test("that does not start leaves the earlier revision serving, and says why", async () => {
    const failed = fixture.deploy(source("second", "import nothing_of_the_kind"));
    const answers = [];
    const update = { settled: false };
    failed.catch(() => undefined).finally(() => (update.settled = true));
    while (!update.settled) answers.push(await fixture.answer());
    await expect(failed).rejects.toThrow(
      /Revision 'worker-00002-loc' is not ready and cannot serve traffic[^]*No module named 'nothing_of_the_kind'/,
    );
    answers.push(await fixture.answer());
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(["200 first "]));
  });

  test("that failed is not repeated by a restart, which serves the previous revision", async () => {
    await fixture.restart();
    expect(await fixture.answer()).toEqual({ status: 200, text: "first " });
  });

  test("that is ready takes over, the old revision answers for a while, and no request fails", async () => {
    const answers: string[] = [];
    const ask = async () => {
      const { status, text } = await fixture.answer();
      answers.push(`${status} ${text}`);
    };
    const deployed = fixture.deploy(source("third"));
    const update = { settled: false };
    void deployed.finally(() => (update.settled = true));
    while (!update.settled) await ask();
    while (answers.slice(-5).some((answer) => answer !== "200 third ")) await ask();
    expect(new Set(answers)).toEqual(new Set(["200 first ", "200 third "]));
    const firstNew = answers.indexOf("200 third ");
    expect(answers.slice(firstNew)).toContain("200 first ");
  });
});

describe("a secret", () => {
  let fixture: Fixture;
  const secretId = "projects/p/secrets/worker-payment-key";
  const environment = (version: string) => ({
    secretEnvironmentVariables: [{ key: "PAYMENT_KEY", projectId: "p", secret: "worker-payment-key", version }],
  });

  beforeAll(async () => {
    fixture = await new Fixture().start();
    fixture.invoker("allUsers");
    const { resources } = fixture;
    resources.put(types.secret, secretId, { secretId: "worker-payment-key" });
    for (const [version, secretData] of [
      ["1", "sesame"],
      ["2", "open"],
    ]) {
      resources.put(types.secretVersion, `${secretId}/versions/${String(version)}`, {
        secret: secretId,
        version,
        secretData,
      });
    }
  });
  afterAll(() => fixture.plane.close());

  test("cannot be read without the role", async () => {
    fixture.resources.put(types.accessor, "other", {
      secretId: "worker-payment-key",
      role: "roles/secretmanager.secretAccessor",
      member: "serviceAccount:other@p.iam.gserviceaccount.com",
    });
    await expect(fixture.deploy(source("kept"), environment("1"))).rejects.toThrow(
      /Permission denied on secret: projects\/p\/secrets\/worker-payment-key\/versions\/1/,
    );
    // Nothing was ever deployed, so nothing has an address.
    await expect(fixture.answer()).rejects.toThrow();
  });

  test("is in the environment of a function whose account may read it, in the given version", async () => {
    fixture.resources.put(types.accessor, "own", {
      secretId: "worker-payment-key",
      role: "roles/secretmanager.secretAccessor",
      member: "serviceAccount:worker@p.iam.gserviceaccount.com",
    });
    await fixture.deploy(source("kept"), environment("1"));
    expect(await fixture.answer()).toEqual({ status: 200, text: "kept sesame" });
    await expect(fixture.deploy(source("kept"), environment("3"))).rejects.toThrow(/versions\/3 was not found/);
  });
});

describe("a job", () => {
  let fixture: Fixture;
  const jobId = "projects/p/locations/europe-west1/jobs/worker";

  beforeAll(async () => {
    fixture = await new Fixture().start();
    await fixture.deploy(source("ran"));
    const job = fixture.resources.put(types.job, jobId, {
      name: "worker",
      schedule: "* * * * *",
      httpTarget: {
        uri: fixture.url,
        httpMethod: "POST",
        oidcToken: { serviceAccountEmail: "invoker@p.iam.gserviceaccount.com", audience: fixture.url },
      },
    });
    await fixture.plane.types[types.job]?.start(job);
  });
  afterAll(() => fixture.plane.close());

  test("may not call a function without the invoker role of its account", async () => {
    expect((await fixture.answer()).status).toBe(403);
    const { payload, failed } = (await fixture.plane.invoke?.({ functionName: "worker" })) ?? {};
    expect([failed, payload]).toEqual([true, expect.stringMatching(/^403/)]);
  });

  test("calls it as its account when run by hand", async () => {
    fixture.invoker("serviceAccount:invoker@p.iam.gserviceaccount.com");
    expect(await fixture.plane.invoke?.({ functionName: "worker" })).toEqual({ payload: "ran worker", failed: false });
    expect((await fixture.answer()).status).toBe(403);
  });
});

test("a function publishes over REST, and receives the message by the subscription's push", async () => {
  const fixture = await new Fixture().start();
  const { plane, resources } = fixture;
  const topic = "projects/p/topics/orders";
  await plane.types[types.topic]?.start(resources.put(types.topic, topic, { name: "orders" }));
  const member = "serviceAccount:worker@p.iam.gserviceaccount.com";
  resources.put(types.topicMember, "orders", { topic: "orders", role: "roles/pubsub.publisher", member });
  fixture.invoker("allUsers");
  await fixture.deploy(`
import base64, json, os, urllib.request
import functions_framework

@functions_framework.http
def handle(request):
    if request.path == "/push":
        message = request.get_json()["message"]
        print("pushed " + base64.b64decode(message["data"]).decode(), flush=True)
        return "", 204
    body = json.dumps({"messages": [{"data": base64.b64encode(b"an order").decode()}]}).encode()
    host = os.environ["PUBSUB_EMULATOR_HOST"]
    url = f"http://{host}/v1/${topic}:publish"
    with urllib.request.urlopen(urllib.request.Request(url, body, method="POST")) as answer:
        return str(len(json.load(answer)["messageIds"]))
`);
  const pushConfig = { pushEndpoint: `${fixture.url}/push` };
  const inputs = { name: "orders", topic, pushConfig };
  const subscription = resources.put(types.subscription, "projects/p/subscriptions/orders", inputs);
  await plane.types[types.subscription]?.start(subscription);
  expect(await fixture.answer()).toEqual({ status: 200, text: "1" });
  await expect.poll(() => fixture.log(), { timeout: 20_000 }).toContain("pushed an order");
  await plane.close();
});
