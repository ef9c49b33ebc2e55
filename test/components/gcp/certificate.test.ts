import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { untilServedByHttps } from "../../../components/gcp/certificate";

const folder = mkdtempSync(path.join(tmpdir(), "certificate-"));
const [key, certificate] = [path.join(folder, "key.pem"), path.join(folder, "certificate.pem")];
let address = "";
const server = createServer({}, (_, response) => response.end("page"));

beforeAll(async () => {
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const made = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate];
  execFileSync("openssl", ["req", "-x509", "-days", "2", ...made, ...names], { stdio: "ignore" });
  server.setSecureContext({ key: readFileSync(key), cert: readFileSync(certificate) });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** The exit code and the error of the command, which has no time to wait. */
async function waited(environment: Readonly<Record<string, string>>): Promise<[number | null, string]> {
  const { LOCAL_CLOUD: _, ...own } = process.env;
  const patience = { MINUTES: "0", SECONDS: "0", ADDRESS: "203.0.113.7" };
  const child = spawn("/bin/sh", ["-c", untilServedByHttps], { env: { ...own, ...patience, ...environment } });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child, "close");
  return [child.exitCode, said];
}

test("a domain with a valid certificate is waited for no longer", async () => {
  expect(await waited({ DOMAIN: address, NODE_EXTRA_CA_CERTS: certificate })).toEqual([0, ""]);
});

test("one without is told what its record has to name", async () => {
  const [code, said] = await waited({ DOMAIN: address });
  expect(code).toBe(1);
  expect(said).toMatch(/no valid certificate .*self-signed.*HTTP goes on serving.*A record of .* name 203\.0\.113\.7/s);
});

test("without a domain, and on the local clouds, nothing is asked", async () => {
  expect(await waited({ DOMAIN: "" })).toEqual([0, ""]);
  expect(await waited({ DOMAIN: "app.example.com", LOCAL_CLOUD: folder })).toEqual([0, ""]);
});
