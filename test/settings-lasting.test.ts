import { expect, test } from "vitest";

import { parseSettings } from "../settings";
import { lastingSettings } from "../settings/lasting";

const table = { name: "orders", partitionKey: "id", sortKey: "line" };

/** The lasting settings of a stack with these Azure settings, without Azure's region and account. */
function kept(azure: Readonly<Record<string, unknown>>, site?: string): string[] {
  const settings = parseSettings(
    { "shop:clouds": ["azure"], "shop:azure": azure },
    { project: "shop", stack: "staging" },
  );
  return lastingSettings(settings, { site, tables: [table] }).map(({ setting, value }) => `${setting}=${value}`);
}

const always = ["azure.region=japaneast", "azure.storageAccountName="];

test("Front Door's tier is kept if there is a Front Door", () => {
  expect(kept({}, "/shop/site")).toEqual([...always, "azure.frontend.waf=false"]);
  expect(kept({ frontend: { waf: true } }, "/shop/site")).toEqual([...always, "azure.frontend.waf=true"]);
});

test("and not if the frontend is off or the application has no site", () => {
  expect(kept({ frontend: { enabled: false } }, "/shop/site")).toEqual(always);
  expect(kept({ frontend: { waf: true } })).toEqual(always);
});

test("a Google Cloud project is kept, like a region", () => {
  const settings = parseSettings(
    { "shop:clouds": ["gcp"], "shop:gcp": { project: "shop-123456" } },
    { project: "shop", stack: "staging" },
  );
  const lasting = lastingSettings(settings, { site: undefined, tables: [table] });
  expect(lasting.map(({ setting, value }) => `${setting}=${value}`)).toEqual([
    "gcp.region=asia-northeast1",
    "gcp.project=shop-123456",
  ]);
});
