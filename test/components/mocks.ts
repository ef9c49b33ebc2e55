import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it: its inputs, resolved, before any cloud saw them. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

/** What a cloud answers beyond the inputs, by resource type. */
export type CloudAnswers = Record<string, (registered: Registered) => Record<string, unknown>>;

/** Everything that one run of a program registered. */
export class Recording {
  private readonly resources: Registered[] = [];

  add(resource: Registered): void {
    this.resources.push(resource);
  }

  /** The custom resources, in the order in which they were registered; components are left out. */
  get all(): readonly Registered[] {
    return this.resources.filter(({ type }) => !type.startsWith("multicloud:"));
  }

  of(type: string): Registered[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** The inputs of the one resource of `type`; throws where there are none or several. */
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
 * Runs `declare` against mocks and waits until everything that it declared, grandchildren included, is registered: a
 * resource is registered only after its inputs have resolved.
 */
export async function record<T>(
  declare: () => T | Promise<T>,
  { answers = {}, invokes = {}, project = "shop", stack = "test" }: RecordOptions = {},
): Promise<{ result: T; recording: Recording }> {
  const recording = new Recording();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }: pulumi.runtime.MockResourceArgs) => {
        const registered = { type, name, inputs: inputs as Record<string, unknown> };
        recording.add(registered);
        return { id: `${name}-id`, state: { ...registered.inputs, ...answers[type]?.(registered) } };
      },
      call: ({ token }: pulumi.runtime.MockCallArgs) => {
        const answer = invokes[token];
        if (answer === undefined) throw new Error(`no answer for the invoke ${token}`);
        return answer;
      },
    },
    project,
    stack,
    false,
  );
  try {
    return { result: await declare(), recording };
  } finally {
    await pulumi.runtime.disconnect();
  }
}

interface RecordOptions {
  readonly answers?: CloudAnswers;
  readonly invokes?: Record<string, Record<string, unknown>>;
  readonly project?: string;
  readonly stack?: string;
}

/** The value of an output; only for use after `record`, when everything has resolved. */
export function valueOf<T>(output: pulumi.Input<T>): Promise<T> {
  return new Promise((resolve) => pulumi.output(output).apply((value) => { resolve(value as T); }));
}
