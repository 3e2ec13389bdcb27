/** The page of a run: its views, what can be done with it, and refusals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import {
  api,
  assertAccessible,
  assertFits,
  browserOfFile,
  screenshot,
  URL_OF_SERVER,
} from "./browser.ts";
import {
  BIG,
  BROKEN,
  CHAIN,
  MANY,
  ORDER,
  ORDER_DESK,
  PACED,
  ran,
  until,
} from "./run-definitions.ts";

const visit = browserOfFile();

/** Open a page on which runs are shown as lists. */
const open: typeof visit = async (options) => {
  const visited = await visit(options);
  await visited.page.evaluate(() => localStorage.setItem("flowc.run-picture", "list"));
  return visited;
};
const at = (id: string, query = "") => `${URL_OF_SERVER}/ui/runs/${id}${query}`;
const VIEWS = ["Graph", "Timeline", "Log", "Output", "State", "Cost", "Definition"];

async function show(page: Page, view: string): Promise<void> {
  await page.getByRole("tab", { name: view, exact: true }).click();
  await page.waitForTimeout(300);
}

test("a run is shown in every view, in both themes and on a phone", async (t) => {
  const run = await ran("desk", ORDER_DESK, ORDER);
  assert.equal(run.status, "waiting");
  for (const [width, theme] of [
    [1440, "light"],
    [1440, "dark"],
    [1024, "light"],
    [360, "dark"],
  ] as const) {
    const { page, faults } = await open({ width, theme });
    await page.goto(at(run.id));
    await page.getByRole("treeitem", { name: /^Waiting approve approval/ }).waitFor();
    for (const view of VIEWS) {
      await t.test(`${view} at ${width} px, ${theme}`, async () => {
        await show(page, view);
        await screenshot(page, `run-${view.toLowerCase()}-${width}-${theme}`);
        await assertAccessible(page);
        await assertFits(page);
      });
    }
    await page.goto(at(run.id, "?node=price.text&debug=1"));
    await page.getByRole("region", { name: "price.text" }).waitFor();
    await page.waitForTimeout(400);
    await screenshot(page, `run-details-${width}-${theme}`);
    await assertAccessible(page);
    await assertFits(page);
    assert.deepEqual(faults, []);
  }
});

test("a run is watched while a person answers", async () => {
  const run = await ran("desk", ORDER_DESK, ORDER);
  const { page, faults } = await open();
  await page.goto(at(run.id));
  await page.getByText("Live", { exact: true }).waitFor();
  const link = page.getByRole("link", { name: "Answer" });
  assert.match((await link.getAttribute("href")) ?? "", /^\/ui\/tasks\/\w+$/);
  const [asked] = await api<{ id: string }[]>("GET", `/interrupts?run_id=${run.id}`);
  await api("POST", `/interrupts/${asked?.id}/answer`, { answer: "approve" });
  await page.getByRole("treeitem", { name: /^Completed send/ }).waitFor();
  await page.getByRole("treeitem", { name: /^Skipped refuse/ }).waitFor();
  await page.getByRole("treeitem", { name: /^Failed rates code 3 attempts/ }).waitFor();
  await page.getByRole("treeitem", { name: /^Completed price/ }).waitFor();
  await page.getByText("Ended", { exact: true }).waitFor();
  await page.getByText("The run is completed.").waitFor();
  await page.getByRole("treeitem", { name: / rates / }).click();
  const details = page.getByRole("region", { name: "rates" });
  await details.getByText("The run continued after this error.").waitFor();
  assert.equal(
    await details.getByRole("table", { name: "Failed attempts" }).locator("tbody tr").count(),
    2,
  );
  await details.getByRole("button", { name: "All its events in the log" }).click();
  await page.getByText(/^4 of \d+ events/).waitFor();
  assert.match(page.url(), /view=log/);
  assert.deepEqual(faults, []);
});

