import { beforeAll, describe, expect, inject, test } from "vitest";

import { mutationShare } from "../mutation-share";
import { Judge } from "../judge";
import { SdkArguments } from "../sdk-arguments";
import { discoveryDocuments } from "./discovery";
import { documentedValues } from "./documented";
import { defaults, type Model, models } from "./models";
import { references } from "./references";
import { relations } from "./relations";

const captured = Object.entries(inject("captured")).map(([name, resources]) => {
  return { name, resources: resources.filter(({ type }) => type.startsWith("gcp:")) };
});

const sdk = new SdkArguments("gcp");
let judge: Judge<Model>;

beforeAll(async () => {
  const documents = await discoveryDocuments();
  const schemaOf = ({ api, method }: Model) => documents.callSchema(api, method);
  judge = new Judge({ models, schemaOf, defaults, documented: documentedValues, references, sdk });
}, 180_000);

const fn = "gcp:cloudfunctionsv2/function:Function";
const variables = `${fn} serviceConfig.environmentVariables`;
const alert = "gcp:monitoring/alertPolicy:AlertPolicy";
const dashboard = "gcp:monitoring/dashboard:Dashboard dashboardJson";

/** What is broken and not found, by why nothing can say that it is wrong. */
const escapes: Readonly<Record<string, readonly string[]>> = {
  "text for people may be anything": [
    "gcp:artifactregistry/repository:Repository description: bad value",
    "gcp:compute/securityPolicy:SecurityPolicy rules.description: bad value",
    `${alert} conditions.displayName: bad value`,
    `${alert} displayName: bad value`,
    `${alert} documentation.content: bad value`,
    `${dashboard}.displayName: bad value`,
    `${dashboard}.gridLayout.widgets.title: bad value`,
    "gcp:monitoring/notificationChannel:NotificationChannel displayName: bad value",
    "gcp:projects/iAMMember:IAMMember condition.title: bad value",
    "gcp:serviceaccount/account:Account displayName: bad value",
  ],
  "a variable is the code's own, up to 32 KiB": [
    `${fn} buildConfig.environmentVariables: unknown property`,
    `${fn} buildConfig.environmentVariables.GOOGLE_VENDOR_PIP_DEPENDENCIES: too long`,
    `${variables}: unknown property`,
    ...["APPLICATION_VERSION", "AUTH_AUDIENCE", "MESSAGES_TABLE"].flatMap((name) => [
      `${variables}.${name}: bad value`,
      `${variables}.${name}: too long`,
    ]),
  ],
  "a threshold may be any number": [
    `${alert} conditions.conditionThreshold.thresholdValue: out of range`,
    `${alert} conditions.conditionThreshold.trigger.count: out of range`,
  ],
};

describe("Google's discovery documents and documentation", () => {
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
    console.log(`Google Cloud: ${tried - escaped.length} of ${tried} mutations found (${(share * 100).toFixed(1)}%)`);
    expect(share).toBeGreaterThan(0.95);
    expect(escaped).toEqual(Object.values(escapes).flat().sort());
  });
});
