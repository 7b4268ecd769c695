import { describe, expect, test } from "bun:test";
import { within } from "@openworkers/core";
import { Exchange } from "../query/exchange.ts";
import { ResultAllowance } from "../query/result.ts";
import { endless, hostileServer, welcome } from "../testing/hostile-server.ts";
import { BackendConnection } from "./backend-connection.ts";

const options = { settings: {}, key: "key", connectTimeoutMs: 10_000, report: () => {} };

// Each of these servers would be read for ever, were it not cut off.
describe("a server that is not to be trusted", () => {
  test("cannot have us hold all it says at a session's start", async () => {
    using server = hostileServer(endless("N"));
    await expect(BackendConnection.open(server.address, options)).rejects.toThrow("message length");
  });

  test("cannot have us hold what it says without being asked", async () => {
    using server = hostileServer([...welcome, ...endless("N")]);
    const connection = await BackendConnection.open(server.address, options);
    await connection.closed;
    expect(
      await within(
        connection.close().then(() => "closed"),
        10_000,
      ),
    ).toBe("closed");
  });

  test.each(["D", "E", "N", "T"])(
    "cannot have us hold a %s message beyond the limit of a result",
    async (code) => {
      using server = hostileServer(welcome, endless(code));
      const connection = await BackendConnection.open(server.address, options);
      const statement = { sql: "select repeat('x', 2000000000)", params: [], word: "select" };
      const exchange = new Exchange(
        connection,
        { kind: "statement", statement },
        {
          statementMs: 3_600_000,
          typeOf: () => undefined,
          allowance: new ResultAllowance({ rows: 1, bytes: 100_000 }),
        },
      );
      await expect(exchange.outcome).rejects.toMatchObject({ code: "RESULT_TOO_LARGE" });
      expect(await exchange.clean).toBe(false);
      await connection.closed;
    },
  );
});
