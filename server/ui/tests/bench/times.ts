/** Measures what a person waits for, in Chromium; prints milliseconds (and megabytes) as JSON. */
import { chromium } from "playwright-core";

const URL_OF_SERVER = process.env["FLOWC_URL"] ?? "";
const KEY = process.env["FLOWC_API_KEY"] ?? "";
const KEYS = 40;

const browser = await chromium.launch({
  executablePath: process.env["FLOWC_CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await context.newPage();

/** What is recorded in the page: the times of frames, and from each key to the frame after it. */
interface Recorded {
  frames: number[];
  keys: number[];
}

/** Return a definition of nodes with forks: every third one depends on an earlier one. */
function definitionOf(count: number): string {
  const lines = ["nodes:"];
  for (let at = 0; at < count; at += 1) {
    const before = at === 0 ? "" : `, depends_on: [n${Math.max(0, at - 1 - (at % 3))}]`;
    lines.push(`  - {id: n${at}, type: template, config: {template: "Node ${at}"}${before}}`);
  }
  return `${lines.join("\n")}\n`;
}

async function store(id: string, text: string): Promise<void> {
  const answer = await fetch(`${URL_OF_SERVER}/api/v1/workflows/${id}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/yaml" },
    body: text,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

/** Return the milliseconds until something is shown, from when it was asked for. */
async function timed(act: () => Promise<unknown>, shown: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await act();
  await shown();
  return performance.now() - begin;
}

/** Begin to record frames and keys on the page that is open. */
async function record(): Promise<void> {
  await page.evaluate(() => {
    const recorded: Recorded = { frames: [], keys: [] };
    Object.assign(globalThis, { recorded });
    let last = performance.now();
    const next = (now: number) => {
      recorded.frames.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    const painted = (event: KeyboardEvent) =>
      requestAnimationFrame(() =>
        setTimeout(() => recorded.keys.push(performance.now() - event.timeStamp)),
      );
    window.addEventListener("keydown", painted, { capture: true });
  });
}

/** Return what was recorded since the last call. */
const taken = (): Promise<Recorded> =>
  page.evaluate(() => {
    const { recorded } = globalThis as unknown as { recorded: Recorded };
    return { frames: recorded.frames.splice(0), keys: recorded.keys.splice(0) };
  });

function percentile95(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.floor(sorted.length * 0.95)] ?? sorted.at(-1);
  if (found === undefined) throw new Error("Nothing was recorded.");
  return found;
}

/** Drag the canvas by its background, and return the 95th percentile of the frames meanwhile. */
async function panned(): Promise<number> {
  const box = await page.locator(".react-flow__pane").boundingBox();
  const [x, y] = [(box?.x ?? 0) + 30, (box?.y ?? 0) + 300];
  await taken();
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let at = 0; at < 60; at += 1) await page.mouse.move(x + at * 2, y - at * 4);
  await page.mouse.up();
  return percentile95((await taken()).frames);
}

/** Type at the end of the text, and return the 95th percentile from a key to the frame after it. */
async function typed(): Promise<number> {
  await page.getByRole("textbox", { name: "Text of the definition" }).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("# ");
  await page.waitForTimeout(500);
  await taken();
  await page.keyboard.type("x".repeat(KEYS), { delay: 60 });
  await page.waitForTimeout(500);
  const { keys } = await taken();
  if (keys.length !== KEYS) throw new Error(`${keys.length} keys of ${KEYS} arrived.`);
  return percentile95(keys);
}

/** Return the megabytes that are left after what is not used any more was collected. */
async function heapInMegabytes(): Promise<number> {
  const protocol = await context.newCDPSession(page);
  await protocol.send("HeapProfiler.collectGarbage");
  const { usedSize } = await protocol.send("Runtime.getHeapUsage");
  return usedSize / 1_000_000;
}

async function main(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const count of [300, 1_000]) await store(`nodes-${count}`, definitionOf(count));
  await page.goto(`${URL_OF_SERVER}/`);
  await page.getByLabel("API key").fill(KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("banner").waitFor();
  await page.goto(`${URL_OF_SERVER}/ui/workflows`);
  await page.getByText("nodes-300").first().waitFor();
  found["first paint"] = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
  );
  for (const count of [300, 1_000]) {
    const address = `${URL_OF_SERVER}/ui/workflows/nodes-${count}`;
    const shown = page.locator('[data-id="n0"]').first();
    found[`${count} nodes shown`] = await timed(
      () => page.goto(address),
      () => shown.waitFor(),
    );
    await record();
    found[`${count} nodes: pan, frame p95`] = await panned();
  }
  found["1000 nodes: a key, p95"] = await typed();
  const problem = "\n  - {id: wrong, type: templat}";
  found["a problem at its node after the last key"] = await timed(
    () => page.keyboard.insertText(problem),
    () => page.getByText(/✕ 1 error/).waitFor(),
  );
  found["1000 nodes: heap"] = await heapInMegabytes();
  return found;
}

try {
  process.stdout.write(JSON.stringify(await main()));
} finally {
  await browser.close();
}
