import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";

import { comment, commentLimit, marker } from "../../../operations/pull-request/comment";
import { parseBundles } from "../../../operations/pull-request/layers";
import { parsePreview, type Preview, type Step } from "../../../operations/pull-request/preview";

// Output of the engine, without source positions and unchanged resources.
const fixture = (name: string) => path.join(__dirname, "fixtures", `${name}.json`);
const preview = (name: string) => parsePreview(readFileSync(fixture(name), "utf8"));

const bundlesText = JSON.stringify({
  bundles: [
    {
      target: "aws",
      kind: "layer",
      name: "dependencies",
      path: "/project/bundle",
      size: 9_100_000,
      packages: [
        { name: "annotated-doc", version: "0.0.4" },
        { name: "fastapi", version: "0.128.0" },
        { name: "mangum", version: "0.17.0" },
        { name: "pydantic", version: "2.12.5" },
      ],
    },
    { target: "aws", kind: "application", name: "api", path: "/project/api", size: 20_000 },
  ],
});
const bundles = parseBundles(bundlesText);

describe("an upgrade of the layer that also renames the table", () => {
  const markdown = comment(preview("upgrade"), { stack: "staging", bundles, runUrl: "https://ci.example/run/1" });

  test("begins with the marker and the counts", () => {
    expect(markdown.split("\n").slice(0, 3)).toEqual([
      "<!-- preview of staging -->",
      "",
      "### `staging` would change: 2 to replace, 1 to delete, 3 to update",
    ]);
  });

  test("warns that the table's content is lost", () => {
    expect(markdown).toContain(
      "> [!CAUTION]\n> `aws-messages` (`aws:dynamodb:Table`) would be replaced with everything in it, because of `name`.",
    );
  });

  test("shows the layer package by package", () => {
    expect(markdown).toContain(
      [
        "`multicloud-auto-deploy-staging-dependencies`: 8.8 MB → 9.1 MB, 4 packages changed, 1 unchanged",
        "",
        "- `annotated-doc 0.0.4` added",
        "- `fastapi 0.115.0 -> 0.128.0`",
        "- `pydantic 2.9.0 -> 2.12.5`",
        "- `python-jose 3.3.0` removed",
      ].join("\n"),
    );
  });

  test("lists resources by kind, replacements and deletions first", () => {
    const rows = markdown.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---"));
    expect(rows).toEqual([
      "| change | count | kind | resources and what changes |",
      "| **replace** | 1 | `aws:dynamodb:Table` | `aws-messages` (`name`) |",
      "| **replace** | 1 | `aws:lambda:LayerVersion` | `aws-dependencies` (`code`) |",
      "| **delete** | 1 | `aws:s3:Bucket` | `old-reports` |",
      "| update | 1 | `aws:iam:RolePolicy` | `aws-api` (`policy`) |",
      "| update | 1 | `aws:lambda:Function` | `aws-api` (`code`, `environment`, `layers`, `memorySize`) |",
      "| update | 1 | `aws:apigatewayv2:Integration` | `aws-http` (`integrationUri`) |",
    ]);
  });

  test("folds the full diff", () => {
    const folded =
      /<details><summary>Full diff<\/summary>\n\n```diff\n([^]*)\n```\n\n<\/details>/.exec(markdown)?.[1] ?? "";
    expect(folded).toContain("-   memorySize: 512\n+   memorySize: 1024");
    expect(folded).toContain("+   layers[0]: (known after the update)");
    expect(folded).toMatch(/-   code: file with sha256 \w{12}\n\+   code: file with sha256 \w{12}/);
    expect(folded).not.toContain("/project/");
  });

  test("ends with a link to the log", () => {
    expect(markdown.trimEnd()).toMatch(/\[The whole log\]\(https:\/\/ci\.example\/run\/1\)$/);
  });
});

