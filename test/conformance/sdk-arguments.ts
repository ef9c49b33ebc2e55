import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import ts from "typescript";

type Members = ReadonlyMap<string, { readonly required: boolean; readonly type: string }>;

/** The arguments of resources in an SDK like `@pulumi/aws`, read from its type declarations. */
export class SdkArguments {
  readonly #folder: string;
  /** By `<module>.<name>`. */
  readonly #nested: ReadonlyMap<string, Members>;
  readonly #required = new Map<string, Set<string>>();

  /** @param name of the package, e.g. `aws` for `@pulumi/aws`. */
  constructor(name: string) {
    this.#folder = path.dirname(require.resolve(`@pulumi/${name}/package.json`));
    this.#nested = new Map(
      parse(path.join(this.#folder, "types", "input.d.ts")).statements.flatMap((statement) => {
        if (!ts.isModuleDeclaration(statement) || !statement.body || !ts.isModuleBlock(statement.body)) return [];
        return interfaces(statement.body.statements).map(
          ([name, members]) => [`${statement.name.text}.${name}`, members] as const,
        );
      }),
    );
  }

  /**
   * Paths of required arguments, e.g. `origins.originId`: required if there are `origins`.
   *
   * @param type token of the resource, e.g. `aws:lambda/function:Function`.
   */
  required(type: string): Set<string> {
    const known = this.#required.get(type) ?? this.#read(type);
    this.#required.set(type, known);
    return known;
  }

  #read(type: string): Set<string> {
    const [, module = "", name = ""] = type.split(/\/\w+:|:/);
    const folder = path.join(this.#folder, module);
    // The file of `URLMap` is `urlmap` or `uRLMap`, by package.
    const file = readdirSync(folder).find((each) => each.toLowerCase() === `${name}.d.ts`.toLowerCase()) ?? "";
    const found = interfaces(parse(path.join(folder, file)).statements);
    const members = found.find(([declared]) => declared === `${name}Args`)?.[1];
    if (members === undefined) throw new Error(`${folder}/${file} has no ${name}Args`);
    return new Set(this.#requiredOf(members, "", []));
  }

  #requiredOf(members: Members, prefix: string, within: readonly string[]): string[] {
    return [...members].flatMap(([name, { required, type }]) => {
      // If there are several forms, the name does not say which one a value has.
      const forms = new Set([...type.matchAll(/inputs\.([\w.]+)/g)].map(([, form = ""]) => form));
      const [nested = ""] = forms.size === 1 ? forms : [];
      const inner = within.includes(nested) ? undefined : this.#nested.get(nested);
      return [
        ...(required ? [prefix + name] : []),
        ...(inner ? this.#requiredOf(inner, `${prefix}${name}.`, [...within, nested]) : []),
      ];
    });
  }
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
}

function interfaces(statements: readonly ts.Statement[]): [string, Members][] {
  return statements.filter(ts.isInterfaceDeclaration).map((declared) => {
    const source = declared.getSourceFile();
    const members = declared.members.filter(ts.isPropertySignature).map((member) => {
      const required = member.questionToken === undefined;
      return [member.name.getText(source), { required, type: member.type?.getText(source) ?? "" }] as const;
    });
    return [declared.name.text, new Map(members)];
  });
}
