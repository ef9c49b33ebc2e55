/**
 * Names of folders and modules that serve a package's own tests. Programs import some of them all the same, so that the name
 * alone says nothing.
 */
export const testNames = ["tests", "conftest"] as const;

const mention = new RegExp(`\\b(?:${testNames.join("|")})\\b`);

/**
 * The paths of test modules that a Python source can load or read, without endings: `a/tests/helper` for
 * `from a.tests import helper`. It errs on the side of finding too many: a string that could be a module's name or a path below
 * one of the source's own packages counts as one.
 *
 * @param file path of the source in the directory of packages.
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

/** The folders that a file is in, the innermost first. */
function foldersAbove(file: string): string[] {
  const parts = file.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
}

/** What may be a module's name or a path, also where a program makes the beginning of it: `.tests`, `{package}.tests.x`. */
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

/** `a.b as c, d` without what they are called afterwards. */
function namesIn(list: string): string[] {
  return list.split(",").flatMap((item) => /^[\s(]*([\w.]+|\*)/.exec(item)?.[1] ?? []);
}

const token = /("""|''')(?:\\[\s\S]|[^\\])*?\1|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|#[^\n]*/g;

/** A source's code without comments and strings, and the strings that are on one line: longer ones are prose. */
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
