import { z } from "zod";

import { version } from "../package.json";
import type { CloudSubject, Commands } from "./diagnose/check";
import { diagnoseCloud } from "./diagnose/diagnose";
import { localClouds, localCommands } from "./diagnose/local";
import { stackOutputs } from "./diagnose/outputs";
import { described } from "./diagnose/text";
import { vendorClouds } from "./diagnose/vendors";

const environment = z
  .object({
    CLOUD: z.enum(["aws", "azure", "gcp"]),
    ADDRESS: z.url(),
    /** Seconds in which the API has to answer. */
    PATIENCE: z.coerce.number().positive(),
    OUTPUTS: z
      .string()
      .transform((text): unknown => JSON.parse(text))
      .pipe(stackOutputs),
    /** The state folder of the local clouds, where they run this. */
    LOCAL_CLOUD: z.string().optional(),
  })
  .transform(({ LOCAL_CLOUD, PATIENCE, CLOUD, ADDRESS, OUTPUTS }) => ({
    cloud: CLOUD,
    outputs: OUTPUTS,
    localCloud: LOCAL_CLOUD,
    address: ADDRESS.replace(/\/$/, ""),
    // What is local is known everywhere at once.
    patience: LOCAL_CLOUD === undefined ? PATIENCE : Math.min(PATIENCE, 5),
  }));

const status = (cloud: string) =>
  z.object({ status: z.literal("ok"), provider: z.literal(cloud), version: z.literal(version) });

/** What is wrong with an answer. */
class WrongAnswerError extends Error {
  constructor(
    message: string,
    /** Whether time may mend it: a role or an address that is not known everywhere yet. */
    readonly passing: boolean,
  ) {
    super(message);
  }
}

/** Milliseconds that one answer may take, a cold start included: what an HTTP API waits. */
const answerPatience = 30_000;
/** Answers of status 500 in a row that are no coincidence: the function fails, and goes on to. */
const hopeless = 3;

/** The body of a 200. */
async function get(url: string): Promise<unknown> {
  let answer: Response;
  let body: string;
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(answerPatience) });
    body = await answer.text();
  } catch (error) {
    const { message, cause } = error as Error;
    throw new WrongAnswerError(`GET ${url}: ${cause instanceof Error ? cause.message : message}`, true);
  }
  if (answer.status !== 200) {
    throw new WrongAnswerError(`GET ${url} answers ${answer.status}: ${body.slice(0, 500)}`, answer.status !== 500);
  }
  try {
    return JSON.parse(body);
  } catch {
    throw new WrongAnswerError(`GET ${url} answers 200 with what is not JSON: ${body.slice(0, 200)}`, true);
  }
}

/** @throws {WrongAnswerError} where the API does not serve, or is not what was deployed. */
async function ask(address: string, cloud: string): Promise<string> {
  const started = performance.now();
  const found = status(cloud).safeParse(await get(`${address}/api/`));
  if (!found.success) {
    throw new WrongAnswerError(
      `GET ${address}/api/ answers as something else than version ${version} on ${cloud}:\n${z.prettifyError(found.error)}`,
      true,
    );
  }
  const messages = z.array(z.object({ id: z.string() })).safeParse(await get(`${address}/api/messages/?limit=1`));
  if (!messages.success) {
    throw new WrongAnswerError(`GET ${address}/api/messages/ answers no list of messages`, true);
  }
  return `version ${version} serves on ${cloud}, asked in ${Math.round(performance.now() - started)} ms`;
}

/** Whoever deploys has the stack selected. */
const pulumiCommands: Commands = {
  deploy: "pulumi up",
  heal: "pulumi up --refresh",
  settle: "pulumi refresh",
  unlock: "pulumi cancel",
};

/** Why the API does not serve, as far as the cloud and the function's log tell it. */
async function causes({ cloud, outputs, localCloud }: z.output<typeof environment>, since: Date): Promise<string[]> {
  const values = outputs[cloud];
  const inspected = (localCloud === undefined ? vendorClouds(outputs) : localClouds(outputs, localCloud))[cloud];
  if (values === undefined || inspected === undefined) return [];
  const commands = localCloud === undefined ? pulumiCommands : localCommands;
  const subject: CloudSubject = {
    cloud,
    outputs: values,
    layers: outputs.layers,
    inspected,
    since,
    askedAt: since,
    commands,
  };
  const results = await diagnoseCloud(subject, { only: explaining, timeout: answerPatience });
  return results.flatMap((result) => result.findings.map((finding) => described(result, finding)));
}

/** The checks that look for causes; the others see what this one saw. */
const explaining = ["function", "compatibility", "table", "log"];

async function main(): Promise<void> {
  const subject = environment.parse(process.env);
  const { cloud, address, patience } = subject;
  const started = new Date();
  const deadline = started.getTime() + patience * 1_000;
  let failures = 0;
  for (let delay = 500; ; delay = Math.min(delay * 2, 15_000)) {
    try {
      console.log(await ask(address, cloud));
      return;
    } catch (error) {
      if (!(error instanceof WrongAnswerError)) throw error;
      failures = error.passing ? 0 : failures + 1;
      if (failures >= hopeless || Date.now() + delay > deadline) {
        throw new Error([error.message, ...(await causes(subject, started))].join("\n"));
      }
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
