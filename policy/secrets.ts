import { at, isObject, listAt, type Resource, type Rule, shown, type Stack, type Value } from "./rule";

/** Where a cloud keeps secrets, and where a function's variables are. */
interface Store {
  readonly rule: string;
  readonly secret: string;
  /** Path of the secret's value in its resource. */
  readonly value: string;
  readonly function: string;
  readonly variables: (fn: Resource) => readonly (readonly [string, Value])[];
  readonly remedy: string;
}

/** Minimum length of a secret that is also searched inside longer texts; shorter ones match by coincidence. */
const searchedLength = 8;

const entries = (value: Value) => (isObject(value) ? Object.entries(value) : []);

const stores: readonly Store[] = [
  {
    rule: "aws-function-no-secret-value",
    secret: "aws:secretsmanager/secretVersion:SecretVersion",
    value: "secretString",
    function: "aws:lambda/function:Function",
    variables: ({ properties }) => entries(at(properties, "environment.variables")),
    remedy: "Name the variable in the function's secrets, which the function reads from Secrets Manager when it starts",
  },
  {
    rule: "azure-app-no-secret-value",
    secret: "azure-native:keyvault:Secret",
    value: "properties.value",
    function: "azure-native:web:WebApp",
    variables: ({ properties }) =>
      listAt(properties, "siteConfig.appSettings").flatMap((setting) => {
        const name = at(setting, "name");
        return typeof name === "string" ? [[name, at(setting, "value")] as const] : [];
      }),
    remedy: "Name the variable in the function's secrets, whose setting then refers to the vault",
  },
  {
    rule: "gcp-function-no-secret-value",
    secret: "gcp:secretmanager/secretVersion:SecretVersion",
    value: "secretData",
    function: "gcp:cloudfunctionsv2/function:Function",
    variables: ({ properties }) => entries(at(properties, "serviceConfig.environmentVariables")),
    remedy: "Name the variable in the function's secrets, which Cloud Run mounts by secretEnvironmentVariables",
  },
];

/** Secrets must not be in variables, which are visible to everyone with read access to the function's configuration. */
export const secretRules: readonly Rule[] = stores.map((store) => ({
  name: store.rule,
  description: "No variable of a function holds the value of a secret of the stack.",
  references: [],
  types: [store.function],
  scope: "stack",
  remedy: store.remedy,
  check: (fn, stack) => {
    const secrets = valuesOf(store, stack);
    const open = store.variables(fn).find(([, text]) => secrets.some((secret) => holds(text, secret)));
    return open === undefined ? undefined : `its variable ${shown(open[0])} holds the value of a secret`;
  },
}));

function valuesOf({ secret, value }: Store, { resources }: Stack): string[] {
  return resources.flatMap(({ type, properties }) => {
    const found = type === secret ? at(properties, value) : undefined;
    return typeof found === "string" && found !== "" ? [found] : [];
  });
}

function holds(text: Value, secret: string): boolean {
  return typeof text === "string" && (text === secret || (secret.length >= searchedLength && text.includes(secret)));
}
