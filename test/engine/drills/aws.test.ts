import path from "node:path";

import { afterAll, beforeAll } from "vitest";

import { execute, LocalDeployment } from "../local-deployment";
import { onAws } from "../../../local/drills/drills";
import { attachedLayer, change, type Drill, lambda, only } from "../../../local/drills/faults";
import { practise } from "./drill";

const checkout = path.join(__dirname, "..", "..", "..");
const deployment = new LocalDeployment(["clouds=[aws]", "aws.frontend.enabled=false"]);

beforeAll(() => deployment.restore());

afterAll(() => deployment.end());

/** Drills for Lambda and API Gateway. */
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
  ...onAws,
];

practise(deployment, drills);
