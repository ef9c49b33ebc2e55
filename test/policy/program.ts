import { createHash } from "node:crypto";

import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";

import type { Bundle } from "../../layers/bundle";
import { type Resource, settingsOf, type Stack, type Value } from "../../policy/rule";
import type { BuildOptions } from "../../layers/build";
import { applicationBundle, layerBundle, packageBundle, sourceBundle } from "../components/bundles";
import { acceptErrorHooks } from "../components/mocks";
import { type Configuration, engineConfiguration, projectName } from "../configuration";

vi.mock("../../components/site", async (original) => ({
  ...(await original<typeof import("../../components/site")>()),
  siteFiles: () => [
    {
      ...{ key: "index.html", path: "/nowhere/index.html", contentType: "text/html" },
      ...{ text: "<!doctype html>", cacheControl: "no-cache", isPage: true },
    },
  ],
}));

/** Settings of a stack; a Google Cloud project is added, since it has no default. */
export type CloudSettings = Configuration & { readonly gcp?: Configuration };

vi.mock("../../layers/build", () => ({ build: (options: BuildOptions) => Promise.resolve(bundlesOf(options)) }));

/** Simulates the builder: other options give other bytes. */
function bundlesOf({ application, targets, strategy, pythonVersion, architecture, bytecode }: BuildOptions): Bundle[] {
  const functions = application.functions.map(({ name }) => name);
  const hash = (...of: unknown[]) => createHash("sha256").update(JSON.stringify(of)).digest("hex");
  const releases = (...of: unknown[]) =>
    Object.fromEntries(functions.map((name) => [name, hash(name, ...of).slice(0, 12)]));
  const layers = strategy?.kind === "split" ? [...strategy.groups.keys()] : ["dependencies"];
  const onAws = { functions, pythonVersion, architecture };
  const elsewhere = { functions, pythonVersion, releases: releases(pythonVersion, application.folder) };
  const all: Bundle[] = [
    ...layers.map((name) => {
      const sha256 = hash(name, strategy?.kind, pythonVersion, architecture, bytecode);
      return layerBundle({ ...onAws, name, sha256, path: `/nowhere/${sha256}.zip` });
    }),
    {
      ...applicationBundle,
      ...onAws,
      releases: releases(application.folder),
      layers: Object.fromEntries(functions.map((name) => [name, layers])),
    },
    { ...packageBundle, ...elsewhere, sha256: hash(pythonVersion, bytecode) },
    { ...sourceBundle, ...elsewhere, sha256: hash(pythonVersion) },
  ];
  return all.filter(({ target }) => targets.includes(target));
}

/** Outputs that the program parses, so they need the clouds' form. */
const answers: Record<string, (name: string, inputs: Record<string, object>) => object> = {
  "command:local:Command": () => ({ stdout: "2026-01-02T03:04:05.678Z\n" }),
  "gcp:cloudfunctionsv2/function:Function": (name, { serviceConfig }) => ({
    serviceConfig: { ...serviceConfig, uri: `https://${name}.run.app`, service: `services/${name}` },
  }),
  "aws:apigatewayv2/api:Api": (name) => ({ apiEndpoint: `https://${name}.execute-api.ap-northeast-1.amazonaws.com` }),
  "azure-native:storage:StorageAccount": (name) => ({
    primaryEndpoints: { blob: `https://${name}.blob/`, table: `https://${name}.table/`, web: `https://${name}.web/` },
  }),
  "azure-native:web:WebApp": (name) => ({ defaultHostName: `${name}.azurewebsites.net` }),
  "azure-native:cdn:AFDEndpoint": (name) => ({ hostName: `${name}.azurefd.net` }),
  "gcp:serviceaccount/account:Account": (name) => ({ email: `${name}@shop-123456.iam.gserviceaccount.com` }),
  "aws:signer/signingJob:SigningJob": (name) => ({ signedObjects: [{ s3s: [{ key: `signed/${name}.zip` }] }] }),
  "azure-native:cdn:AFDCustomDomain": () => ({ validationProperties: { validationToken: "token" } }),
};

