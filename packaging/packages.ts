/** A package that is published, and what of this repository is in it. */
export interface PackageDescription {
  readonly name: string;
  readonly description: string;
  /** Files, and folders with everything in them that no other package names. */
  readonly contents: readonly string[];
  /** What a program may import, by the path below the package's name. The rest of it may change with any version. */
  readonly exports: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  /** Folders that Pulumi itself runs, a plugin and a policy pack, with their main files. */
  readonly programs: Readonly<Record<string, string>>;
  /** Packages of this project that it uses only where they are installed. */
  readonly optional: readonly string[];
  /** Packages of this project that the user's project brings, so that there is one copy. */
  readonly peers: readonly string[];
}

/**
 * Three, by who installs them: the builder has no Pulumi, for those who deploy by other means; the local clouds weigh more than
 * the rest together, and a real deployment is installed without them.
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

/** What is for the repository alone: the reference in its documents, and what loads its TypeScript. */
export const repositoryOnly: readonly string[] = [
  ...["cli/reference.ts", "operations/reference.ts"],
  ...["cli/mcad.js", "policy/index.js", "policy/package.json"],
];

/** Pulumi's SDKs: a program and its components have to load the same copy, so the program brings it. */
export const isSdk = (name: string) => name.startsWith("@pulumi/");

/** SDKs that every program needs; of the others those of its clouds. */
export const neededSdks: readonly string[] = ["@pulumi/pulumi", "@pulumi/command"];
