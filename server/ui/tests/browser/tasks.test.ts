/** The inbox of what waits for people: lists, forms, answers, and what was decided. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, assertEveryView, browserOfFile, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const FORM = {
  type: "object",
  required: ["amount", "reason", "where"],
  properties: {
    amount: { type: "number", minimum: 1, maximum: 500, description: "In US dollars." },
    reason: { enum: ["broken", "late"] },
    note: { type: "string", maxLength: 1_000 },
    code: { type: "string", pattern: "^[A-Z]{3}$" },
    urgent: { type: "boolean" },
    day: { type: "string", format: "date" },
    tags: { type: "array", items: { type: "string" }, maxItems: 3 },
    where: { type: "object", required: ["street"], properties: { street: { type: "string" } } },
    by: {
      anyOf: [
        { title: "By post", type: "object", properties: { days: { type: "integer" } } },
        { title: "By hand", type: "string" },
      ],
    },
    more: { type: "object" },
  },
};

interface Question {
  id: string;
  run_id: string;
}

/** Begin a run that asks, and return its question. */
async function ask(config: Record<string, unknown>): Promise<Question> {
  const definition = { nodes: [{ id: "ask", type: "human", config }] };
  const run = await api<{ id: string }>("POST", "/workflows/execute", { definition });
  const [found] = await api<Question[]>("GET", `/interrupts?run_id=${run.id}`);
  assert.ok(found);
  return found;
}

test("a task appears as it is asked, is counted, and a choice decides it", async () => {
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/tasks`);
  await page.getByText("Nothing waits for people").waitFor();
  const asked = await ask({
    title: "Pay 40 dollars?",
    instructions: "Look at the invoice.",
    data: {
      invoice: 17,
      lines: [{ what: "Cable", price: 40 }],
      hint: "<img src=x onerror=alert(1)>",
    },
    timeout: "2d",
  });
  await page.getByRole("link", { name: "Pay 40 dollars?" }).click();
  await page.getByText("Look at the invoice.").waitFor();
  await page.getByText("<img src=x onerror=alert(1)>").waitFor();
  await page
    .getByText("in 2 days")
    .or(page.getByText("tomorrow"))
    .or(page.getByText("in 1 day"))
    .waitFor();
  await page.getByText("(1 open task)").waitFor({ state: "attached" });
  await assertEveryView(open, "task-choices", `/ui/tasks/${asked.id}`);
  await page.getByRole("button", { name: "approve" }).click();
  await page.getByRole("heading", { name: /^Decided by key / }).waitFor();
  await page.getByText("Decided: Pay 40 dollars? approve").waitFor();
  await page.getByText("(1 open task)").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "All tasks" }).click();
  await page.getByLabel("State").selectOption("answered");
  await page.getByRole("cell", { name: "approve" }).waitFor();
  assert.match(page.url(), /state=answered/);
  assert.deepEqual(faults, []);
});

test("a form says at its fields what is wrong, and sends what the schema asks for", async () => {
  const asked = await ask({ title: "Refund?", form: FORM, choices: ["pay", "refuse"] });
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/tasks/${asked.id}`);
  await page.getByRole("button", { name: "pay" }).click();
  await page.getByText("Look at the marked fields.").waitFor();
  const amount = page.getByLabel("Amount (required)");
  assert.ok(await amount.evaluate((field) => field === document.activeElement));
  await amount.fill("lots");
  await page.getByRole("button", { name: "pay" }).click();
  await page.getByText("Enter a number.").waitFor();
  await assertEveryView(open, "task-form", `/ui/tasks/${asked.id}`);
  await amount.fill("700");
  await page.getByLabel("Code").fill("abc");
  await page.getByRole("button", { name: "pay" }).click();
  await page.getByText("This must be 500 or less.").waitFor();
  await page.getByText("This must have the form ^[A-Z]{3}$.").waitFor();
  await amount.fill("12.5");
  await page.getByLabel("Code").fill("ABC");
  await page.getByLabel("Reason (required)").selectOption("late");
  await page.getByLabel("Urgent").check();
  await page.getByLabel("Day").fill("2026-12-24");
  await page.getByRole("button", { name: "Add to Tags" }).click();
  await page.getByLabel("Tag 1 (required)").fill("vip");
  await page.getByLabel("Street (required)").fill("Main 1");
  await page.getByLabel("Kind of By").selectOption("By post");
  await page.getByLabel("Days").fill("3");
  await page.getByLabel("More").fill("{");
  await page.getByRole("button", { name: "pay" }).click();
  await page.getByText("This is not JSON.").waitFor();
  await page.getByLabel("More").fill('{"a": 1}');
  await page.getByRole("button", { name: "pay" }).click();
  await page.getByRole("heading", { name: /^Decided by/ }).waitFor();
  const { answer: given } = await api<{ answer: unknown }>("GET", `/interrupts/${asked.id}`);
  assert.deepEqual(given, {
    amount: 12.5,
    reason: "late",
    code: "ABC",
    urgent: true,
    day: "2026-12-24",
    tags: ["vip"],
    where: { street: "Main 1" },
    by: { days: 3 },
    more: { a: 1 },
    choice: "pay",
  });
  assert.deepEqual(faults, []);
});

