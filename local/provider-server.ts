import * as grpc from "@grpc/grpc-js";
import { ResourceProviderService, type IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";

/** A resource's properties as the engine sends them: plain values, with marked assets and unknown values. */
export type Properties = Record<string, JavaScriptValue>;

/** An error in one input. */
export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** The effect of changed inputs on a resource. */
export interface Difference {
  /** Changed properties; empty for no change. */
  readonly changed: readonly string[];
  /** Those that require a replacement. */
  readonly replaces: readonly string[];
  /** Whether to delete the old resource before creating the new one. */
  readonly deleteBeforeReplace: boolean;
}

/** The resource exists, but is not as requested: the engine keeps it with this error. */
export class InitializationError extends Error {
  constructor(
    readonly id: string,
    readonly properties: Properties,
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** Output for the user of the engine. */
export interface EngineLog {
  /** Address of the engine: the same for all providers of one operation. */
  readonly engine: string;
  /** Reports a slow step; shown during the operation. */
  readonly progress: (line: string) => void;
  /** Warning about the resource `urn`, shown after the operation. */
  readonly warn: (message: string, urn: string) => Promise<void>;
}

/** The engine's provider interface. */
export interface Provider {
  readonly version: string;
  /** Called by each engine that uses the provider, before anything else. */
  attach?(log: EngineLog): void;
  configure(variables: Record<string, string>): void;
  /** Called for each resource of the program before its check. */
  declared?(urn: string): Promise<void>;
  invoke(token: string, args: Properties): Promise<Properties>;
  check(urn: string, news: Properties, olds: Properties): { inputs: Properties; failures: CheckFailure[] };
  diff(urn: string, oldInputs: Properties, news: Properties, oldState: Properties): Difference;
  /** The properties that are known before the resource exists. */
  previewCreate(urn: string, inputs: Properties): Promise<Properties>;
  create(urn: string, inputs: Properties): Promise<{ id: string; properties: Properties }>;
  /** The properties that stay known during an update; missing ones may change. */
  previewUpdate(urn: string, id: string, news: Properties): Promise<Properties>;
  /** The live state; undefined if the resource does not exist. */
  read(
    urn: string,
    id: string,
    inputs: Properties,
    oldState: Properties,
  ): Promise<{ inputs: Properties; properties: Properties } | undefined>;
  update(urn: string, id: string, oldInputs: Properties, news: Properties, oldState: Properties): Promise<Properties>;
  delete(urn: string, id: string, properties: Properties): Promise<void>;
}

/** Serves a provider to the engine, on a free port of the loopback interface; returns the port. */
export async function serveProvider(provider: Provider): Promise<{ port: number; close: () => void }> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(ResourceProviderService, service(provider));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return {
    port,
    close: () => {
      server.forceShutdown();
    },
  };
}

/** Adapts a function of a request to a gRPC handler. */
function answer<Request, Response>(
  handle: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => {
          callback(null, response);
        },
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          const metadata = error instanceof InitializationError ? partialFailure(error) : new grpc.Metadata();
          callback({ code: grpc.status.UNKNOWN, message, details: message, metadata });
        },
      );
  };
}

/** gRPC carries the partial state of a resource as a detail of the status, in a trailer of this name. */
function partialFailure({ id, properties, reason, message }: InitializationError): grpc.Metadata {
  const detail = new messages.ErrorResourceInitFailed()
    .setId(id)
    .setProperties(Struct.fromJavaScript(properties))
    .setReasonsList([reason]);
  const packed = new Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status().setCode(grpc.status.UNKNOWN).setMessage(message).setDetailsList([packed]);
  const metadata = new grpc.Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return metadata;
}

function unimplemented<Request, Response>(): grpc.handleUnaryCall<Request, Response> {
  return (_, callback) => {
    callback({ code: grpc.status.UNIMPLEMENTED, details: "not implemented" });
  };
}

