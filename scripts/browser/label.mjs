// The page of `cloze label` in a real browser: from a table to exported labels and a trained run with the keyboard alone, accessibility, what others
// must not be able to do, and what a killed process leaves.
//
//   node label.mjs CLOZE CHROMIUM DATA FOLDER      DATA has a table of texts with their labels; FOLDER is for files and screenshots

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import readline from "node:readline";

const [cloze, chromium, data, folder] = process.argv.slice(2);
// The packages are in the folder that this is run in.
const require = createRequire(path.join(process.cwd(), "package.json"));
const { chromium: browserType } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const failures = [];
let passed = 0;
let browser = null;
let late = 0;
function check(right, what, detail = "") {
  if (right) passed += 1;
  else {
    failures.push(`failed: ${what}${detail ? `\n        ${detail}` : ""}`);
    console.log(failures.at(-1));
  }
}
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
async function until(condition, seconds, what) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await condition()) return true;
    await wait(100);
  }
  check(false, what, `not within ${seconds} s`);
  // What follows would only wait as well.
  if (++late === 3) {
    console.log("given up");
    for (const one of browser?.contexts() ?? []) for (const page of one.pages()) console.log(await page.locator("body").innerText().catch(() => "?"));
    process.exit(1);
  }
  return false;
}

/** Rows of CSV whose values may be quoted. */
function parse(text) {
  const rows = [[]];
  let value = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (quoted && letter === '"' && text[at + 1] === '"') (value += '"'), at++;
    else if (letter === '"') quoted = !quoted;
    else if (!quoted && letter === ",") rows.at(-1).push(value), (value = "");
    else if (!quoted && letter === "\n") rows.at(-1).push(value), (value = ""), rows.push([]);
    else if (quoted || letter !== "\r") value += letter;
  }
  if (value) rows.at(-1).push(value);
  return rows.filter((row) => row.length > 1);
}
const cell = (value) => `"${value.replaceAll('"', '""')}"`;

