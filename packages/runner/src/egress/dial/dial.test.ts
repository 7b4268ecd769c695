import { describe, expect, test } from "bun:test";
import { Wire } from "@openworkers/core";
import { Places } from "../../subrequests/places.ts";
import { rawServer } from "../testing/servers.ts";
import { type DialOptions, dial } from "./dial.ts";

const never = new AbortController().signal;

function dialing(port: number, options: Partial<DialOptions<Wire>> = {}): Promise<Wire> {
  return dial({
    host: "server.test",
    addresses: ["127.0.0.1"],
    port,
    places: new Places(10),
    make: () => new Wire({ onData() {}, onDrain() {}, onClose() {}, onFault() {} }),
    wireOf: (wire) => wire,
    signal: never,
    ...options,
  });
}

describe("dialing", () => {
  test("waits for a place while too many connections are in the making", async () => {
    const places = new Places(1);
    // It takes connections and says nothing: TLS with it is never done.
    using silent = rawServer();
    const stop = new AbortController();
    const first = dialing(silent.port, {
      places,
      signal: stop.signal,
      tls: { host: "server.test", authorities: [] },
    });
    await silent.until(() => silent.received() !== "");
    const second = dialing(silent.port, { places });
    // Once another has come and gone, this one would have come as well.
    (await dialing(silent.port)).terminate();
    await silent.until(() => silent.opened() === 2);
    stop.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    (await second).terminate();
    await silent.until(() => silent.opened() === 3 && silent.open() === 0);
  });

  test("takes the first address that answers, and lets the others go", async () => {
    using server = rawServer({ hostname: "127.0.0.3" });
    const wire = await dialing(server.port, { addresses: ["127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"] });
    expect(server.opened()).toBe(1);
    wire.terminate();
    await server.until(() => server.open() === 0);
  });

  test("tries a handful of addresses and no more", async () => {
    using server = rawServer({ hostname: "127.0.0.100" });
    const elsewhere = Array.from({ length: 6 }, (_, index) => `127.0.0.${index + 1}`);
    await expect(dialing(server.port, { addresses: [...elsewhere, "127.0.0.100"] })).rejects.toMatchObject({
      code: "EGRESS_FAILED",
      message: `Cannot connect to server.test on port ${server.port}: it refused the connection.`,
    });
  });

  test("does not begin when it is over already", async () => {
    await expect(dialing(1, { signal: AbortSignal.abort(new Error("over")) })).rejects.toThrow("over");
  });
});
