// @ts-check
// Sends the texts of a form to the server and shows the labels that come back.

/** @param {string} label @param {number} probability @returns {HTMLElement} */
function bar(label, probability) {
  const row = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.dir = "auto";
  name.textContent = label;
  const share = document.createElement("td");
  const meter = document.createElement("meter");
  meter.value = probability;
  meter.setAttribute("aria-hidden", "true");
  const percent = document.createElement("span");
  percent.textContent = `${(100 * probability).toFixed(1)} %`;
  share.append(meter, percent);
  row.append(name, share);
  return row;
}

/** @param {HTMLFormElement} form */
async function classify(form) {
  const status = /** @type {HTMLElement} */ (form.querySelector("[role=status]"));
  const key = /** @type {HTMLInputElement | null} */ (document.getElementById("key"));
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/json" };
  if (key && key.value) headers.Authorization = `Bearer ${key.value}`;
  const row = Object.fromEntries(new FormData(form));
  try {
    const path = `/runs/${encodeURIComponent(form.dataset.run ?? "")}/v1/classify`;
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify({ rows: [row] }) });
    const answer = await response.json();
    if (!response.ok) {
      status.textContent = answer.error;
      return;
    }
    const table = document.createElement("table");
    const probabilities = /** @type {[string, number][]} */ (Object.entries(answer.predictions[0].probabilities));
    for (const [label, probability] of probabilities.sort((a, b) => b[1] - a[1])) table.append(bar(label, probability));
    status.replaceChildren(table);
  } catch (error) {
    status.textContent = `The server does not answer: ${error}`;
  }
}

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void classify(form);
  });
}
