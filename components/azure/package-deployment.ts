import * as resources from "@pulumi/azure-native/resources";
import * as storage from "@pulumi/azure-native/storage";
import type * as web from "@pulumi/azure-native/web";
import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import type { PackageBundle } from "../../layers/bundle";
import { type OneDeployParameters, oneDeployTemplate, verifiedBlob } from "./one-deploy";

export interface PackageDeploymentArgs {
  readonly resourceGroupName: pulumi.Input<string>;
  readonly bundle: PackageBundle;
  /** The account for the upload; with shared keys, which azure-native needs to upload and sign. */
  readonly uploads: storage.StorageAccount;
  /** Container in `uploads` for only this package. Default: `packages`. */
  readonly containerName?: string;
  /** The code part of the function's release, which is stored with the package. Default: none. */
  readonly release?: string;
  /** How an app gets the package: by one deploy, or by a signed-in Azure CLI. Default: `onedeploy`. */
  readonly method?: "onedeploy" | "az";
}

/**
 * The code of function apps on Flex Consumption: a package that is uploaded under the time and its content's hash, and
 * then deployed. Packages are kept, so that an earlier one can be deployed again; `npm run layer -- prune` deletes old
 * ones.
 *
 * Flex Consumption runs the deployed package, not the content of its deployment container. azure-native has no type for
 * a one deploy, so a template is used. A deployment that fails after Azure accepted it is in the state, and the next
 * update repeats it; a hook that retried it at once would fail, since the deployment then exists.
 */
export class PackageDeployment extends pulumi.ComponentResource {
  private readonly container: storage.BlobContainer;
  /** Name of the blob. */
  private readonly packageName: pulumi.Output<string>;
  /** When it was uploaded, as ISO 8601. */
  private readonly uploadedAt: pulumi.Output<string>;
  private readonly packageUri: pulumi.Output<string>;

  constructor(
    name: string,
    private readonly args: PackageDeploymentArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("multicloud:azure:PackageDeployment", name, {}, opts);
    this.container = new storage.BlobContainer(
      `${name}-packages`,
      {
        resourceGroupName: args.resourceGroupName,
        accountName: args.uploads.name,
        containerName: args.containerName ?? "packages",
        publicAccess: "None",
      },
      { parent: this },
    );
    const { bundle } = args;
    this.uploadedAt = this.timeOfUpload(name);
    // The provider refuses to create an existing blob, so a package that is deployed again gets another name.
    this.packageName = this.uploadedAt.apply((time) => {
      return `${bundle.name}-${time.replace(/\D/g, "").slice(0, 14)}-${bundle.sha256.slice(0, 12)}.zip`;
    });
    this.packageUri = this.upload(name);
    this.registerOutputs();
  }

  /** Marks the package as verified, once the resources in `dependsOn` exist. */
  markVerified(name: string, dependsOn: readonly pulumi.Resource[]): void {
    this.blob(
      `${name}-verified`,
      {
        blobName: this.packageName.apply(verifiedBlob),
        contentType: "text/plain",
        source: new pulumi.asset.StringAsset("verified\n"),
      },
      dependsOn,
    );
  }

  /**
   * Deploys the package to an app.
   *
   * @param deploymentName of the deployment in the resource group.
   * @param how `held`: the app keeps its current package.
   */
  deploy(
    name: string,
    app: web.WebApp,
    deploymentName: string,
    { dependsOn, held = false }: { readonly dependsOn: readonly pulumi.Resource[]; readonly held?: boolean },
  ): resources.Deployment | command.Command {
    const opts: pulumi.CustomResourceOptions = {
      parent: this,
      // A new app of the same name does not have the old one's code.
      replaceWith: [app],
      dependsOn: [...dependsOn],
      ...(held && { ignoreChanges: ["properties", "environment", "triggers"] }),
    };
    return this.args.method === "az"
      ? this.deployByCli(name, app, opts)
      : this.deployByTemplate(name, app, deploymentName, opts);
  }

  /** Moves with the package's content. */
  private timeOfUpload(name: string): pulumi.Output<string> {
    const create = "node --print 'new Date().toISOString()'";
    const triggers = [this.args.bundle.sha256];
    const logging = command.Logging.None;
    return new command.Command(`${name}-uploaded`, { create, triggers, logging }, { parent: this }).stdout;
  }

  private blob(
    name: string,
    args: Pick<storage.BlobArgs, "blobName" | "contentType" | "source" | "metadata">,
    dependsOn: readonly pulumi.Resource[] = [],
  ): storage.Blob {
    const { resourceGroupName, uploads } = this.args;
    return new storage.Blob(
      name,
      { resourceGroupName, accountName: uploads.name, containerName: this.container.name, ...args },
      // It is deleted with its container.
      { parent: this, dependsOn: [...dependsOn], retainOnDelete: true },
    );
  }

  /** The address of the uploaded package, with read permission: a secret. */
  private upload(name: string): pulumi.Output<string> {
    const { resourceGroupName, uploads, bundle, release } = this.args;
    const blob = this.blob(name, {
      blobName: this.packageName,
      contentType: "application/zip",
      source: new pulumi.asset.FileAsset(bundle.path),
      ...(release !== undefined && { metadata: { release } }),
    });
    const access = storage.listStorageAccountServiceSASOutput(
      {
        resourceGroupName,
        accountName: uploads.name,
        canonicalizedResource: pulumi.interpolate`/blob/${uploads.name}/${this.container.name}/${this.packageName}`,
        resource: "b",
        permissions: "r",
        protocols: "https",
        sharedAccessExpiryTime: this.uploadedAt.apply(expiryOf),
      },
      { parent: this },
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
          template: oneDeployTemplate((suffix) => pulumi.interpolate`${app.name}${suffix}`),
          parameters: {
            packageUri: { value: this.packageUri },
            release: { value: this.packageName },
          } satisfies OneDeployParameters<pulumi.Output<string>>,
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
        // Without the package's path, which differs between machines.
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

/**
 * The end of the right to read a package, as ISO 8601. The address is part of the deployment, so another end would deploy for
 * nothing: it changes with the package, and otherwise only when the address would have ended.
 */
function expiryOf(uploadedAt: string): string {
  const since = Math.max(new Date(uploadedAt.trim()).getUTCFullYear(), new Date().getUTCFullYear() - 1);
  return `${since + 2}-01-01T00:00:00Z`;
}

/** The Azure CLI deploys only files. The roles of a new app take minutes to propagate. */
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
