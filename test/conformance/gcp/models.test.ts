import { testCloud } from "../cloud-tests";
import { SdkArguments } from "../sdk-arguments";
import { discoveryDocuments } from "./discovery";
import { documentedValues } from "./documented";
import { faults } from "./faults";
import { defaults, type Model, models } from "./models";
import { references } from "./references";
import { relations } from "./relations";

const fn = "gcp:cloudfunctionsv2/function:Function";
const variables = `${fn} serviceConfig.environmentVariables`;
const alert = "gcp:monitoring/alertPolicy:AlertPolicy";
const dashboard = "gcp:monitoring/dashboard:Dashboard dashboardJson";

const escapes: Readonly<Record<string, readonly string[]>> = {
  "text for people may be anything": [
    "gcp:artifactregistry/repository:Repository description: bad value",
    "gcp:cloudscheduler/job:Job description: bad value",
    "gcp:compute/securityPolicy:SecurityPolicy rules.description: bad value",
    `${alert} conditions.displayName: bad value`,
    `${alert} displayName: bad value`,
    `${alert} documentation.content: bad value`,
    `${dashboard}.displayName: bad value`,
    `${dashboard}.gridLayout.widgets.title: bad value`,
    "gcp:artifactregistry/repository:Repository cleanupPolicies.id: bad value",
    "gcp:monitoring/notificationChannel:NotificationChannel displayName: bad value",
    "gcp:projects/iAMMember:IAMMember condition.title: bad value",
    "gcp:serviceaccount/account:Account displayName: bad value",
  ],
  "a variable is the code's own, up to 32 KiB": [
    `${fn} buildConfig.environmentVariables: unknown property`,
    `${fn} buildConfig.environmentVariables.GOOGLE_VENDOR_PIP_DEPENDENCIES: too long`,
    `${variables}: unknown property`,
    ...[
      ...["APPLICATION_VERSION", "AUTH_AUDIENCE", "SHOP_CURRENCY"],
      ...["MULTICLOUD_CODE", "MULTICLOUD_RELEASE", "MULTICLOUD_TWIN", "MULTICLOUD_VERIFIED"],
    ].flatMap((name) => [`${variables}.${name}: bad value`, `${variables}.${name}: too long`]),
    `${variables}.ITEMS_TABLE: bad value`,
    `${variables}.MESSAGES_TABLE: bad value`,
  ],
  "a secret is the code's own, up to 64 KiB": [
    "gcp:secretmanager/secretVersion:SecretVersion secretData: bad value",
    "gcp:secretmanager/secretVersion:SecretVersion secretData: too long",
  ],
  "the text of a site's file is its own": [
    "gcp:storage/bucketObject:BucketObject content: bad value",
    "gcp:storage/bucketObject:BucketObject content: too long",
  ],
  "a threshold may be any number": [
    `${alert} conditions.conditionThreshold.thresholdValue: out of range`,
    `${alert} conditions.conditionThreshold.trigger.count: out of range`,
  ],
};

testCloud<Model>({
  name: "Google Cloud",
  prefix: "gcp:",
  judged: async () => {
    const documents = await discoveryDocuments();
    return {
      models,
      schemaOf: ({ api, method }) => documents.callSchema(api, method),
      defaults,
      documented: documentedValues,
      references,
      sdk: new SdkArguments("gcp"),
    };
  },
  relations,
  faults,
  escapes,
});
