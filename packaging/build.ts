import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";

import * as ts from "typescript";
import { z } from "zod";

import { isSdk, neededSdks, type PackageDescription, packages, repositoryOnly } from "./packages";
import { sbomOf } from "./sbom";

const root = path.join(__dirname, "..");

const versionsSchema = z.record(z.string(), z.string());
const manifestSchema = z.object({
  version: z.string(),
  license: z.string(),
  engines: versionsSchema,
  dependencies: versionsSchema,
  devDependencies: versionsSchema,
});
const own = manifestSchema.parse(JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")));

/**
 * Compiles the repository into its packages, a folder each: JavaScript (CommonJS) with declarations, the files that the code
 * reads, and a package.json whose dependencies are what the files import, in the repository's versions.
 *
 * @returns the folders, by the packages' names.
 * @throws naming the file, if it imports something outside the packages or outside its package's dependencies.
 */
export function buildPackages(
  destination: string,
  /** Declarations take ten times longer than the rest. */
  { declarations: isDeclared = true } = {},
): ReadonlyMap<string, string> {
  rmSync(destination, { recursive: true, force: true });
  const sources = new Map(packages.map((each) => [each, sourcesOf(each)] as const));
  const owners = new Map([...sources].flatMap(([each, files]) => files.map((file) => [file, each] as const)));
  const declarations = isDeclared ? declarationsOf([...owners.keys()].filter(isCode)) : undefined;
  return new Map(
    [...sources].map(([each, files]) => {
      const folder = path.join(destination, each.name);
      const package_ = new Package(each, owners);
      for (const file of files) {
        const target = path.join(folder, file);
        mkdirSync(path.dirname(target), { recursive: true });
        if (!isCode(file)) {
          cpSync(path.join(root, file), target);
          if (file.endsWith(".mjs")) package_.linked(file, readFileSync(target, "utf8"));
          continue;
        }
        writeFileSync(target.replace(/\.ts$/, ".js"), started(each, file) + package_.linked(file, compiled(file)));
        if (declarations === undefined) continue;
        const declared = declarations.get(file.replace(/\.ts$/, ".d.ts"));
        if (declared === undefined) throw new Error(`${file}: no declarations were made`);
        writeFileSync(target.replace(/\.ts$/, ".d.ts"), package_.linked(file, declared, { types: true }));
      }
      for (const [inner, main] of Object.entries(each.programs)) {
        const manifest = { name: `${each.name}-${inner}`, version: own.version, private: true, main };
        writeFileSync(path.join(folder, inner, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
      }
      const manifest = package_.manifest();
      writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
      const bought = Object.keys(manifest.dependencies).filter((name) => !isOwn(name));
      writeFileSync(path.join(folder, "sbom.cdx.json"), sbomOf({ ...own, name: each.name }, bought));
      writeFileSync(path.join(folder, "README.md"), readme(each));
      cpSync(path.join(root, "LICENSE"), path.join(folder, "LICENSE"));
      return [each.name, folder] as const;
    }),
  );
}

/** TypeScript files to compile. */
function isCode(file: string): boolean {
  return file.endsWith(".ts") && !file.endsWith(".d.ts");
}

function sourcesOf({ contents }: PackageDescription): string[] {
  const isFile = (entry: string) => entry.endsWith(".ts");
  const named = packages.flatMap((each) => each.contents.filter(isFile));
  const inFolders = contents
    .filter((entry) => !isFile(entry))
    .flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((found) => found.isFile())
    .map((found) => path.relative(root, path.join(found.parentPath, found.name)))
    .filter((file) => !file.includes("__pycache__") && !named.includes(file) && !repositoryOnly.includes(file));
  return [...contents.filter(isFile), ...inFolders.sort()];
}

function declarationsOf(files: readonly string[]): ReadonlyMap<string, string> {
  const read = ts.readConfigFile(path.join(root, "tsconfig.json"), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root);
  const ambient = ts.sys.readDirectory(path.join(root, "local"), [".d.ts"]);
  const program = ts.createProgram([...files.map((file) => path.join(root, file)), ...ambient], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: root,
    rootDir: root,
  });
  const found = new Map<string, string>();
  program.emit(undefined, (file, text) => found.set(path.relative(root, file), text), undefined, true);
  for (const file of files) {
    const [name, source] = [file.replace(/\.ts$/, ".d.ts"), program.getSourceFile(path.join(root, file))];
    const text = found.get(name);
    if (source === undefined || text === undefined || !/ from "zod"/.test(text)) continue;
    found.set(name, withoutZod(name, text, inferredTypes(source, program.getTypeChecker())));
  }
  return found;
}

/**
 * Types that a source derives from schemas, `z.output<typeof schema>`, written out. zod's own declarations do not pass the
 * compiler with the settings that `pulumi new` writes.
 */
function inferredTypes(source: ts.SourceFile, checker: ts.TypeChecker): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;
  const visit = (node: ts.Node) => {
    if (ts.isTypeReferenceNode(node) && node.typeName.getText(source) === "z.output") {
      const type = checker.getTypeFromTypeNode(node);
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- flags are joined by their bits
      found.set(node.getText(source), checker.typeToString(type, undefined, flags));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Declarations with resolved types, in which schemas are opaque. */
function withoutZod(file: string, text: string, inferred: ReadonlyMap<string, string>): string {
  const schemas: ts.TypeNode[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isVariableDeclaration(node) && node.type !== undefined && /\bz\./.test(node.type.getText())) {
      schemas.push(node.type);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true));
  let written = schemas.reduceRight(
    (result, type) => `${result.slice(0, type.getStart())}unknown${result.slice(type.end)}`,
    text,
  );
  for (const [reference, type] of inferred) written = written.replaceAll(reference, type);
  return /\bz\./.test(written) ? written : written.replace(/^import .* from "zod";\n/m, "");
}

/** What a command begins with. */
function started({ bin }: PackageDescription, file: string): string {
  return Object.values(bin).includes(file.replace(/\.ts$/, "")) ? "#!/usr/bin/env node\n" : "";
}

function compiled(file: string): string {
  const { outputText } = ts.transpileModule(readFileSync(path.join(root, file), "utf8"), {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      moduleResolution: ts.ModuleResolutionKind.Node10,
      removeComments: true,
      esModuleInterop: true,
    },
  });
  return outputText;
}

/** The import of a syntax node, if any. */
function importedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  if (ts.isExternalModuleReference(node)) return node.expression;
  const isLoading = ts.isCallExpression(node) && /^(import|require|require\.resolve)$/.test(node.expression.getText());
  return isLoading ? node.arguments[0] : undefined;
}

/** The specifiers of a file's imports, in order: static, dynamic, by `require` and in types. */
function importsOf(file: string, text: string): ts.StringLiteral[] {
  const found: ts.StringLiteral[] = [];
  const visit = (node: ts.Node) => {
    const name = importedBy(node);
    if (name !== undefined && ts.isStringLiteral(name)) found.push(name);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true));
  return found;
}

