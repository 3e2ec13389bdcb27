/** A person's whole story, by clicking: build, break, mend, run, answer, debug, test, look at the cost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { assertAccessible, browserOfFile, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();

async function choose(page: Page, type: string, ...after: string[]): Promise<void> {
  for (const name of after) await box(page, name).click();
  await page.getByLabel("Search node types").fill(type);
  await page.getByRole("button", { name: type, exact: true }).click();
  await page.getByLabel("Search node types").fill("");
}

const box = (page: Page, id: string) => page.getByRole("img", { name: new RegExp(`^${id},`) });

async function rename(page: Page, to: string): Promise<void> {
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByLabel("Id (required)").fill(to);
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await box(page, to).waitFor();
}

async function fill(page: Page, field: RegExp, value: string): Promise<void> {
  const input = page.getByRole("region", { name: "Selected node" }).getByLabel(field).first();
  await input.fill(value);
  await input.blur();
}

test("from an empty list to a workflow that is built, mended, run, answered, debugged and tested", async () => {
  const { page, faults } = await open();
  await page.getByRole("button", { name: "New workflow" }).click();
  await page.getByRole("dialog").getByLabel("Id (required)").fill("desk");
  await page.getByRole("button", { name: "Create" }).click();
  await box(page, "answer").waitFor();

  // Built by clicking alone.
  await choose(page, "classify", "answer");
  await box(page, "classify").waitFor();
  await fill(page, /^labels/, "[technical, general]");
  await fill(page, /^model/, "offline/extract");
  await fill(page, /^text/, "{{input.name}}");
  await choose(page, "human", "classify");
  await rename(page, "approve");
  await fill(page, /^title/, "May we answer?");
  await choose(page, "template", "approve");
  await box(page, "template").waitFor();
  await fill(page, /^template/, "Solved: {{input.name}}");
  await screenshot(page, "story-built");

  // Broken, read, and mended in the text.
  await fill(page, /^template/, "Solved: {{input.nam}}");
  const problem = page.getByRole("button", { name: /input.nam/ }).first();
  await problem.click();
  await screenshot(page, "story-broken");
  await page.getByRole("button", { name: "Undo" }).first().click();
  await problem.waitFor({ state: "detached" });

  // Published, run, and watched.
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
  await page.getByText("Version 1 is published.").waitFor();
  await page.getByRole("button", { name: "▶ Run" }).click();
  await page.getByRole("dialog").getByLabel(/^name/i).fill("A technical problem");
  await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/\/ui\/runs\//);
  const run = page.url();
  await page.getByRole("img", { name: /^approve, human.*Waiting/ }).waitFor();

  // Answered.
  await page.getByRole("link", { name: /^Tasks/ }).click();
  await page
    .getByRole("link", { name: /May we answer/ })
    .first()
    .click();
  await page
    .getByRole("button", { name: /approve/i })
    .first()
    .click();
  await page.getByText(/^Decided: /).waitFor();
  await page.goto(run);
  await page.getByRole("img", { name: /^template, template.*Completed/ }).waitFor();
  await screenshot(page, "story-run");
  await assertAccessible(page);

  // Stepped through, with a breakpoint.
  await page.goto(`${URL_OF_SERVER}/ui/workflows/desk`);
  await box(page, "classify").click();
  await page.getByText("Last output").click();
  await page.getByText(/"label": "technical"/).waitFor();
  await page.getByRole("button", { name: "▶ Run" }).click();
  await page.getByLabel("Stop before every node").check();
  await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/\/ui\/runs\//);
  await page.getByRole("img", { name: /^answer,.*the run stands here/ }).waitFor();
  await page.getByRole("button", { name: "Debug" }).click();
  await page.getByRole("button", { name: /^Step/ }).click();
  await page.getByRole("img", { name: /^classify,.*the run stands here/ }).waitFor();
  await page.getByRole("button", { name: /^Stop/ }).click();
  await page.getByText("Cancelled").first().waitFor();

  // Tested, with what the first run did as mocks.
  await page.goto(`${URL_OF_SERVER}/ui/workflows/desk?tab=test`);
  await page.getByRole("button", { name: "From a run" }).click();
  const dialog = page.getByRole("dialog");
  const option = dialog.locator("option", { hasText: "Completed" }).first();
  await dialog
    .getByLabel("Run (required)")
    .selectOption((await option.getAttribute("value")) ?? "");
  await dialog.getByRole("button", { name: "From a run" }).click();
  await page.getByRole("button", { name: "Save the cases" }).click();
  await page.getByRole("button", { name: "Run all" }).click();
  await page.getByText("1 case passed, 0 cases failed.").waitFor();

  // And what it cost.
  await page.goto(`${URL_OF_SERVER}/ui/analytics?tab=cost`);
  await page.getByRole("heading", { name: "Analytics" }).waitFor();
  assert.deepEqual(faults, []);
});
