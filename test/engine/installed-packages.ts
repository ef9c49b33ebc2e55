import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { z } from "zod";

import type { Run } from "./local-deployment";

const checkout = path.join(__dirname, "..", "..");
const call = promisify(execFile);

const versions = z.record(z.string(), z.string()).default({});
const manifestSchema = z.object({ name: z.string(), dependencies: versions, peerDependencies: versions });

/** Runs `npm pack` on built packages. @returns the tarballs. */
export async function pack(folders: readonly string[], destination: string): Promise<string[]> {
  mkdirSync(destination, { recursive: true });
  await call("npm", ["pack", ...folders, "--silent", "--ignore-scripts", "--pack-destination", destination]);
  return readdirSync(destination)
    .filter((name) => name.endsWith(".tgz"))
    .map((name) => path.join(destination, name));
}

/**
 * Installs tarballs into a project like npm, but links their declared dependencies to this checkout: an undeclared
 * package is missing, and half a gigabyte is not written.
 */
export async function install(tarballs: readonly string[], project: string): Promise<void> {
  const modules = path.join(project, "node_modules");
  for (const tarball of tarballs) {
    const folder = path.join(modules, path.basename(tarball).replace(/-\d.*$/, ""));
    mkdirSync(folder, { recursive: true });
    await call("tar", ["-xzf", tarball, "-C", folder, "--strip-components", "1"]);
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")));
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) share(name, modules);
  }
  for (const name of ["typescript", "@types/node"]) share(name, modules);
}

/** The tarballs contain this project's own packages. */
function share(name: string, modules: string): void {
  const at = path.join(modules, name);
  if (name.startsWith("multicloud-") || existsSync(at)) return;
  mkdirSync(path.dirname(at), { recursive: true });
  symlinkSync(path.join(checkout, "node_modules", name), at);
}

/** Bytes of all files below a folder, without links. */
export function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((found) => found.isFile())
    .map((found) => path.join(found.parentPath, found.name))
    .reduce((sum, file) => sum + statSync(file).size, 0);
}

/** Runs a program of an installed package in the project. */
export function run(project: string, program: string, args: readonly string[]): Promise<Run> {
  return runProcess(project, [path.join(project, "node_modules", program), ...args]);
}

/** Runs a process in the project. Default: Node.js. */
export async function runProcess(
  project: string,
  args: readonly string[],
  { program = process.execPath, env = {} }: { program?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd: project, env: { ...process.env, ...env } }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

/** `npm install` of the tarballs and the project's dependencies, from npm's cache if possible. */
export async function npmInstall(tarballs: readonly string[], project: string): Promise<void> {
  const listed = manifestSchema.parse(JSON.parse(readFileSync(path.join(project, "package.json"), "utf8")));
  const own = checkoutVersions();
  const sdks = [
    "@pulumi/pulumi",
    "@pulumi/aws",
    "@pulumi/azure-native",
    "@pulumi/gcp",
    "@pulumi/command",
    "@pulumi/policy",
  ];
  const others = [...sdks, "typescript", "@types/node"].map((name) => `${name}@${own[name] ?? ""}`);
  // Not published yet: use the tarballs instead.
  const kept = Object.entries(listed.dependencies).filter(([name]) => !name.startsWith("multicloud-"));
  writeFileSync(
    path.join(project, "package.json"),
    JSON.stringify({ name: listed.name, main: "index.ts", dependencies: Object.fromEntries(kept) }),
  );
  const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"];
  await call("npm", ["install", ...flags, ...tarballs, ...others], { cwd: project });
}

function checkoutVersions(): Record<string, string> {
  const { dependencies, devDependencies } = z
    .object({ dependencies: versions, devDependencies: versions })
    .parse(JSON.parse(readFileSync(path.join(checkout, "package.json"), "utf8")));
  return { ...dependencies, ...devDependencies };
}

/** The `package.json` of a user's project. */
export function writeManifest(project: string): void {
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ name: path.basename(project), main: "index.ts" }));
}
