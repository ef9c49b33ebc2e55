import path from "node:path";

import { z } from "zod";

import { type CloudDataPlane, HttpDataPlane } from "../data-plane";
import type { HttpRequest } from "../http";
import { Logs } from "../logs";
import { Objects } from "../objects";
import type { Resources, StoredResource } from "../store";
import { BucketEvents } from "./bucket-events";
import { Firestore } from "./firestore";
import { bodyLimit, CloudFunctions } from "./functions";
import { LoadBalancer } from "./load-balancer";
import { ownerToken } from "./owner";
import { PubSub } from "./pubsub";
import { GcpResources } from "./resources";
import { Revisions } from "./revisions";
import { Scheduler } from "./scheduler";
import { declaredObject, Storage } from "./storage";
import { Subscriptions } from "./subscriptions";

const functionOutputs = z.object({ serviceConfig: z.object({ uri: z.string() }) });

/** The address of a function's Cloud Run service. */
function serviceUri(outputs: StoredResource["outputs"]): string {
  return functionOutputs.parse(outputs).serviceConfig.uri;
}

/** The request of a manual call, as `gcloud functions call` sends it. */
function posted(payload = ""): HttpRequest {
  return {
    method: "POST",
    target: "/",
    headers: [["Content-Type", "application/json"]],
    body: Buffer.from(payload),
    remoteAddress: "127.0.0.1",
  };
}

/**
 * Starts the local Google Cloud.
 *
 * @param state folder of documents and logs between runs; logs are in `logs/`, see {@link Logs}.
 */
export function startGcp(stored: Resources, state: string): CloudDataPlane {
  const resources = new GcpResources(stored);
  const logs = new Logs(path.join(state, "logs"));
  const firestore = new Firestore(resources, path.join(state, "firestore"));
  const revisions = new Revisions(path.join(state, "revisions.json"));
  const directory = path.join(state, "pubsub");
  const subscriptions = new Subscriptions({
    resources,
    directory: path.join(directory, "subscriptions"),
    functions: { handle: (...request) => functions.handle(...request) },
  });
  const pubSub = new PubSub({ resources, subscriptions, directory });
  const events = new BucketEvents({
    ...{ resources, subscriptions },
    functions: { handle: (...request) => functions.handle(...request) },
  });
  const storageDirectory = path.join(state, "storage");
  const objects = new Objects((bucket, name) => declaredObject(resources, bucket, name), storageDirectory);
  const storage = new Storage({ resources, objects, events, directory: storageDirectory });
  const functions: CloudFunctions = new CloudFunctions({
    ...{ resources, logs, firestore, pubSub, storage, revisions },
    owner: ownerToken(state),
  });
  const scheduler = new Scheduler({ resources, functions });
  const loadBalancer = new LoadBalancer(resources, functions, objects);

  const services = new HttpDataPlane(serviceUri, (id) => (request) => functions.handle(id, request), { bodyLimit });
  const addresses = new HttpDataPlane(
    ({ address }) => address,
    (id) => (request) => loadBalancer.handle(id, request),
  );
  return {
    types: {
      "gcp:firestore/database:Database": {
        start(resource) {
          firestore.openDatabase(resources.parse("gcp:firestore/database:Database", resource).name);
          return Promise.resolve();
        },
        stop: () => Promise.resolve(),
        remove(resource) {
          firestore.deleteDatabase(resources.parse("gcp:firestore/database:Database", resource).name);
          return Promise.resolve();
        },
      },
      "gcp:cloudfunctionsv2/function:Function": {
        async start(resource) {
          await functions.deploy(resource.id);
          await services.start(resource);
        },
        async stop(id) {
          await services.stop(id);
          await functions.stop(id);
        },
        remove({ id }) {
          functions.remove(id);
          return Promise.resolve();
        },
      },
      "gcp:cloudscheduler/job:Job": scheduler,
      "gcp:storage/bucket:Bucket": {
        start: () => storage.callers.openToOwner(),
        stop: () => Promise.resolve(),
        remove({ id, inputs }) {
          if (objects.own(id).length > 0 && inputs.forceDestroy !== true) {
            throw new Error(`the bucket ${id} is not empty; delete its objects, or set its forceDestroy`);
          }
          objects.remove(id);
          return Promise.resolve();
        },
      },
      "gcp:storage/bucketObject:BucketObject": storage.declared,
      "gcp:pubsub/topic:Topic": { start: () => pubSub.callers.openToOwner(), stop: () => Promise.resolve() },
      "gcp:pubsub/subscription:Subscription": subscriptions,
      "gcp:compute/globalAddress:GlobalAddress": addresses,
    },
    revisions: {
      send: (functionName, traffic) => functions.sendTraffic(functionName, traffic),
      tag: (functionName, tag, revision) => {
        functions.tagRevision(functionName, tag, revision);
      },
      delete: (functionName, revision) => functions.deleteRevision(functionName, revision),
    },
    data: firestore.data,
    async invoke({ functionName, payload }) {
      const fn = resources.find("gcp:cloudfunctionsv2/function:Function", ({ name }) => name === functionName);
      if (fn === undefined) throw new Error(`there is no function ${functionName} on the local Google Cloud`);
      // Calls the function through its Cloud Scheduler job if it has one, otherwise as the project's owner.
      const job = scheduler.jobOf(functionName);
      const answer = await (job === undefined ? functions.call(fn.id, posted(payload)) : scheduler.run(job, payload));
      const text = answer.body.toString();
      const failed = answer.status >= 400;
      return { failed, payload: failed ? `${answer.status} ${text}` : text };
    },
    changeCode({ functionName, ...code }) {
      const fn = resources.find("gcp:cloudfunctionsv2/function:Function", ({ name }) => name === functionName);
      if (fn === undefined) throw new Error(`there is no function ${functionName} on the local Google Cloud`);
      return functions.changeCode(fn.id, code);
    },
    async close() {
      scheduler.close();
      subscriptions.close();
      events.close();
      await Promise.all([addresses.close(), services.close()]);
      await functions.close();
      await Promise.all([firestore.close(), pubSub.callers.close(), storage.callers.close()]);
    },
  };
}
