import { z } from "zod";

import { type HttpRequest, type HttpResponse, listen, type Listener, response } from "../http";
import { accessKeyIn, type Denial, denial, roleOf, unknownCaller } from "./caller";
import type { AwsResources } from "./resources";

/** The fields of `GetSecretValue` (Secrets Manager API reference). */
const getSecretValue = z.object({
  SecretId: z.string(),
  VersionId: z.string().optional(),
  VersionStage: z.string().optional(),
});

/** The part of Secrets Manager that reads secrets, subject to the role's policies. Signatures are not verified. */
export class SecretsManager {
  private constructor(private readonly listener: Listener) {}

  static async start(resources: AwsResources): Promise<SecretsManager> {
    return new SecretsManager(await listen((request) => Promise.resolve(answer(resources, request))));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.listener.port}`;
  }

  close(): Promise<void> {
    return this.listener.close();
  }
}

function answer(resources: AwsResources, request: HttpRequest): HttpResponse {
  const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const operation = headers["x-amz-target"]?.split(".").at(-1) ?? "";
  if (operation !== "GetSecretValue") {
    return refused({ type: "UnknownOperationException", message: `${operation} is not served on this machine` });
  }
  const given = getSecretValue.parse(JSON.parse(request.body.toString()));
  const role = roleOf(resources, accessKeyIn(headers));
  if (role === undefined) return refused(unknownCaller);

  const { SecretId, VersionId, VersionStage } = given;
  const secret = resources.find(
    "aws:secretsmanager/secret:Secret",
    ({ arn, name }) => arn === SecretId || name === SecretId,
  );
  const denied = denial(resources, role, "secretsmanager:GetSecretValue", secret?.arn ?? SecretId);
  if (denied) return refused(denied);

  const versions = resources
    .list("aws:secretsmanager/secretVersion:SecretVersion")
    .filter(({ secretId }) => secretId === secret?.arn);
  const latest = versions.length - 1;
  const stages = ["AWSCURRENT", "AWSPREVIOUS"];
  const wanted = VersionId === undefined ? (VersionStage ?? "AWSCURRENT") : VersionStage;
  const index = versions.findIndex(
    ({ versionId }, at) =>
      (VersionId === undefined || versionId === VersionId) && (wanted === undefined || stages[latest - at] === wanted),
  );
  const version = versions[index];
  if (secret === undefined || version === undefined) {
    const message =
      secret === undefined
        ? "Secrets Manager can't find the specified secret."
        : `Secrets Manager can't find the specified secret value for ${VersionId === undefined ? `staging label: ${String(wanted)}` : `VersionId: ${VersionId}`}`;
    return refused({ type: "ResourceNotFoundException", message });
  }
  return response(200, {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: version.versionId,
    SecretString: version.secretString,
    VersionStages: [stages[latest - index]].filter((stage) => stage !== undefined),
    CreatedDate: Date.parse(version.createdDate) / 1000,
  });
}

function refused({ type, message }: Denial): HttpResponse {
  return response(400, { __type: type, message, Message: message });
}
