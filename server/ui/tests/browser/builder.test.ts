/** Building a workflow: by the text, on the canvas, in the form; all three are one definition. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { api, assertAccessible, browserOfFile, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const TEXT = `# Kept.
nodes:
  - id: first # also kept
    type: template
    config: {template: "Hello {{input.name}}!"}
`;

async function openBuilder(page: Page, id: string, text = TEXT): Promise<void> {
  await api("PUT", `/workflows/${id}`, text);
  await page.goto(`${URL_OF_SERVER}/ui/workflows/${id}`);
  await page.getByRole("application", { name: /^Graph/ }).waitFor();
  await page.getByRole("img", { name: /^first/ }).waitFor();
}

/** Return the text as the editor shows it. */
function textOf(page: Page): Promise<string> {
  return page.evaluate(() => {
    const root = document.querySelector(".text-pane")?.shadowRoot;
    const lines = [...(root?.querySelectorAll(".cm-line") ?? [])];
    return `${lines.map((line) => line.textContent).join("\n")}`;
  });
}

/** Wait until the editor shows a text. */
async function assertText(page: Page, expected: string): Promise<void> {
  const end = Date.now() + 10_000;
  while ((await textOf(page)) !== expected && Date.now() < end) await page.waitForTimeout(50);
  assert.equal(await textOf(page), expected);
}

async function type(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Text of the definition" }).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.insertText(text);
}

test("a node that is chosen from the palette is written behind the selected one, with an edge", async () => {
  const { page, faults } = await open();
  await openBuilder(page, "by-palette");
  await page.getByRole("img", { name: /^first/ }).click();
  await page.getByLabel("Search node types").fill("llm");
  await page.getByRole("button", { name: "llm" }).click();
  await page.getByRole("img", { name: /^llm, llm/ }).waitFor();
  const text = await textOf(page);
  assert.ok(text.startsWith("# Kept.\nnodes:\n  - id: first # also kept\n"), text);
  assert.match(text, /- id: llm\n {4}type: llm\n/);
  assert.match(text, /edges:\n {2}- source: first\n {4}target: llm/);
  // One step back takes all of it out.
  await page.getByRole("button", { name: "Undo" }).first().click();
  await page.getByRole("img", { name: /^llm, llm/ }).waitFor({ state: "detached" });
  await assertText(page, TEXT);
  assert.deepEqual(faults, []);
});

test("what is typed is drawn, and its mistakes are said in text, canvas and list", async () => {
  const { page, faults } = await open();
  await openBuilder(page, "by-typing");
  await type(page, "  - {id: second, type: templat}\n");
  await page.getByRole("img", { name: /^second, templat, unknown type, 1 error/ }).waitFor();
  const problem = page.getByRole("button", { name: /no node type 'templat'/ });
  await problem.click();
  await screenshot(page, "builder-problem");
  await page
    .getByRole("button", { name: /template/ })
    .last()
    .click();
  await page.getByRole("img", { name: /^second, template/ }).waitFor();
  assert.match(await textOf(page), /\{id: second, type: template\}/);
  assert.deepEqual(faults, []);
});

test("a field of the form changes its characters of the text, and no others", async () => {
  const { page, faults } = await open();
  await openBuilder(page, "by-form");
  await page.getByRole("img", { name: /^first/ }).click();
  const field = page.getByRole("textbox", { name: /^template/ });
  await field.fill("Goodbye {{input.name}}!");
  await field.blur();
  await assertText(page, TEXT.replace("Hello", "Goodbye"));
  // And a change of the text changes the field.
  await page.getByRole("button", { name: "Undo" }).first().click();
  await page.waitForTimeout(100);
  assert.equal(await field.inputValue(), "Hello {{input.name}}!");
  assert.deepEqual(faults, []);
});

