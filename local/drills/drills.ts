import { rmSync } from "node:fs";
import path from "node:path";

import {
  change,
  crashing,
  type Drill,
  emptied,
  lambda,
  only,
  otherPage,
  packageOf,
  publishedByHand,
  rezipped,
} from "./faults";

/** Why a refresh does not detect changes inside a package, by the providers' behaviour tables. */
const unread = { lambda: "aws does not read a function's code", blob: "azure-native does not read what is in a blob" };

/** Faults on several clouds. */
export const everywhere: readonly Drill[] = [
  {
    name: "a package is missing",
    faults: {
      aws: {
        make: (store) =>
          rezipped(store, publishedByHand(store), "layerCode", (file) =>
            file.includes("/starlette/") ? undefined : "as it is",
          ),
        first: { check: "log", title: /missing module starlette/ },
      },
      azure: {
        make: (store) =>
          rezipped(store, packageOf(store, "azure-native:storage:Blob"), "source", (file) =>
            file.includes("/starlette/") ? undefined : "as it is",
          ),
        first: { check: "log", title: /missing module starlette/ },
        unseen: unread.blob,
      },
    },
  },
  {
    name: "the code crashes",
    faults: {
      aws: {
        make: (store) => rezipped(store, publishedByHand(store), "code", crashing),
        first: { check: "log", title: /RuntimeError: drill/ },
        unseen: unread.lambda,
      },
      azure: {
        make: (store) => rezipped(store, packageOf(store, "azure-native:storage:Blob"), "source", crashing),
        first: { check: "log", title: /RuntimeError: drill/ },
        unseen: unread.blob,
      },
    },
  },
  {
    name: "identities without rights",
    id: "no-rights",
    story: "Every right of the functions is taken away.",
    faults: {
      aws: {
        make: (store) => {
          store.delete(only(store, "aws:iam/rolePolicy:RolePolicy"));
        },
        first: { check: "log", title: /its log is empty/ },
      },
      azure: {
        make: (store) => {
          for (const role of store.list("azure-native:authorization:RoleAssignment")) store.delete(role);
        },
        first: { check: "log", title: /permission denied/ },
      },
      gcp: {
        make: (store) => {
          for (const role of store.list("gcp:projects/iAMMember:IAMMember")) store.delete(role);
        },
        first: { check: "log", title: /permission denied/ },
      },
    },
  },
  {
    name: "the function may not be called",
    id: "not-callable",
    story: "Who may call the functions is taken away.",
    faults: {
      aws: {
        make: (store) => {
          store.delete(only(store, "aws:lambda/permission:Permission"));
        },
        first: { check: "log", title: /API Gateway may not invoke the function/ },
      },
      gcp: {
        make: (store) => {
          store.delete(only(store, "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"));
        },
        first: { check: "api", title: /GET \/api\/ answers 403/ },
      },
    },
  },
  {
    name: "another Python",
    faults: {
      azure: {
        make: (store) => {
          const app = only(store, "azure-native:web:WebApp");
          const runtime = { name: "python", version: "3.11" };
          change(store, app, { functionAppConfig: { ...(app.inputs.functionAppConfig as object), runtime } });
        },
        first: {
          check: "compatibility",
          title: /the package is for python3\.\d+, the function's runtime is python3\.11/,
        },
      },
    },
  },
  {
    name: "the table is deleted",
    faults: {
      aws: {
        make: (store, state) => {
          store.delete(only(store, "aws:dynamodb/table:Table"));
          rmSync(path.join(state, "aws", "dynamodb"), { recursive: true });
        },
        first: { check: "table", title: /table .*-messages is not there/ },
      },
      azure: {
        make: (store, state) => {
          store.delete(only(store, "azure-native:storage:Table"));
          rmSync(path.join(state, "azure-native", "tables"), { recursive: true });
        },
        first: { check: "table", title: /table messages is not there/ },
      },
      gcp: {
        make: (store) => {
          store.delete(only(store, "gcp:firestore/database:Database"));
        },
        first: { check: "table", title: /table messages is not there/ },
      },
    },
  },
  {
    name: "the frontend is emptied",
    id: "empty-frontend",
    story: "The pages of the frontends are deleted.",
    faults: {
      aws: emptied("aws:s3/bucketObjectv2:BucketObjectv2"),
      azure: emptied("azure-native:storage:Blob"),
      gcp: emptied("gcp:storage/bucketObject:BucketObject"),
    },
  },
  {
    name: "a page is changed by hand",
    id: "other-page",
    story: "The first page of each frontend is another one.",
    faults: {
      aws: otherPage("aws:s3/bucketObjectv2:BucketObjectv2", "key"),
      azure: otherPage("azure-native:storage:Blob", "blobName"),
      gcp: otherPage("gcp:storage/bucketObject:BucketObject", "name"),
    },
  },
];

/** Faults of Lambda and API Gateway. */
export const onAws: readonly Drill[] = [
  {
    name: "the layer is detached",
    id: "missing-layer",
    story: "A version of the function is published without its layer, as by hand in the console, and serves.",
    faults: {
      aws: {
        make: (store) => {
          change(store, publishedByHand(store), { layers: [], layerCode: [] });
        },
        first: { check: "function", title: /layer .*-dependencies is not attached/ },
      },
    },
  },
  {
    name: "native modules of another architecture",
    id: "wrong-platform",
    story:
      "A version of the function is published with a layer whose native module is for another processor, and serves.",
    faults: {
      aws: {
        make: (store) =>
          rezipped(store, publishedByHand(store), "layerCode", (file) =>
            /_pydantic_core\..*\.so$/.test(file) ? undefined : "as it is",
          ),
        first: { check: "log", title: /wrong-platform wheel: pydantic_core\._pydantic_core/ },
      },
    },
  },
  {
    name: "the function never answers",
    faults: {
      aws: {
        async make(store) {
          await rezipped(store, publishedByHand(store), "code", (file) =>
            file === "api/app.py" ? "import time\n\ntime.sleep(60)\n" : "as it is",
          );
        },
        first: { check: "log", title: /^timeout/ },
      },
    },
  },
  {
    name: "a role without the table",
    id: "role-without-table",
    story: "The function's role loses its rights to the table.",
    faults: {
      aws: {
        make: (store) => {
          const policy = only(store, "aws:iam/rolePolicy:RolePolicy");
          change(store, policy, { policy: String(policy.inputs.policy).replaceAll("dynamodb:", "sqs:") });
        },
        first: { check: "log", title: /permission denied/ },
      },
    },
  },
  {
    name: "the function may not run",
    id: "no-concurrency",
    story: "The function's reserved concurrency is set to 0.",
    faults: {
      aws: {
        make: (store) => {
          change(store, only(store, lambda), { reservedConcurrentExecutions: 0 });
        },
        first: { check: "function", title: /^throttled: the function's reserved concurrency is 0/ },
      },
    },
  },
  {
    name: "the API lets nothing through",
    id: "throttled",
    story: "The API's limits are set to 0 requests a second.",
    faults: {
      aws: {
        make: (store) => {
          const throttled = { throttlingBurstLimit: 0, throttlingRateLimit: 0 };
          change(store, only(store, "aws:apigatewayv2/stage:Stage"), { defaultRouteSettings: throttled });
        },
        first: { check: "log", title: /^throttled/ },
      },
    },
  },
];

/** The drills that work while the clouds are running, and that a refresh repairs. */
export const offered: readonly (Drill & { readonly id: string })[] = [...onAws, ...everywhere].flatMap((drill) => {
  const { id } = drill;
  return id === undefined ? [] : [{ ...drill, id }];
});