test("a first deployment lists what it creates, and its layer's packages", () => {
  const markdown = comment(preview("creation"), { stack: "staging", bundles });
  expect(markdown).toMatch(/would change: \d+ to create\n/);
  expect(markdown).toContain("- `pydantic 2.12.5` added");
  expect(markdown).toContain("| create | 2 | `aws:cloudwatch:LogGroup` | `aws-api`, `aws-http` |");
  expect(markdown).not.toContain("pulumi:providers");
});

test("a function that is deployed with its packages has the same list of them", () => {
  const packages = [
    { name: "fastapi", version: "0.159.1" },
    { name: "pydantic", version: "2.14.3" },
  ];
  const built = {
    bundles: ["azure", "gcp"].map((target) => ({ target, path: `/project/${target}.zip`, size: 14_700_000, packages })),
  };
  const markdown = comment(preview("packages"), { stack: "staging", bundles: parseBundles(JSON.stringify(built)) });
  expect(markdown).toContain(
    "`azure package`: 14.7 MB, 1 package changed, 1 unchanged\n\n- `fastapi 0.165.0 -> 0.159.1`",
  );
  expect(markdown).toContain("`gcp package`: 19.7 MB → 14.7 MB, 1 package changed, 1 unchanged");
});

test("an empty preview is one line", () => {
  expect(comment(preview("unchanged"), { stack: "staging" })).toBe(
    "<!-- preview of staging -->\n\n### `staging` would not change\n",
  );
});

test("without bundles the layer is listed like any other resource", () => {
  const markdown = comment(preview("upgrade"), { stack: "staging" });
  expect(markdown).not.toContain("#### Layers");
  expect(markdown).toContain("`aws:lambda:LayerVersion`");
});

describe("a preview that failed", () => {
  const failed: Preview = {
    steps: [],
    diagnostics: [
      { severity: "error", message: "aws.region: expected one of …\n```\n<img src=x> @everybody" },
      { severity: "warning", message: "a warning" },
    ],
  };

  test("shows the engine's message, in a block that the text cannot end", () => {
    const markdown = comment(failed, { stack: "staging" });
    expect(markdown).toContain("### The preview of `staging` failed");
    expect(markdown).toContain("````text\naws.region: expected one of …\n```\n<img src=x> @everybody\n````");
    expect(markdown).not.toContain("a warning");
  });

  test("is recognised by its exit code if the document has no error, as after a policy violation", () => {
    const markdown = comment(preview("upgrade"), { stack: "staging", exitCode: 255 });
    expect(markdown).toContain("### The preview of `staging` failed");
    expect(markdown).toContain("the log of the run does");
    expect(markdown).toContain("**replace**");
  });
});

const resourceStep = (name: string, inputs: Record<string, unknown>, before: Record<string, unknown> = {}): Step => ({
  op: "update",
  urn: `urn:pulumi:staging::shop::aws:lambda/function:Function::${name}`,
  oldState: { type: "aws:lambda/function:Function", inputs: before, outputs: {} },
  newState: { type: "aws:lambda/function:Function", inputs, outputs: {} },
});

