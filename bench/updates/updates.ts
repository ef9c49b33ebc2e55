import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { type Cloud, clouds } from "../../contract/clouds";
import { lockedPackages, lockFile } from "../../layers/lock";
import { relock } from "../../layers/relock";
import type { Edited, Settings } from "../board";

/** One change, and its expected result. */
export interface Update {
  readonly name: string;
  /** Clouds with this update. Default: all. */
  readonly clouds?: readonly Cloud[];
  /** Why the other clouds do not have it. */
  readonly elsewhere?: string;
  /** Changes files in the copy of the repository's application. */
  readonly edit?: (edited: Edited) => void | Promise<void>;
  /** Of the stack, by their paths, in YAML. */
  readonly settings?: Readonly<Partial<Record<Cloud, Settings>>>;
  /** Pattern of the cause in the error. Absent if the update serves. */
  readonly cause?: RegExp;
}

const atEnd = (text: string) => (edited: Edited) => {
  appendFileSync(path.join(edited.folder, "api", "app.py"), text);
};

/** Replaces an existing part of a file. */
function replaced({ folder }: Edited, file: string, part: string | RegExp, by: string): void {
  const at = path.join(folder, file);
  const text = readFileSync(at, "utf8");
  const changed = text.replace(part, by);
  if (changed === text) throw new Error(`${file} has no ${String(part)}`);
  writeFileSync(at, changed);
}

/** Lines that each request for the status runs. */
const atRequest = (lines: string) => (edited: Edited) => {
  const [before, after] = ["    async def status() -> dict[str, str]:\n", `        return {"status": "ok"`];
  replaced(edited, "api/app.py", before, `    def status() -> dict[str, str]:\n${lines}`);
  if (!readFileSync(path.join(edited.folder, "api", "app.py"), "utf8").includes(after)) throw new Error("no status");
};

const atStart = (lines: string) => (edited: Edited) => {
  replaced(edited, "api/app.py", "import os\n", `import os\n${lines}`);
};

const onEach = (settings: (cloud: Cloud) => Readonly<Record<string, string>>) =>
  Object.fromEntries(clouds.map((cloud) => [cloud, settings(cloud)]));

const plain = `"""The routes that are probed, without a package that has native modules."""

import json


async def app(scope, receive, send):
    body = [] if scope["path"].startswith("/api/messages") else {"status": "ok"}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
`;

/** Settings for an application that runs on this machine on any architecture. */
async function withoutNativeModules(edited: Edited): Promise<void> {
  const { folder, cloud } = edited;
  writeFileSync(path.join(folder, "api", "plain.py"), plain);
  replaced(edited, "pyproject.toml", /asgi = .*/, 'asgi = "api.plain:app"');
  replaced(edited, "pyproject.toml", /\n# Layers of[^]*/, "\n");
  const requirements = path.join(folder, "requirements", `${cloud}.in`);
  writeFileSync(requirements, "mangum\n");
  await relock(requirements);
}

/** Updates without failures for users. */
export const fine: readonly Update[] = [
  { name: "code", edit: atEnd("\n# Another.\n") },
  {
    name: "one pin",
    edit: async ({ folder, cloud }) => {
      const requirements = path.join(folder, "requirements", `${cloud}.in`);
      const locked = lockedPackages(readFileSync(lockFile(requirements), "utf8"));
      const version = locked.find(({ name }) => name === "anyio")?.version;
      if (version === undefined) throw new Error(`${lockFile(requirements)} has no anyio`);
      appendFileSync(requirements, `anyio<${version}\n`);
      await relock(requirements);
    },
  },
  {
    name: "strategy",
    clouds: ["aws"],
    elsewhere: "one package has code and packages",
    settings: { aws: { layerStrategy: "split" } },
  },
  { name: "Python version", settings: onEach(() => ({ pythonVersion: '"3.13"' })) },
  {
    name: "architecture",
    clouds: ["aws"],
    elsewhere: "x86_64 alone",
    edit: (edited) => withoutNativeModules(edited),
    settings: { aws: { "aws.architecture": "arm64" } },
  },
  { name: "memory", settings: onEach((cloud) => ({ [`${cloud}.function.memorySize`]: "2048" })) },
  { name: "settings", settings: onEach(() => ({ "functions.api.environment.GREETING": "hello" })) },
  { name: "SnapStart on", clouds: ["aws"], settings: { aws: { "aws.function.snapStart": "true" } } },
  { name: "SnapStart off", clouds: ["aws"] },
];

/** The update after the refused ones. */
export const mended: Update = { name: "mended, after those that were refused", edit: atEnd("\n# Mended.\n") };

/** The first bytes of an ELF library for 64-bit ARM. */
const armLibrary = Buffer.concat([
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 183, 0, 1, 0, 0, 0]),
  Buffer.alloc(232),
]);

/** Faulty updates whose fault appears only at run time. */
export const faulty: readonly Update[] = [
  {
    name: "missing module",
    edit: atStart('import importlib\n\nimportlib.import_module("no_" + "module")\n'),
    cause: /no_module/,
  },
  {
    name: "error at import",
    edit: atStart('if "PATH" in os.environ:\n    raise RuntimeError("planted")\n'),
    cause: /RuntimeError.*planted|planted/,
  },
  {
    name: "wrong handler",
    edit: ({ folder, cloud }) => {
      appendFileSync(path.join(folder, "api", cloud, "function.py"), '\napp = "no application"\n');
    },
    cause: /not callable/,
  },
  { name: "missing variable", edit: atStart('os.environ["ABSENT" + ""]\n'), cause: /ABSENT/ },
  {
    name: "missing right",
    edit: atStart('os.environ["MESSAGES_TABLE"] = os.environ["MESSAGES_DATABASE"] = "forbidden"\n'),
    cause: /permission denied|missing table/,
  },
  {
    name: "wrong architecture",
    edit: (edited) => {
      writeFileSync(path.join(edited.folder, "api", "speed.abi3.so"), armLibrary);
      atStart('import importlib\n\nimportlib.import_module("api." + "speed")\n')(edited);
    },
    cause: /speed\.abi3\.so|api\.speed/,
  },
  {
    name: "table gone",
    edit: (edited) => {
      replaced(edited, "pyproject.toml", /^tables = .*\n/m, "");
      replaced(edited, "pyproject.toml", /\[tool\.multicloud\.tables\.messages\][^[]*/, "");
    },
    cause: /MESSAGES_\w+/,
  },
  {
    name: "crash after the first answer",
    edit: (edited) => {
      atStart("ANSWERED: list[bool] = []\n")(edited);
      atRequest("        if ANSWERED:\n            os._exit(3)\n        ANSWERED.append(True)\n")(edited);
    },
    cause: /exited with (code|error)/,
  },
  {
    name: "an answer of the old release",
    edit: atStart('os.environ["RELEASE"] = "0123456789ab.0123456789ab"\n'),
    cause: /as release 0123456789ab/,
  },
  {
    name: "out of memory",
    // Local clouds have no memory limit: the function ends itself as the platform would.
    edit: atRequest("        import signal\n\n        os.kill(os.getpid(), signal.SIGKILL)\n"),
    cause: /SIGKILL|exited with code 137/,
  },
  {
    name: "slower than the timeout",
    edit: atRequest("        import time\n\n        time.sleep(20)\n"),
    settings: onEach(() => ({ "functions.api.timeout": "2" })),
    cause: /[Tt]ime(d )?out|no answer/,
  },
];