function engineLog(address: string): EngineLog {
  const engine = new EngineClient(address, grpc.credentials.createInsecure());
  // Errors are ignored: the engine may have ended.
  const send = (line: LogRequest) =>
    new Promise<void>((resolve) => {
      engine.log(line, () => {
        resolve();
      });
    });
  return {
    engine: address,
    progress: (line) => {
      void send(new LogRequest().setSeverity(LogSeverity.INFO).setMessage(line).setEphemeral(true));
    },
    warn: (message, urn) => send(new LogRequest().setSeverity(LogSeverity.WARNING).setMessage(message).setUrn(urn)),
  };
}

function plain(struct: Struct | undefined): Properties {
  return struct?.toJavaScript() ?? {};
}

function service(provider: Provider): grpc.UntypedServiceImplementation {
  const implementation: Partial<IResourceProviderServer> = {
    handshake: unimplemented(),
    parameterize: unimplemented(),
    checkConfig: unimplemented(),
    diffConfig: unimplemented(),
    construct: unimplemented(),
    call: unimplemented(),
    getMapping: unimplemented(),
    getMappings: unimplemented(),
    attach: answer((request) => {
      provider.attach?.(engineLog(request.getAddress()));
      return new Empty();
    }),
    cancel: answer(() => new Empty()),
    getPluginInfo: answer(() => new PluginInfo().setVersion(provider.version)),
    getSchema: answer(() => new messages.GetSchemaResponse().setSchema("{}")),
    configure: answer((request) => {
      provider.configure(Object.fromEntries(request.getVariablesMap().toArray()));
      // The provider accepts neither secrets nor output values: the engine sends plain values and keeps the marks
      // itself.
      return new messages.ConfigureResponse().setSupportspreview(true);
    }),
    invoke: answer(async (request) => {
      const result = await provider.invoke(request.getTok(), plain(request.getArgs()));
      return new messages.InvokeResponse().setReturn(Struct.fromJavaScript(result));
    }),
    check: answer(async (request) => {
      await provider.declared?.(request.getUrn());
      const result = provider.check(request.getUrn(), plain(request.getNews()), plain(request.getOlds()));
      return new messages.CheckResponse()
        .setInputs(Struct.fromJavaScript(result.inputs))
        .setFailuresList(
          result.failures.map(({ property, reason }) =>
            new messages.CheckFailure().setProperty(property).setReason(reason),
          ),
        );
    }),
    diff: answer((request) => {
      const { changed, replaces, deleteBeforeReplace } = provider.diff(
        request.getUrn(),
        plain(request.getOldInputs()),
        plain(request.getNews()),
        plain(request.getOlds()),
      );
      const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
      return new messages.DiffResponse()
        .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList([...changed])
        .setReplacesList([...replaces])
        .setDeletebeforereplace(deleteBeforeReplace);
    }),
    create: answer(async (request) => {
      const [urn, inputs] = [request.getUrn(), plain(request.getProperties())];
      if (request.getPreview()) {
        const properties = await provider.previewCreate(urn, inputs);
        return new messages.CreateResponse().setProperties(Struct.fromJavaScript(properties));
      }
      const { id, properties } = await provider.create(urn, inputs);
      return new messages.CreateResponse().setId(id).setProperties(Struct.fromJavaScript(properties));
    }),
    read: answer(async (request) => {
      const found = await provider.read(
        request.getUrn(),
        request.getId(),
        plain(request.getInputs()),
        plain(request.getProperties()),
      );
      const response = new messages.ReadResponse();
      return found === undefined
        ? response
        : response
            .setId(request.getId())
            .setInputs(Struct.fromJavaScript(found.inputs))
            .setProperties(Struct.fromJavaScript(found.properties));
    }),
    update: answer(async (request) => {
      const [urn, id, news] = [request.getUrn(), request.getId(), plain(request.getNews())];
      const properties = request.getPreview()
        ? await provider.previewUpdate(urn, id, news)
        : await provider.update(urn, id, plain(request.getOldInputs()), news, plain(request.getOlds()));
      return new messages.UpdateResponse().setProperties(Struct.fromJavaScript(properties));
    }),
    delete: answer(async (request) => {
      await provider.delete(request.getUrn(), request.getId(), plain(request.getProperties()));
      return new Empty();
    }),
  };
  return implementation as grpc.UntypedServiceImplementation;
}
