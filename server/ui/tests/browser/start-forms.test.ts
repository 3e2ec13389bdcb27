/** A run that begins with a form: titles, defaults, choices, and a file that is uploaded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, browserOfFile, screenshot, URL_OF_SERVER } from "./browser.ts";

const open = browserOfFile();
const FORM = `name: Translate
input:
  - {name: text, type: paragraph, title: Your text, hint: Up to a page.}
  - {name: language, type: select, title: Into, options: [English, Italian], default: Italian}
  - {name: source, type: file, title: A document, required: false}
nodes:
  - id: say
    type: template
    config: {template: "{{input.language}}: {{input.text}} {{'with a file' if input.source is defined else ''}}"}
`;

interface RunOfForm {
  input: Record<string, string>;
  output: { text: string } | null;
}

test("a form asks for the input by its titles, and what is left out has its default", async () => {
  await api("PUT", "/workflows/by-form", FORM);
  const { page, faults } = await open();
  await page.goto(`${URL_OF_SERVER}/ui/workflows/by-form`);
  await page.getByRole("button", { name: "▶ Run" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Your text").fill("Buongiorno");
  await dialog.getByText("Up to a page.").waitFor();
  await dialog.getByText("Default: Italian").waitFor();
  const file = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Notes.") };
  await dialog.getByLabel("A document").setInputFiles(file);
  await dialog.getByText("Uploaded: notes.txt.").waitFor();
  await screenshot(page, "start-form");
  await dialog.getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/\/ui\/runs\//);
  const id = new URL(page.url()).pathname.split("/").at(-1);
  let run = await api<RunOfForm>("GET", `/runs/${id}`);
  for (let turn = 0; turn < 200 && run.output === null; turn += 1) {
    await page.waitForTimeout(100);
    run = await api<RunOfForm>("GET", `/runs/${id}`);
  }
  assert.equal(run.output?.text, "Italian: Buongiorno with a file");
  assert.equal(run.input["text"], "Buongiorno");
  assert.equal("language" in run.input, false);
  assert.deepEqual(faults, []);
});
