import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";

import type { BuildResult } from "../../layers/bundle";
import type { Resource, Stack, Value } from "../../policy/rule";
import { applicationBundle, layerBundle } from "../components/bundles";
import { type Configuration, engineConfiguration, projectName } from "../configuration";

vi.mock("../../components/site", async (original) => ({
  ...(await original<typeof import("../../components/site")>()),
  siteFiles: () => [{ key: "index.html", path: "/nowhere/index.html", contentType: "text/html" }],
}));

const builder: BuildResult = { bundles: [layerBundle(), applicationBundle] };

/** Outputs that the program takes apart, and so must look as the clouds give them. */
const answers: Record<string, (name: string) => Record<string, string>> = {
  "aws:apigatewayv2/api:Api": (name) => ({ apiEndpoint: `https://${name}.execute-api.ap-northeast-1.amazonaws.com` }),
};

/**
 * Everything that the program registers with the settings of a stack, without engine and clouds. A property that was
 * computed from another resource holds that resource's id, ARN or name, which is how the rules find it.
 */
export async function programStack(name: string, settings: Configuration = {}): Promise<Stack> {
  const resources: Resource[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name: resourceName, inputs }: pulumi.runtime.MockResourceArgs) => {
        const id = `${resourceName}-id`;
        const arn = `arn:aws:${type.split(/[:/]/)[1] ?? ""}:ap-northeast-1:123456789012:${resourceName}`;
        const state = { name: resourceName, bucket: id, arn, ...(inputs as object), ...answers[type]?.(resourceName) };
        const urn = `urn:pulumi:${name}::${projectName}::${type}::${resourceName}`;
        if (!type.startsWith("multicloud:")) {
          resources.push({ urn, type, name: resourceName, properties: plain({ ...state, id }), dependencies: {} });
        }
        return { id, state };
      },
      call: ({ token }) => {
        if (token !== "command:local:run") throw new Error(`no answer for the invoke ${token}`);
        return { stdout: JSON.stringify(builder) };
      },
    },
    projectName,
    name,
    false,
  );
  const configuration = engineConfiguration(settings);
  pulumi.runtime.setAllConfig(configuration);
  try {
    const { default: program } = await import("../../index");
    await program();
  } finally {
    await pulumi.runtime.disconnect();
  }
  return { name, configuration: new Set(Object.values(configuration)), resources };
}

/** Inputs without what JSON has no word for: rules look into no archive. */
function plain(inputs: object): Record<string, Value> {
  return JSON.parse(JSON.stringify(inputs)) as Record<string, Value>;
}
