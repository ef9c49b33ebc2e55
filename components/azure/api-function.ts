import * as pulumi from "@pulumi/pulumi";

import { publicAddress } from "../address";
import { FunctionApp, type FunctionAppArgs } from "./function-app";

export interface ApiFunctionArgs extends FunctionAppArgs {
  /** Id of the only Front Door whose requests are accepted. Default: requests may come from anywhere. */
  readonly onlyThroughFrontDoor?: pulumi.Input<string>;
}

/**
 * Default number of concurrent requests per instance: an API mostly waits for its tables, and with one at a time 40
 * instances would answer 40 requests.
 */
const concurrency = 10;

/**
 * A function app that answers HTTPS on a host name of its own; no gateway stands before it.
 *
 * ```ts
 * const api = new ApiFunction("api", {
 *   functionName: "shop-staging-api",
 *   resourceGroupName: group.name,
 *   location: "japaneast",
 *   bundle,
 *   storage: account,
 *   uploads,
 *   connections: { MESSAGES_STORAGE: { tableServiceUri: table.serviceUri } },
 *   permissions: [table.readWrite],
 * });
 * ```
 */
export class ApiFunction extends FunctionApp {
  /** `https://<functionName>.azurewebsites.net`, without a trailing slash; of two apps, the one that is deployed to. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: ApiFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    const access = accessOf(args);
    // Explicit even without restrictions: an update keeps omitted properties.
    super("multicloud:azure:ApiFunction", name, { concurrency, ...args }, access, opts);
    this.url = this.hostName.apply(publicAddress);
    this.registerOutputs({ functionName: this.functionName, url: this.url });
  }
}

function accessOf({ onlyThroughFrontDoor, colours }: ApiFunctionArgs) {
  if (onlyThroughFrontDoor === undefined) return openToAll;
  // The deployment probes the app before it serves; another access rule afterwards would restart it.
  return colours === undefined ? frontDoorOnly(onlyThroughFrontDoor) : withFrontDoorId(onlyThroughFrontDoor);
}

const openToAll = { ipSecurityRestrictionsDefaultAction: "Allow", ipSecurityRestrictions: [] };

/** Accepts only requests with the id of one Front Door, from any address. */
export function withFrontDoorId(frontDoorId: pulumi.Input<string>) {
  return {
    ipSecurityRestrictionsDefaultAction: "Deny",
    ipSecurityRestrictions: [
      {
        name: "front-door-id",
        priority: 100,
        action: "Allow",
        ipAddress: "Any",
        headers: { "x-azure-fdid": [frontDoorId] },
      },
    ],
  };
}

/** All customers' Front Doors use the same addresses, so the id is checked too. */
function frontDoorOnly(frontDoorId: pulumi.Input<string>) {
  return {
    ipSecurityRestrictionsDefaultAction: "Deny",
    ipSecurityRestrictions: [
      {
        name: "front-door",
        priority: 100,
        action: "Allow",
        tag: "ServiceTag",
        ipAddress: "AzureFrontDoor.Backend",
        headers: { "x-azure-fdid": [frontDoorId] },
      },
    ],
  };
}
