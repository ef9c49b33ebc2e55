import type { Models } from "@cyclonedx/cyclonedx-library";

import type { Manifest, PackageManifest } from "./manifest";

/**
 * A bundle's software bill of materials: CycloneDX 1.6 as JSON, without the date and serial number, so that it is
 * reproducible.
 */
export async function sbomOf(manifest: Manifest): Promise<string> {
  const { Enums, Models, Serialize, Spec } = await import("@cyclonedx/cyclonedx-library");
  const sha256 = Enums.HashAlgorithm["SHA-256"];

  const components = new Map<string, Models.Component>();
  for (const { name, version, licence, wheel, sha256: hash, source } of manifest.packages) {
    const purl = `pkg:pypi/${name}@${version}`;
    const component = new Models.Component(Enums.ComponentType.Library, name, { version, purl, bomRef: purl });
    component.hashes.set(sha256, hash);
    component.properties.add(new Models.Property("wheel", wheel));
    if (source !== undefined) {
      component.properties.add(new Models.Property("source", `${source.filename} sha256:${source.sha256}`));
    }
    const described = await licenceOf(licence);
    if (described) component.licenses.add(described);
    components.set(name, component);
  }
  for (const { name, requires } of manifest.packages) {
    for (const required of dependenciesIn(components, requires))
      components.get(name)?.dependencies.add(required.bomRef);
  }

  const bundle = new Models.Component(Enums.ComponentType.Application, manifest.name, {
    version: manifest.sha256.slice(0, 12),
    bomRef: `${manifest.target}/${manifest.kind}/${manifest.name}`,
  });
  bundle.hashes.set(sha256, manifest.sha256);
  const bom = new Models.Bom({ components: new Models.ComponentRepository(components.values()) });
  bom.metadata.component = bundle;
  for (const { bomRef } of components.values()) bundle.dependencies.add(bomRef);
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function dependenciesIn(components: ReadonlyMap<string, Models.Component>, names: PackageManifest["requires"]) {
  return names.flatMap((name) => components.get(name) ?? []);
}

async function licenceOf(text: string) {
  const { Models, SPDX } = await import("@cyclonedx/cyclonedx-library");
  if (text === "") return undefined;
  if (SPDX.isSupportedSpdxId(text)) return new Models.SpdxLicense(text);
  return / (AND|OR|WITH) /.test(text) ? new Models.LicenseExpression(text) : new Models.NamedLicense(text);
}
