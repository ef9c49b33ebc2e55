import * as organizations from "@pulumi/gcp/organizations";
import { Provider } from "@pulumi/gcp/provider";
import * as pulumi from "@pulumi/pulumi";

import type { SourceBundle } from "../../layers/bundle";
import { labelValue, nameLimits, resourceName, type Scope } from "../names";
import { describeBundle, type GcpOutputs } from "../outputs";
import { smokeCheck } from "../smoke-check";
import { Alarms, type AlarmsArgs } from "./alarms";
import { ApiFunction, type ApiFunctionArgs } from "./api-function";
import { Frontend, type FrontendArgs } from "./frontend";
import { MessageTable, type MessageTableArgs } from "./message-table";

export interface EnvironmentArgs {
  readonly scope: Scope;
  /** Id of an existing project. */
  readonly project: string;
  /** Google Cloud's name of the region, e.g. `asia-northeast1`; the load balancer has none. */
  readonly region: string;
  readonly bundle: SourceBundle;
  /** Version of the application, which its API reports. */
  readonly version: string;
  /** Environment of the function, beside what it needs to find its table. */
  readonly environment?: Record<string, pulumi.Input<string>>;
  /** Folder with the frontend's files; no frontend where it is absent. */
  readonly site?: string;
  readonly deletionProtection?: boolean;
  /** Who is told of errors, throttles and slowness. Default: nobody, and no alarms. */
  readonly notificationEmail?: string;
  /** Fails the update where the API that it deployed does not answer; only where `public` is on. Default: false. */
  readonly smokeCheck?: boolean;
  readonly function?: Pick<
    ApiFunctionArgs,
    "public" | "memorySize" | "timeout" | "concurrency" | "maximumInstances" | "transform"
  >;
  readonly table?: Pick<MessageTableArgs, "transform">;
  readonly frontend?: Pick<FrontendArgs, "domain" | "publicBucket" | "cloudArmor" | "transform">;
  readonly alarms?: Pick<AlarmsArgs, "latencyMs" | "transform">;
}

/** The whole application on Google Cloud: function, table and frontend, in one project and one region. */
export class Environment extends pulumi.ComponentResource {
  readonly outputs: GcpOutputs;

  constructor(name: string, args: EnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:gcp:Environment", name, {}, opts);
    const { scope, project, region } = args;
    const isPublic = args.function?.public ?? true;
    const labels = { project: labelValue(scope.project), stack: labelValue(scope.stack) };
    const provider = new Provider(`${name}-${project}-${region}`, { project, region }, { parent: this });
    const child: pulumi.ComponentResourceOptions = { parent: this, providers: [provider] };
    const { number: projectNumber } = organizations.getProjectOutput(
      { projectId: project },
      { parent: this, provider },
    );

    const table = new MessageTable(
      `${name}-messages`,
      {
        ...args.table,
        project,
        databaseName: resourceName(scope, "messages", nameLimits.googleCloud),
        tableName: "messages",
        location: region,
        deletionProtection: args.deletionProtection,
      },
      child,
    );
    const fn = new ApiFunction(
      `${name}-api`,
      {
        ...args.function,
        scope,
        project,
        projectNumber,
        location: region,
        bundle: args.bundle,
        entryPoint: "handle",
        requires: ["fastapi", "functions-framework", "google-cloud-firestore", "pydantic"],
        environment: {
          ...args.environment,
          MESSAGES_TABLE: table.tableName,
          APPLICATION_VERSION: args.version,
          GOOGLE_CLOUD_PROJECT: project,
          FIRESTORE_DATABASE: table.databaseName,
        },
        permissions: [table.readWrite],
        labels,
      },
      child,
    );
    const frontend =
      args.site === undefined
        ? undefined
        : new Frontend(
            `${name}-web`,
            {
              ...args.frontend,
              scope,
              project,
              projectNumber,
              location: region,
              directory: args.site,
              functionName: fn.functionName,
              labels,
            },
            child,
          );

    if (args.notificationEmail !== undefined) {
      new Alarms(
        `${name}-alarms`,
        {
          ...args.alarms,
          alarmsName: resourceName(scope, "alarms", nameLimits.alarms),
          notificationEmail: args.notificationEmail,
          functionName: fn.functionName,
          labels,
        },
        child,
      );
    }

    this.outputs = {
      region,
      apiUrl: fn.url,
      functionName: fn.functionName,
      messagesTable: table.tableName,
      runtimeIdentity: fn.serviceAccount,
      logs: fn.logName,
      version: args.version,
      package: describeBundle(args.bundle),
      project,
      public: isPublic,
      database: table.databaseName,
      ...(frontend && {
        frontendUrl: frontend.url,
        frontendAddress: frontend.address,
        urlMap: frontend.urlMapName,
      }),
    };
    // A function that is not public answers nobody without a token.
    if (args.smokeCheck && isPublic) {
      smokeCheck(
        `${name}-smoke-check`,
        {
          cloud: "gcp",
          address: fn.url,
          outputs: this.outputs,
          deployed: { function: fn.configuration },
        },
        { parent: this, dependsOn: [fn, table] },
      );
    }
    this.registerOutputs({ ...this.outputs });
  }
}
