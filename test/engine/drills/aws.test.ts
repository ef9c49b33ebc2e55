import path from "node:path";

import { afterAll, beforeAll } from "vitest";

import { execute, LocalDeployment } from "../local-deployment";
import { attachedLayer, change, type Drill, lambda, only, practise, publishedByHand, rezipped } from "./drill";

const checkout = path.join(__dirname, "..", "..", "..");
const deployment = new LocalDeployment(["clouds=[aws]", "aws.frontend.enabled=false"]);

beforeAll(() => deployment.restore());

afterAll(() => deployment.end());

/** What only Lambda and API Gateway have. */
const drills: readonly Drill[] = [
  {
    name: "a layer of another architecture",
    faults: {
      aws: {
        async make(store) {
          const pythonVersion = String(only(store, lambda).inputs.runtime).replace("python", "");
          const flags = ["--target", "aws", "--architecture", "arm64", "--python-version", pythonVersion, "--json"];
          const built = await execute([path.join(checkout, "cli", "layer.ts"), "build", ...flags], checkout);
          const { bundles } = JSON.parse(built.stdout) as { bundles: { kind: string; path: string }[] };
          const layer = bundles.find(({ kind }) => kind === "layer");
          const code = store.keep(layer?.path ?? "");
          change(store, attachedLayer(store), { compatibleArchitectures: ["arm64"], code });
        },
        first: {
          check: "compatibility",
          title: /-dependencies:\d+ is for arm64, the function's architecture is x86_64/,
        },
      },
    },
  },
  {
    name: "the layer is detached",
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

practise(deployment, drills);
