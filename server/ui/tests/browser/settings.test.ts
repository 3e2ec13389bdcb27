/** Secrets, models, keys, the audit log, health, and who one is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, assertEveryView, browserOfFile, KEY, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const VALUE = "sesame-open-1234";

test("a secret is set, replaced, sealed again and deleted, and its value is never shown", async () => {
  const { page, faults } = await open();
  const texts: string[] = [];
  page.on("response", async (response) => texts.push(await response.text().catch(() => "")));
  await page.goto(`${URL_OF_SERVER}/ui/settings`);
  await page.getByText("There are no secrets yet").waitFor();
  await page.getByRole("button", { name: "New secret" }).click();
  await page.getByLabel("Name (required)").fill("crm");
  await page.getByLabel("Value (required)").fill("abc");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Enter 4 characters or more.").waitFor();
  assert.equal(await page.getByLabel("Value (required)").getAttribute("type"), "password");
  await page.getByLabel("Value (required)").fill(VALUE);
  await page.getByRole("button", { name: "Add to Hosts" }).click();
  await page.getByLabel("Host 1 (required)").fill("api.example.com");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "api.example.com" }).waitFor();
  await page.getByRole("button", { name: "Replace crm" }).click();
  assert.equal(await page.getByLabel("Host 1 (required)").inputValue(), "api.example.com");
  await page.getByLabel("Value (required)").fill(`${VALUE}-new`);
  await page.getByRole("button", { name: "Save" }).click();
  await page
    .getByRole("row", { name: /crm/ })
    .getByRole("cell", { name: "2", exact: true })
    .waitFor();
  await page.getByRole("button", { name: "Seal again" }).click();
  await page.getByText("0 are left under old keys.").waitFor();
  await assertEveryView(open, "settings-secrets", "/ui/settings?tab=secrets");
  await page.getByRole("button", { name: "Delete: crm" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("There are no secrets yet").waitFor();
  assert.ok(texts.every((each) => !each.includes(VALUE)));
  assert.deepEqual(faults, []);
});

test("a key is made for a role, for scopes and for one workflow, shown once, and revoked", async () => {
  await api("PUT", "/workflows/only", "nodes: [{id: a, type: template, config: {template: x}}]\n");
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/settings?tab=keys`);
  await page.getByText("this one").waitFor();
  const kinds: [string, () => Promise<unknown>][] = [
    ["All that a role may", () => page.getByLabel("Role (required)").selectOption("operator")],
    ["Some scopes", () => page.getByLabel("runs:read").check()],
    ["Run one workflow", () => page.getByLabel("Workflow (required)").selectOption("only")],
  ];
  for (const [index, [kind, choose]] of kinds.entries()) {
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name (required)").fill(`bot${index}`);
    await page.getByLabel("Kind of May do").selectOption(kind);
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("dialog").locator(".field .error-text, .group .error-text").waitFor();
    await choose();
    await page.getByLabel("Days until it expires").fill("30");
    if (index === 0) await screenshot(page, "settings-new-key");
    await page.getByRole("button", { name: "Create" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("It is shown this once.").waitFor();
    const key = await dialog.getByRole("group", { name: "API key" }).locator("code").textContent();
    await dialog.getByRole("button", { name: "Close" }).click();
    const headers = { authorization: `Bearer ${key}` };
    const found = await fetch(`${URL_OF_SERVER}/api/v1/session`, { headers });
    assert.equal(found.status, 200);
  }
  await page.getByRole("cell", { name: "Run one workflow: only" }).waitFor();
  await assertEveryView(open, "settings-keys", "/ui/settings?tab=keys");
  await page.getByRole("button", { name: "Revoke: bot0" }).click();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("row", { name: /bot0/ }).getByText("Revoked").waitFor();
  await page.getByRole("tab", { name: "Audit log" }).click();
  await page.getByRole("cell", { name: "revoke_key" }).first().waitFor();
  await assertEveryView(open, "settings-audit", "/ui/settings?tab=audit");
  assert.deepEqual(faults, []);
});

test("people who are signed in are listed by role, and signed out", async () => {
  const { key } = await api<{ key: string }>("POST", "/keys", { name: "carol", role: "operator" });
  const carol = await open({ key });
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/settings?tab=users`);
  const row = page.getByRole("row", { name: /carol/ });
  await row.getByRole("cell", { name: "operator", exact: true }).waitFor();
  const role = page.getByRole("row", { name: /^operator/ });
  await role.getByText("runs:execute").waitFor();
  await assertEveryView(open, "settings-users", "/ui/settings?tab=users");
  await page.getByRole("button", { name: /^Sign out: key .*carol/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
  await row.waitFor({ state: "detached" });
  await carol.page.goto(`${URL_OF_SERVER}/ui/runs`);
  await carol.page.getByLabel("API key").waitFor();
  assert.deepEqual(faults, []);
});

test("models, health and who one is can be read", async () => {
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/settings?tab=models`);
  const row = page.getByRole("row", { name: /gpt-4/ });
  await row.getByText("Ready").waitFor();
  await page.getByRole("tab", { name: "Health" }).click();
  await page.getByText("sqlite").waitFor();
  await page.getByRole("heading", { name: "Isolation of code" }).waitFor();
  await page.getByRole("tab", { name: "Who I am" }).click();
  await page.getByText("keys:manage").waitFor();
  assert.ok(!(await page.content()).includes(KEY.slice(10)));
  assert.deepEqual(faults, []);
});

test("a reader finds only what they may see", async () => {
  const reader = await api<{ key: string }>("POST", "/keys", { name: "eve", role: "viewer" });
  const { page } = await open({ key: reader.key });
  await page.goto(`${URL_OF_SERVER}/ui/settings?tab=keys`);
  await page.getByRole("tab", { name: "Models" }).waitFor();
  assert.equal(await page.getByRole("tab", { name: /Secrets|API keys|Audit/ }).count(), 0);
});
