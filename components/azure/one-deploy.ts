/** The parameters of a one deploy. */
export interface OneDeployParameters<Text> {
  /** Address of the package, with read permission: a secret. */
  readonly packageUri: { readonly value: Text };
  /** Name of the package. A deployment returns this parameter, but not secret ones. */
  readonly release: { readonly value: Text };
}

/**
 * The template of a one deploy, by which Flex Consumption accepts a package; azure-native has no type for it.
 *
 * @param appName of the function app.
 */
export function oneDeployTemplate<Text>(appName: (suffix: "/onedeploy") => Text) {
  return {
    $schema: "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    contentVersion: "1.0.0.0",
    parameters: { packageUri: { type: "secureString" }, release: { type: "string" } },
    resources: [
      {
        type: "Microsoft.Web/sites/extensions",
        apiVersion: "2022-09-01",
        name: appName("/onedeploy"),
        properties: { packageUri: "[parameters('packageUri')]", remoteBuild: false },
      },
    ],
  };
}

/** Name of the blob that marks a package as verified, since a package blob itself is not changed. */
export const verifiedBlob = (packageName: string) => `${packageName}.verified`;
