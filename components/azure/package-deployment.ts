import * as resources from "@pulumi/azure-native/resources";
import * as storage from "@pulumi/azure-native/storage";
import type * as web from "@pulumi/azure-native/web";
import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import type { PackageBundle } from "../../layers/bundle";
import { retryWhilePropagating } from "../propagation";

export interface PackageDeploymentArgs {
  readonly resourceGroupName: pulumi.Input<string>;
  readonly app: web.WebApp;
  readonly bundle: PackageBundle;
  /** The account that the package is uploaded to; with shared keys, by which azure-native uploads and signs. */
  readonly uploads: storage.StorageAccount;
  /** Container in `uploads`, of this package alone. Default: `packages`. */
  readonly containerName?: string;
  /** Of the deployment in the resource group. Default: `onedeploy`. */
  readonly deploymentName?: string;
  /** How the app gets the package: by one deploy, or by an Azure CLI that is signed in. Default: `onedeploy`. */
  readonly method?: "onedeploy" | "az";
}

/**
 * The code of a function app on Flex Consumption: a package that is uploaded under its content's hash and then deployed.
 *
 * Flex Consumption runs what was deployed, not what lies in its deployment container, and azure-native has no type for
 * its one deploy; the type is reached through a template.
 */
export class PackageDeployment extends pulumi.ComponentResource {
  constructor(name: string, args: PackageDeploymentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:azure:PackageDeployment", name, {}, opts);
    const packageUri = this.upload(name, args);
    if (args.method === "az") this.deployByCli(name, args, packageUri);
    else this.deploy(name, args, packageUri);
    this.registerOutputs();
  }

  /** The address of the uploaded package, with the right to read it: a secret. */
  private upload(name: string, args: PackageDeploymentArgs): pulumi.Output<string> {
    const { resourceGroupName, uploads, bundle } = args;
    const child: pulumi.CustomResourceOptions = { parent: this };
    const container = new storage.BlobContainer(
      `${name}-packages`,
      {
        resourceGroupName,
        accountName: uploads.name,
        containerName: args.containerName ?? "packages",
        publicAccess: "None",
      },
      child,
    );
    const blobName = `${bundle.name}-${bundle.sha256}.zip`;
    const blob = new storage.Blob(
      name,
      {
        resourceGroupName,
        accountName: uploads.name,
        containerName: container.name,
        blobName,
        contentType: "application/zip",
        source: new pulumi.asset.FileAsset(bundle.path),
      },
      child,
    );
    const access = storage.listStorageAccountServiceSASOutput(
      {
        resourceGroupName,
        accountName: uploads.name,
        canonicalizedResource: pulumi.interpolate`/blob/${uploads.name}/${container.name}/${blobName}`,
        resource: "b",
        permissions: "r",
        protocols: "https",
        // The address is a part of the deployment: a time that moved would deploy at every update; this moves once a year.
        sharedAccessExpiryTime: `${new Date().getUTCFullYear() + 2}-01-01T00:00:00Z`,
      },
      child,
    );
    return pulumi.secret(pulumi.interpolate`${blob.url}?${access.serviceSasToken}`);
  }

  private deploy(name: string, args: PackageDeploymentArgs, packageUri: pulumi.Output<string>): void {
    new resources.Deployment(
      name,
      {
        resourceGroupName: args.resourceGroupName,
        deploymentName: args.deploymentName ?? "onedeploy",
        properties: {
          mode: "Incremental",
          template: {
            $schema: "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            contentVersion: "1.0.0.0",
            parameters: { packageUri: { type: "secureString" } },
            resources: [
              {
                type: "Microsoft.Web/sites/extensions",
                apiVersion: "2022-09-01",
                name: pulumi.interpolate`${args.app.name}/onedeploy`,
                properties: { packageUri: "[parameters('packageUri')]", remoteBuild: false },
              },
            ],
          },
          parameters: { packageUri: { value: packageUri } },
        },
      },
      {
        parent: this,
        // A new app of the same name knows nothing of the code that the old one was given.
        replaceWith: [args.app],
        hooks: retryWhilePropagating(name, {
          error: /\b(400|403|503)\b|BadRequest|Forbidden|ServiceUnavailable|AuthorizationPermissionMismatch/,
          advice: "docs/clouds.md says how to see what the deployment answered, and how to deploy by the Azure CLI",
        }),
      },
    );
  }

  private deployByCli(name: string, args: PackageDeploymentArgs, packageUri: pulumi.Output<string>): void {
    new command.Command(
      name,
      {
        create: deployByCli,
        // Not the package's path, which is another on each machine.
        environment: {
          PACKAGE_URI: packageUri,
          RESOURCE_GROUP: args.resourceGroupName,
          FUNCTION_APP: args.app.name,
        },
        triggers: [args.bundle.sha256],
      },
      { parent: this, replaceWith: [args.app] },
    );
  }
}

/** The Azure CLI deploys a file only; the roles of a new app take minutes to be known everywhere. */
const deployByCli = `set -eu
package=$(mktemp -d)
trap 'rm -r "$package"' EXIT
curl --fail --silent --show-error --output "$package/package.zip" "$PACKAGE_URI"
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  az functionapp deployment source config-zip --resource-group "$RESOURCE_GROUP" --name "$FUNCTION_APP" \\
    --src "$package/package.zip" --build-remote false && exit 0
  sleep 30
done
exit 1
`;
