// The three clouds' tables on free ports of the loopback interface, until standard input closes.
// Prints one line of JSON: where each listens.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import firestoreEmulator from "@firestore-emulator/server";
import { ServerCredentials } from "@grpc/grpc-js";
import dynalite from "dynalite";

const host = "127.0.0.1";
const require = createRequire(import.meta.url);

async function startDynamoDb() {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  server.listen(0, host);
  await once(server, "listening");
  return `http://${host}:${server.address().port}`;
}

function startFirestore() {
  // The emulator's own start() listens on every address of the machine.
  const { server } = new firestoreEmulator.FirestoreServer();
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(`${host}:${port}`);
    });
  });
}

/** azurite does not say which port it got where it was to choose. */
async function freePort() {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

async function startTableStorage() {
  const port = await freePort();
  const directory = mkdtempSync(path.join(tmpdir(), "azurite-"));
  const azurite = spawn(
    process.execPath,
    [
      require.resolve("azurite/dist/src/table/main.js"),
      ...["--tableHost", host, "--tablePort", String(port)],
      ...["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"],
    ],
    { cwd: directory, stdio: ["ignore", "pipe", "inherit"] },
  );
  process.on("exit", () => {
    azurite.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  for await (const line of createInterface(azurite.stdout)) {
    if (!line.includes("successfully started")) continue;
    azurite.stdout.resume();
    return `http://${host}:${port}`;
  }
  throw new Error("azurite ended before it listened");
}

process.stdin.resume().on("end", () => process.exit());
try {
  const [aws, azure, gcp] = await Promise.all([startDynamoDb(), startTableStorage(), startFirestore()]);
  console.log(JSON.stringify({ aws, azure, gcp }));
} catch (error) {
  console.error(error);
  process.exit(1);
}