describe("secrets", () => {
  test.each<[string, Record<string, unknown>]>([
    ["a storage account's key", { setting: "AccountName=a;AccountKey=c2VjcmV0;x" }],
    ["a signed address", { packageUri: "https://a.blob.core.windows.net/p/a.zip?sv=1&sig=c2VjcmV0" }],
    ["a value under a telling name", { environment: { variables: { DB_PASSWORD: "c2VjcmV0" } } }],
    ["a private key", { pem: "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0" }],
    [
      "a text asset",
      { code: { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", text: "c2VjcmV0" } },
    ],
  ])("%s is not shown", (_, inputs) => {
    const markdown = comment({ steps: [resourceStep("api", inputs)] }, { stack: "staging" });
    expect(markdown).toContain("[secret]");
    expect(markdown).not.toContain("c2VjcmV0");
  });

  test("a secret that changes is named by the engine's reason", () => {
    const step = { ...resourceStep("api", { key: "[secret]" }, { key: "[secret]" }), diffReasons: ["key"] };
    const markdown = comment({ steps: [step] }, { stack: "staging" });
    expect(markdown).toContain("`api` (`key`)");
    expect(markdown).toContain("-   key: [secret]\n+   key: [secret]");
  });
});

describe("with any names and values of resources", () => {
  const awkward = fc.oneof(
    fc.string(),
    fc.constantFrom("a|b", "`", "```", "</details>", "<!-- preview of staging -->", "\n\n# heading", "@team", "[x](y)"),
    fc.nat(400).map((length) => "`".repeat(length)),
  );
  const steps = fc.array(
    fc.tuple(awkward, fc.dictionary(awkward, awkward), fc.constantFrom("create", "update", "replace", "delete")),
    { maxLength: 20 },
  );

  /** Markdown without code blocks and code spans: the part that GitHub interprets. */
  function interpreted(markdown: string): string {
    return markdown.replace(/^(`{3,})[a-z]*\n[^]*?\n\1$/gm, "").replace(/(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, "");
  }

  test("GitHub interprets none of them", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const document = all.map(([name, inputs, op]) => ({ ...resourceStep(name, inputs), op }));
        const markdown = interpreted(comment({ steps: document }, { stack: "staging" }));
        expect(markdown.match(/<!--/g)).toHaveLength(1);
        expect(markdown.match(/<\/details>/g) ?? []).toHaveLength(markdown.match(/<details>/g)?.length ?? 0);
        expect(markdown).not.toContain("@team");
        expect(markdown).not.toContain("[x](y)");
        expect(markdown).not.toContain("# heading");
      }),
    );
  });

  test("it fits into one comment", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3000 }), (all, times) => {
        const document = all.flatMap(([name, inputs, op], index) =>
          Array.from({ length: Math.ceil(times / (index + 1)) }, (_, copy) => ({
            ...resourceStep(`${name}${copy}`, { ...inputs, long: "x".repeat(times) }),
            op,
          })),
        );
        expect(comment({ steps: document }, { stack: "staging" }).length).toBeLessThanOrEqual(commentLimit);
      }),
      { numRuns: 30 },
    );
  });
});

test("a diff that is too long is cut between resources, and says so", () => {
  const many = Array.from({ length: 900 }, (_, index) => resourceStep(`fn-${index}`, { description: "x".repeat(120) }));
  const markdown = comment({ steps: many }, { stack: "staging", runUrl: "https://ci.example/1" });
  expect(markdown.length).toBeLessThanOrEqual(commentLimit);
  expect(markdown.length).toBeGreaterThan(commentLimit * 0.9);
  expect(markdown).toMatch(/# \d+ more resources: they are too many for one comment\n```\n\n<\/details>/);
  expect(markdown).toContain("and 892 more");
  expect(markdown).toContain("[The whole log]");
});

test("each stack has its own marker, whatever its name", () => {
  expect(marker("staging")).not.toBe(marker("production"));
  expect(marker("a-->b")).toBe("<!-- preview of a---b -->");
});

describe("the command", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "comment-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const run = (input: string, ...args: string[]) => {
    const running = promisify(execFile)(
      "node",
      ["--require", "./run-typescript.js", "cli/preview-comment.ts", ...args],
      {
        cwd: path.join(__dirname, "..", "..", ".."),
      },
    );
    running.child.stdin?.end(input);
    return running;
  };

  test("reads standard input", async () => {
    const file = path.join(folder, "bundles.json");
    writeFileSync(file, bundlesText);
    const { stdout } = await run(readFileSync(fixture("upgrade"), "utf8"), "--bundles", file);
    expect(stdout).toBe(comment(preview("upgrade"), { stack: "staging", bundles }));
  });

  test("reports a failed preview without output", async () => {
    const { stdout } = await run("", "--exit-code", "255");
    expect(stdout).toMatch(
      /^<!-- preview of staging -->[^]*The preview of `staging` failed[^]*before it produced any output/,
    );
  });

  test("names the needed input if there is none", async () => {
    await expect(run("")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/expected the JSON of `pulumi preview --json`, found nothing/) as unknown,
    });
  });
});

