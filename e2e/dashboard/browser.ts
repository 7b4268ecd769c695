import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import axe, { type AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const executablePath = Bun.which("chromium") ?? "/usr/bin/chromium";

/** Screenshots of a run, by page, theme and size of the screen: what one looks at before a release. */
export const shots = join(import.meta.dir, "../../coverage/dashboard");

/** Debian's Chromium without a window, and without the requests that a fresh one makes of itself. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      // Machines whose resolver does not know *.localhost.
      "--host-resolver-rules=MAP *.localhost 127.0.0.1",
    ],
  });
}

/** Writes down what must not happen on any page: an uncaught error, a logged one, a request to another origin. */
export function watchFaults(context: BrowserContext, origin: string, seen: string[]): void {
  context.on("page", (page) => {
    page.on("pageerror", (error) => seen.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      // Chromium itself logs an answer that is an error; a test may have provoked it.
      const text = message.text();
      if (message.type() === "error" && !text.startsWith("Failed to load resource")) seen.push(text);
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url)) seen.push(`third party: ${url}`);
    });
  });
}

/** Waits until an expression is true in the page. Through the debugger each time: the page's policy evaluates no text. */
export async function until(page: Page, expression: string): Promise<void> {
  while (!(await page.evaluate<boolean>(expression))) await Bun.sleep(20);
}

const serious = new Set(["serious", "critical"]);

/** What axe finds against WCAG 2.2 AA that is serious, each as one line; empty when it finds nothing. */
export async function accessibilityOf(page: Page): Promise<string[]> {
  // Through the debugger: the page's policy lets no script in.
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source);
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate<AxeResults>(
    `axe.run(document, ${JSON.stringify({ runOnly: rules, resultTypes: ["violations"] })})`,
  );
  return violations.flatMap(({ id, impact, help, nodes }) =>
    impact && serious.has(impact)
      ? [`${id}: ${help}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`]
      : [],
  );
}

const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const;

/**
 * Keeps what a page looks like, light and dark, on a desktop and a phone, and says what is wrong with it there: what axe
 * finds, and what makes a phone scroll sideways. The page is as it was afterwards.
 */
export async function look(page: Page, name: string): Promise<string[]> {
  const before = page.viewportSize() ?? sizes.desktop;
  const wrong: string[] = [];
  await mkdir(shots, { recursive: true });
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
      await page.screenshot({ path: join(shots, `${name}-${size}-${colorScheme}.png`) });
      // Both layouts and both sets of colours, each once: a look is a second of computing.
      if ((size === "desktop") !== (colorScheme === "light")) continue;
      const label = `${name} ${size} ${colorScheme}`;
      wrong.push(...(await accessibilityOf(page)).map((text) => `${label}: ${text}`));
    }
    const wide = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    if (wide > 0) wrong.push(`${name} ${size}: ${wide} pixels wider than the screen`);
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  return wrong;
}
