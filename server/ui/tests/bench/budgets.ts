/** Measures what a person waits for, in Chromium; prints milliseconds (and megabytes) as JSON. */
import { chromium, type Page } from "playwright-core";

const url = process.env["FLOWC_URL"] ?? "";
const key = process.env["FLOWC_API_KEY"] ?? "";
const browser = await chromium.launch({
  executablePath: process.env["FLOWC_CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info"],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await context.newPage();

/** Return a chain of nodes with forks, as a definition's text. */
function chain(count: number): string {
  const lines = ["nodes:"];
  for (let at = 0; at < count; at += 1) {
    const before = at === 0 ? "" : `, depends_on: [n${Math.max(0, at - 1 - (at % 3))}]`;
    lines.push(`  - {id: n${at}, type: template, config: {template: "Node ${at}"}${before}}`);
  }
  return `${lines.join("\n")}\n`;
}

async function store(id: string, text: string): Promise<void> {
  const answer = await fetch(`${url}/api/v1/workflows/${id}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/yaml" },
    body: text,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

/** Return the milliseconds until something happens, from when it was asked for. */
async function timed(act: () => Promise<unknown>, done: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await act();
  await done();
  return performance.now() - begin;
}

const shown = (id: string) => page.locator(`[data-id="${id}"]`).first().waitFor();

async function framesWhile(act: (page: Page) => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const frames: number[] = [];
    Object.assign(globalThis, { frames });
    let last = performance.now();
    const next = (now: number) => {
      frames.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  await act(page);
  const frames = await page.evaluate(() => (globalThis as unknown as { frames: number[] }).frames);
  return percentile(frames.slice(1), 0.95);
}

function percentile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Return how long a key takes until the next frame that shows it. */
async function keys(count: number): Promise<number> {
  const times: number[] = [];
  await page.getByRole("textbox", { name: "Text of the definition" }).click();
  await page.keyboard.press("Control+End");
  for (let at = 0; at < count; at += 1) {
    const took = page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const begin = { at: 0 };
          const root = document.querySelector(".text-pane")?.shadowRoot;
          root?.addEventListener(
            "keydown",
            () => {
              begin.at = performance.now();
              requestAnimationFrame(() => requestAnimationFrame((now) => resolve(now - begin.at)));
            },
            { once: true, capture: true },
          );
        }),
    );
    await page.keyboard.press("x");
    times.push(await took);
  }
  return percentile(times, 0.95);
}

const found: Record<string, number> = {};
for (const count of [300, 1_000]) await store(`chain-${count}`, chain(count));
await page.goto(`${url}/`);
await page.getByLabel("API key").fill(key);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("banner").waitFor();

await page.goto(`${url}/ui/workflows`);
found["first paint"] = await page.evaluate(
  () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
);
for (const count of [300, 1_000]) {
  found[`${count} nodes shown`] = await timed(
    () => page.goto(`${url}/ui/workflows/chain-${count}`),
    () => shown("n0"),
  );
  found[`${count} nodes: pan, frame p95`] = await framesWhile(async () => {
    const box = await page.locator(".react-flow__pane").boundingBox();
    const [x, y] = [(box?.x ?? 0) + 30, (box?.y ?? 0) + 300];
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let at = 0; at < 60; at += 1) await page.mouse.move(x + at * 2, y - at * 4);
    await page.mouse.up();
  });
}
found["1000 nodes: a key, p95"] = await keys(30);
await page.keyboard.press("Control+z");
found["a problem at its node after the last key"] = await timed(
  () => page.keyboard.insertText("\n  - {id: wrong, type: templat}"),
  () => page.getByText(/✕ 1 error/).waitFor(),
);
found["1000 nodes: heap"] = await page.evaluate(
  () =>
    ((performance as unknown as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ??
      0) / 1_000_000,
);
await browser.close();
process.stdout.write(JSON.stringify(found));
