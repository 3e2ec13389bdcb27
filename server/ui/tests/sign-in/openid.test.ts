/** Signing in at an OpenID provider, and what the page says if that fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import {
  assertAccessible,
  assertFits,
  browserOfFile,
  screenshot,
  URL_OF_SERVER,
} from "../browser/browser.ts";

const open = browserOfFile();
const PROVIDER = process.env["FLOWC_PROVIDER"] ?? "";

/** Faults, but for the visits to the provider, which are wanted here. */
const own = (faults: string[]) =>
  faults.filter((each) => !each.startsWith(`request to elsewhere: ${PROVIDER}`));

async function choose(page: Page, choice: string): Promise<void> {
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await page.getByRole("link", { name: choice, exact: true }).click();
}

test("a person signs in at the provider, returns to the page, and signs out", async () => {
  const { page, context, faults } = await open({ key: null });
  await page.goto(`${URL_OF_SERVER}/ui/runs?status=failed`);
  await page.getByRole("link", { name: "Sign in with Acme" }).waitFor();
  await screenshot(page, "sign-in-provider");
  await assertAccessible(page);
  await choose(page, "Sign in as ada");
  await page.getByRole("banner").getByText("user ada").waitFor();
  assert.equal(page.url(), `${URL_OF_SERVER}/ui/runs?status=failed`);
  const cookies = await context.cookies();
  const session = cookies.find((each) => each.name === "flowc_session");
  assert.deepEqual([session?.httpOnly, session?.sameSite], [true, "Strict"]);
  assert.ok(!cookies.some((each) => each.name === "flowc_sign_in"));
  // The session is a person's: what changes something works, and what is not for editors does not.
  await page.goto(`${URL_OF_SERVER}/ui/settings?tab=me`);
  await page.getByText("accounting").waitFor();
  assert.equal(await page.getByRole("tab", { name: "API keys" }).count(), 0);
  await page.reload();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in with Acme" }).waitFor();
  await page.reload();
  await page.getByLabel("API key").waitFor();
  assert.deepEqual(own(faults), []);
});

const FAILURES: [string, RegExp][] = [
  ["Deny", /access was denied/],
  ["Break", /did not complete the sign-in/],
  ["Sign in by a clock an hour ahead", /clocks of the provider and of this server differ/],
  ["Sign in as bob", /have no role on this server/],
];

for (const [choice, said] of FAILURES) {
  test(`the page says what went wrong: ${choice}`, async () => {
    const { page, faults } = await open({ key: null, width: 360, height: 740 });
    await page.goto(`${URL_OF_SERVER}/ui/tasks`);
    await choose(page, choice);
    await page.getByRole("alert").getByText(said).waitFor();
    assert.ok(page.url().startsWith(`${URL_OF_SERVER}/ui/tasks?sign_in=`));
    await screenshot(page, `sign-in-${choice.replaceAll(" ", "-").toLowerCase()}-360`);
    await assertAccessible(page);
    await assertFits(page);
    // Another attempt succeeds, and leaves nothing of the failure in the address.
    await choose(page, "Sign in as ada");
    await page.getByRole("banner").waitFor();
    assert.equal(page.url(), `${URL_OF_SERVER}/ui/tasks`);
    assert.deepEqual(own(faults), []);
  });
}

test("an answer that this browser did not ask for begins no session", async () => {
  const { page, context } = await open({ key: null });
  await page.goto(`${URL_OF_SERVER}/ui/tasks`);
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await page.getByRole("link", { name: "Sign in as ada", exact: true }).waitFor();
  await context.clearCookies();
  await page.getByRole("link", { name: "Sign in as ada", exact: true }).click();
  await page
    .getByRole("alert")
    .getByText(/not begun in this browser/)
    .waitFor();
  await page.goto(`${URL_OF_SERVER}/ui/runs?sign_in=%3Cimg%20src%3Dx%3E`);
  await page.getByRole("alert").getByText("You were not signed in.").waitFor();
});