/** A server, its lines and the address of its page. */
async function serve(args) {
  const child = spawn(cloze, ["label", ...args, "--no-open", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = [];
  const reader = readline.createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(JSON.parse(line)));
  await until(() => lines.length > 0, 60, "the server says its address");
  return { child, lines, url: () => lines.at(-1).url, stop: async (signal = "SIGTERM") => { const gone = once(child, "exit"); child.kill(signal); await gone; } };
}

async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const detail = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" ")}`).join("\n        ");
  check(found.violations.length === 0, `axe finds nothing: ${what}`, detail);
}

/** The text that is shown, once there is one. */
async function shown(page) {
  for (;;) {
    const text = await page.locator("#text").innerText();
    if (!text.startsWith("One moment")) return text;
    await wait(20);
  }
}
const log = (where) => fs.readFileSync(path.join(where, "labels.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));

// ---------------------------------------------------------------- a table without labels

fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(folder, { recursive: true });
const [header, ...rows] = parse(fs.readFileSync(data, "utf8"));
const labelColumn = header.indexOf("label");
const columns = header.filter((_, column) => column !== labelColumn);
const values = (row) => row.filter((_, column) => column !== labelColumn);
const names = [...new Set(rows.map((row) => row[labelColumn]))].sort();
const gold = new Map(rows.map((row) => [values(row).at(-1).trim(), row[labelColumn]]));
// A long name that offers no place to break it: paths are shown, and must not widen the page.
const place = path.join(folder, "a_folder_with_a_long_name_and_no_place_to_break_it");
fs.mkdirSync(place);
const table = path.join(place, "news.csv");
// Markup in a text has to stay text; right-to-left and Chinese text has to be shown.
const odd = ["<img src=x onerror=alert(1)><script>alert(2)</script>", "مرحبا بالعالم", "你好,世界"];
const lines = [...rows.map((row) => values(row)), ...odd.map((text) => columns.map(() => text))];
fs.writeFileSync(table, [columns, ...lines].map((line) => line.map(cell).join(",")).join("\n") + "\n");
const kept = path.join(place, "news-labels");

const server = await serve([table, "--sample", "12", "--train-every", "0", "--annotator", "ann"]);
browser = await browserType.launch({ executablePath: chromium, args: ["--no-sandbox", "--host-resolver-rules=MAP evil.test 127.0.0.1"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light", acceptDownloads: true });
const page = await context.newPage();
const problems = [];
page.on("pageerror", (error) => problems.push(String(error)));
page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
page.on("dialog", (dialog) => (problems.push(`a dialog: ${dialog.message()}`), dialog.dismiss()));
page.on("request", (request) => new URL(request.url()).hostname !== "127.0.0.1" && !request.url().startsWith("data:") && problems.push(`a request to ${request.url()}`));

// From a key to the frame in which another text is there.
await context.addInitScript(() => {
  let began = 0;
  globalThis.times = [];
  addEventListener("keydown", (event) => (began = event.timeStamp), true);
  addEventListener("DOMContentLoaded", () => {
    const seen = () => began && requestAnimationFrame(() => began && (globalThis.times.push(performance.now() - began), (began = 0)));
    new MutationObserver(seen).observe(document.getElementById("text") ?? document.body, { childList: true });
  });
});
await page.goto(server.url());
await page.waitForSelector("#setup[open]");
await accessible(page, "the first question");
await page.keyboard.type(names.join("\n"));
await page.keyboard.press("Tab");
await page.keyboard.press("Enter");
await until(async () => (await page.locator(".choice").count()) === names.length, 10, "the labels are there");

/** The label that a person would give. */
async function right() {
  const text = (await page.locator("#text .words").last().innerText()).trim();
  return gold.get(text) ?? names[0];
}

// ---------------------------------------------------------------- labelling with the keyboard

const KEYS = [..."123456789", ..."acdefghijklmopqrstuvwxy"];
const keyOf = (name) => KEYS[names.indexOf(name)];
for (let count = 0; count < 30; count++) {
  const before = await shown(page);
  await page.keyboard.press(keyOf(await right()));
  await until(async () => (await shown(page)) !== before, 20, "the next text comes");
}
const times = await page.evaluate("times");
await until(() => log(kept).filter((event) => event.action === "label").length === 30, 20, "every label is on the disk");
const blind = async () => (await page.locator("#why").innerText()).includes("without a suggestion");
for (let count = 0; count < 20 && (await blind()); count++) {
  const before = await shown(page);
  await page.keyboard.press(keyOf(await right()));
  await until(async () => (await shown(page)) !== before, 20, "the next text comes");
}
await until(async () => (await page.locator("#suggestion").innerText()).includes("Suggested"), 60, "a suggestion comes");
await accessible(page, "labelling, light");
await page.screenshot({ path: path.join(folder, "label-light.png") });

// Undo, note, skip, filter.
const last = await shown(page);
await page.keyboard.press("z");
await until(async () => (await shown(page)) !== last, 20, "undo shows the text again");
check((await page.locator("#why").innerText()).includes("Chosen"), "the text that was undone is shown");
await page.keyboard.press("n");
await page.waitForSelector("#ask[open]");
await page.keyboard.type("look at this again");
await page.keyboard.press("Enter");
await until(async () => await page.locator("#note-shown").isVisible(), 20, "the note is shown");
const noted = await shown(page);
await page.keyboard.press("/");
await page.keyboard.type((await right()).slice(0, 4));
await page.keyboard.press("Enter");
await until(async () => (await shown(page)) !== noted, 20, "a label that was searched for is given");
const skipped = await shown(page);
await page.keyboard.press("Space");
await until(async () => (await shown(page)) !== skipped, 20, "a text is skipped");
await until(() => log(kept).some((event) => event.action === "skip"), 20, "it is on the disk that it was skipped");
const events = log(kept);
check(events.some((event) => event.action === "undo") && events.some((event) => event.action === "note"), "undo and note are events");
check(events.every((event, place) => event.seq === place + 1), "events are counted without gaps");
const sample = new Set(events.find((event) => event.action === "sample").rows);
check(events.filter((event) => event.action === "label" && sample.has(event.row)).every((event) => event.blind), "the sample is labelled blind");

// What is markup in a text stays text, and other scripts are shown.
await page.keyboard.press("Tab");
for (const text of odd) {
  await page.getByRole("button", { name: "Texts", exact: true }).click();
  await page.selectOption("#list-view", "all");
  await page.fill("#list-words", text.split(" ")[0].slice(0, 6));
  await until(async () => (await page.locator("#list .words").first().innerText().catch(() => "")).includes(text.slice(0, 5)), 20, `found: ${text}`);
}
check((await page.locator("#list img, #list script").count()) === 0, "markup in a text is text");
await page.fill("#list-words", "");
await accessible(page, "texts");
await page.screenshot({ path: path.join(folder, "texts.png") });

// A label is changed where it was seen.
await page.selectOption("#list-view", "labelled");
await page.waitForSelector('#list[aria-busy="false"]');
await until(async () => (await page.locator("#list li").count()) > 3, 20, "labelled texts are listed");
const changed = (await page.locator("#list li .tag").first().innerText()).trim();
await page.getByRole("button", { name: "change", exact: true }).first().click();
await page.waitForSelector(".choice[data-current]");
check((await page.locator(".choice[data-current] span").innerText()).trim() === changed, "the label that a text has is shown");
await page.screenshot({ path: path.join(folder, "change.png") });
await page.keyboard.press(keyOf(changed));
await until(async () => await page.locator("#view-texts").isVisible(), 20, "the list comes back after a change");

// ---------------------------------------------------------------- labels

await page.getByRole("button", { name: "Labels", exact: true }).click();
await accessible(page, "labels");
await page.fill("#label-add input[name=name]", "odd ones");
await page.keyboard.press("Enter");
await until(async () => (await page.locator(".label-row").count()) === names.length + 1, 20, "a label is added");
await page.getByRole("button", { name: "rename" }).last().click();
await page.keyboard.type("strange");
await page.keyboard.press("Enter");
await until(async () => (await page.locator(".label-row strong").last().innerText()) === "strange", 20, "a label is renamed");
await page.locator(".label-row select").last().selectOption(names[0]);
await page.waitForSelector("#ask[open]");
await accessible(page, "the question before a merge");
await page.getByRole("button", { name: "Cancel" }).click();
check((await page.locator(".label-row").count()) === names.length + 1, "a merge is asked for, and can be called off");
await page.getByRole("button", { name: "remove" }).last().click();
await until(async () => (await page.locator(".label-row").count()) === names.length, 20, "a label is removed");
await page.screenshot({ path: path.join(folder, "labels.png") });

// ---------------------------------------------------------------- two browsers

const second = await browser.newContext();
const other = await second.newPage();
await other.goto(server.url());
await other.waitForSelector("#ask[open]");
await other.keyboard.type("bob");
await other.keyboard.press("Enter");
await other.waitForSelector(".choice");
check((await other.locator("#who").innerText()) === "bob", "another browser is asked who labels in it");
await page.getByRole("button", { name: "Label", exact: true }).click();
for (let count = 0; count < 6; count++) {
  const [mine, theirs] = [await shown(page), await shown(other)];
  const overlap = (await other.locator("#why").innerText()).includes("Somebody else") || (await page.locator("#why").innerText()).includes("Somebody else");
  check(mine !== theirs || overlap, "two browsers show different texts");
  await other.keyboard.press("1");
  await until(async () => (await shown(other)) !== theirs, 20, "the other browser goes on");
}
const used = await fetch(server.lines[0].url);
check(used.status === 401, "an address lets one browser in", `status ${used.status}`);
await second.close();

// ---------------------------------------------------------------- what others must not be able to do

const address = new URL(server.lines[0].url).host;
const port = address.split(":")[1];
check((await fetch(`http://${address}/api/project`)).status === 401, "nothing without the cookie");
const rebound = await context.newPage();
const answer = await rebound.goto(`http://evil.test:${port}/`);
check(answer.status() === 403, "another name for this machine is refused", `status ${answer.status()}`);
const foreign = http.createServer((_, response) => response.setHeader("content-type", "text/html").end("<p>another page</p>"));
await new Promise((done) => foreign.listen(0, "127.0.0.1", done));
await rebound.goto(`http://127.0.0.1:${foreign.address().port}/`);
const before = log(kept).length;
const status = await rebound.evaluate(
  async ([address]) => {
    const body = JSON.stringify({ action: "add-label", label: "evil", words: "" });
    const request = { method: "POST", mode: "no-cors", credentials: "include", headers: { "content-type": "text/plain" }, body };
    return fetch(`http://${address}/api/act`, request).then(() => "answered", () => "refused");
  },
  [address],
);
check(status === "refused" && log(kept).length === before, "another page changes nothing", status);
const forms = await context.request.post(`http://${address}/api/act`, { data: { action: "add-label", label: "evil", words: "" }, headers: { origin: "http://evil.test" } });
check(forms.status() === 403, "the cookie alone is not enough", `status ${forms.status()}`);
foreign.close();
await rebound.close();

