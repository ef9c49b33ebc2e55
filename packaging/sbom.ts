import { readFileSync } from "node:fs";
import path from "node:path";

import { Enums, Models, Serialize, Spec, SPDX } from "@cyclonedx/cyclonedx-library";
import { z } from "zod";

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/**
 * CycloneDX of a package: its direct and transitive dependencies, with the versions and hashes that this repository is
 * tested with.
 *
 * @param dependencies names, without this project's own packages.
 */
export function sbomOf(
  { name, version, license }: { readonly name: string; readonly version: string; readonly license: string },
  dependencies: readonly string[],
): string {
  const lock = lockSchema.parse(JSON.parse(readFileSync(path.join(__dirname, "..", "package-lock.json"), "utf8")));
  const found = new Map<string, Models.Component>();
  const todo = dependencies.map((dependency) => installedAt(lock.packages, dependency, ""));
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    const entry = lock.packages[at];
    if (entry?.version === undefined || found.has(at)) continue;
    found.set(at, componentOf(at.slice(at.lastIndexOf("node_modules/") + "node_modules/".length), entry));
    for (const dependency of Object.keys(entry.dependencies)) todo.push(installedAt(lock.packages, dependency, at));
  }
  const bom = new Models.Bom();
  const own = new Models.Component(Enums.ComponentType.Library, name, { version });
  own.bomRef.value = `${name}@${version}`;
  own.licenses.add(new Models.SpdxLicense(license));
  bom.metadata.component = own;
  for (const component of found.values()) bom.components.add(component);
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** The folder that Node.js resolves a package to, from another's folder. */
function installedAt(packages: z.output<typeof lockSchema>["packages"], name: string, from: string): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const candidate = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (packages[candidate] !== undefined || at === "") return candidate;
  }
}

function componentOf(
  name: string,
  { version = "", license, integrity }: { version?: string; license?: string; integrity?: string },
): Models.Component {
  const component = new Models.Component(Enums.ComponentType.Library, name, { version });
  component.purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  component.bomRef.value = `${name}@${version}`;
  if (license !== undefined) {
    const known = SPDX.isSupportedSpdxId(license);
    component.licenses.add(known ? new Models.SpdxLicense(license) : new Models.NamedLicense(license));
  }
  const [, hash] = /^sha512-(\S+)/.exec(integrity ?? "") ?? [];
  if (hash !== undefined) {
    component.hashes.set(Enums.HashAlgorithm["SHA-512"], Buffer.from(hash, "base64").toString("hex"));
  }
  return component;
}
