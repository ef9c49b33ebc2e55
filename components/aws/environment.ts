import { Provider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";

import type { ApplicationBundle, LayerBundle } from "../../layers/bundle";
import { DependencyLayer } from "../dependency-layer";
import { nameLimits, resourceName, type Scope } from "../names";
import { type AwsOutputs, describeBundle, type LayerOutputs } from "../outputs";
import { smokeCheck } from "../smoke-check";
import { Alarms, type AlarmsArgs } from "./alarms";
import { ApiFunction, type ApiFunctionArgs } from "./api-function";
import { Frontend, type FrontendArgs } from "./frontend";
import { HttpApi, type HttpApiArgs } from "./http-api";
import type { PublicLayer } from "./public-layers";
import { MessageTable, type MessageTableArgs } from "./message-table";

export interface EnvironmentArgs {
  readonly scope: Scope;
  readonly region: string;
  readonly layers: readonly LayerBundle[];
  /** Layers of others that the function has beside `layers`. Default: none. */
  readonly publicLayers?: readonly PublicLayer[];
  readonly application: ApplicationBundle;
  /** Version of the application, which its API reports. */
  readonly version: string;
  /** Environment of the function, beside what it needs to find its table. */
  readonly environment?: Record<string, pulumi.Input<string>>;
  /** Folder with the frontend's files; no frontend where it is absent. */
  readonly site?: string;
  readonly deletionProtection?: boolean;
  /** Who is told of errors, throttles and slowness. Default: nobody, and no alarms. */
  readonly notificationEmail?: string;
  readonly logRetentionDays?: number;
  /** Fails the update where the API that it deployed does not answer. Default: false. */
  readonly smokeCheck?: boolean;
  readonly function?: Pick<
    ApiFunctionArgs,
    "memorySize" | "timeout" | "reservedConcurrency" | "snapStart" | "kmsKeyArn" | "transform"
  >;
  readonly api?: Pick<HttpApiArgs, "throttlingRate" | "throttlingBurst" | "transform">;
  readonly table?: Pick<MessageTableArgs, "transform">;
  readonly frontend?: Pick<FrontendArgs, "domain" | "waf" | "logBucket" | "transform">;
  readonly alarms?: Pick<AlarmsArgs, "latencyMs" | "transform">;
}

/** The whole application on AWS: layer, function, HTTP API, table and frontend, in one region. */
export class Environment extends pulumi.ComponentResource {
  readonly outputs: AwsOutputs;
  /** What the stack tells other stacks of each layer, by layer name. */
  readonly layers: Record<string, LayerOutputs>;

  constructor(name: string, args: EnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:Environment", name, {}, opts);
    const { scope, logRetentionDays } = args;
    const tags = { project: scope.project, stack: scope.stack };
    const provider = new Provider(`${name}-${args.region}`, { region: args.region }, { parent: this });
    const child: pulumi.ComponentResourceOptions = { parent: this, providers: [provider] };

    const layers = args.layers.map(
      (bundle) =>
        new DependencyLayer(
          `${name}-${layerPart(bundle)}`,
          { layerName: resourceName(scope, layerPart(bundle), nameLimits.lambdaLayer), bundle },
          child,
        ),
    );
    const table = new MessageTable(
      `${name}-messages`,
      {
        ...args.table,
        tableName: resourceName(scope, "messages", nameLimits.dynamodbTable),
        deletionProtection: args.deletionProtection,
        tags,
      },
      child,
    );
    const fn = new ApiFunction(
      `${name}-api`,
      {
        ...args.function,
        functionName: resourceName(scope, "api", Math.min(nameLimits.lambdaFunction, nameLimits.role)),
        code: new pulumi.asset.FileArchive(args.application.path),
        handler: "api.aws.function.handler",
        layers: atLeastOne(layers),
        publicLayerArns: args.publicLayers?.map(({ arn }) => arn),
        publicPackages: args.publicLayers?.flatMap(({ packages }) => Object.keys(packages)),
        requires: ["fastapi", "mangum", "pydantic"],
        environment: {
          ...args.environment,
          MESSAGES_TABLE: table.tableName,
          APPLICATION_VERSION: args.version,
        },
        permissions: [table.readWrite],
        logRetentionDays,
        tags,
      },
      child,
    );
    const api = new HttpApi(
      `${name}-http`,
      {
        ...args.api,
        apiName: resourceName(scope, "api", nameLimits.httpApi),
        function: fn.invocation,
        logRetentionDays,
        tags,
      },
      child,
    );
    const frontend =
      args.site === undefined
        ? undefined
        : new Frontend(`${name}-web`, { ...args.frontend, scope, directory: args.site, apiUrl: api.url, tags }, child);

    if (args.notificationEmail !== undefined) {
      new Alarms(
        `${name}-alarms`,
        {
          ...args.alarms,
          alarmsName: resourceName(scope, "alarms", nameLimits.alarms),
          notificationEmail: args.notificationEmail,
          region: args.region,
          functionName: fn.functionName,
          apiId: api.apiId,
          tags,
        },
        child,
      );
    }

    this.layers = Object.fromEntries(layers.map((layer) => [layer.layerName, describeLayer(layer)]));
    this.outputs = {
      region: args.region,
      apiUrl: api.url,
      functionName: fn.functionName,
      messagesTable: table.tableName,
      runtimeIdentity: fn.roleArn,
      logs: fn.logGroupName,
      version: args.version,
      functionArn: fn.arn,
      apiId: api.apiId,
      accessLogs: api.accessLogGroupName,
      ...(args.publicLayers?.length && {
        publicLayers: Object.fromEntries(args.publicLayers.map(({ arn, packages }) => [arn, packages])),
      }),
      ...(frontend && {
        frontendUrl: frontend.url,
        frontendHost: frontend.hostName,
        distributionId: frontend.distributionId,
      }),
    };
    if (args.smokeCheck) {
      smokeCheck(
        `${name}-smoke-check`,
        {
          cloud: "aws",
          address: api.url,
          outputs: this.outputs,
          layers: this.layers,
          deployed: { code: args.application.sha256, function: fn.configuration },
        },
        { parent: this, dependsOn: [api, table] },
      );
    }
    this.registerOutputs({ ...this.outputs });
  }
}

function describeLayer({ arn, version, bundle }: DependencyLayer): LayerOutputs {
  return { arn, version, ...describeBundle(bundle) };
}

function atLeastOne<T>([first, ...others]: T[]): [T, ...T[]] {
  if (first === undefined) throw new Error("aws: the layer builder gave no layer; run: npm run layer -- build");
  return [first, ...others];
}

/** The one layer is `dependencies`; a group's layer says that it is one. */
function layerPart({ name }: LayerBundle): string {
  return name === "dependencies" ? name : `dependencies-${name}`;
}
