import type { LastingSetting } from "../components/lasting";
import type { Application } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import type { Settings } from "../settings";

/** Settings that identify resources with data: with another value, the old resource is deleted with its content. */
export function lastingSettings(
  { aws, azure, gcp }: Settings,
  { site, tables }: Pick<Application, "site" | "tables">,
): LastingSetting[] {
  const region = (cloud: Cloud, value: string): LastingSetting => ({
    setting: `${cloud}.region`,
    value,
    loss: "every resource would be recreated there, and the tables would be deleted with their content",
  });
  return [
    ...(aws ? [region("aws", aws.region)] : []),
    ...(aws
      ? tables.map(({ name, partitionKey, sortKey }) => ({
          setting: `tables.${name}`,
          value: [partitionKey, sortKey].join(" "),
          loss: "DynamoDB's keys cannot change: the table would be deleted with its items and recreated",
        }))
      : []),
    ...(azure ? [region("azure", azure.region)] : []),
    ...(gcp
      ? [
          region("gcp", gcp.region),
          {
            setting: "gcp.project",
            value: gcp.project,
            loss: "every resource would be recreated there, and the tables would be deleted with their content",
          },
        ]
      : []),
    ...(azure
      ? [
          {
            setting: "azure.storageAccountName",
            value: azure.storageAccountName ?? "",
            loss: "the storage account would be deleted with the tables in it",
          },
        ]
      : []),
    ...(azure?.frontend.enabled && site !== undefined
      ? [
          {
            setting: "azure.frontend.waf",
            value: String(azure.frontend.waf),
            loss: "Front Door would be deleted and recreated in another tier, and the site would not answer for up to an hour",
            instead:
              "let Front Door change its tier by itself (az rest --method post, docs/clouds.md) and run pulumi refresh, or accept the outage",
          },
        ]
      : []),
  ];
}
