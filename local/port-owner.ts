import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** State of a listening socket in Linux's socket table. */
const listening = "0A";

/** The process that listens on a local port, e.g. `node (process 4711)`; undefined if the system does not say. */
export function portOwner(port: number): string | undefined {
  const socket = socketOf(port);
  if (socket === undefined) return undefined;
  const pid = entries("/proc").find((name) => /^\d+$/.test(name) && opens(name, socket));
  if (pid === undefined) return undefined;
  return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (process ${pid})`;
}

/** Inode of the socket that listens on a port; these tables exist only on Linux. */
function socketOf(port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of content(table).split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      if (local.endsWith(suffix) && state === listening) return inode;
    }
  }
  return undefined;
}

function opens(pid: string, socket: string): boolean {
  return entries(`/proc/${pid}/fd`).some((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`) === `socket:[${socket}]`;
    } catch {
      // It was closed in the meantime.
      return false;
    }
  });
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // The process has ended, or belongs to another user.
    return [];
  }
}

function content(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
