import { describe, expect, test } from "bun:test";
import { describeAddress, parseAddress, socketUrl } from "./address.ts";

describe("a database URL", () => {
  const tcp = { host: "db.example.com", port: 5432, database: "app", user: "ow", password: undefined };
  const accepted: [string, ReturnType<typeof parseAddress>][] = [
    ["postgres://ow@db.example.com/app", { ...tcp, tls: "require" }],
    [
      "postgresql://ow:p%40ss@db.example.com:6543/app",
      { ...tcp, port: 6543, password: "p@ss", tls: "require" },
    ],
    ["postgres://ow@db.example.com/app?sslmode=disable", { ...tcp, tls: "disable" }],
    ["postgres://ow@db.example.com/app?sslmode=verify-full", { ...tcp, tls: "verify-full" }],
    ["postgres://ow@db.example.com/app?sslmode=verify-ca", { ...tcp, tls: "verify-full" }],
    ["postgres://ow@localhost/app", { ...tcp, host: "localhost", tls: "disable" }],
    ["postgres://ow@127.0.0.1/app", { ...tcp, host: "127.0.0.1", tls: "disable" }],
    ["postgres://ow@[::1]/app", { ...tcp, host: "::1", tls: "disable" }],
    [
      "postgres:///app?host=/run/pg&user=ow&password=p%26w&port=5433",
      { host: "/run/pg", port: 5433, database: "app", user: "ow", password: "p&w", tls: "disable" },
    ],
  ];
  for (const [url, address] of accepted) {
    test(`${url} is understood`, () => expect(parseAddress(url)).toEqual(address));
  }

  const refused = [
    "",
    "app",
    "mysql://ow:pw-s3cret@db/app",
    "postgres://ow:pw-s3cret@db/",
    "postgres://db.example.com/app",
    "postgres:///app?user=ow&password=pw-s3cret",
    "postgres://ow:pw-s3cret@db/app?sslmode=prefer",
    "postgres://ow:pw-s3cret@db/app?options=-c%20fsync=off",
    "postgres://ow:pw-s3cret@db:99999/app",
  ];
  for (const url of refused) {
    test(`"${url}" is refused without its password`, () => {
      try {
        parseAddress(url);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "CONFIG_INVALID" });
        expect(
          Bun.inspect(thrown)
            .split("\n")
            .filter((line) => line.includes("pw-s3cret")),
        ).toEqual([]);
        return;
      }
      throw new Error("it was accepted");
    });
  }

  test("for a socket is read back as it was written", () => {
    const address = { host: "/tmp/a b&c", port: 5432, database: "a/b?", user: "o&w", password: "p=&%" };
    expect(() => parseAddress(socketUrl(address))).toThrow();
    const plain = { ...address, database: "app" };
    expect(parseAddress(socketUrl(plain))).toEqual({ ...plain, tls: "disable" });
  });

  test("is described without its password", () => {
    expect(describeAddress(parseAddress("postgres://ow:pw-s3cret@db.example.com/app"))).toBe(
      'database "app" on db.example.com:5432',
    );
  });
});