describe("the releases", () => {
  const step = (type: string, before: object, after: object, op = "update"): Step => ({
    op,
    urn: `urn:pulumi:staging::shop::multicloud:x:Y$${type}::x-api`,
    oldState: { type, inputs: { ...before }, outputs: {} },
    newState: { type, inputs: { ...after }, outputs: {} },
  });
  const lambda = (description: string) => ({ description });
  const run = (code: string, allTrafficOnLatestRevision = true) => ({
    serviceConfig: {
      environmentVariables: { MULTICLOUD_CODE: code, MULTICLOUD_RELEASE: "c" },
      allTrafficOnLatestRevision,
    },
  });
  const package_ = (release: string) => ({ metadata: { release } });
  const deployed = (value: string) => ({ properties: { parameters: { release: { value } } } });
  const [fn, blob, service] = [
    "aws:lambda/function:Function",
    "azure-native:storage:Blob",
    "gcp:cloudfunctionsv2/function:Function",
  ] as const;

  test.each<[string, Step[], string[]]>([
    [
      "that would serve",
      [
        step(fn, lambda("a.c"), lambda("b.c")),
        step(blob, package_("a"), package_("b"), "replace"),
        step(service, run("a"), run("b")),
      ],
      [
        "- aws: `x-api` goes from `a.c` to `b.c`",
        "- azure: `x-api` goes from `a` to `b`",
        "- gcp: `x-api` goes from `a.c` to `b.c`",
      ],
    ],
    [
      "that are known later",
      [step(fn, lambda("a.c"), lambda("04da6b54-80e4-46f7-96ec-b56ff0331ba9"))],
      ["- aws: `x-api` goes from `a.c` to another one, known after the update"],
    ],
    [
      "that a rollback has left",
      [
        step(fn, lambda("b.c"), lambda("b.c"), "same"),
        step("aws:lambda/alias:Alias", { functionVersion: "1" }, { functionVersion: "2" }),
        step(blob, package_("b"), package_("b"), "same"),
        step("azure-native:resources:Deployment", deployed("a.zip"), deployed("b.zip")),
        step(service, run("b", false), run("b")),
      ],
      [
        "- aws: `x-api` serves an earlier release after a rollback, and would serve `b.c` again",
        "- azure: `x-api` serves an earlier release after a rollback, and would serve `b` again",
        "- gcp: `x-api` serves an earlier release after a rollback, and would serve `b.c` again",
      ],
    ],
    [
      "that a rollback has left of two colours",
      [
        step(blob, package_("b"), package_("b"), "same"),
        step("azure-native:web:WebApp", { tags: {} }, { tags: {} }, "same"),
        {
          ...step("azure-native:cdn:Route", {}, {}),
          urn: "urn:pulumi:staging::shop::azure-native:cdn:Route::x-web-api",
        },
      ],
      ["- azure: `x-api` serves an earlier release after a rollback, and would serve `b` again"],
    ],
    [
      "whose code goes to the other colour with other settings",
      [
        step(blob, package_("b"), package_("b"), "same"),
        step("azure-native:web:WebApp", { tags: {} }, { tags: { release: "b.d" } }),
        {
          ...step("azure-native:cdn:Route", {}, {}),
          urn: "urn:pulumi:staging::shop::azure-native:cdn:Route::x-web-api",
        },
      ],
      [],
    ],
    [
      "that stay",
      [
        step(fn, { ...lambda("a.c"), tags: {} }, lambda("a.c")),
        step("azure-native:resources:Deployment", deployed("a.zip"), deployed("a.zip")),
        step(blob, package_("a"), package_("a"), "same"),
      ],
      [],
    ],
  ])("%s are named", (_, steps, lines) => {
    const markdown = comment({ steps }, { stack: "staging" });
    expect(markdown.split("\n").filter((line) => /^- (aws|azure|gcp): /.test(line))).toEqual(lines);
  });
});
