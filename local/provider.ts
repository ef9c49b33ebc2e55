import { randomBytes } from "node:crypto";

import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";

import type { Behaviour, Behaviours } from "./behaviour";
import type { CloudCaller } from "./caller";
import type { CloudDataPlane } from "./data-plane";
import { freePort } from "./free-port";
import {
  type CheckFailure,
  type Difference,
  type EngineLog,
  InitializationError,
  type Properties,
  type Provider,
} from "./provider-server";
import type { CloudContext, Draft, InertType, Inputs, ResourceType } from "./resource-type";
import type { ResourceStore, StoredResource } from "./store";
import { Weather } from "./weather";
import { nameIn, typeIn } from "../contract/urn";

/** Markers in the engine's messages, from the specification of its property values. */
const marks = {
  key: "4dabf18193072939515e22adb298388d",
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
  unknown: "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
} as const;

export interface CloudProviderOptions {
  readonly version: string;
  readonly types: Readonly<Record<string, ResourceType>>;
  /** Creates types that are not in `types`. Default: they are an error. */
  readonly unknownType?: InertType;
  readonly store: ResourceStore;
  /** The runtime behaviour of the resources; started with the first resource. */
  readonly dataPlane: () => Promise<CloudDataPlane>;
  /** Defaults of the provider's settings. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly invokes?: Readonly<Record<string, (args: Properties, context: CloudContext) => Properties>>;
  /** Behaviour of the types beyond accepting inputs. Default: everything succeeds at once. */
  readonly behaviours?: Behaviours;
  /** Faults to inject. Default: none. */
  readonly weather?: Weather;
  /** The caller. Default: an administrator, who may do everything. */
  readonly caller?: CloudCaller;
}

/** A provider for a local cloud, based on a table of resource types. */
export class CloudProvider implements Provider {
  readonly version: string;
  /** Inputs of resources that a preview would create, by URN: other resources of the preview may refer to them. */
  readonly #planned = new Map<string, Properties>();
  #configuration: Readonly<Record<string, string>>;
  readonly #weather: Weather;
  readonly #inert = new Map<string, ResourceType>();
  #log: EngineLog | undefined;
  /** Types about which the engine at `#log` was warned. */
  readonly #warned = new Set<string>();

  constructor(private readonly options: CloudProviderOptions) {
    this.version = options.version;
    this.#configuration = options.configuration;
    this.#weather = options.weather ?? new Weather();
  }

