import { expect, test } from "bun:test";
import { startupSettings } from "./startup-settings.ts";

const settings = (options: string) => startupSettings(new Map([["options", options]]));

test("options are split as PostgreSQL splits them", () => {
  expect(settings("-c a=1 -cb=2 --c-d=3 -c e=x=y -c f=a\\ b\\\\c  -c my.g=")).toEqual({
    a: "1",
    b: "2",
    c_d: "3",
    e: "x=y",
    f: "a b\\c",
    "my.g": "",
  });
});

test("a later value wins over an earlier one, and options over parameters", () => {
  const parameters = new Map([
    ["TimeZone", "UTC"],
    ["options", "-c timezone=Asia/Tokyo -c timezone=Europe/Paris"],
  ]);
  expect(startupSettings(parameters)).toEqual({ timezone: "Europe/Paris" });
});

test("who logs in and where is not to be set in any spelling", () => {
  for (const name of [
    "user",
    "USER",
    "database",
    "Database",
    "options",
    "replication",
    "_pq_.x y",
    "local-preload_libraries",
    "a b",
    "",
    "1a",
  ]) {
    expect(() => settings(`-c ${name.replaceAll(" ", "\\ ")}=x`)).toThrow();
  }
  expect(
    startupSettings(
      new Map([
        ["user", "a"],
        ["database", "b"],
        ["_pq_.wish", "on"],
      ]),
    ),
  ).toEqual({});
});
