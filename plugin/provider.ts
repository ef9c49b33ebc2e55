import { readFileSync } from "node:fs";
import path from "node:path";

import type { ComponentResourceOptions, Inputs } from "@pulumi/pulumi";
import { main, type ConstructResult, type Provider } from "@pulumi/pulumi/provider";
import { z } from "zod";

import { version } from "../package.json";
import { AwsPythonApi, AzurePythonApi, GcpPythonApi, PythonLayer } from "./components";

/** Constructors by type token. */
const constructors: Readonly<
  Record<
    string,
    new (
      name: string,
      args: never,
      opts: ComponentResourceOptions,
    ) => AwsPythonApi | AzurePythonApi | GcpPythonApi | PythonLayer
  >
> = {
  "multicloud:index:AwsPythonApi": AwsPythonApi,
  "multicloud:index:AzurePythonApi": AzurePythonApi,
  "multicloud:index:GcpPythonApi": GcpPythonApi,
  "multicloud:index:PythonLayer": PythonLayer,
};

const schemaFile = path.join(__dirname, "schema.json");

/**
 * The components for programs in other languages: `pulumi package add` generates an SDK from the schema, and the engine calls
 * this process to construct the components of such a program.
 */
export class ComponentPlugin implements Provider {
  readonly version = version;

  /** Written by `npm run schema`, so that the sources need not be analysed at each start. */
  getSchema(): Promise<string> {
    return Promise.resolve(readFileSync(schemaFile, "utf8"));
  }

  construct(name: string, type: string, inputs: Inputs, options: ComponentResourceOptions): Promise<ConstructResult> {
    const Component = constructors[type];
    if (Component === undefined) {
      throw new Error(`there is no component ${type}; expected one of ${Object.keys(constructors).join(", ")}`);
    }
    const component = new Component(name, inputs as never, options);
    const { resources } = z
      .object({
        resources: z.record(z.string(), z.object({ properties: z.record(z.string(), z.unknown()).default({}) })),
      })
      .parse(JSON.parse(readFileSync(schemaFile, "utf8")));
    const outputs = Object.keys(resources[type]?.properties ?? {});
    const state = Object.fromEntries(outputs.map((output) => [output, Reflect.get(component, output) as unknown]));
    return Promise.resolve({ urn: component.urn, state });
  }
}

if (require.main === module) void main(new ComponentPlugin(), process.argv.slice(2));
