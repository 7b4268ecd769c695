import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestFolder, testFolder } from "../testing/files.ts";
import {
  apiFromEnvironment,
  currentProfile,
  findLogin,
  type Login,
  logins,
  parseApiUrl,
  removeLogin,
  useProfile,
  writeLogin,
} from "./login.ts";

let home: TestFolder;
let before: string | undefined;
beforeEach(async () => {
  home = await testFolder();
  before = process.env.OW_HOME;
  process.env.OW_HOME = home.path;
});
afterEach(async () => {
  if (before === undefined) delete process.env.OW_HOME;
  else process.env.OW_HOME = before;
  await home[Symbol.asyncDispose]();
});

const login = (name: string): Login => ({
  version: 1,
  name,
  url: "https://api.example.com",
  token: "ow_secret",
  user: "ada",
});

describe("a login", () => {
  test("can be read by its owner alone, and leaves no draft", async () => {
    await writeLogin(login("prod"));
    await writeLogin(login("prod"));
    expect(statSync(join(home.path, "logins")).mode & 0o777).toBe(0o700);
    expect(statSync(join(home.path, "logins/prod.json")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(home.path, "logins"))).toEqual(["prod.json"]);
  });

  test("is found by its name, listed, and gone after it was removed, being no longer the one in use", async () => {
    await writeLogin(login("prod"));
    await writeLogin(login("other"));
    await useProfile("prod");
    expect(await findLogin("prod")).toEqual(login("prod"));
    expect((await logins()).map(({ name }) => name)).toEqual(["other", "prod"]);
    expect(await removeLogin("prod")).toBe(true);
    expect(await removeLogin("prod")).toBe(false);
    expect(await currentProfile()).toBeUndefined();
    expect(await findLogin("prod")).toBeUndefined();
  });

  test("cannot be called so that its file is elsewhere", async () => {
    for (const name of ["../x", "a/b", "", ".", "..", "x".repeat(65)]) {
      expect(await findLogin(name)).toBeUndefined();
      expect(await removeLogin(name)).toBe(false);
      await expect(useProfile(name)).rejects.toThrow();
    }
  });

  test("that is damaged is said to be, and not taken for none", async () => {
    await writeLogin(login("prod"));
    writeFileSync(join(home.path, "logins/prod.json"), "{");
    await expect(findLogin("prod")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("an API's address", () => {
  test("is kept without what clients add to it", () => {
    for (const text of ["api.example.com", "https://api.example.com/v1", "https://API.example.com/v1/"])
      expect(parseApiUrl(text)).toBe("https://api.example.com");
    expect(parseApiUrl("http://api.localhost:8787/")).toBe("http://api.localhost:8787");
    expect(parseApiUrl("https://example.com/ow/v1")).toBe("https://example.com/ow");
  });

  test("that would send a token in clear over a network is refused, unless that is wanted", () => {
    expect(() => parseApiUrl("http://api.example.com")).toThrow("not encrypted");
    expect(() => parseApiUrl("http://localhost.example.com")).toThrow("not encrypted");
    expect(parseApiUrl("http://api.example.com", { insecure: true })).toBe("http://api.example.com");
    expect(parseApiUrl("http://127.0.0.1:8787")).toBe("http://127.0.0.1:8787");
  });

  test("that is none is refused", () => {
    for (const text of ["", "ftp://x", "https://", "https://a:b@example.com", "https://x?y"])
      expect(() => parseApiUrl(text)).toThrow("is not the address of an API");
  });

  test("comes from the environment with its token, or not at all", () => {
    expect(apiFromEnvironment({})).toBeUndefined();
    expect(apiFromEnvironment({ OW_TOKEN: "ow_x" })).toBeUndefined();
    expect(apiFromEnvironment({ OW_API_URL: "https://a.b/v1", OW_TOKEN: "ow_x" })).toEqual({
      url: "https://a.b",
      token: "ow_x",
    });
    expect(() => apiFromEnvironment({ OW_API_URL: "https://a.b" })).toThrow("OW_TOKEN is not");
  });
});
