import * as pulumi from "@pulumi/pulumi";

import { nameIn, typeIn } from "../../contract/urn";

/** A registered resource: its resolved inputs, before any cloud received them. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** URN and id of its provider; absent for the default provider. */
  readonly provider?: string;
}

/** An invoke of the program. */
export interface Called {
  readonly token: string;
  readonly inputs: Record<string, unknown>;
  /** URN and id of its provider; absent for the default provider. */
  readonly provider?: string;
}

/** Outputs of a cloud in addition to the inputs, by resource type. */
export type CloudAnswers = Record<string, (registered: Registered) => Record<string, unknown>>;

/** Everything that one run of a program registered. */
export class Recording {
  private readonly resources: Registered[] = [];
  /** The invokes. */
  readonly calls: Called[] = [];
  /** What each resource waits for, by `<type> <name>`. */
  readonly dependencies = new Map<string, readonly string[]>();
  /** The resources that the engine refuses to delete, as `<type> <name>`. */
  readonly protected = new Set<string>();

  add(resource: Registered): void {
    this.resources.push(resource);
  }

  /** The custom resources in order of registration, without components. */
  get all(): readonly Registered[] {
    return this.resources.filter(({ type }) => !type.startsWith("multicloud:"));
  }

  of(type: string): Registered[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** Names of the providers of a package's resources; `default` for one that the program did not create. */
  providersOf(pkg: string): string[] {
    const own = this.all.filter(({ type }) => type.startsWith(`${pkg}:`));
    return [...new Set(own.map(({ provider }) => provider?.split("::")[3] ?? "default"))].sort();
  }

  /** Whether each resource, as `<type> <name>`, waits for the one before it, if through others. */
  isChain(steps: readonly string[]): boolean {
    const waitsFor = (step: string, earlier: string): boolean =>
      (this.dependencies.get(step) ?? []).some((found) => found === earlier || waitsFor(found, earlier));
    return steps.slice(1).every((step, index) => waitsFor(step, steps[index] ?? ""));
  }

  /** The inputs of the only resource of `type`; throws if there are none or several. */
  only(type: string): Record<string, unknown> {
    const found = this.of(type);
    const [first] = found;
    if (first === undefined || found.length > 1) {
      throw new Error(
        `expected one ${type}, registered: ${found.length} of ${this.resources.map((r) => r.type).join(", ")}`,
      );
    }
    return first.inputs;
  }
}

/**
 * Runs `declare` with mocks and waits until everything that it declared is registered, including grandchildren: a
 * resource is registered only after its inputs have resolved.
 */
export async function record<T>(
  declare: () => T | Promise<T>,
  { answers = {}, invokes = {}, project = "shop", stack = "test", preview = false }: RecordOptions = {},
): Promise<{ result: T; recording: Recording }> {
  const recording = new Recording();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, provider }: pulumi.runtime.MockResourceArgs) => {
        const registered = {
          type,
          name,
          inputs: inputs as Record<string, unknown>,
          ...(provider !== undefined && provider !== "" && { provider }),
        };
        recording.add(registered);
        const { id = `${name}-id`, ...answer } = answers[type]?.(registered) ?? {};
        return { id: String(id), state: { ...registered.inputs, ...answer } };
      },
      call: ({ token, inputs, provider }: pulumi.runtime.MockCallArgs) => {
        const given = provider !== undefined && provider !== "" ? { provider } : {};
        recording.calls.push({ token, inputs: inputs as Record<string, unknown>, ...given });
        const answer = invokes[token];
        if (answer === undefined) throw new Error(`no answer for the invoke ${token}`);
        return answer;
      },
    },
    project,
    stack,
    preview,
  );
  acceptErrorHooks();
  recordOptions(recording);
  try {
    return { result: await declare(), recording };
  } finally {
    await pulumi.runtime.disconnect();
  }
}

/** Pulumi's mocks reject registrations of hooks. */
export function acceptErrorHooks(): void {
  const accept = (_request: unknown, done: (error: null) => void) => {
    done(null);
  };
  Object.assign(pulumi.runtime.getMonitor() ?? {}, {
    registerErrorHook: accept,
    registerResourceHook: accept,
  });
}

interface Registration {
  getType(): string;
  getName(): string;
  getDependenciesList(): string[];
  getProtect(): boolean;
}

/** Pulumi's mocks are told of no options. */
function recordOptions({ dependencies, protected: kept }: Recording): void {
  const monitor: object = pulumi.runtime.getMonitor() ?? {};
  if (!("registerResource" in monitor) || typeof monitor.registerResource !== "function") return;
  const register = monitor.registerResource.bind(monitor) as (...args: unknown[]) => unknown;
  const registerResource = (request: Registration, ...rest: unknown[]) => {
    const waitsFor = request.getDependenciesList().map((urn) => `${typeIn(urn)} ${nameIn(urn)}`);
    const called = `${request.getType()} ${request.getName()}`;
    dependencies.set(called, waitsFor);
    if (request.getProtect()) kept.add(called);
    return register(request, ...rest);
  };
  Object.assign(monitor, { registerResource });
}

interface RecordOptions {
  readonly answers?: CloudAnswers;
  readonly invokes?: Record<string, Record<string, unknown>>;
  readonly project?: string;
  readonly stack?: string;
  /**
   * Separates a property from the secret marker with which the engine encrypts it: the SDK marks a whole property if
   * any part of it is secret.
   */
  readonly preview?: boolean;
}

const secretMark = "4dabf18193072939515e22adb298388d";

/** The value of an output; only after `record`, when everything has resolved. */
export function unseal(property: unknown): { readonly secret: boolean; readonly value: unknown } {
  const secret = typeof property === "object" && property !== null && secretMark in property;
  return { secret, value: secret ? (property as { value?: unknown }).value : property };
}

/** The value of an output; only for use after `record`, when everything has resolved. */
export function valueOf<T>(output: pulumi.Input<T>): Promise<T> {
  return new Promise((resolve) =>
    pulumi.output(output).apply((value) => {
      resolve(value as T);
    }),
  );
}
