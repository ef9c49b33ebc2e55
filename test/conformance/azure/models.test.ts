import { testCloud } from "../cloud-tests";
import { SdkArguments } from "../sdk-arguments";
import { documentedValues } from "./documented";
import { faults } from "./faults";
import { defaults, type Model, models } from "./models";
import { references } from "./references";
import { relations } from "./relations";
import { callSchemas, parametersOf } from "./sdk";

const alert = "azure-native:monitor:ScheduledQueryRule";

const tagged = [
  "applicationinsights:Component",
  "cdn:AFDEndpoint",
  "cdn:Profile",
  "frontdoor:Policy",
  "keyvault:Vault",
  "managedidentity:UserAssignedIdentity",
  "monitor:ActionGroup",
  "monitor:ScheduledQueryRule",
  "operationalinsights:Workspace",
  "resources:ResourceGroup",
  "storage:StorageAccount",
  "web:AppServicePlan",
  "web:WebApp",
];

const escapes: Readonly<Record<string, readonly string[]>> = {
  "a tag may be any text": [
    ...tagged.flatMap((type) => [
      `azure-native:${type} tags: unknown property`,
      `azure-native:${type} tags.project: bad value`,
      `azure-native:${type} tags.stack: bad value`,
    ]),
    "azure-native:web:WebApp tags.release: bad value",
  ],
  "text for people may be anything": [
    "azure-native:authorization:ManagementLockByScope notes: bad value",
    `${alert} description: bad value`,
    `${alert} displayName: bad value`,
    `${alert} ruleName: bad value`,
  ],
  "a header's value and a setting's are the code's own": [
    "azure-native:cdn:Rule actions.parameters.value: bad value",
    "azure-native:web:WebApp siteConfig.appSettings.value: bad value",
    "azure-native:web:WebApp siteConfig.appSettings.value: too long",
  ],
  "a secret is the code's own, up to 25 KiB": [
    "azure-native:keyvault:Secret properties.value: bad value",
    "azure-native:keyvault:Secret properties.value: too long",
  ],
  "a threshold may be any number": [`${alert} criteria.allOf.threshold: out of range`],
};

testCloud<Model>({
  name: "Azure",
  prefix: "azure-native:",
  judged: async () => {
    const schemas = await callSchemas(Object.values(models));
    const withParameters = Object.entries(models).map(([type, model]) => {
      const schema = model.operation && schemas.get(model.operation);
      return [type, { ...model, ...(schema && { parameters: parametersOf(schema) }) }] as const;
    });
    return {
      models: Object.fromEntries(withParameters),
      schemaOf: ({ operation, described = {} }) =>
        (operation && schemas.get(operation)) ?? { type: "object", properties: { body: described } },
      defaults,
      documented: documentedValues,
      references,
      sdk: new SdkArguments("azure-native"),
    };
  },
  relations,
  faults,
  escapes,
});
