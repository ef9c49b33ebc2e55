import { expect, test } from "vitest";

import { deployments } from "../../bench/deployments";
import { deploymentsMarkdown } from "../../bench/report";

test.each([
  ["an application that is not there", { application: "examples/shp" }, /there is no examples\/shp\/pyproject\.toml/],
  [
    "a secret without a value",
    { application: "examples/shop" },
    /functions\.api\.secrets\.PAYMENT_KEY: .* give --config/,
  ],
  ["an unknown setting", { aplication: "examples/shop" }, /did you mean application\?\nChange --config aplication/],
])("%s is an error before anything is deployed", async (_, settings, message) => {
  await expect(deployments(1, settings, () => undefined)).rejects.toThrow(message);
});

test("the report has a line for each probe, and names functions without one", () => {
  const measured = { clouds: ["aws"], resources: 20, up: 3, preview: { median: 1, runs: [1] } };
  const requests = { aws: [{ name: "api", path: "/health", cold: 0.5, warm: 0.01 }] };
  expect(deploymentsMarkdown([{ ...measured, requests }])).toContain("| aws | api | `/health` | 0.50 s | 10.0 ms |");
  expect(deploymentsMarkdown([{ ...measured, requests: { aws: [] } }])).toContain(
    "No function of the application answers",
  );
});