  attach(log: EngineLog): void {
    // Each provider instance of a program calls attach with the same engine.
    if (log.engine !== this.#log?.engine) this.#warned.clear();
    this.#log = log;
  }

  async declared(urn: string): Promise<void> {
    const token = typeIn(urn);
    if (this.options.unknownType === undefined || token in this.options.types || this.#warned.has(token)) return;
    this.#warned.add(token);
    await this.#log?.warn(`${token} is stored but does nothing on the local cloud`, urn);
  }

  configure(variables: Record<string, string>): void {
    // A setting is named `<package>:config:<setting>`.
    const given = Object.entries(variables).map(([name, value]) => [name.split(":").at(-1) ?? name, value] as const);
    this.#configuration = { ...this.#configuration, ...Object.fromEntries(given) };
  }

  invoke(token: string, args: Properties): Promise<Properties> {
    this.options.caller?.requireInvoke(token);
    const invoke = this.options.invokes?.[token];
    if (invoke === undefined) {
      const known = Object.keys(this.options.invokes ?? {}).sort();
      throw new Error(
        `the local cloud has no function ${token}, whose result nothing here can know; it has ${known.join(", ")}; ` +
          "pass the value as a setting or an argument instead",
      );
    }
    return Promise.resolve(invoke(args, this.#context));
  }

  /** Whether a referenced resource exists is checked when this one is created; before that it may be planned only. */
  check(urn: string, news: Properties, olds: Properties): { inputs: Properties; failures: CheckFailure[] } {
    const type = this.#type(urn);
    const inputs = { ...news };
    const isPrefixed = type.namePrefix !== undefined && inputs[type.namePrefix] !== undefined;
    if (type.name !== undefined && inputs[type.name] === undefined && !isPrefixed) {
      inputs[type.name] = olds[type.name] ?? `${nameIn(urn)}-${randomBytes(4).toString("hex").slice(1)}`;
    }
    for (const key of type.json ?? []) {
      const given = inputs[key];
      if (given !== undefined) inputs[key] = asJson(given);
    }
    return {
      inputs,
      failures: [...missing(type, inputs), ...refused(type, inputs), ...this.#dangling(type, inputs, this.#planned)],
    };
  }

  diff(urn: string, savedInputs: Properties, news: Properties, oldState: Properties = {}): Difference {
    const behaviour = this.#behaviour(urn);
    const oldInputs = attemptedIn(oldState) ?? savedInputs;
    const keys = new Set([...Object.keys(oldInputs), ...Object.keys(news)]);
    const changed = [...keys].filter((key) => comparable(oldInputs[key]) !== comparable(news[key]));
    const replaces = (behaviour.replaceOn ?? []).filter((path) => {
      const [before, after] = [oldInputs, news].map((inputs) => comparable(valuesAt(inputs, path.split("."))));
      return before !== after;
    });
    return {
      changed,
      replaces: [...new Set(replaces.map((path) => path.split(".")[0] ?? path))],
      deleteBeforeReplace: replaces.length > 0 && oldGoesFirst(behaviour, urn, news),
    };
  }

  previewCreate(urn: string, properties: Properties): Promise<Properties> {
    this.#planned.set(urn, properties);
    return Promise.resolve(properties);
  }

  async create(urn: string, properties: Properties): Promise<{ id: string; properties: Properties }> {
    this.#planned.delete(urn);
    const type = this.#type(urn);
    this.#requireAcceptable(type, properties);
    await this.#note(urn, properties);
    const token = typeIn(urn);
    const { store } = this.options;
    const inputs = this.#kept(properties);
    const id = type.id(inputs, this.#context, nameIn(urn));
    this.options.caller?.require("create", { type: token, id, inputs });
    if (type.overwrites !== true && store.get(token, id) !== undefined) {
      throw new Error(`${token} ${id} already exists`);
    }

    const outputs = await this.#outputs(type, { id, inputs }, this.#broughtBack(urn, id, properties));
    const { fails, emptyUpdate = "again", lateSeconds = 0 } = this.#behaviour(urn);
    const knownAt = Date.now() + this.#weather.delay(urn, lateSeconds);
    const resource: StoredResource = { urn, type: token, id, inputs, outputs, ...(lateSeconds > 0 && { knownAt }) };
    const answer = { ...properties, ...(outputs as Properties) };
    if (fails !== undefined && this.#failsNow("create", urn, fails)) {
      // A provider whose empty update does nothing has not read the cloud's outputs either.
      const isRead = emptyUpdate === "again";
      if (fails.how !== "refused") store.put({ ...resource, failed: true, ...(!isRead && { outputs: {} }) });
      throw fails.how === "partial"
        ? new InitializationError(id, isRead ? answer : properties, fails.message)
        : new Error(fails.message);
    }
    store.put(resource);
    type.applied?.(resource, this.#context);
    try {
      const { types } = await this.options.dataPlane();
      await types[token]?.start(resource);
      await types[token]?.complete?.(resource, store);
    } catch (error) {
      if (fails?.how === "partial") {
        store.put({ ...resource, failed: true });
        throw new InitializationError(id, answer, messageOf(error));
      }
      store.delete(resource);
      throw error;
    }
    return { id, properties: answer };
  }

  read(
    urn: string,
    id: string,
    inputs: Properties,
  ): Promise<{ inputs: Properties; properties: Properties } | undefined> {
    const found = this.options.store.get(typeIn(urn), id);
    this.options.caller?.require("read", found ?? { type: typeIn(urn), id, inputs });
    if (found === undefined) return Promise.resolve(undefined);
    const described = found.attempted ?? found.inputs;
    const { unread = [] } = this.#behaviour(urn);
    // Return unchanged assets as the engine knows them: the local copy has another path.
    const live = Object.entries({ ...inputs, ...described }).flatMap(([key, value]) => {
      const known = inputs[key];
      if (unread.includes(key)) return known === undefined ? [] : [[key, known] as const];
      if (!(key in described)) return [];
      // Compared by hash: in a refresh, the engine sends no path.
      if (known !== undefined && comparable(known) === comparable(value)) return [[key, known] as const];
      return [[key, value as JavaScriptValue] as const];
    });
    const liveInputs: Properties = Object.fromEntries(live);
    return Promise.resolve({ inputs: liveInputs, properties: { ...liveInputs, ...(found.outputs as Properties) } });
  }

  async update(
    urn: string,
    id: string,
    oldInputs: Properties,
    news: Properties,
    oldState: Properties = {},
  ): Promise<Properties> {
    const type = this.#type(urn);
    this.options.caller?.require("update", { type: typeIn(urn), id, inputs: news });
    const previous = this.#existing(urn, id);
    const { fails, frozen, emptyUpdate = "again", steps = [], lateUpdateSeconds } = this.#behaviour(urn);
    const olds = attemptedIn(oldState) ?? oldInputs;
    const isEmpty = comparable(olds) === comparable(news);
    if (isEmpty && emptyUpdate === "nothing") return { ...news, ...(previous.outputs as Properties) };
    if (frozen?.inputs.some((key) => comparable(olds[key]) !== comparable(news[key]))) throw new Error(frozen.message);
    this.#requireAcceptable(type, news, id);
    await this.#note(urn, news, id);
    const inputs = this.#kept(news);
    const outputs = await this.#outputs(type, { id, inputs }, previous.outputs);
    const answer = { ...news, ...(outputs as Properties) };
    const failure = (message: string) => {
      if (emptyUpdate !== "nothing") {
        return fails?.how === "partial" ? new InitializationError(id, answer, message) : new Error(message);
      }
      this.options.store.put({ ...previous, attempted: inputs });
      return new InitializationError(id, { ...answer, [attemptedKey]: news }, message);
    };
    if (fails !== undefined && this.#failsNow("update", urn, fails)) throw failure(fails.message);
    const { failed: _failed, attempted: _attempted, ...working } = previous;
    for (const step of this.#weather.calm ? [] : steps) {
      // A copy of what an object had in it is among the outputs.
      const later = Object.fromEntries(step.map((key) => [key, previous.inputs[key] ?? previous.outputs[key]]));
      await this.#put({ ...working, inputs: { ...inputs, ...later }, outputs });
      await new Promise((resolve) => setTimeout(resolve, this.#weather.delay(urn, secondsOfStep)));
    }
    const late = lateUpdateSeconds && { knownAt: Date.now() + this.#weather.delay(urn, lateUpdateSeconds) };
    const resource = { ...working, inputs, outputs, ...late };
    try {
      await this.#put(resource);
    } catch (error) {
      throw failure(messageOf(error));
    }
    type.applied?.(resource, this.#context);
    try {
      const { types } = await this.options.dataPlane();
      await types[resource.type]?.complete?.(resource, this.options.store);
    } catch (error) {
      throw failure(messageOf(error));
    }
    return answer;
  }

  /** The cloud's outputs, without undefined values. */
  async #outputs(type: ResourceType, draft: Draft, previous: Inputs): Promise<Inputs> {
    const outputs = (await type.outputs?.(draft, this.#context, previous)) ?? {};
    return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== undefined));
  }

  async #put(resource: StoredResource): Promise<void> {
    this.options.store.put(resource);
    const { types } = await this.options.dataPlane();
    await types[resource.type]?.start(resource);
  }

  async previewUpdate(urn: string, id: string, news: Properties): Promise<Properties> {
    const previous = this.#existing(urn, id).outputs;
    const outputs = await this.#outputs(this.#type(urn), { id, inputs: news }, previous);
    const known = Object.entries(outputs).flatMap(([key, value]) => {
      const expected = foreseen(news[key], value, previous[key]);
      return expected === undefined ? [] : [[key, expected] as const];
    });
    return { ...news, ...Object.fromEntries(known) };
  }

  async delete(urn: string, id: string): Promise<void> {
    const type = this.#type(urn);
    const resource = this.options.store.get(typeIn(urn), id);
    if (resource === undefined || type.retained?.(resource)) return;
    this.options.caller?.require("delete", resource);
    const reason = type.undeletable?.(resource, this.#context) ?? this.#use(resource);
    if (reason !== undefined) throw new Error(reason);

    const dataPlane = (await this.options.dataPlane()).types[resource.type];
    await dataPlane?.stop(id);
    await dataPlane?.remove?.(resource);
    const { store } = this.options;
    const { contains } = type;
    if (contains !== undefined) {
      const isInside = (inner: StoredResource) =>
        typeof contains === "string" ? inner.inputs[contains] === id : contains(inner, resource);
      for (const inner of store.all()) if (isInside(inner)) this.#remove(inner);
    }
    this.#remove(resource);
  }

  #remove(resource: StoredResource): void {
    const { store, behaviours } = this.options;
    const kept = behaviours?.[resource.type]?.kept;
    if (kept === undefined) store.delete(resource);
    else store.keepDeleted(resource, Date.now() + kept.days * 86_400_000);
  }

  /** The outputs of a deleted resource that comes back. Throws if the cloud refuses to give it back as `inputs` want it. */
  #broughtBack(urn: string, id: string, inputs: Properties): Inputs {
    const { kept } = this.#behaviour(urn);
    const deleted = kept && this.options.store.keptDeleted(typeIn(urn), id);
    if (kept === undefined || deleted === undefined) return {};
    const isOther = kept.inputs.some((key) => comparable(deleted.inputs[key]) !== comparable(inputs[key]));
    if (isOther) throw new Error(kept.refusal(id));
    return deleted.outputs;
  }

  /** Deletes resources that a killed engine created without recording them: all of `urn` except those that it knows. */
  async forget(urn: string, known: readonly string[]): Promise<void> {
    const unheardOf = this.options.store
      .all()
      .filter((resource) => resource.urn === urn && !known.includes(resource.id));
    for (const { id } of unheardOf) await this.delete(urn, id);
  }

  get #context(): CloudContext {
    return { store: this.options.store, configuration: this.#configuration, freeAddress };
  }

  #type(urn: string): ResourceType {
    const token = typeIn(urn);
    const type = this.options.types[token] ?? this.#inert.get(token) ?? this.options.unknownType?.(token);
    if (type === undefined) throw new Error(`the local cloud has no ${token}`);
    if (!(token in this.options.types)) this.#inert.set(token, type);
    return type;
  }

  /** The type's record, otherwise the properties of its emulation. */
  #behaviour(urn: string): Partial<Behaviour> {
    const { replaceOn = [], deleteBeforeReplace = false, name } = this.#type(urn);
    const own: Partial<Behaviour> = {
      replaceOn,
      first: deleteBeforeReplace ? "old" : "new",
      ...(name !== undefined && { autoNamed: name }),
    };
    return { ...own, ...this.options.behaviours?.[typeIn(urn)] };
  }

  /** The cloud's error for deleting a resource that another one uses. */
  #use({ urn, type, id, inputs, outputs }: StoredResource): string | undefined {
    const { inUse } = this.#behaviour(urn);
    if (inUse === undefined) return undefined;
    const user = this.options.store.all().find((other) =>
      Object.entries(this.options.types[other.type]?.references ?? {}).some(([property, reference]) => {
        if (reference.type !== type) return false;
        const name = reference.by === undefined ? id : (outputs[reference.by] ?? inputs[reference.by]);
        return valuesAt(other.inputs as Properties, property.split("."))
          .flat()
          .includes(name as JavaScriptValue);
      }),
    );
    return user && `${inUse}: ${id} by ${user.id}`;
  }

  #failsNow(operation: "create" | "update", urn: string, { needs = [] }: NonNullable<Behaviour["fails"]>): boolean {
    const { store } = this.options;
    const late = needs.some((type) => store.list(type).length > store.known.list(type).length);
    const token = typeIn(urn);
    return (
      late || (!this.#weather.calm && this.#weather.fails(operation, token, urn, store.next(`${operation} ${urn}`)))
    );
  }

  #existing(urn: string, id: string): StoredResource {
    const resource = this.options.store.get(typeIn(urn), id);
    if (resource === undefined) {
      throw new Error(`${typeIn(urn)} ${id} is not there any more; run the update with --refresh`);
    }
    return resource;
  }

  /** Inputs with a copy of every asset and archive in the store. */
  #kept(properties: Properties): Inputs {
    return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, this.#keptValue(value)]));
  }

  #keptValue(value: JavaScriptValue): unknown {
    if (Array.isArray(value)) return value.map((item: JavaScriptValue) => this.#keptValue(item));
    if (typeof value !== "object" || value === null) return value;
    const fields = value as Properties;
    if (isBlob(fields)) {
      if (typeof fields.path === "string" && fields.path !== "") {
        const kept = this.options.store.keep(fields.path);
        // For a folder, the engine's hash differs from that of the zip that is created here.
        return typeof fields.hash === "string" ? { ...kept, sha256: fields.hash } : kept;
      }
      if (typeof fields.text === "string") return this.options.store.keepText(fields.text);
      throw new Error(
        "the local cloud takes assets and archives that are a file or a folder; pass a FileAsset or a FileArchive",
      );
    }
    return this.#kept(fields);
  }

  /** Throws if the cloud rejects the inputs because of other resources. */
  #requireAcceptable(type: ResourceType, inputs: Properties, id?: string): void {
    const [failure] = this.#dangling(type, inputs);
    if (failure !== undefined) throw new Error(`${failure.property}: ${failure.reason}`);
    const refusal = type.refuses?.(inputs, this.#context, id);
    if (refusal !== undefined) throw new Error(refusal);
  }

  async #note(urn: string, inputs: Properties, id?: string): Promise<void> {
    const note = this.#type(urn).notes?.(inputs, this.#context, id);
    if (note !== undefined) await this.#log?.warn(note, urn);
  }

  /** Names of resources whose types are not emulated. A reference may name any of them. */
  #inertValues(planned: ReadonlyMap<string, Properties>): unknown[] {
    const isInert = (token: string) => !(token in this.options.types);
    // Resources that no Pulumi resource declares are internal to the cloud.
    const existing = this.options.store.all().filter(({ type, urn }) => urn !== "" && isInert(type));
    const coming = [...planned].filter(([urn]) => isInert(typeIn(urn)));
    return [
      ...existing.flatMap(({ id, outputs, inputs }) => [id, ...Object.values(outputs), ...Object.values(inputs)]),
      ...coming.flatMap(([, inputs]) => Object.values(inputs)),
    ];
  }

  #dangling(type: ResourceType, inputs: Properties, planned: ReadonlyMap<string, Properties> = new Map()) {
    return Object.entries(type.references ?? {}).flatMap(([property, reference]): CheckFailure[] => {
      const { by } = reference;
      const existing = this.options.store
        .list(reference.type)
        .map(({ id, inputs, outputs }) => (by === undefined ? id : (outputs[by] ?? inputs[by])));
      // A planned resource has no id yet; if the id is already known, it is one of the inputs.
      const coming = [...planned]
        .filter(([urn]) => typeIn(urn) === reference.type)
        .flatMap(([, inputs]) => (by === undefined ? Object.values(inputs) : [inputs[by]]));
      const names = new Set<unknown>([...existing, ...coming, ...this.#inertValues(planned)]);
      return valuesAt(inputs, property.split("."))
        .flat()
        .filter((value): value is string => typeof value === "string" && value !== marks.unknown && !names.has(value))
        .map((value) => ({ property, reason: `${value} does not exist: no ${reference.type} has it` }));
    });
  }
}

/**
 * Key of the failed update's inputs in the state. The engine saves the previous inputs, and the provider compares with
 * its own state.
 */
const attemptedKey = "__attempted";

function attemptedIn(state: Properties): Properties | undefined {
  const attempted = state[attemptedKey];
  return typeof attempted === "object" && attempted !== null ? (attempted as Properties) : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The known part of an output in a preview. If an input is part of the output, such as a function's service with its
 * address, the cloud's additions stay.
 */
function foreseen(input: JavaScriptValue | undefined, output: unknown, previous: unknown): JavaScriptValue | undefined {
  if (comparable(output) === comparable(previous)) return output as JavaScriptValue;
  if (!isDictionary(input) || !isDictionary(output) || !isDictionary(previous)) return input;
  const added = Object.entries(output).filter(([key, value]) => {
    return !(key in input) && comparable(value) === comparable(previous[key]);
  });
  return { ...input, ...Object.fromEntries(added) };
}

function isDictionary(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Seconds between two steps of an update on a live cloud. */
const secondsOfStep = 10;

/** Whether a replacement deletes the old resource before it creates the new one. */
function oldGoesFirst({ first, autoNamed }: Partial<Behaviour>, urn: string, news: Properties): boolean {
  if (first !== "named") return first === "old";
  const name = autoNamed === undefined ? undefined : news[autoNamed];
  return typeof name === "string" && !isMadeUp(name, urn);
}

function isMadeUp(name: string, urn: string): boolean {
  const prefix = `${nameIn(urn)}-`;
  return name.startsWith(prefix) && /^[0-9a-f]{7}$/.test(name.slice(prefix.length));
}

function missing(type: ResourceType, inputs: Properties): CheckFailure[] {
  return (type.required ?? [])
    .map((property) => (typeof property === "string" ? [property] : property))
    .filter((properties) => properties.every((property) => valuesAt(inputs, property.split(".")).length === 0))
    .map(([property = "", ...others]) => {
      return { property, reason: ["is required", ...others].join(", or ") };
    });
}

function refused(type: ResourceType, inputs: Properties): CheckFailure[] {
  return Object.entries(type.rules ?? {}).flatMap(([property, { accepts, expected }]) => {
    return valuesAt(inputs, property.split("."))
      .filter((value) => !comparable(value).includes(marks.unknown) && !accepts(value, inputs))
      .map((value) => ({ property, reason: `is ${JSON.stringify(value)}, expected ${expected}` }));
  });
}

/** The values at a path of names, e.g. `origins.originId`; a list on the way stands for each of its items. */
function valuesAt(value: JavaScriptValue | undefined, path: readonly string[]): JavaScriptValue[] {
  if (value === undefined || value === null) return [];
  const [step, ...rest] = path;
  if (step === undefined || value === marks.unknown) return [value];
  if (Array.isArray(value)) return value.flatMap((item: JavaScriptValue) => valuesAt(item, path));
  return typeof value === "object" ? valuesAt((value as Properties)[step], rest) : [];
}

/** An object as JSON text; unknown if any part of it is unknown. */
function asJson(value: JavaScriptValue): JavaScriptValue {
  if (typeof value !== "object" || value === null) return value;
  const text = JSON.stringify(value);
  return text.includes(marks.unknown) ? marks.unknown : text;
}

/** A text that is equal for equal values; a file is compared by content, not by path. */
function comparable(value: unknown): string {
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    const fields = item as Record<string, unknown>;
    if (isBlob(fields)) return { hash: fields.hash };
    if (typeof fields.sha256 === "string" && typeof fields.path === "string") return { hash: fields.sha256 };
    return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return typeof text === "string" ? text : "";
}

function isBlob(fields: Record<string, unknown>): boolean {
  return fields[marks.key] === marks.asset || fields[marks.key] === marks.archive;
}

/**
 * A port that stays free until the data plane listens on it, moments later or, after a restart of the cloud, seconds
 * later.
 */
async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}
