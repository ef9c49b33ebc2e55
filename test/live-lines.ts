import type { Cloud } from "../contract/clouds";

/** Something that live clouds or their providers do and the program has to survive. */
export interface Line {
  readonly clouds: readonly Cloud[];
  /** `shown` by a source, a page or a thread; `reported` by others. */
  readonly ground: "shown" | "reported";
  readonly does: string;
  /** Tests that hold it, by the file below test/ and a part of the name. */
  readonly held: Readonly<Record<string, string>>;
  /** What nothing holds yet. Default: nothing. */
  readonly open?: string;
}

const [aws, azure, gcp] = [["aws"], ["azure"], ["gcp"]] as const;

export const lines: readonly Line[] = [
  {
    ...{ clouds: aws, ground: "shown" },
    does: "An update in place changes configuration and layers first, then the code: what serves is a published version behind an alias.",
    held: {
      "components/aws/web-application.test.ts": "each change publishes a version",
      "local/aws/aws.test.ts": "a version keeps its code, environment and layers",
    },
  },
  {
    ...{ clouds: ["aws", "azure", "gcp"], ground: "shown" },
    does: "Old code answers with the new version's number, which it reads from its configuration: a check asks for the release of code and configuration.",
    held: { "components/azure/web-application.test.ts": "both are probed for the release" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "A version whose snapshot failed is never published again by the same inputs.",
    held: { "engine/aws-releases.test.ts": "a version whose snapshot failed is published again" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "Published versions stay and pin their layers.",
    held: { "engine/rollback.test.ts": "old releases are deleted with the layers" },
  },
  {
    ...{ clouds: ["aws", "azure", "gcp"], ground: "shown" },
    does: "Another region, account name or project replaces what holds data: it is refused.",
    held: {
      "engine/engine.test.ts": "another value of a setting that identifies data",
      "settings-lasting.test.ts": "a Google Cloud project is kept",
    },
  },
  {
    ...{ clouds: ["aws", "azure", "gcp"], ground: "shown" },
    does: "GitHub's tokens name repositories in two forms.",
    held: { "bootstrap/bootstrap.test.ts": "a token is trusted in the previous and in the immutable form" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "A deployer that may make roles is an administrator without a boundary.",
    held: { "conformance/rights.test.ts": "on AWS create no role without the boundary" },
  },
  {
    ...{ clouds: ["aws", "azure", "gcp"], ground: "shown" },
    does: "Neither a preview nor a refresh sees code, site files and app settings that were changed by hand: diagnose does.",
    held: {
      "engine/drills/clouds.test.ts": "manual changes of an app setting and of code are found",
      "operations/diagnose/checks.test.ts": "files of the site that",
    },
  },
  {
    ...{ clouds: ["aws", "azure", "gcp"], ground: "shown" },
    does: "A table is restored into another one.",
    held: { "engine/drills/clouds.test.ts": "restored by each cloud's own means" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "A preview does not notice a deleted layer version, a refresh does.",
    held: { "engine/drills/drill.ts": "a refresh repairs each fault" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "Body rules of the firewall refuse messages.",
    held: { "components/aws/web-application.test.ts": "a web ACL is declared in us-east-1 and attached" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "CloudFront compresses nothing where nothing is cached.",
    held: { "components/aws/web-application.test.ts": "CloudFront serves the site signed and cached" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "A wrong account is deployed to without a word: `aws:allowedAccountIds` reaches the provider.",
    held: { "components/provider-settings.test.ts": "the program's own provider gets the stack's settings" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "A subscription that is not confirmed vanishes.",
    held: { "operations/diagnose/checks.test.ts": "find an unconfirmed subscription" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "`$LATEST` is not what serves: diagnose looks at the alias's version.",
    held: { "operations/diagnose/checks.test.ts": "name what serves" },
  },
  {
    ...{ clouds: aws, ground: "shown" },
    does: "An example's function serves by its alias too, and is probed before.",
    held: { "engine/examples.test.ts": "its function serves behind an alias" },
  },
  {
    ...{ clouds: aws, ground: "reported" },
    does: "A new account has ten executions at once and no CloudFront until it is verified: the error says what to do.",
    held: { "components/propagation.test.ts": "a new account's CloudFront" },
  },
  {
    ...{ clouds: aws, ground: "reported" },
    does: "A permission that is late answers 500 at the first `up`: the check waits for it.",
    held: { "operations/smoke-check.test.ts": "an HTTP API that may not invoke its function yet is waited for" },
  },
  {
    ...{ clouds: aws, ground: "reported" },
    does: "`hybrid` reads public layers by the default provider, which has no region: they are read in the stack's.",
    held: {
      "components/aws/public-layers.test.ts": "read in the stack's region",
      "settings.test.ts": "hybrid without a public layer of the region",
    },
  },
  {
    ...{ clouds: ["aws", "azure", "gcp"], ground: "shown" },
    does: "A frontend that goes out first calls an API that was not checked: the site's files come last.",
    held: {
      "components/aws/web-application.test.ts": "then to the API, then to the site's files",
      "components/azure/web-application.test.ts": "then to the function, then to the site's files",
      "components/gcp/web-application.test.ts": "then to the function, then to the site's files",
    },
  },
  {
    ...{ clouds: aws, ground: "reported" },
    does: "Log groups go with what writes them: deletion protection refuses it.",
    held: {
      "engine/production.test.ts": "the messages and the logs cannot be deleted until",
      "components/aws/web-application.test.ts":
        "logs go with the stack, and cannot be deleted under deletion protection",
    },
  },
  {
    ...{ clouds: azure, ground: "shown" },
    does: "A create that failed after Azure took it is created again by an error hook, refused, and lost.",
    held: {
      "engine/engine.test.ts": "is created again by an error hook",
      "components/propagation.test.ts": "what was accepted and failed later is not created again",
    },
  },
  {
    ...{ clouds: azure, ground: "reported" },
    does: "The SDK adds a version of .NET that Flex Consumption refuses.",
    held: { "policy/rules.test.ts": "azure-app-flex-settings" },
  },
  {
    ...{ clouds: ["azure", "gcp"], ground: "shown" },
    does: "A reader may not read what a comparison reads (keys of an account, policies of a bucket).",
    held: { "conformance/rights.test.ts": "suffice to deploy and to compare" },
  },
  {
    ...{ clouds: azure, ground: "shown" },
    does: "The app changes before its package: another Python answers 503 for some seconds, which the preview says.",
    held: {
      "engine/programs.test.ts": "pythonVersion goes from",
      "engine/azure-release.test.ts": "are enabled by an update that no user notices",
    },
  },
  {
    ...{ clouds: azure, ground: "shown" },
    does: "An instance answers one request at once by default.",
    held: { "components/azure/web-application.test.ts": "the twin equals the future function" },
  },
  {
    ...{ clouds: azure, ground: "reported" },
    does: "A firewall on a living stack deletes Front Door first: it is refused.",
    held: { "settings-lasting.test.ts": "Front Door's tier is kept" },
  },
  {
    ...{ clouds: azure, ground: "shown" },
    does: "Deleting the account deletes the messages.",
    held: { "components/azure/web-application.test.ts": "deletion protection locks the account" },
  },
  {
    ...{ clouds: azure, ground: "shown" },
    does: "Front Door takes up to 20 minutes an operation, and a killed job leaves its lock.",
    held: {
      "engine/interruption.test.ts": "a run on a stack that another run has locked",
      "workflows/workflows.test.ts": "outlasts two changes of Front Door and their check",
    },
  },
  {
    ...{ clouds: azure, ground: "reported" },
    does: "A host without functions answers 404 or 503 and records no request.",
    held: { "components/alarms.test.ts": "a host without functions is detected" },
  },
  {
    ...{ clouds: azure, ground: "reported" },
    does: "A deleted workspace is kept for 14 days: `up` after `destroy` gets it back, and in another region is told what to do.",
    held: {
      "local/behaviour.test.ts": "comes back with its log, and in another region it is refused",
      "components/propagation.test.ts": "a deleted workspace in another region",
    },
  },
  {
    ...{ clouds: azure, ground: "shown" },
    does: "Who may assign roles can become Owner.",
    held: { "bootstrap/bootstrap.test.ts": "on Azure a deployment assigns the functions' roles and no others" },
  },
  {
    ...{ clouds: azure, ground: "shown" },
    does: "A signed address has an end, and another end is a deployment for nothing.",
    held: { "components/azure/web-application.test.ts": "the package's address stays over a new year" },
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "After a failed update the next one sends nothing and is green.",
    held: { "engine/gcp.test.ts": "still fails in the next update, which says what to do" },
  },
  {
    ...{ clouds: gcp, ground: "reported" },
    does: "The first build fails where grants and service agents are not known yet.",
    held: { "components/gcp/web-application.test.ts": "a function waits once for the roles of its build" },
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "Editor is too much and the listed roles are too little.",
    held: {
      "bootstrap/bootstrap.test.ts": "on Google Cloud a deployment grants the functions' roles and no others",
      "conformance/rights.test.ts": "are each necessary",
    },
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "The certificate of a domain is deleted while the proxy uses it.",
    held: {
      "engine/replacements.test.ts": "another domain of the Google Cloud frontend",
      "components/gcp/certificate.test.ts": "one without is told what its record has to name",
      "components/gcp/web-application.test.ts": "HTTP is redirected only once HTTPS has a certificate",
    },
  },
  {
    ...{ clouds: gcp, ground: "reported" },
    does: "Instances exceed a new project's quota of CPUs.",
    held: { "components/gcp/web-application.test.ts": "instances beyond a new project's CPU quota" },
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "A site file from a file is deleted before it is uploaded again: pages are given as text, which is an update.",
    held: {
      "components/gcp/web-application.test.ts": "the site's files are uploaded with their types and revalidated",
    },
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "The log's oldest lines hide the newest.",
    held: { "operations/diagnose/checks.test.ts": "do not let a busy function's older, truncated log hide" },
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "A closed function answers 403 behind the load balancer.",
    held: { "components/gcp/web-application.test.ts": "if allUsers is forbidden" },
    open: "it does: docs/clouds.md tells how to disable the check of the invoker instead",
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "A function's service has another name than a long function, and is unknown in a preview.",
    held: { "components/gcp/web-application.test.ts": "still knows its service" },
  },
  {
    ...{ clouds: gcp, ground: "shown" },
    does: "A grant is known late, and the one before is taken away at once.",
    held: { "engine/replacements.test.ts": "another reader of the Google Cloud frontend's bucket" },
  },
];