// ---------------------------------------------------------------- kill -9

async function fast(count) {
  let acknowledged = 0;
  const listen = async (response) => {
    if (response.url().endsWith("/api/act") && response.ok()) acknowledged += 1;
  };
  page.on("response", listen);
  for (let number = 0; number < count; number++) {
    await page.keyboard.press(KEYS[number % names.length]);
    await wait(30);
  }
  return () => acknowledged;
}
const earlier = log(kept).length;
const acknowledged = await fast(12);
server.child.kill("SIGKILL");
await once(server.child, "exit");
await wait(200);
const later = log(kept).length;
check(later - earlier >= acknowledged() && acknowledged() > 0, "what was acknowledged is on the disk after kill -9", `${acknowledged()} acknowledged, ${later - earlier} on the disk`);
await page.keyboard.press("1");
await until(async () => await page.locator("#trouble").isVisible(), 20, "the page says that the server is gone");
await accessible(page, "trouble");

const again = await serve([table, "--train-every", "0", "--annotator", "ann"]);
check(again.lines[0].labelled > 20, "the labels are there again", JSON.stringify(again.lines[0]));
const doubled = spawn(cloze, ["label", table, "--no-open"], { stdio: ["ignore", "ignore", "pipe"] });
const told = [];
doubled.stderr.on("data", (bytes) => told.push(bytes));
const [code] = await once(doubled, "exit");
check(code === 1 && Buffer.concat(told).toString().includes("another process is labelling"), "a second process is told");
await page.goto(again.url());
await page.waitForSelector(".choice");
// Until then the page has asked a server that is gone.
problems.length = 0;

