import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { readApplication } from "../../contract/application";
import { lockedPackages, lockFile, requirementsHeader } from "../../layers/lock";
import { readLock } from "../../layers/lock-forms";
import { planLayers } from "../../layers/strategy";
import { readFileSync } from "node:fs";

const folder = mkdtempSync(path.join(tmpdir(), "lock-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const checkout = path.join(__dirname, "..", "..");
const board = readApplication(checkout, "application");
const file = (target: string) => path.join(checkout, "application", "requirements", `${target}.in`);

describe("the project's locks", () => {
  it.each(["aws", "azure", "gcp"] as const)(
    "match the requirements of %s, and contain no index and no local path",
    async (target) => {
      const lock = await readLock(target, file(target));
      expect(lock.packages.filter(({ required }) => required).length).toBeGreaterThan(3);
      expect(lock.packages.every(({ hashes }) => hashes.size > 0)).toBe(true);
      const text = readFileSync(lockFile(file(target)), "utf8");
      expect(text).not.toMatch(/https?:|file:|--(extra-)?index-url|--find-links/);
      expect(text).not.toMatch(/^\s*#.*\//m);
    },
  );

  it.each(["aws"] as const)("of %s can be split by its groups", async (target) => {
    const lock = await readLock(target, file(target));
    const layers = planLayers({ kind: "split", groups: board.layers.groups }, lock);
    expect(layers.flatMap(({ packages }) => packages).sort()).toEqual(lock.packages.map(({ name }) => name).sort());
    expect(layers.every(({ packages }) => packages.length > 0)).toBe(true);
  });
});

describe("a lock", () => {
  it("has the origin of each package, and its accepted files", () => {
    const hash = (digit: string) => digit.repeat(64);
    const [first, second, third] = lockedPackages(
      [
        "Typing_Extensions==4.0 \\",
        `    --hash=sha256:${hash("a")} \\`,
        `    --hash=sha256:${hash("b")}`,
        "    # via anyio, -r aws.in, pydantic",
        "pywin32==311 ; sys_platform == 'win32' \\",
        `    --hash=sha256:${hash("c")}`,
        "    # via msal",
        "bare==1.0",
        "",
      ].join("\n"),
    );
    expect(first).toMatchObject({
      name: "typing-extensions",
      version: "4.0",
      required: true,
      neededBy: ["anyio", "pydantic"],
      hashes: new Set([hash("a"), hash("b")]),
    });
    expect(second).toMatchObject({ name: "pywin32", version: "311", required: false, neededBy: ["msal"] });
    expect(second?.statement).toContain("sys_platform == 'win32'");
    expect(third).toMatchObject({ name: "bare", required: false, neededBy: [] });
  });

  it.each([
    "flask @ https://example.com/flask",
    ...["flask===3.0", "./flask", "flask>=3", "flask==3.*", "flask==3.0,<4", "  flask>=3", "    --no-deps"],
  ])("is refused with %s, which would be left out", (line) => {
    expect(() => lockedPackages(`idna==3.0\n${line} \\\n    --hash=sha256:${"a".repeat(64)}\n`)).toThrow(
      `a lock has ${JSON.stringify(line.trim())}, which is no release of an index`,
    );
  });

  it("may have extras", () => {
    expect(lockedPackages("# a comment\npyjwt[crypto]==2.1\n")).toMatchObject([{ name: "pyjwt", version: "2.1" }]);
  });

  it.each(["-r common.in", "-c limits.txt", "--requirement=common.in"])(
    "is refused for requirements with %s",
    async (line) => {
      writeFileSync(path.join(folder, "azure.in"), `flask\n${line}\n`);
      await expect(readLock("azure", path.join(folder, "azure.in"))).rejects.toThrow(
        `azure.in has "${line}": write what that file has`,
      );
    },
  );

  it.each([`flask==3.0 --hash=sha256:${"a".repeat(64)}`, `flask==3.0 \\\n    --hash=sha256:${"a".repeat(64)}`])(
    "is refused for requirements with hashes of their own: %s",
    async (line) => {
      writeFileSync(path.join(folder, "azure.in"), `${line}\n`);
      await expect(readLock("azure", path.join(folder, "azure.in"))).rejects.toThrow(
        /azure\.in has "flask==3\.0 --hash=sha256:a+": leave hashes to the lock/,
      );
    },
  );

  it("is rejected for other requirements, and names their file", async () => {
    writeFileSync(path.join(folder, "gcp.in"), "flask\n");
    writeFileSync(path.join(folder, "gcp.lock"), `${requirementsHeader("flask")}flask==3.0\n`);
    await expect(readLock("gcp", path.join(folder, "gcp.in"))).resolves.toMatchObject({ target: "gcp" });
    writeFileSync(path.join(folder, "gcp.in"), "flask<3\n");
    await expect(readLock("gcp", path.join(folder, "gcp.in"))).rejects.toThrow(
      /gcp\.lock does not match .*gcp\.in.*lock --target gcp/s,
    );
    writeFileSync(path.join(folder, "gcp.lock"), "flask==3.0\n");
    await expect(readLock("gcp", path.join(folder, "gcp.in"))).rejects.toThrow(/made for unknown requirements/);
  });

  it("that is missing is named, with the command that writes it for its application", async () => {
    writeFileSync(path.join(folder, "aws.in"), "flask\n");
    rmSync(path.join(folder, "aws.lock"), { force: true });
    const missing = () => readLock("aws", path.join(folder, "aws.in"));
    await expect(missing()).rejects.toThrow(
      /aws\.lock, the lock of .*aws\.in, cannot be read; run: .* lock --target aws$/,
    );
    writeFileSync(path.join(folder, "pyproject.toml"), "[tool.multicloud.functions.api]\n");
    await expect(missing()).rejects.toThrow(`run: npm run layer -- lock --application ${folder} --target aws`);
    rmSync(path.join(folder, "pyproject.toml"));
  });
});
