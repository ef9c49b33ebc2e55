import { createHash } from "node:crypto";

import type { Check, CloudSubject } from "./check";
import type { Finding } from "./report";
import type { DeployedFile } from "./stack";

/** Maximum number of files in one finding. */
const listed = 5;

/**
 * Providers do not read the content of the site's files back: neither a preview nor a refresh detects manual changes
 * (pulumi-aws#906).
 */
export const siteCheck: Check<CloudSubject> = {
  id: "site",
  about: "whether the frontend serves the files that were deployed",
  applies: ({ outputs, site }) => outputs.frontendUrl !== undefined && site !== undefined,
  async run({ cloud, outputs: { frontendUrl = "" }, site, commands }, signal) {
    const files = ((await site?.()) ?? []).filter((file) => file.cloud === cloud);
    const looked = await Promise.all(
      files.map(async (file) => ({ file, problem: await problemOf(frontendUrl, file, signal) })),
    );
    const wrong = looked.filter(({ problem }) => problem !== undefined);
    const summary = `${files.length - wrong.length} of ${files.length} files as they were deployed`;
    if (wrong.length === 0) return { summary, findings: [] };
    const isChanged = wrong.some(({ problem }) => problem === changed);
    const finding: Finding = {
      severity: "error",
      title: `${wrong.length} of the site's ${files.length} files are not as they were deployed`,
      evidence: wrong.slice(0, listed).map(({ file, problem }) => `/${file.key}: ${problem ?? ""}`),
      cause: "They were changed or deleted by hand, or a cache in front of them is older than the deployment.",
      next: isChanged
        ? `delete the changed ones in the site's storage, since no update sees their content; then ${commands.redeploy}`
        : commands.redeploy,
    };
    return { summary, findings: [finding] };
  },
};

const changed = "other content";

/** The problem with a served file; undefined if there is none, or without a response, which other checks report. */
async function problemOf(
  url: string,
  { key, algorithm, hash }: DeployedFile,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/${key.split("/").map(encodeURIComponent).join("/")}`, { signal });
    const content = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200) return `answers ${answer.status}`;
    return createHash(algorithm).update(content).digest("hex") === hash ? undefined : changed;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}
