import * as pulumi from "@pulumi/pulumi";

import { publicAddress } from "../address";
import { FunctionApp, type FunctionAppArgs } from "./function-app";

export interface ApiFunctionArgs extends FunctionAppArgs {
  /** Id of the Front Door that every request must come through. Default: requests may come from anywhere. */
  readonly onlyThroughFrontDoor?: pulumi.Input<string>;
}

/**
 * Requests that an instance answers at once where nothing else is said: an API mostly waits for its tables, and with one at a
 * time 40 instances would answer 40 requests.
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
  /** `https://<functionName>.azurewebsites.net`, without a slash at its end; of two apps, that of the one which is deployed to. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: ApiFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    const access = accessOf(args);
    // Stated where it is open too: what is left out of an update stays as it was.
    super("multicloud:azure:ApiFunction", name, { concurrency, ...args }, access, opts);
    this.url = this.hostName.apply(publicAddress);
    this.registerOutputs({ functionName: this.functionName, url: this.url });
  }
}

function accessOf({ onlyThroughFrontDoor, colours }: ApiFunctionArgs) {
  if (onlyThroughFrontDoor === undefined) return openToAll;
  // The deployment asks the app that does not serve yet; another rule once it does would start it anew.
  return colours === undefined ? frontDoorOnly(onlyThroughFrontDoor) : withFrontDoorId(onlyThroughFrontDoor);
}

const openToAll = { ipSecurityRestrictionsDefaultAction: "Allow", ipSecurityRestrictions: [] };

/** Accepts only requests with the id of one Front Door, wherever they come from. */
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

/** Every Front Door of every customer comes from the same addresses, so its id is asked for too. */
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
