import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { PulumiCommand } from "@pulumi/pulumi/automation";
import { stringify } from "yaml";
import { z } from "zod";

import { awsInvokes, awsTypes } from "../../local/aws/types";
import { azureInvokes, azureTypes } from "../../local/azure/types";
import { CommandProvider } from "../../local/command";
import { gcpInvokes, gcpTypes } from "../../local/gcp/types";
import { CloudProvider, type CloudProviderOptions } from "../../local/provider";
import type { Draft } from "../../local/resource-type";
import { type Properties, serveProvider } from "../../local/provider-server";
import { localStack } from "../../local/stack";
import { ResourceStore, type StoredResource } from "../../local/store";
import { projectName } from "../configuration";
import { savedAtTheEnd } from "../engine/state-copy";
import { type Combination, publicLayer } from "./combinations";

/** A resource in the engine's state: resolved inputs, and the outputs of the local clouds. */
export interface Captured {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, unknown>;
  /** URNs of its dependencies. */
  readonly dependencies: readonly string[];
}

/** Outputs with the live clouds' addresses, in place of local ones. */
const addresses: Readonly<Record<string, (draft: Draft) => Record<string, unknown>>> = {
  "aws:apigatewayv2/api:Api": ({ id }) => ({ apiEndpoint: `https://${id}.execute-api.ap-northeast-1.amazonaws.com` }),
  "aws:cloudfront/distribution:Distribution": () => ({ domainName: "d111111abcdef8.cloudfront.net" }),
  "azure-native:web:WebApp": ({ inputs }) => ({ defaultHostName: `${String(inputs.name)}.azurewebsites.net` }),
  "azure-native:cdn:AFDEndpoint": ({ inputs }) => ({ hostName: `${String(inputs.endpointName)}.z01.azurefd.net` }),
  "gcp:cloudfunctionsv2/function:Function": ({ inputs }) => {
    const url = `https://${String(inputs.name)}-abcdefghij-an.a.run.app`;
    const service = `projects/shop-123456/locations/${String(inputs.location)}/services/${String(inputs.name)}`;
    return { url, serviceConfig: { ...record(inputs.serviceConfig), uri: url, service } };
  },
  "gcp:compute/globalAddress:GlobalAddress": () => ({ address: "203.0.113.10" }),
};

interface Cloud extends Pick<CloudProviderOptions, "types" | "configuration" | "invokes"> {
  /** Resources that exist before the program runs. */
  readonly existing?: readonly StoredResource[];
}

/** The public layer in its owner's account. */
export const existingLayer: StoredResource = {
  urn: "",
  type: "aws:lambda/layerVersion:LayerVersion",
  id: publicLayer.arn,
  inputs: { compatibleRuntimes: ["python3.12"] },
  outputs: { arn: publicLayer.arn },
};

const clouds: Readonly<Record<string, Cloud>> = {
  aws: {
    types: awsTypes,
    configuration: { region: "us-east-1" },
    invokes: awsInvokes,
    existing: [existingLayer],
  },
  "azure-native": { types: azureTypes, configuration: {}, invokes: azureInvokes },
  gcp: { types: gcpTypes, configuration: {}, invokes: gcpInvokes },
};

/**
 * Runs the program with the settings of a combination on the real engine and returns every resource that it registers.
 * The local clouds store the resources without serving them.
 */
export async function capture(engine: PulumiCommand, { stack, settings }: Combination): Promise<Captured[]> {
  const state = mkdtempSync(path.join(tmpdir(), "conformance-"));
  const providers = await Promise.all([
    ...Object.entries(clouds).map(async ([name, { types, existing = [], ...cloud }]) => {
      const store = new ResourceStore(path.join(state, name));
      for (const resource of existing) store.put(resource);
      const dataPlane = () => Promise.resolve({ types: {}, close: () => Promise.resolve() });
      const options = { ...cloud, types: publiclyAddressed(types), version: "0.0.0", store, dataPlane };
      return { name, ...(await serveProvider(new CloudProvider(options))) };
    }),
    serveProvider(new Commands()).then((served) => ({ name: "command", ...served })),
  ]);
  try {
    mkdirSync(path.join(state, "project"));
    const config = Object.entries(settings).map(([key, value]) => [`${projectName}:${key}`, value] as const);
    const file = path.join(state, "project", `Pulumi.${stack}.yaml`);
    writeFileSync(file, stringify({ config: Object.fromEntries(config) }));
    const deployment = await localStack({
      engine,
      cloud: {
        pid: process.pid,
        providers: Object.fromEntries(providers.map(({ name, port }) => [name, port])),
        control: 0,
        token: "",
        failures: [],
      },
      state,
      stack,
      program: async () => {
        const { default: program } = await import("../../index");
        return { ...(await program()) };
      },
    });
    Object.assign(deployment.workspace.envVars, savedAtTheEnd);
    await deployment.up({ onOutput: () => undefined });
    const exported = await deployment.exportStack();
    const { resources } = stateSchema.parse(exported.deployment);
    return resources
      .filter(({ custom, type }) => custom && !type.startsWith("pulumi:"))
      .map(({ urn, type, id, dependencies, inputs, outputs }) => {
        return { urn, type, id, dependencies, ...unsealed({ inputs, outputs }) };
      });
  } finally {
    for (const { close } of providers) close();
    rmSync(state, { recursive: true });
  }
}

const properties = z.record(z.string(), z.unknown()).default({});

/** What is read of the engine's state; a component has neither id nor, maybe, properties. */
const stateSchema = z.object({
  resources: z.array(
    z.object({
      urn: z.string(),
      type: z.string(),
      custom: z.boolean(),
      id: z.string().default(""),
      inputs: properties,
      outputs: properties,
      dependencies: z.array(z.string()).default([]),
    }),
  ),
});

/** The types with the live clouds' addresses. */
function publiclyAddressed(types: Cloud["types"]): Cloud["types"] {
  const addressed = Object.entries(types).map(([token, type]) => {
    const { outputs } = type;
    const answered: typeof outputs = async (draft, ...rest) => ({
      ...(await outputs?.(draft, ...rest)),
      ...addresses[token]?.(draft),
    });
    return [token, { ...type, outputs: answered }] as const;
  });
  return Object.fromEntries(addressed);
}

/** Runs the layer builder, but no commands of resources, since those would call a cloud that is not running. */
class Commands extends CommandProvider {
  override create(_: string, inputs: Properties) {
    // One command prints the time, another the version whose snapshot answered.
    const { VERSION: version = "", SNAP_START: isNumber } = z
      .record(z.string(), z.string())
      .catch({})
      .parse(inputs.environment);
    const stdout = isNumber === undefined ? "2026-01-02T03:04:05.678Z\n" : version;
    return Promise.resolve({ id: "command", properties: { ...inputs, stdout } });
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Markers in the engine's state, from the specification of its property values. */
const marks = {
  key: "4dabf18193072939515e22adb298388d",
  secret: "1b47061264138c4ac30d75fd1eb44270",
} as const;

/** Replaces each secret by its value; `stack export` shows them. */
function unsealed<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value), (_, item: unknown) => {
    const fields = item as Record<string, unknown> | null;
    const sealed = typeof fields === "object" && fields?.[marks.key] === marks.secret;
    return sealed && typeof fields.plaintext === "string" ? (JSON.parse(fields.plaintext) as unknown) : item;
  }) as Value;
}
