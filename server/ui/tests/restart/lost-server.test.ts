/** The view of a run continues by itself after its server was killed and started again. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { api, browserOfFile, screenshot, URL_OF_SERVER } from "../browser/browser.ts";
import { SLOW } from "../browser/run-definitions.ts";

const open = browserOfFile();
const FOLDER = process.env["FLOWC_SIGNALS"] ?? "";

/** Tell the process that holds the server how far the page is. */
const signal = (name: string) => writeFile(join(FOLDER, name), "");

test("a view of a run goes through the death of its server", async () => {
  await api("PUT", "/workflows/slow", SLOW);
  const run = await api<{ id: string }>("POST", "/workflows/slow/execute", { wait: false });
  const { page, faults } = await open();
  await page.evaluate(() => localStorage.setItem("flowc.run-picture", "list"));
  await page.goto(`${URL_OF_SERVER}/ui/runs/${run.id}`);
  await page.getByRole("treeitem", { name: /^Running count loop/ }).waitFor();
  await page.getByRole("treeitem", { name: /say .*[3-9] executions/ }).waitFor();
  await signal("watching");
  await page.getByText("Reconnecting: the server cannot be reached").waitFor();
  await screenshot(page, "run-reconnecting");
  await signal("reconnecting");
  // The page is left alone: no reload, no click.
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 120_000 });
  await page.getByText("Ended", { exact: true }).waitFor({ timeout: 120_000 });
  await page.getByRole("treeitem", { name: /^Completed after/ }).waitFor();
  await page.getByRole("tab", { name: "Log" }).click();
  const last = await api<{ last: number }>("GET", `/runs/${run.id}/logs?limit=1000`);
  await page.getByText(`${last.last} of ${last.last} events`).waitFor();
  assert.deepEqual(faults, []);
});
