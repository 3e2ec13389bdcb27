/** Testing a workflow: cases with mocks and expectations, made by hand and of runs. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { api, assertAccessible, browserOfFile, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const TEXT = `nodes:
  - {id: classify, type: classify, config: {model: offline/extract, text: "{{input.message}}", labels: [bug, praise]}}
  - {id: bug, type: template, config: {template: "A bug: {{input.message}}"}}
  - {id: praise, type: template, config: {template: "Thanks: {{input.message}}"}}
edges:
  - {source: classify, target: bug, branch: bug}
  - {source: classify, target: praise, branch: praise}
`;

test("a case is written, fails, is mended, saved and saved as a file", async () => {
  await api("PUT", "/workflows/tested", TEXT);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/workflows/tested?tab=test`);
  await page.getByRole("button", { name: "New case" }).click();
  await page.getByLabel("Name (required)").fill("praise is thanked for");
  await page.getByLabel("Input").fill("message: [broken");
  await page.getByText("This is not YAML of an object.").waitFor();
  await page.getByLabel("Input").fill("message: So good");
  await page.getByLabel("Mocks").fill("classify:\n  output: {label: praise}\n  branch: praise");
  await page.getByLabel("Expected").fill("output: {text: 'Thanks: So bad'}");
  await page.getByRole("button", { name: "Run this case" }).click();
  await page.getByRole("status").getByText("✕ Failed").waitFor();
  await page.getByText(/classify → praise/).waitFor();
  await page.getByLabel("Expected").fill("output: {text: 'Thanks: So good'}");
  await page.getByRole("button", { name: "Run this case" }).click();
  await page.getByRole("status").getByText("✓ Passed").waitFor();
  await page.getByRole("button", { name: "Save the cases" }).click();
  await page.getByText("The cases are saved.").waitFor();
  await page.getByRole("button", { name: "Run all" }).click();
  await page.getByText("1 case passed, 0 cases failed.").waitFor();
  await page.getByText("Earlier results").click();
  await page.getByText(/Passed · .* · Version 1/).waitFor();
  await screenshot(page, "cases");
  await assertAccessible(page);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save as a file" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "tested.test.yaml");
  assert.match(await readFile(await download.path(), "utf8"), /praise is thanked for/);
  assert.deepEqual(faults, []);
});

test("a case is made of a run, and an ended run is compared with a case", async () => {
  await api("PUT", "/workflows/ran", TEXT);
  await api("POST", "/workflows/ran/execute", { input: { message: "a bug" } });
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/workflows/ran?tab=test`);
  await page.getByRole("button", { name: "From a run" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Run (required)").selectOption({ index: 1 });
  await dialog.getByRole("button", { name: "From a run" }).click();
  assert.match(await page.getByLabel("Input").inputValue(), /message: a bug/);
  assert.match(await page.getByLabel("Mocks").inputValue(), /classify/);
  await page.getByRole("button", { name: "Compare with a run" }).click();
  await dialog.getByLabel("Run (required)").selectOption({ index: 1 });
  await dialog.getByRole("button", { name: "Compare with a run" }).click();
  await dialog.getByText("✓ Passed").waitFor();
  assert.deepEqual(faults, []);
});

test("two authors of cases do not overwrite each other", async () => {
  await api("PUT", "/workflows/shared", TEXT);
  const { page } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/workflows/shared?tab=test`);
  await page.getByRole("button", { name: "New case" }).click();
  await page.getByLabel("Name (required)").fill("mine");
  await api("PUT", "/workflows/shared/cases", { cases: [{ name: "theirs", expect: {} }] });
  await page.getByRole("button", { name: "Save the cases" }).click();
  await page.getByText(/Somebody else saved cases meanwhile/).waitFor();
});
