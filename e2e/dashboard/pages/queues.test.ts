import { beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look, until } from "../browser.ts";
import { deployed } from "../deploys.ts";
import { join } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

/** Takes messages as slowly and as badly as its KV namespace says, and writes down there what it is done with. */
const picker = `export default {
  fetch: () => new Response("up"),
  async queue(batch, env) {
    for (const { body } of batch.messages) {
      while (body.slow && (await env.SAID.get("open")) === null) await scheduler.wait(50);
      if (body.bad && (await env.SAID.get("mended")) === null) throw new Error("no such order");
      await env.SAID.put("took-" + body.at, "yes");
    }
  },
};`;
const settings = { maxBatchSize: 1, maxBatchTimeout: 0, maxConcurrency: 1, maxRetries: 0 };

beforeAll(async () => {
  await tests.dashboard.api("POST", "/kv", { name: "said" });
  const bindings = { SAID: { kind: "kv", namespace: "said" } };
  await deployed(tests.dashboard, { name: "picker", code: picker, metadata: { bindings } });
}, 60_000);

interface Counts {
  readonly waiting: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly deadLetters: number | null;
}

const api = <Answer = unknown>(method: string, path: string, body?: unknown) =>
  tests.dashboard.api<Answer>(method, path, body);
const countsOf = (queue: string) => api<Counts>("GET", `/queues/${queue}/counts`);
const took = async (at: number) =>
  (await api<{ items: { name: string }[] }>("GET", `/kv/said/keys?prefix=took-${at}`)).items.length > 0;
const toast = (page: Page, text: string) =>
  page.getByRole("status").filter({ hasText: text }).first().waitFor();
const dialog = (page: Page, name: string | RegExp) => page.getByRole("dialog", { name });

/** Waits until the page counts so many. */
async function counted(page: Page, name: string, count: string): Promise<void> {
  const figure = page.locator("dl[aria-label=Messages] > div").filter({ hasText: name });
  await figure.getByText(count, { exact: true }).waitFor();
}

async function send(page: Page, fields: { type?: string; body: string; delay?: string }): Promise<void> {
  await page.getByRole("button", { name: "Send a message" }).click();
  const form = dialog(page, /^Send a message/);
  if (fields.type !== undefined) await form.getByLabel("Type").selectOption(fields.type);
  await form.getByLabel("Body").fill(fields.body);
  await form.getByLabel("Wait before delivery").fill(fields.delay ?? "0");
  await form.getByRole("button", { name: "Send", exact: true }).click();
}

