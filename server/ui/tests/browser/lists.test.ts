/** Signing in, and the lists of workflows and runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, browserOfFile, KEY, signIn, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const HELLO = `nodes:\n  - {id: a, type: template, config: {template: "Hello {{input.name}}!"}}\n`;

test("a person signs in with a key, and out again", async () => {
  const { page, context, faults } = await open({ key: null });
  await page.goto(`${URL_OF_SERVER}/`);
  await page.getByLabel("API key").fill("flowc_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This key is not valid.").waitFor();
  await signIn(page, KEY);
  assert.match(page.url(), /\/ui\/workflows$/);
  // The key is nowhere that a script could read it.
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, document.cookie]));
  assert.ok(!kept.includes(KEY.slice(10)));
  assert.ok((await context.cookies()).every((each) => each.httpOnly && each.sameSite === "Strict"));
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("API key").waitFor();
  assert.deepEqual(faults, []);
});

test("workflows are begun from a template, found, duplicated and deleted", async () => {
  const { page, faults } = await open();
  await page.getByRole("button", { name: /Customer support/ }).click();
  await page.getByLabel("Id (required)").fill("support");
  await page.getByRole("button", { name: "Create" }).click();
  await page.waitForURL(/\/ui\/workflows\/support$/);
  await api("POST", "/workflows/support/publish");
  await api("PUT", "/workflows/hello", HELLO);
  await page.goto(`${URL_OF_SERVER}/ui/workflows`);
  await page.getByRole("link", { name: "Customer support" }).waitFor();
  await page.getByLabel("Search workflows").fill("hello");
  await page.getByRole("link", { name: "Customer support" }).waitFor({ state: "detached" });
  assert.match(page.url(), /q=hello/);
  await page.getByRole("button", { name: "Duplicate: hello" }).click();
  await page.getByRole("button", { name: "Create" }).click();
  await page.waitForURL(/\/ui\/workflows\/hello-copy$/);
  await page.goto(`${URL_OF_SERVER}/ui/workflows`);
  await page.getByRole("table", { name: "Drafts that are not published" }).waitFor();
  await page.getByRole("button", { name: "Delete: hello", exact: true }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("hello is deleted.").waitFor();
  assert.deepEqual(faults, []);
});

test("a new id must be free", async () => {
  const { page } = await open();
  await page.getByRole("button", { name: "New workflow" }).click();
  await page.getByLabel("Id (required)").fill("hello-copy");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Id (required)").inputValue(), "hello-copy");
});

test("the list of runs follows what happens, and its filters are in the address", async () => {
  await api("PUT", "/workflows/greet", HELLO);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/runs?workflow_id=greet`);
  await page.getByText("No run matches these filters.").waitFor();
  await api("POST", "/workflows/greet/execute", { input: { name: "Ada" } });
  await page.getByRole("cell", { name: "Completed" }).waitFor();
  await page.getByLabel("Status").selectOption("failed");
  await page.getByText("No run matches these filters.").waitFor();
  assert.match(page.url(), /status=failed/);
  await page.reload();
  assert.equal(await page.getByLabel("Status").inputValue(), "failed");
  assert.deepEqual(faults, []);
});
