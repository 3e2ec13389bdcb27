/** What holds on every page: WCAG 2.2 AA in both themes, nothing cut off, nothing from elsewhere. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  api,
  assertAccessible,
  assertFits,
  browserOfFile,
  screenshot,
  URL_OF_SERVER,
  VIEWS,
} from "./browser.ts";

const open = browserOfFile();

const PAGES: [string, string][] = [
  ["workflows", "/ui/workflows"],
  ["workflow", "/ui/workflows/example"],
  ["versions", "/ui/workflows/example?tab=versions"],
  ["runs", "/ui/runs"],
  ["analytics", "/ui/analytics"],
  ["tasks", "/ui/tasks"],
  ["chat", "/ui/chat"],
  ["documents", "/ui/documents"],
  ["triggers", "/ui/triggers"],
  ["settings-models", "/ui/settings?tab=models"],
  ["settings-health", "/ui/settings?tab=health"],
  ["settings-me", "/ui/settings?tab=me"],
  ["missing", "/ui/nothing-here"],
];
const EXAMPLE = `# A question, and an answer by its kind.
nodes:
  - {id: classify, type: classify, config: {labels: [technical, general], model: offline/extract}}
  - {id: each, type: map, config: {items: "{{input.items}}", body: {nodes: [
      {id: greet, type: template, config: {template: "Hello {{item}}"}}]}}}
  - {id: wrong, type: template}
edges:
  - {source: classify, target: each, branch: technical}
  - {source: classify, target: wrong, branch: general}
`;
before(async () => {
  await api("PUT", "/workflows/example/draft", { source: EXAMPLE });
});

for (const [width, theme] of VIEWS) {
  test(`pages at ${width} px, ${theme}`, async (t) => {
    const { page, faults } = await open({ width, theme });
    for (const [name, path] of PAGES) {
      await t.test(name, async () => {
        await page.goto(URL_OF_SERVER + path);
        await page.locator("h1, h2").first().waitFor();
        await page.waitForTimeout(300);
        await screenshot(page, `${name}-${width}-${theme}`);
        await assertAccessible(page);
        await assertFits(page);
      });
    }
    assert.deepEqual(faults, []);
  });
}

test("the page that asks for a key", async () => {
  const { page, faults } = await open({ key: null });
  await page.goto(`${URL_OF_SERVER}/`);
  await page.getByLabel("API key").waitFor();
  await screenshot(page, "sign-in");
  await assertAccessible(page);
  assert.deepEqual(faults, []);
});
