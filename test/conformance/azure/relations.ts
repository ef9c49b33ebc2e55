import { readFileSync } from "node:fs";

import { unzipSync } from "fflate";

import type { Captured } from "../capture";
import { type Relation, valuesAt } from "../rules";
import { isRecord } from "../translation";

const all = (resources: readonly Captured[], type: string) => {
  return resources.filter((resource) => resource.type === `azure-native:${type}`);
};

const at = ({ inputs }: Captured, path: string): readonly unknown[] => valuesAt(inputs, path.split("."));

const text = (resource: Captured, path: string): string => String(at(resource, path)[0]);

/** Items that occur more than once. */
const repeated = <Item>(items: readonly Item[]) => items.filter((item, index) => items.indexOf(item) !== index);

const settings = (app: Captured): ReadonlyMap<string, string> => {
  const names = at(app, "siteConfig.appSettings.name").map(String);
  const values = at(app, "siteConfig.appSettings.value").map(String);
  return new Map(names.map((name, index) => [name, values[index] ?? ""]));
};

/** Settings that Flex Consumption rejects, from "Flex Consumption plan deprecations" of the app settings reference. */
const notOnFlex = [
  "ENABLE_ORYX_BUILD",
  "FUNCTIONS_EXTENSION_VERSION",
  "FUNCTIONS_WORKER_RUNTIME",
  "FUNCTIONS_WORKER_RUNTIME_VERSION",
  "FUNCTIONS_MAX_HTTP_CONCURRENCY",
  "FUNCTIONS_WORKER_PROCESS_COUNT",
  "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
  "SCM_DO_BUILD_DURING_DEPLOYMENT",
  "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
  "WEBSITE_CONTENTOVERVNET",
  "WEBSITE_CONTENTSHARE",
  "WEBSITE_DNS_SERVER",
  "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
  "WEBSITE_NODE_DEFAULT_VERSION",
  "WEBSITE_RUN_FROM_PACKAGE",
  "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
  "WEBSITE_VNET_ROUTE_ALL",
  "XDT_MicrosoftApplicationInsights_Mode",
];

/** Site settings that Flex Consumption rejects, from the same page. */
const siteConfigNotOnFlex = [
  "alwaysOn",
  "containerSize",
  "functionAppScaleLimit",
  "javaVersion",
  "linuxFxVersion",
  "minimumElasticInstanceCount",
  // Not on that page; the SDK adds it, and some regions reject it (pulumi-azure-native#4168).
  "netFrameworkVersion",
  "powerShellVersion",
  "preWarmedInstanceCount",
  "windowsFxVersion",
];

const blobDataOwner = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b";
const secretsUser = "4633458b-17de-408a-b874-0445c86b69e6";

/** Ids of the granted roles, from "Azure built-in roles". */
const builtInRoles: Readonly<Record<string, string>> = {
  [blobDataOwner]: "Storage Blob Data Owner",
  "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
  "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
  [secretsUser]: "Key Vault Secrets User",
  "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
};

const flex = "https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan";
const deprecated =
  "https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations";
const roles = "https://learn.microsoft.com/azure/role-based-access-control";