test("what is drawn of nodes is what the server says of them", async () => {
  const run = await ran("desk", ORDER_DESK, ORDER);
  const { page } = await open();
  await page.goto(at(run.id));
  await page.getByRole("treeitem", { name: /^Waiting approve approval/ }).waitFor();
  const found = await api<{ nodes: Record<string, { status: string; runs: number }> }>(
    "GET",
    `/runs/${run.id}?nodes=summary`,
  );
  for (const [name, record] of Object.entries(found.nodes)) {
    const item = page.locator(`[data-node="${name}"]`);
    const label = (await item.textContent()) ?? "";
    assert.match(label.toLowerCase(), new RegExp(`^. ${record.status} `), name);
    if (record.runs > 1) assert.match(label, new RegExp(`${record.runs} executions`), name);
  }
});

test("a failed run says where, and is retried; a refusal is shown with its sentence", async () => {
  const run = await ran("broken", BROKEN, { user: { name: "Ada" } });
  const { page, faults } = await open();
  await page.goto(at(run.id, "?node=second"));
  const problem = page.getByRole("region", { name: "Error" });
  await problem.getByText("Did you mean 'name'?").waitFor();
  await problem.getByRole("link").click();
  await page.locator(".line.marked").first().waitFor();
  assert.match((await page.locator(".line.marked").allTextContents()).join(""), /id: second/);
  await screenshot(page, "run-error-place");
  await page.getByRole("button", { name: "Retry" }).click();
  await page.getByText("The run is tried again").waitFor();
  await until(run.id, "failed");
  await page.getByText("Ended", { exact: true }).waitFor();
  await page.getByRole("option", { name: "2 of 2" }).waitFor({ state: "attached" });
  // The run ends behind the page's back.
  const other = await ran("desk", ORDER_DESK, ORDER);
  await page.goto(at(other.id));
  await page.getByRole("button", { name: "Terminate" }).click();
  await page.getByLabel("Reason").fill("A mistake");
  await api("POST", `/runs/${other.id}/cancel`);
  await page.getByRole("dialog").getByRole("button", { name: "Terminate" }).click();
  await page.getByRole("alert").getByText("The run is already cancelled.").waitFor();
  assert.deepEqual(faults, []);
});