test("a queue is made, sent to, paused, purged, given a worker and deleted", async () => {
  const page = await tests.dashboard.page("/queues");
  await page.getByRole("heading", { name: "No queues yet" }).waitFor();
  expect(await look(page, "queues-empty")).toEqual([]);
  await page.getByRole("button", { name: "New queue" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("orders");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.waitForURL("**/queues/orders");
  await page.getByText("Nobody takes its messages: they wait.").waitFor();
  await page.getByRole("heading", { name: "Nothing waits" }).waitFor();

  await send(page, { body: "{" });
  const sending = dialog(page, /^Send a message/);
  await sending.getByRole("alert").filter({ hasText: "The body is not JSON" }).waitFor();
  expect(await look(page, "queues-send")).toEqual([]);
  await page.keyboard.press("Escape");
  await send(page, { body: '{ "at": 1 }' });
  await toast(page, "Sent: it can be delivered");
  await counted(page, "Waiting", "1");
  await page.getByRole("button", { name: '{"at":1}' }).click();
  await page.locator("pre").filter({ hasText: '"at": 1' }).waitFor();
  await send(page, { type: "text", body: "later", delay: "3600" });
  await counted(page, "Delayed", "1");
  expect(await countsOf("orders")).toMatchObject({ waiting: 1, inFlight: 0, delayed: 1, deadLetters: null });
  expect(await look(page, "queues-waiting")).toEqual([]);

  await page.getByRole("button", { name: "Pause delivery" }).click();
  await page.getByText("Paused", { exact: true }).waitFor();
  expect(await api("GET", "/queues/orders")).toMatchObject({ paused: true });
  await page.getByRole("button", { name: "Resume delivery" }).click();
  await page.getByText("No consumer", { exact: true }).waitFor();

  await page.getByRole("button", { name: "Purge" }).click();
  const purge = dialog(page, "Purge orders?");
  expect(await purge.getByRole("button", { name: "Purge the queue" }).isDisabled()).toBe(true);
  await purge.getByRole("textbox").fill("orders");
  expect(await look(page, "queues-purge")).toEqual([]);
  await purge.getByRole("button", { name: "Purge the queue" }).click();
  await counted(page, "Waiting", "0");
  await counted(page, "Delayed", "0");
  await page.getByRole("heading", { name: "Nothing waits" }).waitFor();
  expect(await countsOf("orders")).toMatchObject({ waiting: 0, inFlight: 0, delayed: 0 });

  await api("POST", "/queues", { name: "orders-dead" });
  await page.getByRole("button", { name: "Choose a worker" }).click();
  const consumer = dialog(page, "Consumer of orders");
  await consumer.getByLabel("Dead letters go to").selectOption("orders-dead");
  await consumer.getByLabel("Messages of a batch").fill("1000");
  await consumer.getByRole("button", { name: "Save" }).click();
  await consumer.getByText(/too big/i).waitFor();
  await consumer.getByLabel("Messages of a batch").fill("20");
  expect(await look(page, "queues-consumer")).toEqual([]);
  await consumer.getByRole("button", { name: "Save" }).click();
  await toast(page, "picker takes the messages of orders.");
  await page.getByText("up to 20 messages").waitFor();
  expect(await api("GET", "/queues/orders")).toMatchObject({
    consumer: { worker: "picker", settings: { maxBatchSize: 20, deadLetterQueue: "orders-dead" } },
  });
  await page.getByRole("button", { name: "Take away" }).click();
  await page.getByRole("button", { name: "Take it away" }).click();
  await page.getByText("Nobody takes its messages: they wait.").waitFor();

  await page.getByRole("button", { name: "Delete" }).click();
  await dialog(page, "Delete orders?").getByRole("textbox").fill("orders");
  await page.getByRole("button", { name: "Delete the queue" }).click();
  await page.waitForURL("**/queues");
  await page.getByRole("link", { name: "orders-dead" }).waitFor();
  const { items } = await api<{ items: { name: string }[] }>("GET", "/queues");
  expect(items.map(({ name }) => name)).toEqual(["orders-dead"]);
});

test("depth, what is in flight and dead letters are shown as they are, and dead letters are sent again", async () => {
  await api("POST", "/queues", { name: "parcels" });
  await api("POST", "/queues", { name: "parcels-dead" });
  const consumer = { worker: "picker", settings: { ...settings, deadLetterQueue: "parcels-dead" } };
  await api("PUT", "/queues/parcels/consumer", consumer);
  const put = (body: object) => api("POST", "/queues/parcels/messages", { body });
  for (const at of [1, 2, 3]) await put({ at, slow: true });
  const page = await tests.dashboard.page("/queues");
  // Consumer, delivery, waiting, in flight, delayed, dead letters.
  await page.getByRole("row", { name: "parcels picker On 2 1 0 0" }).waitFor();
  expect(await countsOf("parcels")).toMatchObject({ waiting: 2, inFlight: 1 });
  expect(await look(page, "queues-list")).toEqual([]);
  await page.getByRole("link", { name: "parcels", exact: true }).click();
  await counted(page, "Waiting", "2");
  await counted(page, "In flight", "1");
  await page.getByRole("heading", { name: "No dead letters" }).waitFor();
  await api("PUT", "/kv/said/values/open", "yes");
  await counted(page, "In flight", "0");
  await counted(page, "Waiting", "0");
  await page.getByRole("heading", { name: "Nothing waits" }).waitFor();
  expect(await Promise.all([1, 2, 3].map(took))).toEqual([true, true, true]);

  for (const at of [4, 5, 6, 7]) await put({ at, bad: true, to: "Grace Hopper", street: "Harbour Road 12" });
  await counted(page, "Dead letters", "4");
  expect(await countsOf("parcels")).toMatchObject({ waiting: 0, inFlight: 0, deadLetters: 4 });
  await until(page, "document.querySelectorAll('ow-queue-messages tbody').length === 4");
  await page.getByRole("button", { name: '{"at":4' }).click();
  await page.locator("pre").filter({ hasText: '"to": "Grace Hopper"' }).waitFor();
  expect(await look(page, "queues-dead")).toEqual([]);

  await api("PUT", "/kv/said/values/mended", "yes");
  const rows = page.locator("ow-queue-messages").first();
  await rows
    .getByRole("button", { name: /^Delete message/ })
    .last()
    .click();
  await page.getByRole("button", { name: "Delete the message" }).click();
  await toast(page, "The message is deleted.");
  await counted(page, "Dead letters", "3");
  await rows
    .getByRole("button", { name: /^Send again: message/ })
    .first()
    .click();
  await toast(page, "Sent again to parcels.");
  await counted(page, "Dead letters", "2");
  await page.getByRole("button", { name: "Send all again" }).click();
  await dialog(page, /^Send all of them/)
    .getByRole("button", { name: "Send all again" })
    .click();
  await toast(page, "2 sent again to parcels.");
  await counted(page, "Dead letters", "0");
  await page.getByRole("heading", { name: "No dead letters" }).waitFor();
  await page.getByRole("heading", { name: "Nothing waits" }).waitFor();
  while (!(await took(6))) await Bun.sleep(50);
  expect(await Promise.all([4, 5, 6, 7].map(took))).toEqual([true, true, true, false]);
});

test("a list that loads or fails says so, and counts that are not known are not 0", async () => {
  const page = await tests.dashboard.page("/account");
  const { promise: asked, resolve: answer } = Promise.withResolvers<void>();
  const broken = { status: 500, json: { error: { code: "INTERNAL", message: "It broke." } } };
  await page.route("**/v1/queues?*", async (route) => {
    await asked;
    await route.fulfill(broken);
  });
  await page.route("**/v1/queue-counts?*", (route) => route.fulfill(broken));
  await page.goto("/queues");
  await page.getByLabel("Loading").first().waitFor();
  answer();
  await page.getByRole("alert").filter({ hasText: "It broke." }).waitFor();
  expect(await look(page, "queues-error")).toEqual([]);
  await page.unroute("**/v1/queues?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("row", { name: "parcels picker On – – – –" }).waitFor();
  await page.goto("/queues/nobodys");
  await page.getByRole("alert").filter({ hasText: "nobodys" }).waitFor();
});

test("a viewer reads what lies in a queue, and is offered no more", async () => {
  const { dashboard } = tests;
  await api("POST", "/accounts", { name: "crew", displayName: "Crew" });
  const made = await api<{ id: string }>("POST", "/queues?account=crew", { name: "mails" });
  await api("POST", `/queues/${made.id}/messages`, { body: { subject: "hello" } });
  const eve = await join(dashboard, "crew", { email: "eve@example.com", name: "Eve", role: "viewer" });
  const page = await dashboard.page("/queues", eve);
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "Crew" });
  await page.getByRole("link", { name: "mails" }).click();
  await page.getByRole("button", { name: '{"subject":"hello"}' }).click();
  await page.locator("pre").filter({ hasText: "hello" }).waitFor();
  const names = await page.locator("main").getByRole("button").allInnerTexts();
  expect(
    names.map((name) => name.trim()).filter((name) => /send|delete|purge|pause|choose/i.test(name)),
  ).toEqual([]);
  expect(await look(page, "queues-viewer")).toEqual([]);
  for (const [method, path] of [
    ["POST", `/queues/${made.id}/messages`],
    ["DELETE", `/queues/${made.id}/messages`],
    ["PATCH", `/queues/${made.id}`],
  ] as const) {
    const answer = await dashboard.platform.fetch("api", `/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${eve.token}`, "content-type": "application/json" },
      ...(method === "DELETE"
        ? {}
        : { body: JSON.stringify(method === "POST" ? { body: 1 } : { paused: true }) }),
    });
    expect([method, answer.status]).toEqual([method, 403]);
  }
});
