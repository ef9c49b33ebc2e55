import path from "node:path";

import { type CloudDataPlane, HttpDataPlane } from "../data-plane";
import { Logs } from "../logs";
import type { Resources } from "../store";
import { BlobStorage } from "./blobs";
import { EventGrid } from "./event-grid";
import { FrontDoor } from "./front-door";
import { bodyLimit, FunctionApps } from "./functions";
import { KeyVault } from "./key-vault";
import { QueueStorage } from "./queues";
import { AzureResources } from "./resources";
import { Tables } from "./tables";

/**
 * Starts the local Azure.
 *
 * @param state folder of tables, queues and logs between runs; logs are in `logs/`, see {@link Logs}.
 */
export async function startAzure(stored: Resources, state: string): Promise<CloudDataPlane> {
  const resources = new AzureResources(stored);
  const logs = new Logs(path.join(state, "logs"));
  const tables = await Tables.start(path.join(state, "tables"));
  const queues = await QueueStorage.start(path.join(state, "queues"));
  const keyVault = new KeyVault(resources, path.join(state, "vaults"));
  const directory = path.join(state, "deployed");
  const blobs = await BlobStorage.start(path.join(state, "blobs"), {
    isDeployed: (container) =>
      resources.find("azure-native:storage:BlobContainer", (each) => each.containerName === container) !== undefined,
    changed: (change) => {
      events.publish(change);
    },
  });
  const functions = new FunctionApps({ resources, logs, tables, queues, blobs, keyVault, directory });
  const events = new EventGrid({
    resources,
    queues,
    toFunction: (id, name, event) => functions.takeEvent(id, name, event),
    toBlobTrigger: (id, name, change) => functions.takeBlob(id, name, change),
  });
  const frontDoor = new FrontDoor(resources);

  const apps = new HttpDataPlane(
    ({ defaultHostName }) => defaultHostName,
    (id) => (request) => functions.handle(id, request),
    { bodyLimit },
  );
  const endpoints = new HttpDataPlane(
    ({ hostName }) => hostName,
    (id) => (request) => frontDoor.handle(id, request),
  );
  return {
    types: {
      "azure-native:storage:Table": {
        start: (resource) => tables.createTable(resources.parse("azure-native:storage:Table", resource).tableName),
        stop: () => Promise.resolve(),
        remove: (resource) => tables.deleteTable(resources.parse("azure-native:storage:Table", resource).tableName),
      },
      "azure-native:storage:Queue": {
        start: (resource) => queues.createQueue(resources.parse("azure-native:storage:Queue", resource).queueName),
        stop: () => Promise.resolve(),
        remove: (resource) => queues.deleteQueue(resources.parse("azure-native:storage:Queue", resource).queueName),
      },
      "azure-native:storage:BlobContainer": {
        start: () => Promise.resolve(),
        stop: () => Promise.resolve(),
        remove: (resource) =>
          blobs.deleteContainer(resources.parse("azure-native:storage:BlobContainer", resource).containerName),
      },
      "azure-native:web:WebApp": {
        async start(resource) {
          await apps.start(resource);
          functions.restarted(resource.id);
        },
        async stop(id) {
          await apps.stop(id);
          await functions.stop(id);
        },
        remove: ({ id }) => functions.remove(id),
      },
      "azure-native:resources:Deployment": {
        start(resource) {
          functions.deploy(resources.parse("azure-native:resources:Deployment", resource));
          return Promise.resolve();
        },
        // The app keeps its deployed package.
        stop: () => Promise.resolve(),
      },
      "azure-native:keyvault:Secret": keyVault,
      "azure-native:cdn:AFDEndpoint": endpoints,
      "azure-native:cdn:Route": {
        start(resource) {
          frontDoor.changed(resource);
          return Promise.resolve();
        },
        stop(id) {
          frontDoor.forget(id);
          return Promise.resolve();
        },
      },
    },
    data: tables.data,
    invoke: (invocation) => functions.invoke(invocation),
    changeCode: (change) => functions.changeCode(change),
    async close() {
      events.close();
      await Promise.all([apps.close(), endpoints.close()]);
      await functions.close();
      await Promise.all([tables.close(), queues.close(), blobs.close()]);
    },
  };
}
