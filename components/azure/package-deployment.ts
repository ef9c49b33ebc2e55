import * as resources from "@pulumi/azure-native/resources";
import * as storage from "@pulumi/azure-native/storage";
import type * as web from "@pulumi/azure-native/web";
import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import type { PackageBundle } from "../../layers/bundle";

export interface PackageDeploymentArgs {
  readonly resourceGroupName: pulumi.Input<string>;
  readonly bundle: PackageBundle;
  /** The account that the package is uploaded to; with shared keys, by which azure-native uploads and signs. */
  readonly uploads: storage.StorageAccount;
  /** Container in `uploads`, of this package alone. Default: `packages`. */
  readonly containerName?: string;
  /** How an app gets the package: by one deploy, or by an Azure CLI that is signed in. Default: `onedeploy`. */
  readonly method?: "onedeploy" | "az";
}

/**
 * The code of function apps on Flex Consumption: a package that is uploaded under its content's hash and then deployed.
 *
 * Flex Consumption runs what was deployed, not what lies in its deployment container, and azure-native has no type for
 * its one deploy; the type is reached through a template. A deployment that fails after Azure took it is in the state, and
 * the next update repeats it; a hook that repeats it at once would lose it, since there is such a deployment then.
 */
export class PackageDeployment extends pulumi.ComponentResource {
  private readonly packageUri: pulumi.Output<string>;

  constructor(
    name: string,
    private readonly args: PackageDeploymentArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("multicloud:azure:PackageDeployment", name, {}, opts);
    this.packageUri = this.upload(name);
    this.registerOutputs();
  }

  /**
   * Gives an app the package.
   *
   * @param deploymentName of the deployment in the resource group.
   */
  deploy(
    name: string,
    app: web.WebApp,
    deploymentName: string,
    dependsOn: readonly pulumi.Resource[],
  ): resources.Deployment | command.Command {
    // A new app of the same name knows nothing of the code that the old one was given.
    const opts: pulumi.CustomResourceOptions = { parent: this, replaceWith: [app], dependsOn: [...dependsOn] };
    return this.args.method === "az"
      ? this.deployByCli(name, app, opts)
      : this.deployByTemplate(name, app, deploymentName, opts);
  }

  /** The address of the uploaded package, with the right to read it: a secret. */
  private upload(name: string): pulumi.Output<string> {
    const { resourceGroupName, uploads, bundle, containerName = "packages" } = this.args;
    const child: pulumi.CustomResourceOptions = { parent: this };
    const container = new storage.BlobContainer(
      `${name}-packages`,
      { resourceGroupName, accountName: uploads.name, containerName, publicAccess: "None" },
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
      // Not retained: the provider refuses to create what is there, so no update could go back to an earlier package.
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

  private deployByTemplate(
    name: string,
    app: web.WebApp,
    deploymentName: string,
    opts: pulumi.CustomResourceOptions,
  ): resources.Deployment {
    return new resources.Deployment(
      name,
      {
        resourceGroupName: this.args.resourceGroupName,
        deploymentName,
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
                name: pulumi.interpolate`${app.name}/onedeploy`,
                properties: { packageUri: "[parameters('packageUri')]", remoteBuild: false },
              },
            ],
          },
          parameters: { packageUri: { value: this.packageUri } },
        },
      },
      opts,
    );
  }

  private deployByCli(name: string, app: web.WebApp, opts: pulumi.CustomResourceOptions): command.Command {
    return new command.Command(
      name,
      {
        create: deployByCli,
        // Not the package's path, which is another on each machine.
        environment: {
          PACKAGE_URI: this.packageUri,
          RESOURCE_GROUP: this.args.resourceGroupName,
          FUNCTION_APP: app.name,
        },
        triggers: [this.args.bundle.sha256],
      },
      opts,
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