const invokes: Record<string, object> = {
  "azure-native:authorization:getClientConfig": { subscriptionId: "subscription" },
  "azure-native:storage:listStorageAccountServiceSAS": { serviceSasToken: "sig=1" },
  "azure-native:storage:getBlobContainer": {},
  "azure-native:cdn:getRoute": { originGroup: { id: "/originGroups/api" } },
  "azure-native:web:getWebApp": {},
  "gcp:organizations/getProject:getProject": { number: "42" },
  "aws:lambda/getLayerVersion:getLayerVersion": {
    compatibleRuntimes: ["python3.12"],
    compatibleArchitectures: ["x86_64"],
  },
};

/** Azure's ids contain their parents; the others only have to be unique. */
function idOf(type: string, name: string): string {
  const [provider = "", service = "", kind = ""] = type.split(":");
  return provider === "azure-native"
    ? `/subscriptions/subscription/resourceGroups/group/providers/Microsoft.${service}/${kind}/${name}`
    : `${name}-id`;
}

/** A registered resource, with the mocked cloud's outputs. */
export interface Registered {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, object>;
  readonly state: object;
  readonly id: string;
  /** URN of the program's own provider; absent for the default provider. */
  readonly provider?: string;
}

/** Overrides outputs of the mocked cloud. */
export type Answer = (registered: Omit<Registered, "state" | "id">) => {
  readonly id?: string;
  readonly state?: object;
};

/**
 * Everything that the program registers with the settings of a stack, without engine and clouds; components are left
 * out.
 *
 * @param configuration settings that override the defaults of Pulumi.yaml, nested or by path.
 */
export async function registeredBy(
  stack: string,
  configuration: Record<string, string>,
  answer: Answer = () => ({}),
): Promise<Registered[]> {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs: given, provider }: pulumi.runtime.MockResourceArgs) => {
        const inputs = given as Record<string, object>;
        const urn = `urn:pulumi:${stack}::${projectName}::${type}::${name}`;
        const own = {
          urn,
          type,
          name,
          inputs,
          ...(provider && { provider: provider.split("::").slice(0, -1).join("::") }),
        };
        const { id = idOf(type, name), state: other } = answer(own);
        const arn = `arn:aws:${type.split(/[:/]/)[1] ?? ""}:ap-northeast-1:123456789012:${name}`;
        const state = { name, bucket: id, arn, ...inputs, ...answers[type]?.(name, inputs), ...other };
        if (!type.startsWith("multicloud:")) resources.push({ ...own, state, id });
        return { id, state };
      },
      call: ({ token }) => {
        const answered = invokes[token];
        if (answered === undefined) throw new Error(`no answer for the invoke ${token}`);
        return answered;
      },
    },
    projectName,
    stack,
    false,
  );
  acceptErrorHooks();
  pulumi.runtime.setAllConfig(configuration);
  try {
    const { default: program } = await import("../../index");
    await program();
  } finally {
    await pulumi.runtime.disconnect();
  }
  return resources;
}

/**
 * Everything that the program registers with the settings of a stack, in the form of the policy pack. A property that
 * was computed from another resource contains that resource's id, ARN or name, by which the rules find it.
 */
export async function programStack(name: string, settings: CloudSettings = {}): Promise<Stack> {
  const configuration = engineConfiguration({ ...settings, gcp: { project: "shop-123456", ...settings.gcp } });
  const resources = (await registeredBy(name, configuration)).map(({ urn, type, name, state, id }): Resource => {
    return { urn, type, name, properties: plain({ ...state, id }), dependencies: {} };
  });
  return { name, configuration: settingsOf(configuration), resources };
}

/** Inputs without values that JSON lacks: rules do not read archives. */
function plain(inputs: object): Record<string, Value> {
  return JSON.parse(JSON.stringify(inputs)) as Record<string, Value>;
}