/** This repository's scripts with the commands of a package's user. */
const commandNames: readonly (readonly [RegExp, string])[] = [
  [/npm run deploy -- -s/g, "pulumi up -s"],
  [/npm run (local|layer|diagnose|releases|rollback)( --(?=[ "`']))?/g, "npx mcad $1"],
];

/** A package during the build: the imports of its files become its dependencies. */
class Package {
  readonly #imported = new Set<string>();
  readonly #typed = new Set<string>();

  constructor(
    private readonly description: PackageDescription,
    /** Package of each source file of the repository. */
    private readonly owners: ReadonlyMap<string, PackageDescription>,
  ) {}

  /** The text of a file, with package names in imports of other packages' files. */
  linked(file: string, text: string, { types = false } = {}): string {
    // From the end, so that earlier positions stay valid.
    const written = importsOf(file, text).reduceRight(
      (result, literal) =>
        result.slice(0, literal.getStart() + 1) +
        this.#specifier(file, literal.text, types) +
        result.slice(literal.end - 1),
      text,
    );
    return types ? written : commandNames.reduce((result, [name, by]) => result.replace(name, by), written);
  }

  /** The replacement of an import in this package. */
  #specifier(file: string, specifier: string, types: boolean): string {
    if (!specifier.startsWith(".")) {
      if (!isBuiltin(specifier)) this.#note(file, nameOf(specifier), types);
      return specifier;
    }
    // Each package has its own.
    if (/^(\.\.\/)+package\.json$/.test(specifier)) return specifier;
    const target = path.normalize(path.join(path.dirname(file), specifier));
    const owner = this.owners.get(`${target}.ts`) ?? this.owners.get(`${target}/index.ts`) ?? this.owners.get(target);
    if (owner === undefined) throw new Error(`${file} imports ${specifier}, which is in no package; see packages.ts`);
    if (owner === this.description) return specifier;
    const isOptional = this.description.optional.includes(owner.name);
    if (packages.indexOf(owner) > packages.indexOf(this.description) && !isOptional) {
      throw new Error(`${file} imports ${specifier}, which is in ${owner.name}; see packages.ts`);
    }
    if (!isOptional && !this.description.peers.includes(owner.name)) this.#imported.add(owner.name);
    return `${owner.name}/internal/${target}`;
  }

  #note(file: string, name: string, types: boolean): void {
    if (versionOf(name) === undefined) throw new Error(`${file} imports ${name}, which package.json does not list`);
    (types ? this.#typed : this.#imported).add(name);
  }

  manifest() {
    const { name, description, bin, exports, optional, peers, loaded } = this.description;
    const declared = [...this.#typed].map((each) => `@types/${each}`).filter((each) => versionOf(each) !== undefined);
    const all = [...new Set([...this.#imported, ...(loaded?.always ?? []), ...this.#typed, ...declared])].sort();
    const sdks = all.filter(isSdk);
    const isOptionalSdk = (sdk: string) => !neededSdks.includes(sdk);
    return {
      name,
      version: own.version,
      description,
      license: own.license,
      engines: own.engines,
      bin: Object.fromEntries(Object.entries(bin).map(([command, file]) => [command, `${file}.js`])),
      main: `${exports["."] ?? ""}.js`,
      types: `${exports["."] ?? ""}.d.ts`,
      exports: {
        ...Object.fromEntries(Object.entries(exports).map(([entry, file]) => [entry, exported(file)])),
        "./internal/*": exported("*"),
        "./package.json": "./package.json",
      },
      // For `moduleResolution: node`, which `pulumi new` writes and which reads no `exports`.
      typesVersions: {
        "*": {
          ...Object.fromEntries(
            Object.entries(exports).flatMap(([entry, file]) =>
              entry === "." ? [] : [[entry.slice(2), [`${file}.d.ts`]]],
            ),
          ),
          "internal/*": ["*"],
        },
      },
      dependencies: Object.fromEntries(all.filter((each) => !isSdk(each)).map((each) => [each, versionOf(each)])),
      // npm installs none of these; the code reads which versions it needs.
      ...(loaded && {
        devDependencies: Object.fromEntries(loaded.ifInstalled.map((each) => [each, versionOf(each)])),
      }),
      peerDependencies: Object.fromEntries([
        ...sdks.map((sdk): [string, string] => [sdk, `^${versionOf(sdk) ?? ""}`]),
        ...[...peers, ...optional].map((each): [string, string] => [each, own.version]),
      ]),
      peerDependenciesMeta: Object.fromEntries(
        [...sdks.filter(isOptionalSdk), ...optional].map((each) => [each, { optional: true }]),
      ),
    };
  }
}

function exported(file: string) {
  return { types: `./${file}.d.ts`, default: `./${file}.js` };
}

/** The repository's version of a package, including its own. */
function versionOf(name: string): string | undefined {
  return isOwn(name) ? own.version : (own.dependencies[name] ?? own.devDependencies[name]);
}

const isOwn = (name: string) => packages.some((each) => each.name === name);

/** The package of an import. */
function nameOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function readme({ name, description }: PackageDescription): string {
  return `# ${name}\n\n${description}.\n`;
}

if (require.main === module) {
  const destination = path.join(root, "dist", "packages");
  for (const [name, folder] of buildPackages(destination)) {
    process.stdout.write(`${name} ${path.relative(root, folder)}\n`);
  }
}
