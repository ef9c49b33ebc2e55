/** The ways to declare a namespace package in its `__init__.py`, statement by statement. */
const declarations = {
  pkgutil: [
    /^(from pkgutil import extend_path|import pkgutil)$/,
    /^__path__(?:: ?[\w.[\], ]+)? = (pkgutil\.|__import__\(["']pkgutil["']\)\.)?extend_path\(__path__, ?__name__\)$/,
  ],
  setuptools: [
    /^(from pkg_resources import declare_namespace|import pkg_resources)$/,
    /^(pkg_resources\.|__import__\(["']pkg_resources["']\)\.)?declare_namespace\(__name__\)$/,
  ],
  either: [/^try:$/, /^except( \(?[\w, ]+\)?)?:$/, /^pass$/],
} as const;

/** How an `__init__.py` declares a namespace package; `nothing` if it has no statements. */
export type NamespaceStyle = "pkgutil" | "setuptools" | "nothing";

/** Undefined for a module that does more than declare a namespace. */
export function namespaceStyle(source: string): NamespaceStyle | undefined {
  const statements = source
    .replace(/^\ufeff/, "")
    // A docstring, before any statement.
    .replace(/^((?:[ \t]*(?:#.*)?\r?\n)*)[ \t]*[rRuU]?("""|''')[\s\S]*?\2/, "$1")
    .replace(/\\\r?\n/g, " ")
    .replace(/^(\s*(?:try|except[^:\n]*):)/gm, "$1\n")
    .split(/\r?\n|;/)
    .map((line) => line.replace(/#.*$/, "").replace(/\s+/g, " ").trim())
    .filter((line) => line !== "");
  const styles = statements.map((line) =>
    (["pkgutil", "setuptools", "either"] as const).find((style) => declarations[style].some((form) => form.test(line))),
  );
  if (styles.includes(undefined)) return undefined;
  if (styles.includes("pkgutil")) return "pkgutil";
  return styles.includes("setuptools") ? "setuptools" : "nothing";
}
