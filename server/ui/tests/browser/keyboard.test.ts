/** The whole story by the keyboard alone: no pointer, and no focus that a person could not reach. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { browserOfFile, KEY, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();

/** Return what a screen reader would say of the focused element, about. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    if (!(element instanceof HTMLElement)) return "";
    const labels = "labels" in element ? [...((element as HTMLInputElement).labels ?? [])] : [];
    const said =
      element.getAttribute("aria-label") ?? labels[0]?.textContent ?? element.textContent;
    return `${element.getAttribute("role") ?? element.tagName.toLowerCase()} ${said.trim()}`;
  });
}

/** Press Tab until the focus is where it is wanted. */
async function tabTo(page: Page, wanted: RegExp, key = "Tab"): Promise<void> {
  const seen: string[] = [];
  for (let count = 0; count < 120; count += 1) {
    await page.keyboard.press(key);
    const now = await focused(page);
    if (wanted.test(now)) return;
    seen.push(now);
  }
  assert.fail(`${wanted} was not reached: ${seen.join(" | ")}`);
}

test("signing in, building, mending, publishing, running, answering and debugging", async () => {
  const { page, faults } = await open({ key: null });
  await page.goto(`${URL_OF_SERVER}/`);
  await page.getByLabel("API key").waitFor();
  await tabTo(page, /^input API key/);
  await page.keyboard.type(KEY);
  await page.keyboard.press("Enter");
  await page.getByRole("banner").waitFor();

  // The first stop of every page leads past the header.
  await page.getByRole("heading", { name: "Workflows", exact: true }).waitFor();
  await page.keyboard.press("Tab");
  assert.match(await focused(page), /Skip to content/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^button New workflow/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await tabTo(page, /^input Id/);
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /^answer/ }).waitFor();

  // A node that asks a person, behind the first one.
  await tabTo(page, /^application Graph/);
  await page.keyboard.press("Home");
  await page.keyboard.press("a");
  await page.keyboard.type("approval");
  await tabTo(page, /^button .*human/);
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /^human,/ }).waitFor();

  // A mistake that is typed, and mended with one step back.
  await tabTo(page, /^textbox Text of the definition/);
  await page.keyboard.press("Control+End");
  await page.keyboard.insertText("nodez: 1");
  await page.getByText(/✕ 1 error/).waitFor();
  await page.keyboard.press("Control+z");
  await page.getByText(/✕ 1 error/).waitFor({ state: "detached" });

  // A breakpoint, and a run.
  await tabTo(page, /^application Graph/);
  await page.keyboard.press("Home");
  await page.keyboard.press("F9");
  await page.getByRole("img", { name: /^answer.*breakpoint/ }).waitFor();
  await page.keyboard.press("Control+Enter");
  await page.getByRole("dialog").waitFor();
  await tabTo(page, /^(input|textarea) name/i);
  await page.keyboard.type("Ada");
  await tabTo(page, /^button Start/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/ui\/runs\//);
  await page.getByRole("img", { name: /^answer.*the run stands here/ }).waitFor();
  await tabTo(page, /^button Resume/);
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /^human.*Waiting/ }).waitFor();

  // The answer.
  await tabTo(page, /^a Tasks/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  await tabTo(page, /^a Please decide/);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "approve" }).waitFor();
  await tabTo(page, /^button approve/);
  await page.keyboard.press("Enter");
  await page.getByText(/Decided: Please decide approve/).waitFor();

  // All keys are listed under `?`.
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});
