import { describe, expect, test } from "vitest";

import { markdown } from "../../../operations/diagnose/markdown";
import type { CheckResult, Report } from "../../../operations/diagnose/report";

const hostile = "```</pre><script>document.title='owned'</script><img src=x onerror=alert(1)> | @team";

const passed = (check: string, cloud?: CheckResult["cloud"]): CheckResult => ({
  check,
  cloud,
  status: "passed",
  summary: "200 in 12 ms",
  findings: [],
  durationMs: 12,
});

const healthy: Report = {
  project: "shop",
  stack: "staging",
  startedAt: "2026-01-02T03:04:05.000Z",
  durationMs: 1234,
  clouds: (["aws", "azure", "gcp"] as const).map((cloud) => ({
    cloud,
    region: "ap-northeast-1",
    apiUrl: `https://api-${"x".repeat(40)}.example.com`,
    frontendUrl: cloud === "gcp" ? undefined : "https://www.example.com",
    functionName: "shop-staging-api",
    version: "3.0.0",
    latencyMs: 12.4,
    layers: cloud === "aws" ? [{ name: "shop-staging-dependencies", version: "7" }] : [],
  })),
  results: [passed("api", "aws"), passed("api", "azure"), passed("toolchain")],
};

const broken: Report = {
  ...healthy,
  clouds: healthy.clouds.map((cloud) => ({ ...cloud, latencyMs: undefined })),
  results: [
    {
      ...passed("log", "aws"),
      status: "failed",
      summary: hostile,
      findings: [
        { severity: "error", title: hostile, evidence: [hostile, "x".repeat(500)], cause: "It is.", next: "pulumi up" },
        { severity: "warning", title: "old", evidence: [] },
      ],
    },
    { ...passed("credentials", "azure"), status: "unknown" },
    ...healthy.results,
  ],
};

describe("the document", () => {
  test("shows the environment in a table, and that it is healthy", () => {
    const text = markdown(healthy);
    expect(text).toMatch(/^# shop, staging: healthy\n/);
    expect(text).toContain("| aws | ap-northeast-1 | https://api-");
    expect(text).toContain("`shop-staging-dependencies:7`");
    expect(text).not.toContain("## Findings");
  });

  test("shows that a cloud without a function for requests has no API", () => {
    const clouds = broken.clouds.map((cloud) => ({ ...cloud, apiUrl: undefined }));
    expect(markdown({ ...broken, clouds })).toMatch(/^\| aws \| ap-northeast-1 \| none \|.*\| no API to ask \|$/m);
  });

  test("begins with the findings, and escapes Markdown in log lines", () => {
    const text = markdown(broken);
    expect(text).toMatch(/^# shop, staging: 1 error, 1 warning\n/);
    expect(text).toContain("It is.\n\n````text\n```</pre>");
    expect(text).toContain("Next: `pulumi up`");
    for (const line of text.split("\n").filter((each) => each.startsWith("| log"))) {
      expect(line.replaceAll("\\|", "").match(/\|/g)).toHaveLength(5);
    }
  });
});
