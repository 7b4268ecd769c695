import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { natsFromEnvironment } from "../environment.ts";
import { makeCertificates, type TestCertificates } from "../testing/certificates.ts";
import { on, testStream, until } from "../testing/contract-rig.ts";
import { startTestNats, type TestNats } from "../testing/nats.ts";
import { bytes } from "../testing/text.ts";
import { connectNats } from "./connect.ts";

setDefaultTimeout(60_000);

let directory: string;
let ours: TestCertificates;
let theirs: TestCertificates;
let nats: TestNats;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ow-test-tls-"));
  [ours, theirs] = ["ours", "theirs"].map((name) => {
    mkdirSync(join(directory, name));
    return makeCertificates(join(directory, name));
  }) as [TestCertificates, TestCertificates];
  // As docs/bus.md has it.
  nats = await startTestNats(`tls {
    cert_file: "${ours.server.certFile}"
    key_file: "${ours.server.keyFile}"
    ca_file: "${ours.caFile}"
    verify: true
  }`);
});

afterAll(async () => {
  await nats?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const environment = (more: Record<string, string>) => {
  const options = natsFromEnvironment({
    NATS_URL: nats.servers.map((server) => `tls://${server}`).join(),
    ...more,
  });
  if (options === undefined) throw new Error("NATS_URL is set");
  return options;
};

const mutual = () => ({
  NATS_CA: ours.caFile,
  NATS_CERT: ours.client.certFile,
  NATS_KEY: ours.client.keyFile,
});

test("a connection is encrypted, with a certificate on each side, and made again after an outage", async () => {
  await using bus = await connectNats({ ...environment(mutual()), report: () => {} });
  const stream = testStream();
  await bus.declare(stream);
  await bus.publish(on(stream, "a"), new Uint8Array(900_000), { id: "1" });
  await nats.nodes[0]?.restart();
  await bus.publish(on(stream, "a"), bytes("x"), { id: "2", timeoutMs: 30_000 });
  await until(() => bus.stats().reconnects === 1);
  expect((await bus.streamState(stream.name)).messages).toBe(2);
});

test.each([
  ["an authority that did not sign the server's", () => ({ ...mutual(), NATS_CA: theirs.caFile })],
  [
    "the system's authorities alone",
    () => ({ NATS_CERT: ours.client.certFile, NATS_KEY: ours.client.keyFile }),
  ],
  ["a file that is not there", () => ({ ...mutual(), NATS_CA: "/nowhere/ca.pem" })],
])("a client with %s is told so", async (_, env) => {
  const thrown = await connectNats({ ...environment(env()), connectMs: 5_000, report: () => {} }).catch(
    (error) => error,
  );
  expect(thrown).toMatchObject({ code: "CONFIG_INVALID", hint: expect.stringContaining("NATS_CA") });
});

test.each([
  ["no certificate of its own", () => ({ NATS_CA: ours.caFile })],
  [
    "a stranger's certificate",
    () => ({ NATS_CA: ours.caFile, NATS_CERT: theirs.client.certFile, NATS_KEY: theirs.client.keyFile }),
  ],
])("a client with %s is not let in, and told what to look at", async (_, env) => {
  const thrown = await connectNats({ ...environment(env()), connectMs: 100, report: () => {} }).catch(
    (error) => error,
  );
  expect(thrown).toMatchObject({ code: "BUS_UNAVAILABLE", hint: expect.stringContaining("NATS_CERT") });
});

test("a client that wants encryption does not go without", async () => {
  await using plain = await startTestNats();
  const options = { ...environment(mutual()), servers: plain.servers.map((server) => `tls://${server}`) };
  const attempt = connectNats({ ...options, connectMs: 2_000, report: () => {} });
  expect(await attempt.catch((error) => error)).toMatchObject({ code: "CONFIG_INVALID" });
});
