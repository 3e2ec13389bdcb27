/** Texts of strangers are shown as texts: in names, labels, messages, errors, questions and outputs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, browserOfFile, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const PAYLOADS = [
  "<img src=x onerror=window.hacked=1>",
  '"><script>window.hacked=1</script>',
  "<svg/onload=window.hacked=1>",
  "javascript:window.hacked=1",
  "[press](javascript:window.hacked=1)",
  "![x](x){onerror=window.hacked=1}",
  "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
  "\u001b[31mred\u001b[0m \u202Etxt.exe",
];

test("no payload runs on any page", async () => {
  const text = PAYLOADS.join(" ");
  const definition = {
    name: text,
    description: text,
    input: { message: "string" },
    nodes: [
      { id: "say", name: text, type: "template", config: { template: "{{input.message}}" } },
      { id: "ask", type: "human", config: { title: text, instructions: text, data: { text } } },
      { id: "fail", type: "fail", config: { message: text }, depends_on: ["ask"] },
    ],
    edges: [{ source: "say", target: "ask" }],
  };
  await api("PUT", "/workflows/hostile", definition);
  await api("PUT", "/workflows/hostile/labels", { labels: { team: text.slice(0, 60) } });
  await api("PUT", "/workflows/hostile/draft", {
    source: `# ${text}\n${JSON.stringify(definition)}`,
  });
  const body = { input: { message: text }, wait: false };
  const { run_id: id } = await api<{ run_id: string }>("POST", "/workflows/hostile/execute", body);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/runs/${id}`);
  await page.getByText("Waiting").first().waitFor();
  const [asked] = await api<{ id: string }[]>("GET", `/interrupts?run_id=${id}`);
  const tabs = ["timeline", "log", "output", "state", "cost", "definition"];
  const paths = [
    "/ui/workflows",
    "/ui/workflows/hostile",
    "/ui/workflows/hostile?tab=versions",
    "/ui/workflows/hostile?tab=runs",
    "/ui/runs",
    "/ui/tasks",
    `/ui/tasks/${asked?.id}`,
    "/ui/chat/hostile",
    ...tabs.map((tab) => `/ui/runs/${id}?tab=${tab}`),
  ];
  for (const path of paths) {
    await page.goto(URL_OF_SERVER + path);
    await page.locator("h1").first().waitFor();
    await page.waitForTimeout(400);
    assert.equal(await page.evaluate(() => (globalThis as { hacked?: unknown }).hacked), undefined);
    assert.equal(await page.locator("iframe, main img[src=x], script:not([src])").count(), 0, path);
    assert.equal(await page.locator('a[href^="javascript" i]').count(), 0, path);
  }
  await api("POST", `/interrupts/${asked?.id}/answer`, { answer: { choice: "approve" } });
  await page.goto(`${URL_OF_SERVER}/ui/runs/${id}`);
  await page.getByText("Failed").first().waitFor();
  assert.equal(await page.evaluate(() => (globalThis as { hacked?: unknown }).hacked), undefined);
  assert.deepEqual(faults, []);
});
