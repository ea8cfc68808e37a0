// @ts-check
// Shows the runs of the server, sends it texts, and shows the labels that come back.

const unlock = /** @type {HTMLFormElement} */ (document.getElementById("unlock"));
const key = /** @type {HTMLInputElement} */ (document.getElementById("key"));
const trouble = /** @type {HTMLElement} */ (document.getElementById("trouble"));
const runs = /** @type {HTMLElement} */ (document.getElementById("runs"));

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Partial<HTMLElementTagNameMap[K]>} properties @param {Node[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** @param {string} path @param {unknown} [body] */
function ask(path, body) {
  /** @type {Record<string, string>} */
  const headers = key.value ? { Authorization: `Bearer ${key.value}` } : {};
  if (body === undefined) return fetch(path, { headers });
  headers["Content-Type"] = "application/json";
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** @param {string} label @param {number} probability */
function row(label, probability) {
  const meter = element("meter", { value: probability });
  meter.setAttribute("aria-hidden", "true");
  const percent = element("span", { textContent: `${(100 * probability).toFixed(1)} %` });
  return element("tr", {}, element("th", { scope: "row", dir: "auto", textContent: label }), element("td", {}, meter, percent));
}

/** @param {string} run @param {HTMLFormElement} form @param {HTMLElement} status */
async function classify(run, form, status) {
  try {
    const rows = [Object.fromEntries(new FormData(form))];
    const response = await ask(`/runs/${encodeURIComponent(run)}/v1/classify`, { rows });
    const answer = await response.json();
    if (!response.ok) {
      status.textContent = answer.error;
      return;
    }
    const probabilities = /** @type {[string, number][]} */ (Object.entries(answer.predictions[0].probabilities));
    probabilities.sort((a, b) => b[1] - a[1]);
    status.replaceChildren(element("table", {}, ...probabilities.map(([label, probability]) => row(label, probability))));
  } catch (error) {
    status.textContent = `The server does not answer (${error}).`;
  }
}

/** @param {{ name: string, columns: string[] }} run @param {number} number */
function form(run, number) {
  const fields = run.columns.map((name, place) => {
    const id = `text-${number}-${place}`;
    const label = element("label", { htmlFor: id, textContent: name });
    return element("p", {}, label, element("textarea", { id, name, rows: 3, dir: "auto" }));
  });
  const status = element("div", {});
  status.setAttribute("role", "status");
  const heading = element("h2", { textContent: run.name });
  const made = element("form", {}, heading, ...fields, element("p", {}, element("button", { textContent: "Classify" })), status);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    void classify(run.name, made, status);
  });
  return made;
}

async function show() {
  try {
    const response = await ask("/info");
    const answer = await response.json();
    unlock.hidden = response.ok;
    trouble.textContent = response.ok || (response.status === 401 && !key.value) ? "" : answer.error;
    if (response.ok) runs.replaceChildren(...answer.runs.map(form));
  } catch (error) {
    trouble.textContent = `The server does not answer (${error}).`;
  }
}

unlock.addEventListener("submit", (event) => {
  event.preventDefault();
  void show();
});
void show();
