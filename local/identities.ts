import type { PulumiCommand } from "@pulumi/pulumi/automation";

import type { Identity } from "../bootstrap/rights";
import { environmentOf, subjects } from "../bootstrap/subjects";
import { clouds } from "../contract/clouds";
import { project } from "../operations/project";
import type { CloudAddress } from "./control";
import { checkedSettings } from "./configuration";
import type { Token } from "./sign-in";
import { localStack } from "./stack";

/** The repository whose workflows the local identities trust. */
const repository = { name: "organization/repository", ownerId: "1", id: "2" } as const;

export interface IdentitiesOptions {
  readonly engine: PulumiCommand;
  readonly cloud: CloudAddress;
  readonly state: string;
  /** Stack of the identities. */
  readonly stack: string;
  /** Settings that override the stack's file, as for the stack itself. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * The project of the stack and its AWS region, if it is another project, which has to be on AWS only. Default: this
   * project.
   */
  readonly of?: { readonly project: string; readonly region: string };
}

/** The token of a job with an identity. GitHub uses one of two forms of subject, see {@link subjects}. */
export function tokenOf(identity: Identity, stack: string, form: "plain" | "immutable" = "plain"): Token {
  const [plain, immutable] = subjects(repository, environmentOf(identity, stack));
  return { subject: form === "plain" ? plain : immutable, repository: repository.name };
}

/** `bootstrap/` as a stack of its own project, with the settings that a person sets with `pulumi config set`. */
export async function identitiesStack(options: IdentitiesOptions) {
  const { default: program } = await import("../bootstrap/index");
  const { engine, cloud, state, stack: name, settings, of } = options;
  const { aws, gcp } = of === undefined ? checkedSettings({ stack: name, settings }) : { aws: of, gcp: undefined };
  const stack = await localStack({ engine, cloud, state, stack: name, program, folder: "bootstrap" });
  const values: Readonly<Record<string, string | undefined>> = {
    project: of?.project ?? project,
    stack: name,
    repository: repository.name,
    ownerId: repository.ownerId,
    repositoryId: repository.id,
    awsRegion: aws?.region,
    gcpProject: gcp?.project,
    stateBucket: `${name}-state`,
    ...Object.fromEntries((of === undefined ? clouds : ["aws"]).map((each, index) => [`clouds[${index}]`, each])),
  };
  const given = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, { value }] as const],
  );
  await stack.setAllConfig(Object.fromEntries(given), true);
  return stack;
}
