import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

import type { CloudSubject } from "../../../operations/diagnose/check";
import type {
  DeployedFunction,
  DeployedLayer,
  Identity,
  InspectedCloud,
  Subscription,
} from "../../../operations/diagnose/inspected-cloud";

export const layerArn = "arn:aws:lambda:ap-northeast-1:123456789012:layer:shop-dependencies:3";

/** Answers of a healthy cloud. */
export interface Answers {
  readonly identity: Identity;
  readonly function: DeployedFunction | undefined;
  readonly layers: Readonly<Record<string, DeployedLayer>>;
  readonly hasTable: boolean;
  readonly log: readonly string[];
  readonly subscriptions: readonly Subscription[];
}

export const layer: DeployedLayer = {
  arn: layerArn,
  runtimes: ["python3.12"],
  architectures: ["x86_64"],
  createdAt: new Date().toISOString(),
  size: 1,
  content: () => Promise.reject(new Error("nobody asks for it")),
};

export const healthy: Answers = {
  identity: { account: "123456789012", principal: "ada" },
  function: {
    runtime: "python3.12",
    architecture: "x86_64",
    state: "Active",
    layerArns: [layerArn],
    environment: ["MESSAGES_TABLE", "APPLICATION_VERSION"],
  },
  layers: { [layerArn]: layer },
  hasTable: true,
  log: [],
  subscriptions: [],
};

/** A cloud with the given answers. */
export function cloudOf(answers: Partial<Answers> = {}): InspectedCloud {
  const all = { ...healthy, ...answers };
  return {
    identity: () => Promise.resolve(all.identity),
    function: () => Promise.resolve(all.function),
    layer: (arn) => Promise.resolve(all.layers[arn]),
    subscriptions: () => Promise.resolve(all.subscriptions),
    hasTable: () => Promise.resolve(all.hasTable),
    log: () => Promise.resolve(all.log.map((message) => ({ timestamp: Date.now(), stream: "", message }))),
  };
}

/** Its only function. */
const fn: CloudSubject["fn"] = {
  kind: "http",
  functionName: "shop-api",
  logs: "/aws/lambda/shop-api",
  variables: [],
  tables: ["messages"],
  probes: [{ path: "/api/", status: 200, json: { status: "ok" } }],
  release: "c0de",
};

/** A stack on AWS with one layer. */
export function subject(changed: Partial<CloudSubject> = {}): CloudSubject {
  return {
    cloud: "aws",
    name: "api",
    fn,
    outputs: {
      region: "ap-northeast-1",
      apiUrl: "http://127.0.0.1:1",
      functionName: "shop-api",
      functions: {},
      tables: { messages: "shop-messages" },
      logs: "/aws/lambda/shop-api",
      version: "3.0.0",
      public: true,
      publicLayers: {},
    },
    layers: {
      "shop-dependencies": { arn: layerArn, version: "3", lockSha256: "", pythonVersion: "3.12", packages: {} },
    },
    application: "application",
    inspected: cloudOf(),
    since: new Date(0),
    commands: { redeploy: "redeploy", deploy: "deploy", reconcile: "reconcile", cancel: "cancel" },
    ...changed,
  };
}

/** Runs a server during `use`. */
export async function serving(handler: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