/** Rules between resources, which no model of a single resource can express. */
export const relations: readonly Relation[] = [
  {
    rule: "a route waits for an origin of its origin group",
    source: "https://learn.microsoft.com/azure/frontdoor/front-door-faq",
    broken: (resources) => {
      const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
      const before = (resource: Captured): readonly Captured[] =>
        resource.dependencies.flatMap((urn) => {
          const found = byUrn.get(urn);
          return found ? [found, ...before(found)] : [];
        });
      return all(resources, "cdn:Route").flatMap((route) => {
        const group = text(route, "originGroup.id").split("/").at(-1);
        const origins = all(before(route), "cdn:AFDOrigin").filter(
          (origin) => text(origin, "originGroupName") === group,
        );
        return origins.length > 0 ? [] : [route.id];
      });
    },
  },
  {
    rule: "an origin group of a route has an origin that is the app or the site",
    source: "https://learn.microsoft.com/azure/frontdoor/origin",
    broken: (resources) => {
      const hosts = new Set([
        ...all(resources, "web:WebApp").map(({ outputs }) => outputs.defaultHostName),
        ...all(resources, "storage:StorageAccount")
          .flatMap(({ outputs }) => valuesAt(outputs, ["primaryEndpoints", "web"]))
          .map((address) => new URL(String(address)).host),
      ]);
      return all(resources, "cdn:AFDOrigin")
        .flatMap((origin) => [...at(origin, "hostName"), ...at(origin, "originHostHeader")])
        .filter((host) => !hosts.has(host))
        .map(String);
    },
  },
  {
    rule: "an origin group asks for no more successes than samples",
    source: "https://learn.microsoft.com/azure/frontdoor/health-probes#how-front-door-determines-backend-health",
    broken: (resources) =>
      all(resources, "cdn:AFDOriginGroup").flatMap((group) => {
        const [successes] = at(group, "loadBalancingSettings.successfulSamplesRequired");
        const [samples] = at(group, "loadBalancingSettings.sampleSize");
        return Number(successes) <= Number(samples) ? [] : [`${String(successes)} of ${String(samples)}`];
      }),
  },
  {
    rule: "no two routes of an endpoint match the same",
    source: "https://learn.microsoft.com/azure/frontdoor/front-door-route-matching",
    broken: (resources) =>
      repeated(
        all(resources, "cdn:Route").flatMap((route) =>
          at(route, "patternsToMatch").map((pattern) => `${text(route, "endpointName")} ${String(pattern)}`),
        ),
      ),
  },
  {
    rule: "no two rules of a rule set have one order",
    source: "https://learn.microsoft.com/azure/frontdoor/front-door-rules-engine",
    broken: (resources) =>
      repeated(all(resources, "cdn:Rule").map((rule) => `${text(rule, "ruleSetName")} ${text(rule, "order")}`)),
  },
  {
    rule: "a rule that compares lengths names whole numbers",
    source: "https://learn.microsoft.com/azure/frontdoor/rules-match-conditions#string-operator-list",
    broken: (resources) =>
      all(resources, "cdn:Rule")
        .flatMap((rule) => at(rule, "conditions.parameters"))
        .filter((condition) => /^(Less|Greater)Than/.test(String(valuesAt(condition, ["operator"])[0])))
        .flatMap((condition) => valuesAt(condition, ["matchValues"]))
        .filter((value) => !/^\d{1,4}$/.test(String(value)))
        .map(String),
  },
  {
    rule: "managed rules need Front Door Premium, and the policy's tier is the profile's",
    source: "https://learn.microsoft.com/azure/web-application-firewall/afds/afds-overview",
    broken: (resources) => {
      const profiles = all(resources, "cdn:Profile").map((profile) => text(profile, "sku.name"));
      return all(resources, "frontdoor:Policy")
        .map((policy) => text(policy, "sku.name"))
        .filter((tier) => tier !== "Premium_AzureFrontDoor" || profiles.some((profile) => profile !== tier));
    },
  },
  {
    rule: "every name of a profile that has a firewall is behind it",
    source: "https://learn.microsoft.com/azure/frontdoor/how-to-configure-endpoints#add-security-policy",
    broken: (resources) => {
      const policies = all(resources, "cdn:SecurityPolicy");
      const guarded = new Set(policies.flatMap((policy) => at(policy, "parameters.associations.domains.id")));
      return [...all(resources, "cdn:AFDEndpoint"), ...all(resources, "cdn:AFDCustomDomain")]
        .map(({ id }) => id)
        .filter((id) => policies.length > 0 && !guarded.has(id));
    },
  },
  {
    rule: "a Flex Consumption plan has one app, in its own region",
    source: `${flex}#considerations`,
    broken: (resources) => {
      const apps = all(resources, "web:WebApp");
      const regions = new Map(all(resources, "web:AppServicePlan").map((plan) => [plan.id, text(plan, "location")]));
      return [
        ...repeated(apps.map((app) => text(app, "serverFarmId"))),
        ...apps.filter((app) => regions.get(text(app, "serverFarmId")) !== text(app, "location")).map(({ id }) => id),
      ];
    },
  },
  {
    rule: "an app on Flex Consumption has none of the settings that it refuses",
    source: deprecated,
    broken: (resources) =>
      all(resources, "web:WebApp").flatMap((app) => [
        ...notOnFlex.filter((name) => settings(app).has(name)),
        ...siteConfigNotOnFlex.filter((name) => at(app, `siteConfig.${name}`).length > 0),
      ]),
  },
  {
    rule: "an app's instances make way in one of the ways that Flex Consumption has",
    source: "https://learn.microsoft.com/azure/azure-functions/flex-consumption-site-updates",
    broken: (resources) => {
      const accepted = ["Recreate", "RollingUpdate"].map((type) => JSON.stringify({ type }));
      return all(resources, "web:WebApp")
        .flatMap((app) => at(app, "functionAppConfig.siteUpdateStrategy"))
        .map((strategy) => JSON.stringify(strategy))
        .filter((strategy) => !accepted.includes(strategy));
    },
  },
  {
    rule: "an app's settings have names of their own",
    source: "https://learn.microsoft.com/azure/app-service/configure-common#configure-app-settings",
    broken: (resources) =>
      all(resources, "web:WebApp").flatMap((app) => repeated(at(app, "siteConfig.appSettings.name")).map(String)),
  },
  {
    rule: "an identity's connections name an account, or an address, of the program, and the identity",
    source:
      "https://learn.microsoft.com/azure/azure-functions/functions-reference#configure-an-identity-based-connection",
    broken: (resources) => {
      const known: Readonly<Record<string, readonly unknown[]>> = {
        accountName: all(resources, "storage:StorageAccount").map((account) => text(account, "accountName")),
        tableServiceUri: all(resources, "storage:StorageAccount").flatMap(({ outputs }) =>
          valuesAt(outputs, ["primaryEndpoints", "table"]),
        ),
        clientId: all(resources, "managedidentity:UserAssignedIdentity").map(({ outputs }) => outputs.clientId),
        credential: ["managedidentity"],
      };
      return all(resources, "web:WebApp").flatMap((app) =>
        [...settings(app)]
          // Settings of the host itself have names like connections.
          .filter(([name]) => !name.startsWith("AzureFunctions"))
          .filter(([name, value]) => name.includes("__") && !known[name.split("__")[1] ?? ""]?.includes(value))
          .map(([name, value]) => `${name} ${value}`),
      );
    },
  },
  {
    rule: "an account without keys is reached by identity",
    source: "https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
    broken: (resources) =>
      all(resources, "web:WebApp").flatMap((app) => {
        return settings(app).has("AzureWebJobsStorage") ? ["AzureWebJobsStorage"] : [];
      }),
  },
  {
    rule: "the app's deployment container is one of the program's, where its identity may write",
    source: "https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#configure-deployment-settings",
    broken: (resources) =>
      all(resources, "web:WebApp").flatMap((app) => {
        const address = text(app, "functionAppConfig.deployment.storage.value");
        const container = all(resources, "storage:BlobContainer").find((each) => {
          const account = `https://${text(each, "accountName")}.blob.core.windows.net`;
          return `${account}/${text(each, "containerName")}` === address;
        });
        if (container === undefined) return [address];
        const [account] = container.id.split("/blobServices/");
        const owner = all(resources, "authorization:RoleAssignment").some(
          (role) => text(role, "scope") === account && text(role, "roleDefinitionId").endsWith(blobDataOwner),
        );
        return owner ? [] : [`nobody may write to ${address}`];
      }),
  },
  {
    rule: "a role is built in, and assigned once to one principal in one place",
    source: `${roles}/built-in-roles`,
    broken: (resources) => {
      const assigned = all(resources, "authorization:RoleAssignment");
      return [
        ...assigned
          .map((role) => text(role, "roleDefinitionId").split("/").at(-1) ?? "")
          .filter((id) => !(id in builtInRoles)),
        ...repeated(
          assigned.map((role) =>
            ["scope", "roleDefinitionId", "principalId"].map((name) => text(role, name)).join(" "),
          ),
        ),
      ];
    },
  },
  {
    rule: "the principal of a managed identity is a service principal",
    source: `${roles}/role-assignments-template#new-service-principal`,
    broken: (resources) =>
      all(resources, "authorization:RoleAssignment")
        .map((role) => text(role, "principalType"))
        .filter((type) => type !== "ServicePrincipal"),
  },
  {
    rule: "a static website is of a general-purpose account",
    source: "https://learn.microsoft.com/azure/storage/blobs/storage-blob-static-website",
    broken: (resources) => {
      const kinds = new Map(
        all(resources, "storage:StorageAccount").map((account) => [
          text(account, "accountName"),
          text(account, "kind"),
        ]),
      );
      return all(resources, "storage:StorageAccountStaticWebsite")
        .map((site) => text(site, "accountName"))
        .filter((account) => kinds.get(account) !== "StorageV2");
    },
  },
  {
    rule: "the package has the entry point and the host's settings at its top",
    source: "https://learn.microsoft.com/azure/azure-functions/functions-reference-python#folder-structure",
    broken: (resources) =>
      all(resources, "storage:Blob")
        .filter(
          (blob) => text(blob, "containerName").startsWith("packages") && !text(blob, "blobName").endsWith(".verified"),
        )
        .flatMap((blob) => {
          const wanted = ["function_app.py", "host.json"];
          const [file] = at(blob, "source.path");
          if (typeof file !== "string") return [`${blob.id} is no uploaded file`];
          const found = unzipSync(readFileSync(file), { filter: ({ name }) => wanted.includes(name) });
          return wanted.filter((name) => !(name in found));
        }),
  },
  {
    rule: "a deployment's template is given its parameters, deploys to the app, and fetches a package of the program",
    source: "https://learn.microsoft.com/azure/azure-functions/functions-infrastructure-as-code#deploy-your-code",
    broken: (resources) => {
      const apps = all(resources, "web:WebApp").map((app) => `${text(app, "name")}/onedeploy`);
      const packages = all(resources, "storage:Blob").map(({ outputs }) => String(outputs.url));
      return all(resources, "resources:Deployment").flatMap((deployment) => {
        const names = (path: string) =>
          at(deployment, path)
            .flatMap((value) => (isRecord(value) ? Object.keys(value) : []))
            .sort();
        const declared = names("properties.template.parameters");
        const used = at(deployment, "properties.template.resources.properties.packageUri").map(String);
        const [address = ""] = text(deployment, "properties.parameters.packageUri.value").split("?");
        return [
          ...(declared.join() === names("properties.parameters").join() ? [] : declared),
          ...used.filter((value) => !declared.some((name) => value === `[parameters('${name}')]`)),
          ...at(deployment, "properties.template.resources.name").filter((name) => !apps.includes(String(name))),
          ...(packages.includes(address) ? [] : [address]),
        ].map(String);
      });
    },
  },
  {
    rule: "a setting that a vault holds names a version of a secret there, which the identity of the app may read",
    source: "https://learn.microsoft.com/azure/app-service/app-service-key-vault-references",
    broken: (resources) => {
      const secrets = new Map(
        all(resources, "keyvault:Secret").map((secret) => [
          String(valuesAt(secret.outputs, ["properties", "secretUriWithVersion"])[0]),
          secret.id,
        ]),
      );
      const readers = all(resources, "authorization:RoleAssignment")
        .filter((role) => text(role, "roleDefinitionId").endsWith(secretsUser))
        .map((role) => `${text(role, "principalId")} ${text(role, "scope")}`);
      return all(resources, "web:WebApp").flatMap((app) => {
        const identity = all(resources, "managedidentity:UserAssignedIdentity").find(
          ({ id }) => id === text(app, "keyVaultReferenceIdentity"),
        );
        return [...settings(app).values()]
          .filter((value) => value.startsWith("@Microsoft.KeyVault("))
          .filter((value) => {
            const secret = secrets.get(/^@Microsoft\.KeyVault\(SecretUri=(.+)\)$/.exec(value)?.[1] ?? "");
            return !readers.includes(`${String(identity?.outputs.principalId)} ${String(secret)}`);
          });
      });
    },
  },
  {
    rule: "a vault on which roles are assigned asks for roles",
    source: "https://learn.microsoft.com/azure/key-vault/general/rbac-guide",
    broken: (resources) =>
      all(resources, "keyvault:Vault")
        .filter((vault) => at(vault, "properties.enableRbacAuthorization")[0] !== true)
        .map(({ id }) => id),
  },
  {
    rule: "a timer's schedule is NCRONTAB of six fields",
    source: "https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions",
    broken: (resources) =>
      all(resources, "web:WebApp")
        .flatMap((app) => settings(app).get("MULTICLOUD_SCHEDULE") ?? [])
        .filter((schedule) => !/^([\d*,/-]+ ){5}[\d*,/-]+$/.test(schedule)),
  },
  {
    rule: "an alert needs no more failing periods than it looks at",
    source:
      "https://learn.microsoft.com/rest/api/monitor/scheduled-query-rules/create-or-update#conditionfailingperiods",
    broken: (resources) =>
      all(resources, "monitor:ScheduledQueryRule")
        .flatMap((rule) => at(rule, "criteria.allOf.failingPeriods"))
        .filter((periods) => {
          const [least] = valuesAt(periods, ["minFailingPeriodsToAlert"]);
          const [of] = valuesAt(periods, ["numberOfEvaluationPeriods"]);
          return !(Number(least) <= Number(of));
        })
        .map((periods) => JSON.stringify(periods)),
  },
];
