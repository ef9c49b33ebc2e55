import { readFileSync } from "node:fs";

import { Command, InvalidArgumentError } from "commander";

import { comment, marker } from "../operations/pull-request/comment";
import { parseBundles } from "../operations/pull-request/layers";
import { postComment } from "../operations/pull-request/post";
import { parsePreview, type Preview } from "../operations/pull-request/preview";
import { version } from "../package.json";

interface Options {
  readonly stack: string;
  readonly bundles?: string;
  readonly runUrl?: string;
  readonly exitCode?: number;
  readonly post?: number;
}

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("expected a whole number");
  return Number(text);
};

async function main(): Promise<void> {
  const command = new Command("preview:comment")
    .description("Prints what a preview would change, as the Markdown of one pull request comment")
    .argument("[file]", "what `pulumi preview --json` printed; standard input where there is none")
    .option("-s, --stack <name>", "stack that was previewed", "staging")
    .option("--bundles <file>", "what `npm run layer -- build --json` printed, for the layers' packages")
    .option("--exit-code <number>", "exit code of the preview", whole)
    .option("--run-url <url>", "address of the run with the whole log")
    .option("--post <number>", "also puts it into this pull request, by GITHUB_TOKEN and GITHUB_REPOSITORY", whole)
    .version(version)
    .showHelpAfterError("See --help")
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse();
  const options = command.opts<Options>();

  const markdown = comment(previewIn(read(command.args[0]), options), {
    stack: options.stack,
    bundles: options.bundles === undefined ? undefined : parseBundles(readFileSync(options.bundles, "utf8")),
    runUrl: options.runUrl,
    exitCode: options.exitCode,
  });
  process.stdout.write(markdown);
  if (options.post !== undefined) {
    const pullRequest = {
      api: process.env.GITHUB_API_URL ?? "https://api.github.com",
      repository: needed("GITHUB_REPOSITORY"),
      number: options.post,
      token: needed("GITHUB_TOKEN"),
    };
    console.error(`comment ${await postComment(pullRequest, marker(options.stack), markdown)}`);
  }
}

/** The preview; if it failed before it wrote anything, only the failure. */
function previewIn(text: string, { exitCode = 0 }: Options): Preview {
  try {
    return parsePreview(text);
  } catch (error) {
    if (exitCode === 0) throw error;
    return { diagnostics: [{ severity: "error", message: "The preview ended before it produced any output." }] };
  }
}

function read(file: string | undefined): string {
  return readFileSync(file ?? 0, "utf8");
}

function needed(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`--post needs ${variable} in the environment; a workflow sets it, by hand export it`);
  return value;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