// ---------------------------------------------------------------- the rest of the way

for (let count = 0; count < 40; count++) {
  const text = await shown(page);
  if (!(await page.locator(".choice").count())) break;
  await page.keyboard.press(keyOf(await right()));
  await until(async () => (await shown(page)) !== text, 20, "the next text comes after the restart");
}
await page.getByRole("button", { name: "Trust", exact: true }).click();
await until(async () => (await page.locator("#trust table tr").count()) > names.length, 120, "precision and recall are shown");
await accessible(page, "trust");
await page.screenshot({ path: path.join(folder, "trust-light.png"), fullPage: true });
await page.getByRole("button", { name: "Train and export", exact: true }).click();
await accessible(page, "train and export");
await page.focus("#train");
await page.keyboard.press("Enter");
await until(async () => (await page.locator("#train-about").innerText()).startsWith("Trained"), 400, "a classifier is trained");
await page.screenshot({ path: path.join(folder, "train.png") });
await page.focus("#export");
await page.keyboard.press("Enter");
await until(async () => (await page.locator("#exported").innerText()).includes("Written"), 60, "the files are written");
for (const file of ["labelled.csv", "unlabeled.csv", "test.csv", "task.toml", "predictions.csv"]) {
  check(fs.existsSync(path.join(kept, file)), `${file} is written`);
}
const labelled = parse(fs.readFileSync(path.join(kept, "labelled.csv"), "utf8"));
check(labelled.length > 30 && labelled[0].includes("label"), "the labelled texts are exported", `${labelled.length} lines`);
const download = page.waitForEvent("download");
await page.getByRole("link", { name: "labels.csv" }).click();
check((await download).suggestedFilename() === "labels.csv", "labels can be downloaded");
if (process.platform !== "win32") {
  const mode = (file) => (fs.statSync(file).mode & 0o777).toString(8);
  check(mode(kept) === "700" && mode(path.join(kept, "labels.jsonl")) === "600", "only the owner reads them", `${mode(kept)}, ${mode(path.join(kept, "labels.jsonl"))}`);
}
const terminal = spawn(cloze, ["check", path.join(kept, "task.toml"), "--json"], { stdio: ["ignore", "pipe", "inherit"] });
check((await once(terminal, "exit"))[0] === 0, "the command goes on with the task file");

