import path from "node:path";

import { watch } from "chokidar";

/** The kinds of edits. */
export type Edit =
  /** The application's folder: its code, pages and packages. */
  | "application"
  /** Settings, the application's description, or the program. */
  | "program";

export interface WatchedProject {
  /** Folder of Pulumi.yaml. */
  readonly root: string;
  /** The application's folder, relative to `root`. */
  readonly application: string;
  readonly stack: string;
}

/** Sources of the program, beside its settings. */
const program = ["index.ts", "settings.ts", "settings", "contract", "layers", "components", "operations"];

/** Files that tools and editors write. */
const ignored = /(^|\/)(node_modules|__pycache__|\.[^/]+)(\/|$)|\.py[co]$|~$/;

/** Milliseconds within which writes count as one edit. */
const together = 40;

/**
 * Reports each edit of a project, with the written files relative to its root.
 *
 * @returns a function that stops watching, once watching has begun.
 */
export async function watchProject(
  { root, application, stack }: WatchedProject,
  onEdit: (edit: Edit, files: readonly string[]) => void,
): Promise<() => Promise<void>> {
  const settings = ["Pulumi.yaml", `Pulumi.${stack}.yaml`];
  const watcher = watch([...settings, ...program, application], {
    cwd: root,
    ignoreInitial: true,
    ignored: (file) => ignored.test(path.relative(root, path.resolve(root, file)).split(path.sep).join("/")),
  });
  const description = path.join(application, "pyproject.toml");
  const written: Record<Edit, Set<string>> = { application: new Set(), program: new Set() };
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    for (const edit of ["program", "application"] as const) {
      const files = [...written[edit]].sort();
      written[edit].clear();
      if (files.length > 0) onEdit(edit, files);
    }
  };
  watcher.on("all", (_, file) => {
    const inside = !path.relative(application, file).startsWith("..") && path.normalize(file) !== description;
    written[inside ? "application" : "program"].add(file);
    clearTimeout(timer);
    timer = setTimeout(tell, together);
  });
  await new Promise<void>((resolve, reject) => {
    watcher.once("ready", resolve).once("error", reject);
  });
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}
