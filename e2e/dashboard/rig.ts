import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout } from "bun:test";
import type { Browser, BrowserContext, Cookie, Page } from "playwright-core";
import { type Platform, type PlatformOptions, startPlatform } from "../platform.ts";
import { launch, watchFaults } from "./browser.ts";

const hookMs = 120_000;

export interface Person {
  readonly email: string;
  readonly password: string;
}

const ada: Person = { email: "ada@example.com", password: "correct horse battery" };

/** A platform with its dashboard, a browser, and Ada, who is its first admin. */
export class Dashboard {
  readonly platform: Platform;
  readonly browser: Browser;
  readonly origin: string;
  /** Of its windows, since they were last looked at. */
  readonly faults: string[] = [];
  readonly ada = ada;
  /** Ada's session, for what a test prepares without the pages. */
  readonly token: string;
  readonly #contexts: BrowserContext[] = [];
  /** The cookies of who has signed in, by e-mail. */
  readonly #sessions = new Map<string, Cookie[]>();

  private constructor(platform: Platform, browser: Browser, token: string) {
    this.platform = platform;
    this.browser = browser;
    this.origin = `http://localhost:${platform.port}`;
    this.token = token;
  }

  static async start(options: Pick<PlatformOptions, "env"> = {}): Promise<Dashboard> {
    const platform = await startPlatform({ ...options, dashboard: true });
    const { setupUrl } = platform.ready.api as { readonly setupUrl: string };
    const token = new URL(setupUrl).searchParams.get("token");
    const response = await platform.fetch("api", "/v1/auth/setup?token=true", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...ada, name: "Ada", token }),
    });
    const { token: session } = (await response.json()) as { readonly token: string };
    return new Dashboard(platform, await launch(), session);
  }

  /** The API, as Ada or whose session or key it is: the answer's JSON. Throws with the API's words when it refuses. */
  async api<Answer>(method: string, path: string, body?: unknown, token = this.token): Promise<Answer> {
    const response = await this.platform.fetch("api", `/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }

  /** A window of a browser that has never been here. */
  async visitor(): Promise<Page> {
    const context = await this.browser.newContext({ baseURL: this.origin, reducedMotion: "reduce" });
    context.setDefaultTimeout(20_000);
    this.#contexts.push(context);
    watchFaults(context, this.origin, this.faults);
    return await context.newPage();
  }

  /**
   * A window in which somebody has signed in, Ada unless said otherwise, at `path`. Their windows share the session of the
   * first while it is good: a sign-in hashes, and loads two pages.
   */
  async page(path = "/", person: Person = ada): Promise<Page> {
    const page = await this.visitor();
    const context = page.context();
    await context.addCookies(this.#sessions.get(person.email) ?? []);
    if ((await context.request.get(`${this.origin}/v1/auth/me`)).ok()) {
      await page.goto(path);
    } else {
      await page.goto(`/sign-in?next=${encodeURIComponent(path)}`);
      await page.getByLabel("E-mail").fill(person.email);
      await page.getByLabel("Password").fill(person.password);
      await page.getByRole("button", { name: "Sign in" }).click();
    }
    await page.waitForURL(this.origin + path);
    this.#sessions.set(person.email, await context.cookies());
    return page;
  }

  async closeWindows(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.close();
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.platform[Symbol.asyncDispose]();
  }
}

/**
 * One platform and browser for the tests of a file. After each test its windows are closed, and it fails when one of them
 * had an uncaught error, logged one, or asked another origin for anything.
 */
export function dashboardTests(options: () => Promise<Pick<PlatformOptions, "env">> = async () => ({})): {
  readonly dashboard: Dashboard;
} {
  // A browser beside a platform and other tests, on two cores.
  setDefaultTimeout(120_000);
  let dashboard: Dashboard | undefined;
  beforeAll(async () => {
    dashboard = await Dashboard.start(await options());
  }, hookMs);
  afterEach(async () => {
    await dashboard?.closeWindows();
    expect(dashboard?.faults.splice(0) ?? []).toEqual([]);
  });
  afterAll(async () => {
    await dashboard?.stop();
  }, hookMs);
  return {
    get dashboard() {
      if (dashboard === undefined) throw new Error("the platform has not started");
      return dashboard;
    },
  };
}
