// How long the page of `cloze label` takes from a key to the next text, and to a suggestion that knows of the key, with many texts.
//
//   cargo xtask test browser                      installs Playwright below target/browser
//   cd target/browser && node ../../benches/label_page.mjs CLOZE CHROMIUM TABLE ROWS LABELS OUT
//
// TABLE is a CSV file with texts; ROWS texts are made of it, the same ones again and again with a number behind. LABELS labels, separated by
// commas, are there from the beginning; keys give them in turn. Prints one JSON line, and appends it to OUT.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";

const [cloze, chromium, table, rows, labels, out] = process.argv.slice(2);
const require = createRequire(path.join(process.cwd(), "package.json"));
const { chromium: browserType } = require("playwright-core");
const KEYS = 60;
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "label-page-"));
const [header, ...lines] = fs.readFileSync(table, "utf8").split("\n").filter((line) => line);
const big = fs.createWriteStream(path.join(folder, "texts.csv"));
big.write(`number,${header}\n`);
for (let number = 0; number < Number(rows); number++) big.write(`text ${number} of many,${lines[number % lines.length]}\n`);
big.end();
await once(big, "finish");

const began = performance.now();
const options = ["--labels", labels, "--sample", "0", "--train-every", "0", "--no-open", "--json"];
const child = spawn(cloze, ["label", path.join(folder, "texts.csv"), ...options], { stdio: ["ignore", "pipe", "inherit"] });
const [line] = await once(readline.createInterface({ input: child.stdout }), "line");
const started = performance.now() - began;
const browser = await browserType.launch({ executablePath: chromium, args: ["--no-sandbox"] });
const page = await browser.newPage();
await page.goto(JSON.parse(line).url);
await page.waitForSelector(".choice");
const opened = performance.now() - began;
// All texts of the pool are read first, so that every key has the whole work behind it.
for (;;) {
  const { reading } = await page.evaluate(() => fetch("/api/project").then((answer) => answer.json()));
  if (reading.of && reading.read >= reading.of) break;
  await wait(1000);
}
const read = performance.now() - began;
await page.evaluate(() => {
  let key = 0;
  let lessons = 0;
  globalThis.texts = [];
  globalThis.suggestions = [];
  const count = () => Number(/committee, (\d+) labels/.exec(document.getElementById("suggestion").textContent)?.[1] ?? 0);
  addEventListener("keydown", (event) => ((key = event.timeStamp), (globalThis.open = [true, true]), (lessons = count())), true);
  new MutationObserver(() => requestAnimationFrame(() => globalThis.open?.[0] && (globalThis.texts.push(performance.now() - key), (globalThis.open[0] = false)))).observe(document.getElementById("text"), { childList: true });
  new MutationObserver(() => globalThis.open?.[1] && count() > lessons && (globalThis.suggestions.push(performance.now() - key), (globalThis.open[1] = false))).observe(document.getElementById("suggestion"), { childList: true });
});
for (let number = 0; number < KEYS; number++) {
  await page.keyboard.press(String((number % labels.split(",").length) + 1));
  await wait(1000);
}
const [texts, suggestions] = await page.evaluate(() => [globalThis.texts, globalThis.suggestions]);
const memory = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
await browser.close();
child.kill();
fs.rmSync(folder, { recursive: true });
const spread = (times) => {
  times.sort((a, b) => a - b);
  const at = (share) => Math.round(times[Math.min(times.length - 1, Math.floor(share * times.length))] * 10) / 10;
  return { count: times.length, median: at(0.5), p95: at(0.95) };
};
const result = { rows: Number(rows), labels: labels.split(",").length, milliseconds_to_address: Math.round(started), milliseconds_to_page: Math.round(opened), seconds_to_read_pool: Math.round(read / 1000),
  key_to_text: spread(texts), key_to_suggestion: spread(suggestions), peak_memory_mb: Math.round(memory), processor: os.cpus()[0].model };
console.log(JSON.stringify(result));
fs.appendFileSync(out, `${JSON.stringify(result)}\n`);
