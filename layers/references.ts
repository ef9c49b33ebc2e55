/**
 * Names of folders and modules with a package's own tests. Some programs import them all the same, so the name is not
 * sufficient.
 */
export const testNames = ["tests", "conftest"] as const;

const mention = new RegExp(`\\b(?:${testNames.join("|")})\\b`);

/**
 * The paths of test modules that a Python source may load or read, without extension: `a/tests/helper` for `from
 * a.tests import helper`. In doubt a path is included: any string that looks like a module name or a path below one of
 * the source's packages counts.
 *
 * @param file path of the source in the folder of packages.
 */
export function testReferences(file: string, source: string): string[] {
  if (!mention.test(source)) return [];
  const { code, strings } = tokens(source);
  const packages = foldersAbove(file);
  const found = [
    ...imports(code, packages),
    ...strings.flatMap((text) => {
      const path = asPath(text);
      return path === undefined ? [] : [path, ...packages.map((folder) => `${folder}/${path}`)];
    }),
  ];
  return [...new Set(found.filter((path) => mention.test(path)))];
}

/** The folders of a file, innermost first. */
function foldersAbove(file: string): string[] {
  const parts = file.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
}

/**
 * Converts a string that may be a module name or a path; its beginning may be computed: `.tests`, `{package}.tests.x`.
 */
function asPath(text: string): string | undefined {
  const path = text.replace(/\{[^}]*\}/g, "").replaceAll(".", "/");
  return /^[\w/-]+$/.test(path) ? path.split("/").filter(Boolean).join("/") : undefined;
}

const statement =
  /(?:^|[;:])[ \t]*(?:from[ \t]+([.\w \t]+?)[ \t]+import[ \t]*(\([^)]*\)|[^;\n]+)|import[ \t]+([^;\n]+))/gm;

function imports(code: string, packages: readonly string[]): string[] {
  return [...code.replace(/\\\r?\n/g, " ").matchAll(statement)].flatMap(([, from, names = "", modules = ""]) => {
    if (from === undefined) return namesIn(modules).map((module) => module.replaceAll(".", "/"));
    const [, dots = "", module = ""] = /^(\.*)(.*)$/.exec(from.replace(/\s/g, "")) ?? [];
    const base = [dots === "" ? "" : (packages[dots.length - 1] ?? ""), module.replaceAll(".", "/")];
    return namesIn(names).map((name) => [...base, name].filter(Boolean).join("/"));
  });
}

/** The names in `a.b as c, d`, without their aliases. */
function namesIn(list: string): string[] {
  return list.split(",").flatMap((item) => /^[\s(]*([\w.]+|\*)/.exec(item)?.[1] ?? []);
}

const token = /("""|''')(?:\\[\s\S]|[^\\])*?\1|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|#[^\n]*/g;

/** A source's code without comments and strings, and its single-line strings; multi-line strings are prose. */
function tokens(source: string): { code: string; strings: string[] } {
  const strings: string[] = [];
  const code = source.replace(token, (text, triple: string | undefined) => {
    if (text.startsWith("#")) return "";
    const quote = triple?.length ?? 1;
    const content = text.slice(quote, -quote);
    if (mention.test(content)) strings.push(content);
    return '""';
  });
  return { code, strings };
}
