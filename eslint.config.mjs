import { readFileSync } from "node:fs";

import tseslint from "typescript-eslint";

const { devDependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

/** The floors from the bottom up; each imports only those below. */
const floors = [
  ["contract"],
  ["layers"],
  ["components"],
  ["settings", "stack", "index"],
  ["bootstrap"],
  ["operations"],
  ["local"],
  ["cli"],
];

const fixed = ["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration"];

/** Forbids imports whose source matches, by a `no-restricted-syntax` entry: `no-restricted-imports` sees no `import()`. */
const forbidden = (nodes, source, message) => ({
  selector: `:matches(${nodes.join(", ")})[source.value=/${source}/]`,
  message,
});

const anyImport = [...fixed, "ImportExpression"];
const below = (names) => `^(\\.\\.?\\u002F)+(${names.join("|")})(\\u002F|$)`;

const upward = floors.slice(0, -1).map((names, floor) => ({
  names,
  entry: forbidden(
    anyImport,
    below(floors.slice(floor + 1).flat()),
    `The floors have one direction: ${names.join(" and ")} may import ${floors.slice(0, floor).flat().join(", ") || "no other"}.`,
  ),
}));

/** Real deployments are installed without the development dependencies, which only the local clouds need. */
const developmentOnly = forbidden(
  anyImport,
  `^(${Object.keys(devDependencies).join("|").replaceAll("/", "\\u002F")})(\\u002F|$)`,
  "A deployment is installed without the development dependencies: import it in local/, or make it a dependency.",
);
const localClouds = forbidden(
  fixed,
  below(["local"]),
  "A real deployment loads no local cloud: import it by import(), where it is asked for.",
);

/** The floors contain nothing that belongs to one application: they deploy any. */
const theBoard = [
  "Literal[value=/fastapi|MESSAGES_|api\\u002Fmessages/]",
  "TemplateElement[value.raw=/fastapi|MESSAGES_|api\\u002Fmessages/]",
].map((selector) => ({
  selector,
  message: "This is the message board's own: take it from the application's description.",
}));

export default tseslint.config(
  {
    ignores: [
      "node_modules",
      ".local",
      "dist",
      "template",
      "test/engine/fixtures",
      "application",
      "**/*.mjs",
      "policy/index.js",
      "cli/mcad.js",
      "run-typescript.js",
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // A Pulumi resource is declared for its effect; most are never read.
      "no-new": "off",
      "@typescript-eslint/no-unused-expressions": "error",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
    },
  },
  ...upward.map(({ names, entry }) => ({
    files: names.flatMap((name) => [`${name}.ts`, `${name}/**/*.ts`]),
    rules: {
      "no-restricted-syntax": ["error", entry, ...theBoard, ...(names.includes("local") ? [] : [developmentOnly])],
    },
  })),
  {
    files: ["cli/**/*.ts"],
    ignores: ["cli/local*.ts"],
    rules: { "no-restricted-syntax": ["error", developmentOnly, localClouds] },
  },
);
