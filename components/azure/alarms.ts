import * as monitor from "@pulumi/azure-native/monitor";
import * as pulumi from "@pulumi/pulumi";

import { alarmLimits } from "../alarm-limits";
import { type Transform, transformed } from "../transform";

export interface AlarmsArgs {
  /** Name of the action group, and prefix of the alerts' names. */
  readonly alarmsName: string;
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  /** Address of the notifications. */
  readonly notificationEmail: string;
  /** Resource ids of the Log Analytics workspaces with each function's requests, by function name. */
  readonly workspaces: Readonly<Record<string, pulumi.Input<string>>>;
  /** Front Door's access log, and its routes to an API. Default: none. */
  readonly frontDoor?: {
    /** Resource id of the workspace. */
    readonly workspace: pulumi.Input<string>;
    readonly routes: readonly string[];
  };
  /** Milliseconds within which 95 of 100 requests are answered. Default: 3000. */
  readonly latencyMs?: number;
  readonly tags?: Record<string, string>;
  readonly transform?: { readonly alert?: Transform<monitor.ScheduledQueryRuleArgs> };
}

/** A query over the requests of the last minutes, whose result is compared with a limit. */
interface Watched {
  /** The queried workspace: each function's, or the one of Front Door. */
  readonly of: "function" | "frontDoor";
  readonly part: string;
  readonly title: string;
  /** @param routes Front Door's routes to an API. */
  readonly query: (routes: readonly string[]) => string;
  readonly limit: (latencyMs: number) => number;
  /** Consecutive windows above the limit before the alarm notifies. */
  readonly windows: number;
}

const watched: readonly Watched[] = [
  {
    of: "function",
    part: "errors",
    title: "The function failed",
    query: () => "AppRequests | where toint(ResultCode) >= 500 | summarize Value = count()",
    limit: () => 0,
    windows: 1,
  },
  {
    of: "function",
    part: "throttles",
    title: "The function was throttled",
    query: () => "AppRequests | where toint(ResultCode) == 429 | summarize Value = count()",
    limit: () => 0,
    windows: 1,
  },
  {
    of: "function",
    part: "latency",
    title: "The API is slow (p95)",
    query: () => "AppRequests | summarize Value = percentile(DurationMs, 95)",
    limit: (latencyMs) => latencyMs,
    windows: alarmLimits.latencyWindows,
  },
  // A host without functions answers each route 404 or 503 itself, and records no request of the application.
  {
    of: "function",
    part: "host",
    title: "The function's host failed",
    query: () =>
      "AppTraces | where (SeverityLevel >= 3 and tostring(Properties.Category) startswith 'Host.') " +
      "or Message has 'No job functions found' | summarize Value = count()",
    limit: () => 0,
    windows: 1,
  },
  {
    of: "frontDoor",
    part: "answers",
    title: "The API does not answer through Front Door",
    // By route, since a request that reached no origin has no origin name. Status 0 is a timeout of the origin, 499 a
    // client that disconnected; redirects and rejections of Front Door itself do not show that the API answers.
    query: (routes) =>
      "AzureDiagnostics | where Category == 'FrontDoorAccessLog' " +
      `and routingRuleName_s in (${routes.map((route) => `'${route}'`).join(", ")}) ` +
      "| extend Status = toint(httpStatusCode_s) " +
      "| summarize Failed = countif(Status in (0, 404) or Status >= 500), " +
      "Answered = countif(originName_s != 'N/A' and Status !in (0, 404, 499) and Status < 500) by routingRuleName_s " +
      "| summarize Value = sumif(Failed, Answered == 0)",
    limit: () => 0,
    windows: 1,
  },
];

const watchedOf = (of: Watched["of"]) => watched.filter((each) => each.of === of);

/**
 * Notifications of errors, throttles and latency of the API. Application Insights has the graphs already, so there is
 * no dashboard.
 */
export class Alarms extends pulumi.ComponentResource {
  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:azure:Alarms", name, {}, opts);
    const { resourceGroupName, tags, latencyMs = alarmLimits.latencyMs } = args;
    const child: pulumi.CustomResourceOptions = { parent: this };

    const group = new monitor.ActionGroup(
      name,
      {
        actionGroupName: args.alarmsName,
        resourceGroupName,
        location: "Global",
        // The name in Azure's text messages; at most 12 characters.
        groupShortName: "alarms",
        enabled: true,
        emailReceivers: [{ name: "email", emailAddress: args.notificationEmail, useCommonAlertSchema: true }],
        tags,
      },
      child,
    );
    const { frontDoor } = args;
    const alerts = [
      ...Object.entries(args.workspaces).flatMap(([functionName, workspace]) =>
        watchedOf("function").map((alert) => ({
          ...alert,
          workspace,
          // Those of `api` have the plain name, from the time when an application had one function.
          part: functionName === "api" ? alert.part : `${functionName}-${alert.part}`,
          title: functionName === "api" ? alert.title : `${functionName}: ${alert.title}`,
        })),
      ),
      ...(frontDoor === undefined
        ? []
        : watchedOf("frontDoor").map((alert) => ({ ...alert, workspace: frontDoor.workspace }))),
    ];
    for (const { part, title, query, limit, windows, workspace } of alerts) {
      const window = `PT${alarmLimits.minutes}M`;
      new monitor.ScheduledQueryRule(
        `${name}-${part}`,
        transformed<monitor.ScheduledQueryRuleArgs>(
          {
            ruleName: `${args.alarmsName}-${part}`,
            resourceGroupName,
            location: args.location,
            kind: "LogAlert",
            displayName: title,
            description: `${title}. Next: npm run diagnose`,
            severity: 1,
            enabled: true,
            scopes: [workspace],
            evaluationFrequency: window,
            windowSize: window,
            // The table is created with the first request, so the query cannot be validated before.
            skipQueryValidation: true,
            autoMitigate: true,
            criteria: {
              allOf: [
                {
                  query: query(frontDoor?.routes ?? []),
                  metricMeasureColumn: "Value",
                  timeAggregation: "Maximum",
                  operator: "GreaterThan",
                  threshold: limit(latencyMs),
                  failingPeriods: { numberOfEvaluationPeriods: windows, minFailingPeriodsToAlert: windows },
                },
              ],
            },
            actions: { actionGroups: [group.id] },
            tags,
          },
          args.transform?.alert,
        ),
        child,
      );
    }
    this.registerOutputs();
  }
}
