import { beforeAll, describe, expect, inject, test } from "vitest";

import { Judge } from "../judge";
import { mutationShare } from "../mutation-share";
import { SdkArguments } from "../sdk-arguments";
import { documentedValues } from "./documented";
import { defaults, type Model, models } from "./models";
import { references } from "./references";
import { relations } from "./relations";
import { callSchemas, parametersOf } from "./sdk";

const captured = Object.entries(inject("captured")).map(([name, resources]) => {
  return { name, resources: resources.filter(({ type }) => type.startsWith("azure-native:")) };
});

const sdk = new SdkArguments("azure-native");
let judge: Judge<Model>;

beforeAll(async () => {
  const schemas = await callSchemas(Object.values(models));
  const schemaOf = ({ operation, dataPlane = {} }: Model) =>
    (operation && schemas.get(operation)) ?? { type: "object", properties: { body: dataPlane } };
  const withParameters = Object.entries(models).map(([type, model]) => {
    const schema = model.operation && schemas.get(model.operation);
    return [type, { ...model, ...(schema && { parameters: parametersOf(schema) }) }] as const;
  });
  judge = new Judge({
    models: Object.fromEntries(withParameters),
    schemaOf,
    defaults,
    documented: documentedValues,
    references,
    sdk,
  });
}, 180_000);

const alert = "azure-native:monitor:ScheduledQueryRule";

const tagged = [
  "applicationinsights:Component",
  "cdn:AFDEndpoint",
  "cdn:Profile",
  "frontdoor:Policy",
  "managedidentity:UserAssignedIdentity",
  "monitor:ActionGroup",
  "monitor:ScheduledQueryRule",
  "operationalinsights:Workspace",
  "resources:ResourceGroup",
  "storage:StorageAccount",
  "web:AppServicePlan",
  "web:WebApp",
];

/** What is broken and not found, by why nothing can say that it is wrong. */
const escapes: Readonly<Record<string, readonly string[]>> = {
  "a tag may be any text": tagged.flatMap((type) => [
    `azure-native:${type} tags: unknown property`,
    `azure-native:${type} tags.project: bad value`,
    `azure-native:${type} tags.stack: bad value`,
  ]),
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
  "a threshold may be any number": [`${alert} criteria.allOf.threshold: out of range`],
};

describe("Azure's management SDK and documentation", () => {
  test.each(captured)("accept what is registered: $name", ({ resources }) => {
    const findings = resources.flatMap((resource) =>
      judge.findings(resource, resources).map(({ at, message }) => `${resource.urn} ${at}: ${message}`),
    );
    expect(findings).toEqual([]);
  });

  test("are named for each type that the program uses, and for no other", () => {
    const used = new Set(captured.flatMap(({ resources }) => resources.map(({ type }) => type)));
    expect(Object.keys(models).sort()).toEqual([...used].sort());
  });

  test.each(relations)("hold: $rule", ({ broken }) => {
    for (const { name, resources } of captured) expect(broken(resources), name).toEqual([]);
  });

  test("find what is broken", () => {
    const { tried, escaped } = mutationShare(
      captured.map(({ resources }) => resources),
      sdk,
      (broken, original, resources) =>
        judge.findings(broken, resources).length > 0 ||
        relations.some((relation) => {
          return relation.broken(resources.map((each) => (each === original ? broken : each))).length > 0;
        }),
    );
    const share = 1 - escaped.length / tried;
    console.log(`Azure: ${tried - escaped.length} of ${tried} mutations found (${(share * 100).toFixed(1)}%)`);
    expect(share).toBeGreaterThan(0.95);
    expect(escaped).toEqual(Object.values(escapes).flat().sort());
  });
});
