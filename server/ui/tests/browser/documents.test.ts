/** Collections, uploads and what became of each file, passages, and search. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, assertEveryView, browserOfFile, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const file = (name: string, text: string) => ({
  name,
  mimeType: "text/markdown",
  buffer: Buffer.from(text),
});
const PRICES =
  "# Prices\n\nA berth costs 12 euros a night.\n\n# Water\n\nWater is included. <b>x</b>";

test("a collection is made, filled with files, looked at and searched", async () => {
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/documents`);
  await page.getByText("There are no collections yet").waitFor();
  await page.getByRole("button", { name: "New collection" }).click();
  await page.getByLabel("Name (required)").fill("harbour");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("There are no documents yet").waitFor();
  await page
    .getByLabel("Choose files")
    .setInputFiles([
      file("prices.md", PRICES),
      file("rules.md", "Dogs are welcome."),
      file("bad.pdf", "%PDF-1.4 broken"),
    ]);
  const outcome = page.getByRole("region", { name: "The last upload" });
  await outcome.getByText("2 added, 0 changed, 0 unchanged, 1 refused.").waitFor();
  await outcome
    .getByRole("row", { name: /bad\.pdf/ })
    .getByText("Refused")
    .waitFor();
  assert.ok((await outcome.locator(".error-text").textContent())?.length);
  await screenshot(page, "documents-uploaded");
  await page.getByRole("button", { name: "Passages of prices.md" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("<b>x</b>").waitFor();
  assert.match(page.url(), /source=prices\.md/);
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { name: "Search" }).click();
  await page.getByLabel("Question or words").fill("What does a berth cost?");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("article").first().getByText("12 euros").waitFor();
  await page
    .getByText(/Score \d/)
    .first()
    .waitFor();
  await assertEveryView(open, "documents-search", page.url().replace(URL_OF_SERVER, ""));
  await assertEveryView(open, "documents-collection", "/ui/documents/harbour");
  assert.deepEqual(faults, []);
});

test("a file that is uploaded again replaces its document, and one that is dropped is added", async () => {
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/documents/harbour`);
  await page.getByLabel("Choose files").setInputFiles(file("prices.md", PRICES));
  await page.getByText("0 added, 1 changed, 0 unchanged, 0 refused.").waitFor();
  const dropped = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["Tides turn twice a day."], "tides.txt", { type: "text/plain" }));
    return transfer;
  });
  await page.locator(".drop").dispatchEvent("drop", { dataTransfer: dropped });
  await page.getByText("1 added, 0 changed, 0 unchanged, 0 refused.").waitFor();
  await page.getByRole("button", { name: "Passages of tides.txt" }).waitFor();
  await page.getByRole("button", { name: "Delete: tides.txt" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Passages of tides.txt" }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});

test("what the server refuses is said at the file, and at the address", async () => {
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/documents/harbour`);
  await page.route("**/knowledge/files", (route) =>
    route.fulfill({
      status: 413,
      json: {
        error: { code: "request-too-large", message: "The file is too large.", details: [] },
      },
    }),
  );
  await page.getByLabel("Choose files").setInputFiles(file("big.md", "x"));
  await page.getByText("The file is too large.").waitFor();
  await page.getByLabel("Address of a page or a file").fill("http://127.0.0.1:9/secret");
  await page.getByRole("button", { name: "Add the address" }).click();
  await page
    .getByRole("row", { name: /127\.0\.0\.1:9/ })
    .getByText("Refused")
    .waitFor();
  assert.deepEqual(faults, []);
});

test("a reader uploads and deletes nothing, and a collection is deleted with a question", async () => {
  const reader = await api<{ key: string }>("POST", "/keys", { name: "eve", role: "viewer" });
  const other = await open({ key: reader.key });
  await other.page.goto(`${URL_OF_SERVER}/ui/documents/harbour`);
  await other.page.getByText("Your key may read documents, and not add any.").waitFor();
  assert.equal(await other.page.getByRole("button", { name: /^Delete/ }).count(), 0);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/documents`);
  await page.getByRole("link", { name: "harbour" }).waitFor();
  await page.getByRole("button", { name: "Delete: harbour" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("There are no collections yet").waitFor();
  assert.deepEqual(faults, []);
});
