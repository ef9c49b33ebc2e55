import * as keyvault from "@pulumi/azure-native/keyvault";
import * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "../transform";
import type { Grant } from "./role";

export interface VaultArgs {
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  readonly tenantId: pulumi.Input<string>;
  /** Keeps the vault and deleted secrets for 90 days, even against a deletion. Default: false. */
  readonly deletionProtection?: boolean;
  readonly tags?: Record<string, string>;
  readonly transform?: { readonly vault?: Transform<keyvault.VaultArgs> };
}

/** A secret in a vault, as a function app reads it. */
export interface VaultSecret {
  /** App setting with a reference to the secret and its version, which the platform resolves; it is no secret. */
  readonly reference: pulumi.Output<string>;
  /** The role to read it, only on this secret. */
  readonly read: Grant;
}

/**
 * A key vault that identities with a role read from. Its name is generated, since the name of a deleted vault stays taken as
 * long as the vault can be restored.
 */
export class Vault extends pulumi.ComponentResource {
  private readonly vault: keyvault.Vault;

  constructor(
    private readonly name: string,
    private readonly args: VaultArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("multicloud:azure:Vault", name, {}, opts);
    const { resourceGroupName, location, tenantId, deletionProtection, tags } = args;
    this.vault = new keyvault.Vault(
      name,
      transformed<keyvault.VaultArgs>(
        {
          resourceGroupName,
          location,
          properties: {
            tenantId,
            sku: { family: "A", name: "standard" },
            enableRbacAuthorization: true,
            enableSoftDelete: true,
            softDeleteRetentionInDays: deletionProtection ? 90 : 7,
            // Azure rejects false: purge protection can only be enabled.
            ...(deletionProtection && { enablePurgeProtection: true }),
          },
          tags,
        },
        args.transform?.vault,
      ),
      { parent: this },
    );
    this.registerOutputs();
  }

  /**
   * Puts a secret into the vault.
   *
   * @param secretName 1 to 127 letters, digits and hyphens.
   * @param of distinguishes the grant on it from others of the same function.
   */
  secret(secretName: string, value: pulumi.Input<string>, of: string): VaultSecret {
    const secret = new keyvault.Secret(
      `${this.name}-${secretName}`,
      {
        resourceGroupName: this.args.resourceGroupName,
        vaultName: this.vault.name,
        secretName,
        properties: { value: pulumi.secret(value) },
      },
      { parent: this },
    );
    // The engine treats everything derived from a secret input as secret, including the address of its version.
    const address = pulumi.unsecret(secret.properties.apply(({ secretUriWithVersion }) => secretUriWithVersion));
    return {
      reference: pulumi.interpolate`@Microsoft.KeyVault(SecretUri=${address})`,
      read: { role: "Key Vault Secrets User", of, scope: secret.id },
    };
  }
}
