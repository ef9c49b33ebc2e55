import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import type { DataPlane } from "../data-plane";
import type { StoredResource } from "../store";
import { type AzureResources, rolesOn } from "./resources";
import { secretAddress } from "./types";

/** Key Vault Secrets User, by its id in "Azure built-in roles". */
const secretsUser = "4633458b-17de-408a-b874-0445c86b69e6";

const versionsSchema = z.record(z.string(), z.string());

/** Key Vault: the versions of each secret. Older versions stay. */
export class KeyVault implements DataPlane {
  /** @param directory of the secrets between runs. */
  constructor(
    private readonly resources: AzureResources,
    private readonly directory: string,
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  start(resource: StoredResource): Promise<void> {
    const { id, vaultName, secretName, properties } = this.resources.parse("azure-native:keyvault:Secret", resource);
    const { secretUriWithVersion } = secretAddress(vaultName, secretName, properties.value);
    const versions = { ...this.#versions(id), [secretUriWithVersion]: properties.value };
    writeFileSync(this.#file(id), JSON.stringify(versions), { mode: 0o600 });
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Resolves a Key Vault reference in an app setting. As in the cloud, if the secret does not exist or the identity may
   * not read it, the setting keeps the reference itself; `problem` says why.
   *
   * @param identityId the identity with which the app reads references.
   */
  resolve(setting: string, identityId: string | undefined): { readonly value: string; readonly problem?: string } {
    const address = /^@Microsoft\.KeyVault\(SecretUri=(https:[^)]+)\)$/.exec(setting)?.[1];
    if (address === undefined) return { value: setting };
    const unresolved = (problem: string) => ({ value: setting, problem: `${address} cannot be read: ${problem}` });
    const secret = this.resources.find("azure-native:keyvault:Secret", ({ vaultName, secretName }) =>
      address.startsWith(`${secretAddress(vaultName, secretName, "").secretUri}/`),
    );
    if (secret === undefined) return unresolved("there is no such secret");
    const identity = this.resources
      .list("azure-native:managedidentity:UserAssignedIdentity")
      .find(({ id }) => id === identityId);
    if (identity === undefined) return unresolved("the app has no keyVaultReferenceIdentity");
    if (!rolesOn(this.resources, secret.id, identity).includes(secretsUser)) {
      return unresolved(`the identity ${identity.id} lacks the role Key Vault Secrets User on it`);
    }
    const value = this.#versions(secret.id)[address];
    return value === undefined ? unresolved("there is no such version") : { value };
  }

  #versions(id: string): z.output<typeof versionsSchema> {
    const file = this.#file(id);
    return existsSync(file) ? versionsSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : {};
  }

  #file(id: string): string {
    return path.join(this.directory, `${createHash("sha256").update(id).digest("hex")}.json`);
  }
}