test("what only the server refuses is said at the field, too", async () => {
  // The check of the browser knows nothing of `not`.
  const form = { properties: { word: { type: "string", not: { const: "no" } } } };
  const asked = await ask({ title: "Which word?", form });
  const { page } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/tasks/${asked.id}`);
  await page.getByLabel("Word").fill("no");
  await page.getByRole("button", { name: "Send the answer" }).click();
  const word = page.getByRole("textbox", { name: "Word" });
  await page.locator(".field .error-text").waitFor();
  assert.equal(await word.getAttribute("aria-invalid"), "true");
  assert.equal(await word.inputValue(), "no");
});

test("an answer that somebody else gave meanwhile is shown, and not overwritten", async () => {
  const asked = await ask({ title: "Ship it?" });
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/tasks/${asked.id}`);
  await page.getByRole("button", { name: "approve" }).waitFor();
  // The page does not see the event, as when its connection is lost.
  await page.route("**/api/v1/events*", (route) => route.abort());
  await page.reload();
  await page.getByRole("button", { name: "approve" }).waitFor();
  const other = await api<{ key: string }>("POST", "/keys", { name: "bob", role: "operator" });
  const response = await fetch(`${URL_OF_SERVER}/api/v1/interrupts/${asked.id}/answer`, {
    method: "POST",
    headers: { authorization: `Bearer ${other.key}`, "content-type": "application/json" },
    body: JSON.stringify({ answer: "reject" }),
  });
  assert.equal(response.status, 200);
  await page.getByRole("button", { name: "approve" }).click();
  await page
    .getByRole("alert")
    .getByText(/\(bob\) answered meanwhile/)
    .waitFor();
  await page.getByText("reject").waitFor();
  assert.deepEqual(faults, []);
});

test("a person lists their own tasks and those of their groups, and a reader answers none", async () => {
  const mine = await ask({ title: "For Ada", assignee: "ada" });
  await ask({ title: "For accounting", role: "accounting" });
  const wish = { name: "ada", role: "operator", groups: ["accounting"] };
  const ada = await api<{ key: string }>("POST", "/keys", wish);
  const { page, faults } = await open({ key: ada.key });
  await page.goto(`${URL_OF_SERVER}/ui/tasks`);
  await page.getByRole("button", { name: "Mine" }).click();
  await page.getByRole("link", { name: "For Ada" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "For accounting" }).count(), 0);
  await page.getByRole("button", { name: "My groups’" }).click();
  await page.getByRole("link", { name: "For accounting" }).waitFor();
  assert.match(page.url(), /of=groups/);
  await page.reload();
  await page.getByRole("link", { name: "For accounting" }).waitFor();
  await assertEveryView(open, "tasks-open", "/ui/tasks");
  const reader = await api<{ key: string }>("POST", "/keys", { name: "eve", role: "viewer" });
  const other = await open({ key: reader.key });
  await other.page.goto(`${URL_OF_SERVER}/ui/tasks/${mine.id}`);
  await other.page.getByText("Your key may read tasks, and not answer them.").waitFor();
  assert.deepEqual([...faults, ...other.faults], []);
});

test("a task whose run was cancelled says so while it is looked at", async () => {
  const asked = await ask({ title: "Still wanted?" });
  const { page } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/tasks/${asked.id}`);
  await page.getByRole("button", { name: "approve" }).waitFor();
  await api("POST", `/runs/${asked.run_id}/cancel`, {});
  await page.getByText("The run ended without an answer").waitFor();
});
