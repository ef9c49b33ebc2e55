/** The type in a URN of Pulumi: `urn:pulumi:<stack>::<project>::<parent$...$type>::<name>`. */
export function typeIn(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** The name in a URN of Pulumi, which may contain colons. */
export function nameIn(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
