import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { ErrorResourceInitFailed, UpdateRequest } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { expect, test } from "vitest";

import { InitializationError, type Provider, serveProvider } from "../../local/provider-server";

test("the partial state of a failed resource reaches the engine with the error", async () => {
  const failing = () => Promise.reject(new InitializationError("the-id", { size: 2 }, "not ready"));
  const provider: Pick<Provider, "version" | "configure" | "update"> = {
    version: "1.0.0",
    configure: () => undefined,
    update: failing,
  };
  const { port, close } = await serveProvider(provider as Provider);
  const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const request = new UpdateRequest().setOlds(Struct.fromJavaScript({})).setNews(Struct.fromJavaScript({}));
  const error = await new Promise<grpc.ServiceError | null>((resolve) => {
    client.update(request, resolve);
  });
  close();
  const [sent] = error?.metadata.get("grpc-status-details-bin") ?? [];
  const status = Status.deserializeBinary(sent as Buffer);
  expect([status.getCode(), status.getMessage()]).toEqual([grpc.status.UNKNOWN, "not ready"]);
  const [detail] = status.getDetailsList();
  expect(detail?.getTypeName()).toBe("pulumirpc.ErrorResourceInitFailed");
  const left = ErrorResourceInitFailed.deserializeBinary(detail?.getValue_asU8() ?? new Uint8Array());
  expect([left.getId(), left.getProperties()?.toJavaScript(), left.getReasonsList()]).toEqual([
    "the-id",
    { size: 2 },
    ["not ready"],
  ]);
});
