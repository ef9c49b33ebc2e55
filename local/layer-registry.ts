import { existsSync, statSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { BuildError, shownPath } from "../layers/build-error";
import { type LayerRegistry, type LayerVersion, signedHash } from "../operations/layer-versions/registry";
import { signingJobType } from "./aws/signing";
import { versionType } from "./aws/versions";
import { asker, deleteResource } from "./cloud-process";
import { ResourceStore } from "./store";
import { TypedResources } from "./typed-resources";

const layerType = "aws:lambda/layerVersion:LayerVersion";
const functionType = "aws:lambda/function:Function";
const aliasType = "aws:lambda/alias:Alias";

const consumer = z.object({ arn: z.string(), name: z.string(), layers: z.array(z.string()).default([]) });

/** The properties of each type that are read, by the type's own property names. */
const schemas = {
  [layerType]: z.object({
    arn: z.string(),
    layerName: z.string(),
    createdDate: z.string(),
    code: z.object({ path: z.string(), sha256: z.string() }),
    signingJobArn: z.string().optional(),
  }),
  [signingJobType]: z.object({ jobArn: z.string(), source: z.object({ s3: z.object({ key: z.string() }) }) }),
  [functionType]: consumer,
  [versionType]: consumer.extend({ version: z.string() }),
  [aliasType]: z.object({ name: z.string(), functionName: z.string(), functionVersion: z.string() }),
};

/**
 * The layer versions of a local AWS, by region, whether it is running or not.
 *
 * @param state folder of the local clouds' state.
 * @throws {BuildError} if nothing was ever deployed there.
 */
export function localRegistries(state: string): (region: string) => LayerRegistry {
  const folder = path.join(state, "aws");
  if (!existsSync(folder)) {
    throw new BuildError(`nothing was deployed in ${shownPath(state)}; deploy first: npm run local -- up --detach`);
  }
  // Read for each call, since another process changes the file.
  const resources = () => new TypedResources(schemas, new ResourceStore(folder));
  const ask = (call: string, resource?: string) =>
    asker(state)({ cloud: "aws", call, ...(resource !== undefined && { resource }) });
  return (region) => ({
    async versions(prefix) {
      for (const call of ["lambda list-layers", "lambda list-layer-versions"]) await ask(call);
      const found = resources()
        .list(layerType)
        .filter(({ arn, layerName }) => arn.split(":")[3] === region && layerName.startsWith(prefix));
      for (const { arn, signingJobArn } of found) {
        await ask("lambda get-layer-version", arn);
        if (signingJobArn !== undefined) await ask("signer describe-signing-job", signingJobArn);
      }
      const built = new Map(
        resources()
          .list(signingJobType)
          .map(({ jobArn, source }) => [jobArn, signedHash(source.s3.key)] as const),
      );
      return found.map(({ arn, layerName, createdDate, code, signingJobArn = "" }) => ({
        layerName,
        version: Number(arn.split(":").at(-1)),
        arn,
        createdAt: new Date(createdDate),
        size: statSync(code.path).size,
        sha256: built.get(signingJobArn) ?? code.sha256,
      }));
    },
    async functions() {
      for (const call of ["lambda list-functions", "lambda list-aliases"]) await ask(call);
      const all = resources();
      const here = ({ arn }: { readonly arn: string }) => arn.split(":")[3] === region;
      const aliases = all.list(aliasType);
      const published = all
        .list(versionType)
        .filter(here)
        .map(({ name, version, layers }) => ({
          name: `function ${name}:${version}`,
          layerArns: layers,
          published: {
            functionName: name,
            version: Number(version),
            aliases: aliases
              .filter(({ functionName, functionVersion }) => functionName === name && functionVersion === version)
              .map((alias) => alias.name),
          },
        }));
      const current = all
        .list(functionType)
        .filter(here)
        .map(({ name, layers }) => ({ name: `function ${name}`, layerArns: layers }));
      return [...current, ...published];
    },
    async deleteFunction({ functionName, version, aliases }) {
      const arn = resources().find(functionType, ({ name }) => name === functionName)?.arn;
      for (const call of [...aliases.map(() => "lambda delete-alias"), "lambda delete-function"]) await ask(call, arn);
      for (const alias of aliases) {
        await deleteResource(state, { cloud: "aws", type: aliasType, id: `${functionName}:${alias}` });
      }
      await deleteResource(state, { cloud: "aws", type: versionType, id: `${functionName}:${version}` });
    },
    async delete({ arn }: LayerVersion) {
      await ask("lambda delete-layer-version", arn);
      await deleteResource(state, { cloud: "aws", type: layerType, id: arn });
    },
  });
}
