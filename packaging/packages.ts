/** A published package, and its part of this repository. */
export interface PackageDescription {
  readonly name: string;
  readonly description: string;
  /** Files and folders; a folder excludes files that another package names. */
  readonly contents: readonly string[];
  /** Public modules, by the path below the package's name. The others may change with any version. */
  readonly exports: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  /** Folders that Pulumi itself runs, a plugin and a policy pack, with their main files. */
  readonly programs: Readonly<Record<string, string>>;
  /** Optional packages of this project. */
  readonly optional: readonly string[];
  /** Packages of this project that the user's project installs, so that there is one copy. */
  readonly peers: readonly string[];
  /** npm packages that the code loads by a computed name: always, and only where a user has installed them. */
  readonly loaded?: { readonly always: readonly string[]; readonly ifInstalled: readonly string[] };
}

/**
 * Three, by user: the builder has no Pulumi, for deployments with other tools; the local clouds are larger than the others
 * together, and a real deployment does not need them.
 */
export const packages: readonly PackageDescription[] = [
  {
    name: "multicloud-python-layers",
    description:
      "Builds dependency layers and packages of Python functions from hash-pinned locks, the same bytes everywhere",
    contents: ["contract", "layers", "cli/layer.ts"],
    exports: { ".": "layers/index" },
    bin: { "python-layers": "cli/layer" },
    programs: {},
    optional: ["multicloud-components"],
    peers: [],
    // 14 MB for each Python: the default one, and the others for stacks that use them.
    loaded: { always: ["pyodide"], ifInstalled: ["pyodide-3.11", "pyodide-3.13", "pyodide-3.14"] },
  },
  {
    name: "multicloud-components",
    description:
      "Pulumi components for Python web applications on AWS, Azure and Google Cloud, with their dependency layers",
    contents: [...["components", "settings", "settings.ts", "stack.ts", "operations", "cli", "policy", "plugin"]],
    exports: {
      ".": "components/index",
      "./aws": "components/aws/index",
      "./azure": "components/azure/index",
      "./gcp": "components/gcp/index",
      "./stack": "stack",
    },
    bin: { mcad: "cli/mcad" },
    programs: { policy: "pack.js", plugin: "provider.js" },
    optional: ["multicloud-local"],
    peers: [],
  },
  {
    name: "multicloud-local",
    description: "AWS, Azure and Google Cloud on this machine, for Pulumi's own engine",
    contents: [
      ...["local", "bootstrap", "cli/local.ts", "cli/local-verbs.ts", "cli/local-watch.ts", "cli/local-drill.ts"],
      ...["cli/cache.ts", "cli/local-subject.ts", "cli/verb-error.ts"],
    ],
    exports: { ".": "local/stack" },
    bin: {},
    programs: {},
    optional: [],
    peers: ["multicloud-components"],
  },
];

/** Files for the repository only: the generator of its reference, and its TypeScript loader. */
export const repositoryOnly: readonly string[] = [
  ...["cli/reference.ts", "operations/reference.ts"],
  ...["cli/mcad.js", "policy/index.js", "policy/package.json"],
];

/** Pulumi's SDKs: a program and its components must load the same copy, so the program installs it. */
export const isSdk = (name: string) => name.startsWith("@pulumi/");

/** SDKs that every program needs, in addition to those of its clouds. */
export const neededSdks: readonly string[] = ["@pulumi/pulumi", "@pulumi/command"];
