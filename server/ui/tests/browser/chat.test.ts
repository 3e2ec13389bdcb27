/** Conversations with workflows: answers as they come, sources, questions, stops and failures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { api, assertEveryView, browserOfFile, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();

const ECHO = `name: Echo
input: {message: string}
nodes:
  - {id: say, type: llm, config: {model: offline/echo, prompt: "{{input.message}}", stream: true}}
`;
const CITES = `name: Librarian
input: {message: string}
nodes:
  - {id: find, type: retrieve, config: {collection: harbour, query: "{{input.message}}", limit: 2}}
  - id: done
    type: end
    config:
      output:
        answer: "A berth costs **12 euros** a night [1]."
        sources: "{{find.output.passages}}"
edges:
  - {source: find, target: done}
`;
const ASKS = `name: Refunds
input: {message: string}
nodes:
  - id: ask
    type: human
    config:
      title: "Refund {{input.message}}?"
      form: {amount: number}
      choices: [approve, reject]
  - {id: yes, type: template, config: {template: "Refunded: {{ask.output.amount}}"}}
  - {id: no, type: template, config: {template: "Not refunded."}}
edges:
  - {source: ask, target: yes, branch: approve}
  - {source: ask, target: no, branch: reject}
`;
const SLOW = `name: Slow
input: {message: string}
nodes:
  - {id: later, type: wait, config: {for: 120}}
  - {id: say, type: template, config: {template: "At last: {{input.message}}"}}
edges:
  - {source: later, target: say}
`;
const SIGNALLED = SLOW.replace("name: Slow", "name: Signalled").replace(
  "for: 120",
  "signal: go-on",
);
const FAILS = `name: Fails
input: {message: string}
nodes:
  - {id: stop, type: fail, config: {message: "No such order."}}
`;
const GREETS = `name: Greeter
input: {message: string}
chat:
  opening: "Ask me about **berths**."
  suggested_questions: [What does a berth cost?, When do you open?]
nodes:
  - {id: say, type: template, config: {template: "You asked: {{input.message}}"}}
`;
const FILES = `name: Reader
input: {message: string, files: ["string"]}
nodes:
  - {id: read, type: read_file, config: {file: "{{input.files[0]}}"}}
  - {id: say, type: template, config: {template: "{{input.message}}: {{read.output.text}}"}}
edges:
  - {source: read, target: say}
`;
const AGENT = `name: Agent
input: {message: string}
nodes:
  - id: helper
    type: agent
    config:
      model: offline/agent
      prompt: "{{input.message}}"
      tools:
        - {id: weather, type: template, config: {template: "It is 20 degrees."}}
`;

const publish = (id: string, source: string) => api("PUT", `/workflows/${id}`, source);

async function talk(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("textbox", { name: "Message" }).press("Enter");
}

test("an answer comes as it is made, stays in its conversation, and no markup of it counts", async () => {
  await publish("echo", ECHO);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat`);
  await page.getByRole("link", { name: "echo" }).click();
  await page.getByText("Say something to Echo").waitFor();
  await talk(
    page,
    "Hello **there**, <img src=x onerror=alert(1)> [good](https://example.org/) [bad](javascript:alert(1)) ![pic](https://example.org/p.png)",
  );
  const answer = page.getByRole("article").filter({ hasText: "Echo" }).last();
  await answer.locator("strong", { hasText: "there" }).waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
  await answer.getByText("<img src=x onerror=alert(1)>").waitFor();
  const link = answer.getByRole("link", { name: "good" });
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
  assert.equal(await answer.getByRole("link", { name: "bad" }).count(), 0);
  assert.equal(await answer.locator("img").count(), 0);
  assert.equal(await answer.getByRole("link", { name: "pic" }).count(), 1);
  assert.match(page.url(), /thread=/);
  await talk(page, "Prices:\n| berth | a night |\n|---|---:|\n| *A* | <b>12</b> |\n| B | 14 |");
  const table = page.getByRole("article").filter({ hasText: "Echo" }).last().getByRole("table");
  await table.getByRole("columnheader", { name: "a night" }).waitFor();
  await table.getByRole("cell", { name: "<b>12</b>" }).waitFor();
  await table.locator("em", { hasText: "A" }).waitFor();
  assert.equal(await table.getByRole("row").count(), 3);
  await page.getByRole("button", { name: "Send" }).waitFor();
  await talk(page, "Second words");
  await page.getByRole("article").filter({ hasText: "Second words" }).nth(1).waitFor();
  await page.reload();
  await page.getByRole("article").filter({ hasText: "Second words" }).nth(1).waitFor();
  assert.equal(await page.getByRole("article").count(), 6);
  await page.locator("details", { hasText: "How this was answered" }).last().click();
  await page.getByRole("heading", { name: "Steps" }).waitFor();
  await page.getByText("say", { exact: true }).waitFor();
  await assertEveryView(open, "chat", page.url().replace(URL_OF_SERVER, ""));
  assert.deepEqual(faults, []);
});

test("a chat begins with what the workflow says, and a suggested question is asked by a click", async () => {
  await publish("greeter", GREETS);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat/greeter`);
  await page.locator(".beginning strong", { hasText: "berths" }).waitFor();
  await assertEveryView(open, "chat-beginning", "/ui/chat/greeter");
  await page.getByRole("button", { name: "When do you open?" }).click();
  await page.getByRole("article").filter({ hasText: "You asked: When do you open?" }).waitFor();
  assert.equal(await page.locator(".beginning").count(), 0);
  assert.deepEqual(faults, []);
});

test("conversations are listed, begun and deleted", async () => {
  const { page, faults } = await open({ width: 360 });
  await page.goto(`${URL_OF_SERVER}/ui/chat/echo`);
  await talk(page, "To be forgotten");
  await page.getByRole("article").nth(1).waitFor();
  await page.getByText("Conversations", { exact: true }).click();
  await page.getByRole("link", { name: "To be forgotten" }).waitFor();
  await page.getByRole("button", { name: "Delete: To be forgotten" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("The conversation is deleted.").waitFor();
  await page.getByText("Say something to Echo").waitFor();
  await page.getByRole("link", { name: "To be forgotten" }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});

test("a number in an answer opens the passage that it cites", async () => {
  const text = "A berth costs 12 euros a night. Water is included.";
  const documents = [{ source: "prices.md", text }];
  await api("POST", "/knowledge/collections/harbour/ingest", { documents, wait: true });
  await publish("cites", CITES);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat/cites`);
  await talk(page, "What does a berth cost?");
  await page.getByRole("button", { name: "Source 1" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Water is included.").waitFor();
  await dialog.getByText("prices.md").waitFor();
  await screenshot(page, "chat-source");
  await page.keyboard.press("Escape");
  await page.getByText("How this was answered").click();
  await page.getByRole("button", { name: "[1] prices.md" }).waitFor();
  assert.deepEqual(faults, []);
});

test("a question of the run is a form, and its answer continues the conversation", async () => {
  await publish("asks", ASKS);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat/asks`);
  await talk(page, "order 7");
  await page.getByRole("heading", { name: "Refund order 7?" }).waitFor();
  await page.getByRole("button", { name: "approve" }).click();
  await page.getByText("This is needed.").waitFor();
  await page.getByLabel("Amount (required)").fill("12");
  await screenshot(page, "chat-question");
  await page.getByRole("button", { name: "approve" }).click();
  await page.getByText("Refunded: 12").waitFor();
  await page.getByRole("button", { name: "approve" }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});

test("an answer is stopped, and its run with it", async () => {
  await publish("slow", SLOW);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat/slow`);
  await talk(page, "Hurry");
  await page.getByText("An answer is on its way").waitFor();
  await page.waitForURL(/thread=/);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("status").getByText("The answer was stopped.").waitFor();
  const runs = await api<{ items: { status: string }[] }>("GET", "/runs?workflow_id=slow");
  assert.deepEqual(
    runs.items.map((each) => each.status),
    ["cancelled"],
  );
  assert.deepEqual(faults, []);
});

test("an answer is stopped before its run has a name", async () => {
  await publish("early", SLOW.replace("name: Slow", "name: Early"));
  const { page, faults } = await open();
  let halted = () => {};
  const stopped = new Promise<void>((resolve) => {
    halted = resolve;
  });
  await page.route("**/workflows/early/chat", async (route) => {
    await stopped;
    await route.continue();
  });
  await page.goto(`${URL_OF_SERVER}/ui/chat/early`);
  await talk(page, "Hurry");
  await page.getByRole("button", { name: "Stop" }).click();
  halted();
  await page.getByRole("status").getByText("The answer was stopped.").waitFor();
  assert.deepEqual(faults, []);
});

