import { describe, expect, it } from "vitest";

import type { EntryPoint, PythonFunction } from "../../contract/application";
import { clouds } from "../../contract/clouds";
import { adapterFiles, entryFile, entryModule } from "../../layers/adapters";

function described(protocol: EntryPoint["protocol"], kind: PythonFunction["kind"] = "http"): PythonFunction {
  const entryPoint = { protocol, module: "shop.main", attribute: "made.app" };
  const common = { name: "the-api", requirements: {}, environment: {}, secrets: [], tables: [] };
  const entryPoints = { aws: entryPoint, azure: entryPoint, gcp: entryPoint };
  return kind === "http"
    ? { ...common, entryPoints, kind, routes: ["/*"], probes: [{ path: "/", status: 200 }] }
    : { ...common, entryPoints, kind, schedule: { kind: "rate", minutes: 60 } };
}

async function entry(cloud: (typeof clouds)[number], fn: PythonFunction): Promise<string> {
  const files = await adapterFiles(cloud, [fn], new Map([[fn.name, "c0de"]]));
  const found = files.find(({ name }) => name === entryFile(cloud, fn.name));
  return found?.content.toString() ?? "";
}

describe("the entry of a function", () => {
  it.each(clouds)(
    "on %s imports the application, and passes its attribute to the protocol's adapter",
    async (cloud) => {
      for (const protocol of ["asgi", "wsgi", "handler"] as const) {
        const text = await entry(cloud, described(protocol));
        expect(text).toContain("from shop.main import made as target");
        expect(text).toMatch(/\btarget\.app\b/);
        expect(text).toContain('release.announce("the-api")');
      }
      expect(await entry(cloud, described("handler", "schedule"))).toMatch(/\.job_handler\(.*target\.app\)/);
    },
  );

  it("on AWS reads the secrets before it imports the application", async () => {
    const text = await entry("aws", described("asgi"));
    expect(text.indexOf("aws.load_secrets()")).toBeLessThan(text.indexOf("from shop.main"));
    expect(entryModule.aws("the-api")).toBe("multicloud_the_api");
  });

  it.each(clouds)("on %s includes the release and no other cloud's adapter", async (cloud) => {
    const files = await adapterFiles(cloud, [described("asgi")], new Map([["the-api", "c0de"]]));
    const names = files.map(({ name }) => name);
    const build = files.find(({ name }) => name === "multicloud_runtime/build.json")?.content.toString() ?? "";
    expect(JSON.parse(build)).toEqual({ functions: { "the-api": "c0de" } });
    for (const other of clouds) {
      expect(names.includes(`multicloud_runtime/${other}.py`), other).toBe(other === cloud);
    }
    expect(names.includes("host.json")).toBe(cloud === "azure");
  });
});
