/** Figures of runs: charts with their tables, files, links, and what is said without any. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  api,
  assertAccessible,
  assertFits,
  browserOfFile,
  screenshot,
  URL_OF_SERVER,
} from "./browser.ts";
import { BROKEN, CHAIN, ORDER, ORDER_DESK, ran } from "./run-definitions.ts";

const open = browserOfFile();
const PAGE = `${URL_OF_SERVER}/ui/analytics`;
const VIEWS = ["Overview", "Performance", "Trends", "Cost"];

test("without runs, it says from when on there are figures", async () => {
  const { page, faults } = await open();
  await page.goto(`${PAGE}?period=custom&from=2020-01-01&to=2020-01-05`);
  await page.getByText("There are figures from the first run on").waitFor();
  await screenshot(page, "analytics-empty");
  await assertAccessible(page);
  assert.deepEqual(faults, []);
});

test("figures are shown in every view, in both themes and on a phone", async (t) => {
  for (let round = 0; round < 4; round += 1) await ran("chain", CHAIN, { x: "1" });
  for (let round = 0; round < 3; round += 1) await ran("broken", BROKEN, { user: { name: "Ada" } });
  const desk = await ran("desk", ORDER_DESK, ORDER);
  const [asked] = await api<{ id: string }[]>("GET", `/interrupts?run_id=${desk.id}`);
  await api("POST", `/interrupts/${asked?.id}/answer`, { answer: "approve" });
  const { page: phone } = await open({ width: 360 });
  await phone.goto(`${PAGE}?figures=cost`);
  const tab = await phone.getByRole("tab", { name: "Cost" }).boundingBox();
  assert.ok(tab && tab.x + tab.width <= 360, "the chosen tab is not in view");
  for (const [width, theme] of [
    [1440, "light"],
    [1440, "dark"],
    [1024, "light"],
    [360, "dark"],
  ] as const) {
    const { page, faults } = await open({ width, theme });
    await page.goto(`${PAGE}?period=24h`);
    for (const view of VIEWS) {
      await t.test(`${view} at ${width} px, ${theme}`, async () => {
        await page.getByRole("tab", { name: view }).click();
        await page.locator(".chart").first().waitFor();
        await page.waitForTimeout(400);
        await screenshot(page, `analytics-${view.toLowerCase()}-${width}-${theme}`);
        await assertAccessible(page);
        await assertFits(page);
      });
    }
    assert.deepEqual(faults, []);
  }
});

test("a chart says its finding, is read by keys and as a table, and leads to the runs", async () => {
  const { page, faults } = await open();
  await page.goto(`${PAGE}?figures=trends&period=24h`);
  await page.getByRole("heading", { name: /^Failures were most on .*: 3 runs$/ }).waitFor();
  const chart = page.locator("figure").first();
  await chart.getByRole("button", { name: "As a table" }).click();
  const table = chart.getByRole("table", { name: "Runs by their end" });
  assert.match((await table.locator("tbody tr").last().textContent()) ?? "", /\d/);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    chart.getByRole("button", { name: "Save as CSV" }).click(),
  ]);
  const csv = await readFile(await download.path(), "utf8");
  assert.match(csv, /^When,Completed,Failed,Cancelled\r\n/);
  const sum = csv
    .trim()
    .split("\r\n")
    .slice(1)
    .reduce((total, line) => total + Number(line.split(",").at(-2)), 0);
  assert.equal(sum, 3);
  const last = chart.locator("[data-point]").last();
  await last.focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("End");
  assert.match((await last.getAttribute("aria-label")) ?? "", /Failed: 3/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/ui\/runs\?from=.*&to=/);
  await page.getByRole("link", { name: "broken" }).first().waitFor();
  assert.equal(await page.getByRole("link", { name: "broken" }).count(), 3);
  assert.deepEqual(faults, []);
});

test("the period is in the address", async () => {
  const { page } = await open();
  await page.goto(PAGE);
  await page.getByRole("button", { name: "Custom" }).click();
  await page.getByLabel("First day").fill("2020-02-01");
  await page.getByLabel("Last day").fill("2020-02-03");
  await page.getByText("No run has ended in this period").waitFor();
  assert.match(page.url(), /period=custom&from=2020-02-01&to=2020-02-03/);
  await page.getByRole("button", { name: "30 days" }).click();
  await page.getByRole("tab", { name: "Overview" }).waitFor();
  await page.getByText("Most failures: expression-failed, 3 runs").waitFor();
});