// ---------------------------------------------------------------- small, large and dark

await page.getByRole("button", { name: "Label", exact: true }).click();
for (const [name, width, height, scheme] of [["label-dark", 1280, 900, "dark"], ["label-small", 360, 780, "light"], ["label-wide", 3840, 2160, "light"]]) {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: scheme });
  await wait(200);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  check(!wide, `nothing sticks out at ${width} pixels`);
  await accessible(page, name);
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}
// ---------------------------------------------------------------- keys after a click

await page.setViewportSize({ width: 1280, height: 900 });
await page.locator("#blind").click();
check(await page.evaluate(() => document.activeElement?.id === "main"), "after a click on a box the keys are for the text again");
await page.locator("#blind").click();
await page.locator("nav button", { hasText: "Texts" }).click();
await page.locator("nav button", { hasText: "Label" }).first().click();
check(await page.evaluate(() => document.activeElement?.id === "main"), "after a click on a view the keys are for the text again");

await page.setViewportSize({ width: 360, height: 780 });
for (const view of ["Texts", "Trust", "Labels", "Train and export"]) {
  await page.getByRole("button", { name: view, exact: true }).click();
  await wait(300);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  check(!wide, `${view}: nothing sticks out at 360 pixels`);
  await page.emulateMedia({ colorScheme: "dark" });
  await accessible(page, `${view}, dark and small`);
  await page.screenshot({ path: path.join(folder, `small-${view.split(" ")[0].toLowerCase()}.png`) });
}

// ---------------------------------------------------------------- people who sign in

const people = path.join(place, "people");
const added = spawn(cloze, ["users", people, "ann", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
let made = "";
added.stdout.on("data", (part) => (made += part));
await once(added, "close");
const shared = await serve([table, "-o", path.join(place, "shared"), "--labels", names.join(","), "--users", people]);
const visitor = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
await visitor.goto(shared.url());
await accessible(visitor, "signing in");
await visitor.screenshot({ path: path.join(folder, "sign-in.png") });
await visitor.keyboard.type("ann");
await visitor.keyboard.press("Tab");
await visitor.keyboard.type("a guess");
await visitor.keyboard.press("Enter");
await visitor.getByRole("alert").waitFor();
await accessible(visitor, "signing in again");
await visitor.screenshot({ path: path.join(folder, "sign-in-again.png") });
await visitor.keyboard.type("ann");
await visitor.keyboard.press("Tab");
await visitor.keyboard.type(JSON.parse(made).users[0].password);
await visitor.keyboard.press("Enter");
await visitor.locator(".choice").first().waitFor();
check((await visitor.locator("#who").innerText()) === "ann", "who has signed in is named");
await accessible(visitor, "signed in");
await visitor.screenshot({ path: path.join(folder, "signed-in.png") });
await visitor.getByRole("button", { name: "Sign out" }).click();
await visitor.getByRole("button", { name: "Sign in" }).waitFor();
check(!(await visitor.context().cookies()).length, "signing out takes the cookie away");
await shared.stop();

check(problems.length === 0, "the page has no errors and asks nobody else", problems.join("\n        "));
await browser.close();
await again.stop();
times.sort((a, b) => a - b);
const at = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))]?.toFixed(1);
console.log(`key to next text, milliseconds, ${times.length} texts: median ${at(0.5)}, 95th percentile ${at(0.95)}`);
// Once more, where a long log ends.
for (const failure of failures) console.log(failure);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);
