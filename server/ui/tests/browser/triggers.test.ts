/** Schedules, webhooks, and subscriptions with their deliveries. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { api, assertEveryView, browserOfFile, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const HELLO = `nodes:\n  - {id: a, type: template, config: {template: "Hello {{input.name}}!"}}\n`;

interface Listed {
  items: { status: string }[];
  total: number;
}

test("a schedule is made, run, paused, resumed, filled in and deleted", async () => {
  await api("PUT", "/workflows/nightly", HELLO);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/triggers`);
  await page.getByText("There are no schedules yet").waitFor();
  await page.getByRole("button", { name: "New schedule" }).click();
  await page.getByLabel("Id (required)").fill("every-night");
  await page.getByLabel("Workflow (required)").selectOption("nightly");
  await page.getByLabel("Times (required)").fill("nonsense");
  await page.getByLabel("Time zone").fill("Europe/Paris");
  await page.getByLabel("Input").fill('{"name": "Ada"}');
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Times (required)").getAttribute("aria-invalid"), "true");
  await screenshot(page, "triggers-new");
  await page.getByLabel("Times (required)").fill("0 3 * * *");
  await page.getByRole("button", { name: "Create" }).click();
  const row = page.getByRole("row", { name: /every-night/ });
  await row.getByText("Europe/Paris").waitFor();
  const [schedule] = await api<{ next_times: string[]; input: unknown }[]>("GET", "/schedules");
  assert.equal(schedule?.next_times.length, 3);
  assert.deepEqual(schedule.input, { name: "Ada" });
  await page.getByRole("button", { name: "Run now: every-night" }).click();
  await page.getByText("A run of every-night starts.").waitFor();
  await page.getByRole("button", { name: "Pause: every-night" }).click();
  await row.getByText("Paused").waitFor();
  await assertEveryView(open, "triggers-schedules", "/ui/triggers");
  // What the server refuses is said at its field; a pause stays through the change.
  await page.getByRole("button", { name: "Edit: every-night" }).click();
  assert.equal(await page.getByLabel("Time zone").inputValue(), "Europe/Paris");
  assert.match(await page.getByLabel("Input").inputValue(), /"name": "Ada"/);
  await page.getByLabel("Times (required)").fill("99 * * * *");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Times (required)").getAttribute("aria-invalid"), "true");
  await page.getByLabel("Times (required)").fill("30 4 * * *");
  await screenshot(page, "triggers-edit");
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("30 4 * * *").waitFor();
  await row.getByText("Paused").waitFor();
  await page.getByRole("button", { name: "Resume: every-night" }).click();
  await row.getByText("On", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Backfill: every-night" }).click();
  await page.getByLabel("From (required)").fill("2026-01-01T00:00");
  await page.getByLabel("To (required)").fill("2026-01-03T12:00");
  await page.getByRole("button", { name: "Backfill", exact: true }).click();
  await page.getByText("3 times are in this period; those without a run start.").waitFor();
  await page.getByRole("button", { name: "Delete: every-night" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("There are no schedules yet").waitFor();
  assert.deepEqual(faults, []);
});

test("a webhook is made with a secret that is shown once, and starts what is signed with it", async () => {
  await api("PUT", "/workflows/hooked", HELLO);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/triggers?tab=webhooks`);
  await page.getByRole("button", { name: "New webhook" }).click();
  await page.getByLabel("Path (required)").fill("shop/orders");
  await page.getByLabel("Workflow (required)").selectOption("hooked");
  await page.getByLabel("Secret", { exact: true }).fill("hook");
  await page.getByLabel("Make a new secret").check();
  await page.getByRole("button", { name: "Create" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The secret is shown this once.").waitFor();
  const secret = await dialog.getByRole("group", { name: "Secret" }).locator("code").textContent();
  await screenshot(page, "triggers-secret");
  assert.match(secret ?? "", /^whsec_/);
  await dialog.getByRole("button", { name: "Close" }).click();
  const address = `${URL_OF_SERVER}/hooks/shop/orders`;
  await page.getByText(address).waitFor();
  const body = JSON.stringify({ name: "Ada" });
  const at = Math.floor(Date.now() / 1_000);
  const key = Buffer.from((secret ?? "").trim().slice(6), "base64");
  const signature = createHmac("sha256", key).update(`m1.${at}.${body}`).digest("base64");
  const headers = {
    "content-type": "application/json",
    "webhook-id": "m1",
    "webhook-timestamp": String(at),
    "webhook-signature": `v1,${signature}`,
  };
  const response = await fetch(address, { method: "POST", headers, body });
  assert.equal(response.status, 202, await response.text());
  await assertEveryView(open, "triggers-webhooks", "/ui/triggers?tab=webhooks");
  await page.getByRole("button", { name: "Delete: shop/orders" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("There are no webhooks yet").waitFor();
  assert.deepEqual(faults, []);
});

test("a subscription lists its deliveries, with attempts and errors", async () => {
  await api("PUT", "/secrets/sign", { value: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" });
  await api("PUT", "/workflows/told", HELLO);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/triggers?tab=subscriptions`);
  await page.getByRole("button", { name: "New subscription" }).click();
  await page.getByLabel("Address (required)").fill("http://127.0.0.1:9/hook");
  await page.getByLabel("Workflow").selectOption("told");
  await page.getByLabel("Secret (required)").fill("sign");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("cell", { name: "run.completed, run.failed" }).waitFor();
  await api<Listed>("POST", "/workflows/told/execute", { input: { name: "Ada" } });
  await page.getByRole("button", { name: "Deliveries to http://127.0.0.1:9/hook" }).click();
  const row = page.getByRole("dialog").getByRole("row", { name: /Pending/ });
  await row.getByText("1", { exact: true }).waitFor();
  assert.ok((await row.locator(".error-text").textContent())?.length);
  await screenshot(page, "triggers-deliveries");
  await page.keyboard.press("Escape");
  await assertEveryView(open, "triggers-subscriptions", "/ui/triggers?tab=subscriptions");
  assert.deepEqual(faults, []);
});

test("a reader sees triggers, and changes none", async () => {
  const reader = await api<{ key: string }>("POST", "/keys", { name: "eve", role: "viewer" });
  const { page } = await open({ key: reader.key });
  await page.goto(`${URL_OF_SERVER}/ui/triggers?tab=subscriptions`);
  await page.getByRole("cell", { name: "http://127.0.0.1:9/hook", exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: /^(New|Delete)/ }).count(), 0);
});
