import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", ".local", "application", "**/*.mjs", "policy/index.js"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // A Pulumi resource is declared for its effect; most are never read again.
      "no-new": "off",
      "@typescript-eslint/no-unused-expressions": "error",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
    },
  },
);