test("an answer whose connection was lost is read when it is there", async () => {
  await publish("signalled", SIGNALLED);
  const { page, faults } = await open();
  // The page gets the beginning of the answer, and then nothing more.
  await page.route("**/workflows/signalled/chat", async (route) => {
    const headers = { ...route.request().headers() };
    const cookies = await page.context().cookies();
    headers["cookie"] = cookies.map((each) => `${each.name}=${each.value}`).join("; ");
    const stop = new AbortController();
    const body = route.request().postData() ?? "";
    const response = await fetch(route.request().url(), {
      method: "POST",
      headers,
      body,
      signal: stop.signal,
    });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    stop.abort();
    const text = new TextDecoder().decode(first?.value);
    await route.fulfill({ status: 200, contentType: "text/event-stream", body: text });
  });
  await page.goto(`${URL_OF_SERVER}/ui/chat/signalled`);
  await talk(page, "Wait for it");
  await page.getByText("The connection was lost.").waitFor();
  await page.getByText("An answer is on its way").waitFor();
  await api("POST", "/signals", { name: "go-on" });
  await page.getByText("At last: Wait for it").waitFor();
  assert.deepEqual(faults, []);
});

test("what failed says why, in its place, and can be sent again", async () => {
  await publish("fails", FAILS);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat/fails`);
  await talk(page, "Order 9");
  await page.getByText("No such order.").waitFor();
  await publish("fails", ECHO);
  await page.getByRole("button", { name: "Send it again" }).click();
  await page.getByRole("article").filter({ hasText: "Order 9" }).nth(2).waitFor();
  assert.deepEqual(faults, []);
});

test("a workflow that takes files gets them with a message", async () => {
  await publish("files", FILES);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat/files`);
  await page.getByLabel("Add files").setInputFiles({
    name: "note.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("The tide turns at noon."),
  });
  await page.getByText("note.txt").waitFor();
  await talk(page, "Read it");
  await page.getByText("Read it: The tide turns at noon.").waitFor();
  assert.deepEqual(faults, []);
});

test("calls of tools unfold", async () => {
  await publish("agent", AGENT);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/chat/agent`);
  await talk(page, "What is the weather?");
  await page.getByText("It is 20 degrees.", { exact: true }).waitFor();
  await page.getByText("How this was answered").click();
  await page.getByText("calls weather").first().click();
  await screenshot(page, "chat-tools");
  assert.deepEqual(faults, []);
});

test("without a workflow that takes a message, the page says how to get one", async () => {
  const { page } = await open();
  await page.route("**/v1/models", (route) =>
    route.fulfill({ json: { object: "list", data: [] } }),
  );
  await page.goto(`${URL_OF_SERVER}/ui/chat`);
  await page.getByText("No workflow takes a message yet").waitFor();
});