test("a run is replayed from a node with a mock, and compared", async () => {
  const run = await ran("chain", CHAIN, { x: "1" });
  const { page, faults } = await open();
  await page.goto(at(run.id));
  await page.getByRole("treeitem", { name: / a template/ }).click();
  await page.getByRole("button", { name: "Use as mock" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Output of a, as JSON").fill("{text: }");
  await dialog.getByRole("button", { name: "Replay" }).click();
  await dialog.getByText("Output of a, as JSON is not JSON").waitFor();
  await screenshot(page, "run-replay");
  await assertAccessible(page);
  await dialog.getByLabel("Output of a, as JSON").fill('{"text": "mocked"}');
  await dialog.getByRole("button", { name: "Replay" }).click();
  await page.getByText("Repeats").waitFor();
  await show(page, "Output");
  await page.getByText("mocked 5").waitFor();
  await page.getByRole("button", { name: "Compare with…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Compare" }).click();
  const table = page.getByRole("table", { name: "Compare with another run" });
  await table.getByRole("button", { name: "Differs: show both outputs of c" }).click();
  await page.getByText("1a 5").waitFor();
  await screenshot(page, "run-compare");
  await assertAccessible(page);
  assert.deepEqual(faults, []);
});

test("a run is debugged: breakpoints, steps, variables, watches, and earlier states", async () => {
  const run = await ran("chain", CHAIN, { x: "1" }, { breakpoints: ["b"] });
  assert.equal(run.status, "paused");
  const { page, faults } = await open();
  await page.goto(at(run.id, "?debug=1"));
  const panel = page.getByRole("region", { name: "Debug" });
  await panel.getByText("Stopped before b").waitFor();
  await panel.getByText("total = 0").waitFor();
  await panel.getByLabel("Expression").fill("variables.total + 1");
  await panel.getByRole("button", { name: "Watch" }).click();
  await panel.locator(".watched", { hasText: /^1$/ }).waitFor();
  await panel.getByLabel("Node").selectOption("c");
  await panel.getByLabel("Condition").fill("nothing(");
  await panel.getByRole("button", { name: "Add the breakpoint" }).click();
  await panel.getByRole("alert").getByText("The condition of 'c'").waitFor();
  await panel.getByLabel("Condition").fill("variables.total > 3");
  await panel.getByRole("button", { name: "Add the breakpoint" }).click();
  await panel.getByRole("button", { name: "Remove the breakpoint before c" }).waitFor();
  await panel.getByRole("heading", { name: "Watch expressions" }).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await screenshot(page, "run-debug");
  await page.keyboard.press("F5");
  await panel.getByText("Stopped before c").waitFor();
  await panel.getByText("total = 5").waitFor();
  await panel.locator(".watched", { hasText: /^6$/ }).waitFor();
  // Back in time, by the slider.
  await show(page, "State");
  await page.getByLabel("After event", { exact: true }).focus();
  await page.keyboard.press("Home");
  await panel.getByText("total = 0").waitFor();
  await panel.locator(".watched", { hasText: /^1$/ }).waitFor();
  await page.getByRole("button", { name: "Now" }).click();
  await panel.getByText("total = 5").waitFor();
  await panel.getByRole("button", { name: "Change total" }).click();
  await panel.getByLabel("New value of total, as JSON").fill("7");
  await panel.getByRole("button", { name: "Change", exact: true }).click();
  await panel.getByText("total = 7").waitFor();
  await page.reload();
  await panel.getByText("Stopped before c").waitFor();
  await panel.getByRole("button", { name: "Remove the breakpoint before b" }).click();
  await panel
    .getByText("The run does not stop")
    .or(page.getByText("The run does not stop"))
    .waitFor();
  await page.keyboard.press("F10");
  await page.getByText("Ended", { exact: true }).waitFor();
  await page.reload();
  await panel.locator(".watched", { hasText: /^8$/ }).waitFor();
  assert.deepEqual(faults, []);
});

test("thousands of events and bars, and big outputs, are drawn in part", async () => {
  const many = await ran("many", MANY, { count: 1_200 });
  assert.equal(many.status, "completed");
  const { page, faults } = await open();
  await page.goto(at(many.id, "?view=log"));
  const log = page.getByRole("listbox", { name: "Events" });
  await log.waitFor();
  await page.getByText(/4,80\d of 4,80\d events/).waitFor();
  assert.ok((await log.getByRole("option").count()) < 60);
  // The list shows its end, until someone scrolls.
  await log.getByText("run.completed").waitFor();
  await log.focus();
  await page.keyboard.press("Home");
  await log.getByText("run.created").waitFor();
  await page.getByLabel("Text", { exact: true }).fill("item 1199");
  await page.getByText(/^[1-9] of 4,80\d events/).waitFor();
  await show(page, "Timeline");
  const bars = page.getByRole("listbox", { name: "Executions over time" });
  assert.ok((await bars.getByRole("option").count()) < 60);
  await bars.focus();
  await page.keyboard.press("End");
  await page.waitForTimeout(200);
  await screenshot(page, "run-many-bars");
  const big = await ran("big", BIG, {});
  await page.goto(at(big.id, "?view=output"));
  await page.getByText("1 MB, of which this is the beginning").waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByText("20 kB of 1 MB are shown.").waitFor();
  await page.goto(at(big.id, "?node=big"));
  await page.getByRole("region", { name: "big" }).getByRole("button", { name: "Show all" }).click();
  await page.getByText("20 kB of 1 MB are shown.").waitFor();
  assert.deepEqual(faults, []);
});

test("what nodes return never becomes markup", async () => {
  const hostile = "<img src=x onerror=\"document.title='owned'\"><script>owned()</script>";
  const run = await ran("chain", CHAIN, { x: hostile });
  const { page, faults } = await open();
  for (const view of ["log", "output", "state", "definition"]) {
    await page.goto(at(run.id, `?view=${view}&node=c`));
    await page.getByRole("tabpanel").waitFor();
    await page.waitForTimeout(300);
    assert.equal(await page.locator("main img, main script").count(), 0);
  }
  assert.doesNotMatch(await page.title(), /owned/);
  assert.deepEqual(faults, []);
});

test("a run is paused, resumed and cancelled, with a reason", async () => {
  const run = await ran("paced", PACED, {}, { wait: false });
  const { page, faults } = await open();
  await page.goto(at(run.id));
  await page.getByRole("treeitem", { name: /^Waiting first/ }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("The run continues.").waitFor();
  await api("POST", "/signals", { name: "go" });
  await page.getByRole("treeitem", { name: /^Waiting second/ }).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByLabel("Reason").fill("It is not needed.");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).last().click();
  await page.getByText("It is not needed.").first().waitFor();
  await page.getByRole("treeitem", { name: /^Cancelled second/ }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Pause" }).count(), 0);
  assert.deepEqual(faults, []);
});

test("the nodes of a run are walked by keys, and get breakpoints by F9", async () => {
  const run = await ran("desk", ORDER_DESK, ORDER);
  const { page, faults } = await open();
  await page.goto(at(run.id));
  await page.getByRole("treeitem", { name: /greet/ }).focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
  await page.getByRole("region", { name: "price.look" }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("region", { name: "price", exact: true }).waitFor();
  await page.keyboard.press("End");
  assert.match(page.url(), /node=refuse/);
  await page.keyboard.press("F9");
  await page.getByRole("img", { name: "Breakpoint" }).waitFor();
  await page.keyboard.press("F9");
  await page.getByRole("img", { name: "Breakpoint" }).waitFor({ state: "detached" });
  await page.getByRole("tab", { name: "Graph" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("listbox", { name: "Executions over time" }).waitFor();
  assert.deepEqual(faults, []);
});

test("who may only read sees what a run does, and no button that changes it", async () => {
  const run = await ran("desk", ORDER_DESK, ORDER);
  const made = await api<{ key: string }>("POST", "/keys", { name: "reader", role: "viewer" });
  const { page, faults } = await open({ key: made.key });
  await page.goto(at(run.id, "?debug=1&node=kind"));
  await page.getByRole("treeitem", { name: /^Waiting approve/ }).waitFor();
  await page.getByRole("region", { name: "Debug" }).getByText("reminders = 2").first().waitFor();
  for (const name of ["Cancel", "Terminate", "Pause", "Replay…", "Step", "Use as mock"]) {
    assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  }
  assert.deepEqual(faults, []);
});

test("a run that does not exist says so", async () => {
  const { page } = await open();
  await page.goto(at("nothing"));
  await page.getByRole("alert").waitFor();
});

test("the graph of a run shows where it stands, and F9 sets a breakpoint on it", async () => {
  await api(
    "PUT",
    "/workflows/drawn",
    `nodes:
  - {id: ask, type: human}
  - {id: yes, type: template, config: {template: "Yes"}}
  - {id: after, type: template, config: {template: "After"}, depends_on: ["yes"]}
  - {id: no, type: template, config: {template: "No"}}
edges:
  - {source: ask, target: "yes", branch: approve}
  - {source: ask, target: "no", branch: reject}
`,
  );
  const body = { input: {}, wait: false };
  const { run_id: id } = await api<{ run_id: string }>("POST", "/workflows/drawn/execute", body);
  const { page, faults } = await visit();
  await page.goto(`${URL_OF_SERVER}/ui/runs/${id}`);
  await page.getByRole("img", { name: /^ask, human, .*Waiting/ }).waitFor();
  await page.getByRole("img", { name: /^after/ }).click();
  await page.getByRole("application", { name: /^Graph/ }).focus();
  await page.keyboard.press("F9");
  await page.getByRole("img", { name: /^after.*breakpoint/ }).waitFor();
  const [asked] = await api<{ id: string }[]>("GET", `/interrupts?run_id=${id}`);
  await api("POST", `/interrupts/${asked?.id}/answer`, { answer: { choice: "approve" } });
  await page.getByRole("img", { name: /^after.*the run stands here/ }).waitFor();
  await page.getByRole("img", { name: /^yes.*Completed/ }).waitFor();
  await screenshot(page, "run-graph");
  await assertAccessible(page);
  assert.deepEqual(faults, []);
});
