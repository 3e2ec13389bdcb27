/** A browser that is signed in, and watches for what must not happen on any page. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before } from "node:test";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

export const URL_OF_SERVER = required("FLOWC_URL");
export const KEY = required("FLOWC_API_KEY");
const FOLDER = process.env["FLOWC_SCREENSHOTS"];
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export type Theme = "light" | "dark";

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** Faults of scripts, violations of the policy, and requests to other servers. */
  faults: string[];
}

interface VisitOptions {
  theme?: Theme;
  width?: number;
  height?: number;
  /** Null does not sign in. */
  key?: string | null;
}

function required(name: string): string {
  const found = process.env[name];
  if (!found) throw new Error(`${name} must be set: run these tests by pytest.`);
  return found;
}

/** Begin a browser for the tests of a file; return what opens a page in it. */
export function browserOfFile(): (options?: VisitOptions) => Promise<Visit> {
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({
      executablePath: process.env["FLOWC_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
  });
  after(() => browser.close());
  return async (options = {}) => {
    const visit = await opened(browser, options);
    if (options.key !== null) await signIn(visit.page, options.key ?? KEY);
    return visit;
  };
}

async function opened(browser: Browser, options: VisitOptions): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    colorScheme: options.theme ?? "light",
    locale: "en-GB",
    timezoneId: "UTC",
    reducedMotion: "reduce",
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`fault: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted Type/i.test(message.text())) faults.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(URL_OF_SERVER) && !/^(blob|data|about):/.test(url)) {
      faults.push(`request to elsewhere: ${url}`);
    }
  });
  return { page, context, faults };
}

/** Sign in with a key, on the page that asks for it. */
export async function signIn(page: Page, key: string): Promise<void> {
  await page.goto(`${URL_OF_SERVER}/`);
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("banner").waitFor();
}

/** Call the API, as a program of the same tenant would. */
export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const isText = typeof body === "string";
  const response = await fetch(`${URL_OF_SERVER}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${KEY}`,
      ...(body !== undefined && {
        "content-type": isText ? "application/yaml" : "application/json",
      }),
    },
    ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : null) as T;
}

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: string[]; html: string }[] }[];
}

/** Fail if axe finds anything on the page that WCAG 2.2 AA does not allow. */
export async function assertAccessible(page: Page): Promise<void> {
  // The policy of the page lets no script in; the protocol of the browser does.
  const source = await (await import("node:fs/promises")).readFile(AXE, "utf8");
  await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const axe = (globalThis as unknown as { axe: { run(options: unknown): Promise<unknown> } }).axe;
    return axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
  });
  const { violations } = found as AxeResult;
  const texts = violations.flatMap((each) =>
    each.nodes.map((node) => `${each.id}: ${each.help}: ${node.target.join(" ")} ${node.html}`),
  );
  assert.deepEqual(texts, []);
}

/** Keep a picture of the page, to be looked at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (!FOLDER) return;
  await mkdir(FOLDER, { recursive: true });
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
}

/** Fail if something lies outside of the page's width. */
export async function assertFits(page: Page): Promise<void> {
  const [whole, seen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok((whole ?? 0) <= (seen ?? 0), `the page is ${whole} px wide, of ${seen}`);
}

/** The widths and themes in which every page must hold. */
export const VIEWS: [number, Theme][] = [
  [1440, "light"],
  [1440, "dark"],
  [1024, "light"],
  [360, "dark"],
];

/** Fail unless a page is accessible and fits in every view; keep its pictures. */
export async function assertEveryView(
  open: (options: VisitOptions) => Promise<Visit>,
  name: string,
  path: string,
): Promise<void> {
  for (const [width, theme] of VIEWS) {
    const { page, context } = await open({ width, theme });
    await page.goto(URL_OF_SERVER + path);
    await page.locator("h1").first().waitFor();
    await page.waitForTimeout(300);
    await screenshot(page, `${name}-${width}-${theme}`);
    await assertAccessible(page);
    await assertFits(page);
    await context.close();
  }
}