test("a draft may have errors; it is published without them, and then runs", async () => {
  const { page, faults } = await open();
  await openBuilder(page, "to-publish");
  await type(page, "  - {id: second, type: templat}\n");
  await page.getByText("✕ 1 error").waitFor();
  await page.keyboard.press("Control+s");
  await page.getByText("Draft · Saved").waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByText("A draft with errors cannot be published.").waitFor();
  await page.getByRole("button", { name: "Undo" }).first().click();
  await page.getByText("✕ 1 error").waitFor({ state: "detached" });
  await type(
    page,
    "  - {id: second, type: template, config: {template: Bye}, depends_on: [first]}\n",
  );
  await page.getByRole("img", { name: /^second, template/ }).waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByText("Added node second").waitFor();
  // The node is shown as YAML, and the change of the text line by line.
  const asked = page.getByRole("dialog");
  await asked.locator(".change-list ins", { hasText: /config:\n\s+template: Bye/ }).waitFor();
  const lines = asked.getByRole("region", { name: "Changes of the text" });
  await lines.locator("ins", { hasText: "+   - {id: second, type: template" }).waitFor();
  assert.equal(await lines.locator("del").count(), 0);
  await assertAccessible(page);
  await screenshot(page, "builder-publish");
  await page.getByLabel("Message: why it changes").fill("A second node");
  await page.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
  await page.getByText("Version 2 is published.").waitFor();
  const found = await api<{ version: number; message: string }>("GET", "/workflows/to-publish");
  assert.deepEqual([found.version, found.message], [2, "A second node"]);
  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByRole("cell", { name: "A second node" }).waitFor();
  await page.getByRole("button", { name: "Compare with the one before" }).click();
  await lines.locator("ins", { hasText: "+   - {id: second, type: template" }).waitFor();
  await screenshot(page, "builder-versions-compared");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Restore as a draft" }).last().click();
  await page.getByRole("img", { name: /^second, template/ }).waitFor({ state: "detached" });
  await assertText(page, TEXT);
  assert.deepEqual(faults, []);
});

test("what is not saved is there again after the page was closed", async () => {
  const { page, context } = await open();
  await openBuilder(page, "to-crash");
  await type(page, "# A thought.\n");
  await page.getByText("Not saved yet").waitFor();
  await page.waitForTimeout(500);
  await page.close({ runBeforeUnload: false });
  const again = await context.newPage();
  await again.goto(`${URL_OF_SERVER}/ui/workflows/to-crash`);
  await again.getByText(/was not saved. It is shown again./).waitFor();
  await assertText(again, `${TEXT}# A thought.\n`);
  await again.getByRole("button", { name: "Discard it" }).click();
  await assertText(again, TEXT);
});

test("the browser asks before the page is closed only if the text is kept nowhere", async () => {
  const { page, context } = await open();
  await openBuilder(page, "to-close");
  await type(page, "# Kept here.\n");
  await page.waitForTimeout(500);
  const closed = page.waitForEvent("close");
  await page.close({ runBeforeUnload: true });
  await closed;
  const full = await context.newPage();
  await full.addInitScript(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("The disk is full.", "QuotaExceededError");
    };
  });
  await openBuilder(full, "to-close-full");
  await type(full, "# Kept nowhere.\n");
  await full.waitForTimeout(500);
  const asks = full.waitForEvent("dialog");
  await full.close({ runBeforeUnload: true });
  const dialog = await asks;
  assert.equal(dialog.type(), "beforeunload");
  await dialog.dismiss();
});

test("a secret is chosen by its name in a field that may read it", async () => {
  await api("PUT", "/secrets/crm_key", { value: "sesame-open-1234" });
  const { page, faults } = await open();
  const config = 'config: {url: "https://crm.example/", headers: {authorization: "Bearer "}}';
  const call = `nodes:\n  - {id: first, type: http, ${config}}\n`;
  await openBuilder(page, "with-secret", call);
  await page.getByRole("img", { name: /^first/ }).click();
  const headers = page.getByRole("textbox", { name: /^headers/ });
  await headers.fill('authorization: "Bearer "');
  await headers.press("End");
  await headers.press("ArrowLeft");
  await page.getByLabel("Insert a secret into headers").selectOption("crm_key");
  await screenshot(page, "builder-secret");
  await headers.blur();
  await assertText(page, call.replace("Bearer ", "Bearer {{secrets.crm_key}}"));
  await assertAccessible(page);
  assert.deepEqual(faults, []);
});

