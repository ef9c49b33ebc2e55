import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";

import type { Bundle } from "../../layers/bundle";
import { type Resource, settingsOf, type Stack, type Value } from "../../policy/rule";
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

/** Settings of a stack; a project of Google Cloud is added, which has no default. */
export type CloudSettings = Configuration & { readonly gcp?: Configuration };

const bundles: Bundle[] = [layerBundle(), applicationBundle, packageBundle, sourceBundle];
vi.mock("../../layers/build", () => ({ build: () => Promise.resolve(bundles) }));

/** Outputs that the program takes apart, and so must look as the clouds give them. */
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
  "azure-native:cdn:AFDCustomDomain": () => ({ validationProperties: { validationToken: "token" } }),
};

const invokes: Record<string, object> = {
  "azure-native:authorization:getClientConfig": { subscriptionId: "subscription" },
  "azure-native:storage:listStorageAccountServiceSAS": { serviceSasToken: "sig=1" },
  "azure-native:storage:getBlobContainer": {},
  "azure-native:cdn:getRoute": { originGroup: { id: "/originGroups/api" } },
  "azure-native:web:getWebApp": {},
  "gcp:organizations/getProject:getProject": { number: "42" },
};

/** Azure's ids say what they are in; the others need no more than to be unlike each other. */
function idOf(type: string, name: string): string {
  const [provider = "", service = "", kind = ""] = type.split(":");
  return provider === "azure-native"
    ? `/subscriptions/subscription/resourceGroups/group/providers/Microsoft.${service}/${kind}/${name}`
    : `${name}-id`;
}

/**
 * Everything that the program registers with the settings of a stack, without engine and clouds. A property that was
 * computed from another resource holds that resource's id, ARN or name, which is how the rules find it.
 */
export async function programStack(name: string, settings: CloudSettings = {}): Promise<Stack> {
  const resources: Resource[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name: resourceName, inputs }: pulumi.runtime.MockResourceArgs) => {
        const id = idOf(type, resourceName);
        const arn = `arn:aws:${type.split(/[:/]/)[1] ?? ""}:ap-northeast-1:123456789012:${resourceName}`;
        const state = {
          name: resourceName,
          bucket: id,
          arn,
          ...(inputs as object),
          ...answers[type]?.(resourceName, inputs as Record<string, object>),
        };
        const urn = `urn:pulumi:${name}::${projectName}::${type}::${resourceName}`;
        if (!type.startsWith("multicloud:")) {
          resources.push({ urn, type, name: resourceName, properties: plain({ ...state, id }), dependencies: {} });
        }
        return { id, state };
      },
      call: ({ token }) => {
        const answer = invokes[token];
        if (answer === undefined) throw new Error(`no answer for the invoke ${token}`);
        return answer;
      },
    },
    projectName,
    name,
    false,
  );
  acceptErrorHooks();
  const configuration = engineConfiguration({ ...settings, gcp: { project: "shop-123456", ...settings.gcp } });
  pulumi.runtime.setAllConfig(configuration);
  try {
    const { default: program } = await import("../../index");
    await program();
  } finally {
    await pulumi.runtime.disconnect();
  }
  return { name, configuration: settingsOf(configuration), resources };
}

/** Inputs without what JSON has no word for: rules look into no archive. */
function plain(inputs: object): Record<string, Value> {
  return JSON.parse(JSON.stringify(inputs)) as Record<string, Value>;
}
