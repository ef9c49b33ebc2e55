/** What is deployed to a function app, as the deployment's parameters name it. */
export interface OneDeployParameters<Text> {
  /** Address of the package, with the right to read it: a secret. */
  readonly packageUri: { readonly value: Text };
  /** Name of the package. A deployment does not return secret parameters; it returns this one. */
  readonly release: { readonly value: Text };
}

/**
 * The template of one deploy, by which Flex Consumption takes a package; azure-native has no type for it.
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

/** Name of the blob that notes of a package that it was verified: a package itself takes no note later. */
export const verifiedBlob = (packageName: string) => `${packageName}.verified`;