test("the list of keys has those of the canvas and the outline", async () => {
  const { page } = await open();
  await openBuilder(page, "with-keys");
  await page.getByRole("button", { name: "Keys" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Canvas and outline" }).waitFor();
  await dialog.getByText("Along an edge").waitFor();
  await screenshot(page, "builder-keys");
});

test("what was typed just before another page was opened is there again", async () => {
  const { page } = await open();
  await openBuilder(page, "to-leave");
  await type(page, "# In haste.\n");
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
  await page.goto(`${URL_OF_SERVER}/ui/workflows/to-leave`);
  await page.getByText(/was not saved. It is shown again./).waitFor();
  await assertText(page, `${TEXT}# In haste.\n`);
});

test("of two people, the second sees the difference, and nothing is overwritten", async () => {
  const first = await open();
  const second = await open();
  await openBuilder(first.page, "for-two");
  await second.page.goto(`${URL_OF_SERVER}/ui/workflows/for-two`);
  await second.page.getByRole("img", { name: /^first/ }).waitFor();
  await type(first.page, "# Of the first.\n");
  await first.page.keyboard.press("Control+s");
  await first.page.getByText("Draft · Saved").waitFor();
  await type(second.page, "# Of the second.\n");
  await second.page.keyboard.press("Control+s");
  const dialog = second.page.getByRole("dialog");
  await dialog.getByText("▸ # Of the first.").waitFor();
  await dialog.getByText("▸ # Of the second.").waitFor();
  await screenshot(second.page, "builder-conflict");
  const stored = await api<{ source: string }>("GET", "/workflows/for-two/draft");
  assert.equal(stored.source, `${TEXT}# Of the first.\n`);
  await dialog.getByRole("button", { name: "Save yours over it" }).click();
  await second.page.getByText("Draft · Saved").waitFor();
  const now = await api<{ source: string }>("GET", "/workflows/for-two/draft");
  assert.equal(now.source, `${TEXT}# Of the second.\n`);
});

test("a workflow is built with the keyboard alone", async () => {
  const { page, faults } = await open();
  await openBuilder(page, "by-keys");
  await page.getByRole("application", { name: /^Graph/ }).focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("a");
  await page.keyboard.type("approval");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /^human, human/ }).waitFor();
  await page.getByRole("application", { name: /^Graph/ }).focus();
  await page.keyboard.press("End");
  await page.keyboard.press("F2");
  await page.getByLabel("Id (required)").fill("ask");
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /^ask, human/ }).waitFor();
  assert.match(await textOf(page), /target: ask/);
  await page.getByRole("application", { name: /^Graph/ }).focus();
  await page.keyboard.press("Delete");
  await page.getByRole("img", { name: /^ask, human/ }).waitFor({ state: "detached" });
  assert.doesNotMatch(await textOf(page), /ask/);
  assert.deepEqual(faults, []);
});

test("a breakpoint is set beside the text, seen on the canvas, and stops the run", async () => {
  const { page, faults } = await open();
  await openBuilder(page, "to-stop");
  await type(
    page,
    "  - {id: second, type: template, config: {template: Bye}, depends_on: [first]}\n",
  );
  await page.getByRole("img", { name: /^second, template/ }).waitFor();
  const line = page.locator(".cm-breakpoints .cm-gutterElement").nth(6);
  await line.click();
  await page.getByRole("img", { name: /^second.*breakpoint/ }).waitFor();
  await page.getByRole("button", { name: "▶ Run" }).click();
  await page.getByText("The run stops before second.").waitFor();
  await page.getByRole("dialog").getByLabel("Input (JSON)").fill('{"name": "Ada"}');
  await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
  await page.getByRole("img", { name: /^second.*the run stands here/ }).waitFor();
  await page.goBack();
  await page.getByRole("img", { name: /^second.*breakpoint/ }).click();
  await page.getByRole("application", { name: /^Graph/ }).focus();
  await page.keyboard.press("F9");
  await page.getByRole("img", { name: /^second.*breakpoint/ }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});

test("an edge is drawn from a port to a box, and a type is dropped on it and beside it", async () => {
  const { page, faults } = await open();
  const text = `${TEXT}  - {id: choose, type: conditional, config: {condition: "{{input.a}} > 1"}}\n`;
  await openBuilder(page, "by-mouse", text);
  await page.getByRole("img", { name: /^choose/ }).waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  const port = page.locator('[data-id="choose"] [data-handleid="branch:true"]');
  const target = page.locator('[data-id="first"] [data-handleid="in"]');
  await port.dragTo(target);
  await assertText(page, text.replace('> 1"}', '> 1", true_edge: first}'));
  await page.locator(".react-flow__edge").first().waitFor({ state: "attached" });
  const type = page.getByRole("button", { name: "set", exact: true });
  await type.dragTo(page.locator('[data-id="first"]'));
  await page.getByRole("img", { name: /^set,/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Undo" }).first().click();
  await page.getByRole("img", { name: /^set,/ }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});

test("a body is folded and unfolded, and several nodes are copied and pasted", async () => {
  const { page, context, faults } = await open();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const text = `${TEXT}  - {id: each, type: map, config: {items: [1], body: {nodes: [
      {id: inner, type: template, config: {template: "{{item}}"}}]}}}\n`;
  await openBuilder(page, "to-fold", text);
  await page.getByRole("img", { name: /^inner/ }).waitFor();
  await page.getByRole("button", { name: "Fold each" }).click();
  await page.getByRole("img", { name: /^inner/ }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: /Show the 1 node of each/ }).click();
  await page.getByRole("img", { name: /^inner/ }).waitFor();
  await page.getByRole("img", { name: /^first/ }).click();
  await page.getByRole("application", { name: /^Graph/ }).focus();
  await page.keyboard.press("Control+c");
  await page.getByText("The nodes are in the clipboard, as YAML.").waitFor();
  await page.keyboard.press("Control+v");
  await page.getByRole("img", { name: /^first_2, template/ }).waitFor();
  assert.deepEqual(faults, []);
});
