// @ts-check
// The page of `cloze label`. Texts and names are only ever set as text, never as markup.

/** @typedef {{labels: string[], probabilities: [string, number][], model: string}} Suggestion */
/** @typedef {{row: string, values: string[], copies: number, why: string, sample: boolean, blind: boolean, said: string[] | "skipped" | null, current: string[] | null, note: string, suggestion: Suggestion | null}} Shown */
/** @typedef {{name: string, words: string, texts: number}} Label */
/** @typedef {{name: string, columns: string[], texts: number, several: boolean, labels: Label[], edition: number, labelled: number, sample: {labelled: number, of: number, left: number}, annotator: string, assumed: boolean, signs_in: boolean, annotators: string[], reading: {read: number, of: number}, failure: string | null, doubt: string | null, training: any, predicted: boolean, train_every: number, folder: string}} Project */

/** @param {string} id @returns {any} */
const by = (id) => document.getElementById(id);

/** Keys of labels; the others of the alphabet do something else. */
const KEYS = [..."123456789", ..."acdefghijklmopqrstuvwxy"];

const WHY = {
  sample: "Test sample: labelled without a suggestion, never learned from",
  overlap: "Somebody else has labelled this text too; decide without looking",
  random: "Drawn at random",
  disagreement: "The models disagree here",
  uncertainty: "A close decision",
  label: "Probably has the label you asked for",
  search: "Has the words you searched for",
  chosen: "Chosen by you",
};

const ABOUT = {
  suspicious: "Labels that the models would not have given, after learning from all the others. Some of them are slips.",
  wrong: "Texts of the test sample whose label is predicted wrongly.",
  conflicts: "Texts that differ only in capitals and punctuation, or copies that came with different labels.",
  disputed: "Texts that people have labelled differently. Settle each, or talk it over.",
  sample: "Drawn at random before anything was learned. Accuracy is measured on these.",
};

const MODEL = {
  committee: "committee, the small models that learn from every label at once",
  classifier: "trained classifier",
};

/** @type {Project} */
let project;
/** @type {Shown | null} */
let shown = null;
/** @type {Shown[]} */
let ahead = [];
/** Labels that are chosen where a text can have several. @type {Set<string>} */
let chosen = new Set();
/** Whether texts that were asked for before are of no use any more. */
let fresh = true;
/** Increases whenever other texts are wanted, so that what was asked for before is not shown. */
let era = 0;
/** How many texts *Trust* had predictions of when it was last shown. */
let measured = 0;
/** Whether the first labels are being added. */
let settingUp = false;
/** The era whose texts are being fetched. */
let filling = -1;
/** The text that was opened from the list of texts, which is shown again afterwards. */
let visited = "";
/** Decisions that are not acknowledged yet. */
let waiting = 0;
/** @type {{view: string, from: number}} */
const list = { view: "all", from: 0 };
const PAGE = 25;
/** Texts that are fetched before they are needed, so that the next one is there without a wait. */
const AHEAD = 3;

/**
 * @param {string} tag @param {Record<string, any>} [attributes] @param {(Node | string)[]} children
 * @returns {any}
 */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

/** A name that may break behind its underscores. @param {string} name */
const named = (name) => name.split(/(?<=_)/).flatMap((part, place) => (place ? [make("wbr"), part] : [part]));

/** @param {string} path @param {any} [body] @returns {Promise<any>} */
async function ask(path, body) {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, body === undefined ? {} : post);
  } catch {
    throw new Error("cloze label does not answer any more. Is it still running in the terminal? What was acknowledged is saved.");
  }
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = { error: text };
  }
  if (!response.ok) {
    const remedy = answer.remedy ? ` – ${answer.remedy}` : "";
    throw new Error((response.status === 507 ? "Not saved: " : "") + answer.error + remedy);
  }
  return answer;
}

/** @param {unknown} problem */
function complain(problem) {
  by("trouble").textContent = problem instanceof Error ? problem.message : String(problem);
  by("trouble").hidden = false;
}

function calm() {
  by("trouble").hidden = true;
}

/** @param {number} share */
const percent = (share) => `${Math.round(share * 100)} %`;
/** @param {number} number @param {string} thing */
const counted = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;

// ---------------------------------------------------------------- labelling

function order() {
  const value = by("order").value;
  if (value.startsWith("label:")) return { label: value.slice(6) };
  if (value === "search") return { search: by("search").value };
  return value;
}

const known = () => [shown, ...ahead].filter((text) => text).map((text) => /** @type {Shown} */ (text).row);

async function fill() {
  const mine = era;
  if (filling === mine) return;
  filling = mine;
  try {
    while (ahead.length < AHEAD || !shown) {
      if (!shown && ahead.length) {
        show(ahead.shift() ?? null);
        continue;
      }
      const answer = await ask("/api/next", { order: order(), ahead: known(), fresh });
      if (mine !== era) return;
      fresh = false;
      take(answer.project);
      if (!answer.next) break;
      add(answer.next);
    }
    if (!shown) showNothing();
  } catch (problem) {
    complain(problem);
  } finally {
    if (filling === mine) filling = -1;
  }
}

/** Takes a text in, and shows it if there is none. @param {Shown} text */
function add(text) {
  if (shown) ahead.push(text);
  else show(text);
}

/** The labels that a text has now, as far as this annotator may see. @param {Shown} text */
const labelsOf = (text) => text.current ?? (Array.isArray(text.said) ? text.said : []);

/** @param {Shown | null} text */
function show(text) {
  shown = text;
  chosen = new Set(text ? labelsOf(text) : []);
  if (!text) return showNothing();
  const why = [WHY[/** @type {keyof typeof WHY} */ (text.why)]];
  if (text.copies > 1) why.push(`${counted(text.copies, "copy").replace("copys", "copies")} in the table`);
  if (text.said === "skipped") why.push("you skipped it");
  else if (text.current) why.push(`labelled ${text.current.join(", ") || "none"}`);
  else if (text.said) why.push(`you said ${text.said.join(", ") || "none"}`);
  by("why").textContent = why.join(" · ");
  showValues(by("text"), text.values);
  by("text").scrollTop = 0;
  by("note-shown").textContent = text.note;
  by("note-shown").hidden = !text.note;
  showChoices();
  refresh(text, text.suggestion ? 1 : 4);
}

function showNothing() {
  shown = null;
  by("why").textContent = "";
  const search = by("order").value === "search";
  by("text").replaceChildren(
    make("p", { class: "words soft" }, waiting ? "One moment…" : search ? "No text left that has these words." : "No text is left. See Trust for how good the labels are, and Train and export for what to do with them."),
  );
  by("note-shown").hidden = true;
  by("choices").replaceChildren();
  by("suggestion").textContent = "";
  by("accept").disabled = by("skip").disabled = by("note").disabled = true;
}

/** @param {HTMLElement} into @param {string[]} values */
function showValues(into, values) {
  const parts = [];
  values.forEach((value, column) => {
    if (values.length > 1) parts.push(make("h2", {}, project.columns[column]));
    parts.push(make("p", { class: "words", dir: "auto" }, value || "–"));
  });
  into.replaceChildren(...parts);
}

/** @param {Shown} text */
const suggestion = (text) => (by("blind").checked || text.blind ? null : text.suggestion);

function showChoices() {
  if (!shown) return;
  const said = suggestion(shown);
  const filter = by("filter-box").hidden ? "" : by("filter").value.trim().toLowerCase();
  const probability = new Map(said ? said.probabilities : []);
  const buttons = project.labels.map((label, index) => {
    const p = probability.get(label.name);
    const button = make(
      "button",
      {
        type: "button",
        class: "choice",
        "data-label": label.name,
        "aria-pressed": project.several ? String(chosen.has(label.name)) : null,
        "data-current": !project.several && labelsOf(/** @type {Shown} */ (shown)).includes(label.name),
        "data-suggested": said?.labels.includes(label.name) ?? false,
        hidden: !label.name.toLowerCase().includes(filter),
        title: label.words || null,
        onclick: () => choose(label.name),
      },
      ...(index < KEYS.length ? [make("kbd", {}, KEYS[index].toUpperCase())] : []),
      make("span", { dir: "auto" }, ...named(label.name)),
    );
    if (p !== undefined) {
      button.append(make("small", {}, percent(p)), make("i", { "aria-hidden": "true" }));
      button.style.setProperty("--p", `${Math.round(p * 100)}%`);
    }
    return button;
  });
  by("choices").replaceChildren(...buttons);
  // Wide enough for the longest word, so that none is broken.
  const longest = Math.max(...project.labels.flatMap((label) => label.name.split(/[\s_]+/).map((word) => word.length)));
  by("choices").style.setProperty("--word", `${longest + 9}ch`);
  by("suggestion").textContent = said
    ? `Suggested: ${said.labels.join(", ") || "no label"} (${said.model})`
    : shown.blind ? "" : by("blind").checked ? "Suggestions are hidden." : "No suggestion yet.";
  by("accept").disabled = !project.several && !said;
  by("skip").disabled = by("note").disabled = false;
  by("accept").lastElementChild.textContent = project.several ? "confirm" : "accept";
}

/** Fetches the suggestion again: the models have learned, or have only now read the text. @param {Shown} text @param {number} times */
async function refresh(text, times) {
  if (text.blind) return;
  for (let time = 0; time < times && shown === text; time++) {
    const answer = await ask(`/api/suggestion?row=${text.row}`).catch(() => ({ suggestion: null }));
    if (shown !== text) return;
    if (answer.suggestion) {
      text.suggestion = answer.suggestion;
      showChoices();
      return;
    }
    await new Promise((done) => setTimeout(done, 150 * (time + 1)));
  }
}

/** @param {string} label */
function choose(label) {
  if (!shown) return;
  if (!project.several) return void decide([label]);
  if (!chosen.delete(label)) chosen.add(label);
  showChoices();
}

function accept() {
  if (!shown) return;
  if (project.several) return void decide(project.labels.map((label) => label.name).filter((name) => chosen.has(name)));
  const said = suggestion(shown);
  if (said) decide(said.labels);
}

/** @param {string[]} labels */
function decide(labels) {
  if (!shown) return;
  const said = suggestion(shown);
  send({ action: "label", labels, suggested: said?.labels ?? null, model: said?.model ?? null, blind: !said });
}

/** Shows the next text at once, and goes back if the decision could not be saved. @param {any} action */
async function send(action) {
  const text = shown;
  if (!text) return;
  const mine = era;
  closeFilter();
  waiting += 1;
  show(ahead.shift() ?? null);
  try {
    const answer = await ask("/api/act", { ...action, row: text.row, then: { order: order(), ahead: [text.row, ...known()] } });
    calm();
    take(answer.project);
    if (answer.next && mine === era) add(answer.next);
    if (visited === text.row) go("texts");
  } catch (problem) {
    if (shown) ahead.unshift(shown);
    show(text);
    complain(problem);
  } finally {
    waiting -= 1;
  }
  if (!shown && !waiting) fill();
}

async function undo() {
  try {
    const answer = await ask("/api/undo", {});
    calm();
    take(answer.project);
    if (answer.next) {
      if (shown) ahead.unshift(shown);
      show(answer.next);
    } else if (shown) {
      showChoices();
    }
  } catch (problem) {
    complain(problem);
  }
}

async function note() {
  if (!shown) return;
  const text = shown;
  const answer = await question("A note beside this text", "Note", text.note);
  if (answer === null) return;
  try {
    await ask("/api/act", { action: "note", row: text.row, note: answer });
    text.note = answer;
    if (shown === text) {
      by("note-shown").textContent = answer;
      by("note-shown").hidden = !answer;
    }
    calm();
  } catch (problem) {
    complain(problem);
  }
}

function openFilter() {
  by("filter-box").hidden = false;
  by("filter").value = "";
  by("filter").focus();
  showChoices();
}

function closeFilter() {
  if (by("filter-box").hidden) return;
  by("filter-box").hidden = true;
  by("main").focus({ preventScroll: true });
  showChoices();
}

// ---------------------------------------------------------------- around it

/** @param {Project} found */
function take(found) {
  const before = project;
  project = found;
  by("name").textContent = found.name;
  document.title = `${found.name} – cloze label`;
  by("who").textContent = found.annotator;
  by("who").setAttribute("aria-label", found.signs_in ? `You label as ${found.annotator}` : `You label as ${found.annotator}; change`);
  by("who").disabled = found.signs_in;
  by("sign-out").hidden = !found.signs_in;
  const sample = project.sample.of ? ` · sample ${found.sample.labelled}/${found.sample.of}` : "";
  by("progress").textContent = `${counted(found.labelled, "label")}${sample} · ${counted(found.texts, "text")}`;
  const { read, of } = found.reading;
  const reading = of && read < of ? `Reading texts: ${read.toLocaleString("en")} of ${of.toLocaleString("en")}. ` : "";
  const training = found.training.is === "running" ? `Training in the background, ${percent(found.training.done)}. ` : "";
  by("learning").textContent = reading + training + (found.failure ? `Suggestions have stopped: ${found.failure}` : found.doubt ? `Suggestions may be poor: ${found.doubt.replaceAll("`", "")}` : "");
  const changed = !before || before.edition !== found.edition || before.labels.length !== found.labels.length;
  if (changed) {
    const options = (/** @type {string} */ prefix) => found.labels.map((label) => make("option", { value: prefix + label.name }, prefix ? `more of ${label.name}` : label.name));
    keep(by("order"), 4, options("label:"));
    keep(by("list-label"), 1, options(""));
    showLabels();
    if (before && shown) showChoices();
  } else {
    for (const label of found.labels) {
      const cell = /** @type {HTMLElement | null} */ (document.querySelector(`[data-count="${CSS.escape(label.name)}"]`));
      if (cell) cell.textContent = counted(label.texts, "text");
    }
  }
  showTraining();
  if (found.labels.length < 2 && !settingUp && !by("setup").open && !document.querySelector("dialog[open]")) by("setup").showModal();
}

/** Changes the options of a select behind the first ones, and keeps what was chosen if it is still there. @param {any} select @param {number} first @param {any[]} options */
function keep(select, first, options) {
  const value = select.value;
  select.replaceChildren(...[...select.options].slice(0, first), ...options);
  select.value = [...select.options].some((option) => option.value === value) ? value : select.options[0].value;
}

/** @param {string} title @param {string} label @param {string} value @returns {Promise<string | null>} */
function question(title, label, value) {
  const dialog = by("ask");
  by("ask-title").textContent = title;
  by("ask-label").textContent = label;
  const input = dialog.querySelector("input");
  input.value = value;
  by("ask-yes").textContent = "Save";
  dialog.returnValue = "";
  dialog.showModal();
  input.select();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "ok" ? input.value.trim() : null), { once: true });
  });
}

/** @param {string} title @param {string} yes @returns {Promise<boolean>} */
function sure(title, yes) {
  const dialog = by("ask");
  by("ask-title").textContent = title;
  const label = by("ask-label").parentElement;
  label.hidden = true;
  by("ask-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    const ended = () => {
      label.hidden = false;
      done(dialog.returnValue === "ok");
    };
    dialog.addEventListener("close", ended, { once: true });
  });
}

/** @param {string} view */
function go(view) {
  calm();
  if (view !== "label") visited = "";
  for (const section of document.querySelectorAll("main > section")) {
    /** @type {HTMLElement} */ (section).hidden = section.id !== `view-${view}`;
  }
  for (const button of document.querySelectorAll("nav button")) {
    if (/** @type {HTMLElement} */ (button).dataset.view === view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  if (view === "texts") showList();
  if (view === "trust") showTrust();
  if (view === "label" && !shown) fill();
}

const visible = (/** @type {string} */ view) => !by(`view-${view}`).hidden;

// ---------------------------------------------------------------- lists

/** How often the list was asked for: an answer that comes after a later question is not shown. */
let asked = 0;

async function showList() {
  const number = ++asked;
  by("list").setAttribute("aria-busy", "true");
  const query = new URLSearchParams({ view: list.view, q: by("list-words").value, from: String(list.from), count: String(PAGE) });
  if (by("list-label").value) query.set("label", by("list-label").value);
  try {
    const { total, rows } = await ask(`/api/rows?${query}`);
    if (number !== asked) return;
    by("list-about").textContent = ABOUT[/** @type {keyof typeof ABOUT} */ (list.view)] ?? "";
    by("list").replaceChildren(...rows.map(item));
    by("list-place").textContent = total ? `${(list.from + 1).toLocaleString("en")} to ${(list.from + rows.length).toLocaleString("en")} of ${total.toLocaleString("en")}` : "None.";
    by("list-back").disabled = list.from === 0;
    by("list-on").disabled = list.from + rows.length >= total;
  } catch (problem) {
    complain(problem);
  } finally {
    if (number === asked) by("list").setAttribute("aria-busy", "false");
  }
}

/** @param {any} row */
function item(row) {
  const text = make("div", {});
  showValues(text, row.values);
  const said = make("p", { class: "said" });
  if (row.labels) for (const label of row.labels) said.append(make("span", { class: "tag", dir: "auto" }, label));
  if (row.labels && !row.labels.length) said.append(make("span", { class: "tag" }, "none"));
  if (row.instead) {
    const p = row.instead.probability === undefined ? "" : ` (${percent(row.instead.probability)})`;
    said.append(make("span", { class: "tag bad" }, `the models say ${row.instead.labels.join(", ") || "none"}${p}`));
  }
  const differ = !row.labels && row.people.length > 1;
  if (row.people.length > 1) said.append(row.people.map((/** @type {[string, string[]]} */ [name, labels]) => `${name}: ${labels.join(", ") || "none"}`).join(" · "));
  if (row.imported.length > 1) said.append(`the table has ${row.imported.map((/** @type {string[]} */ labels) => labels.join(", ")).join(" and ")}`);
  if (row.sample) said.append(make("span", {}, "test sample"));
  if (row.note) said.append(`note: ${row.note}`);
  if (differ) {
    const options = [...new Set(row.people.map((/** @type {[string, string[]]} */ [, labels]) => JSON.stringify(labels)))];
    for (const option of options) {
      const labels = JSON.parse(/** @type {string} */ (option));
      said.append(make("button", { type: "button", onclick: () => settle(row.row, labels) }, `settle as ${labels.join(", ") || "none"}`));
    }
  }
  const open = make("button", { type: "button", onclick: () => openText(row.row) }, row.labels ? "change" : "label");
  said.append(open);
  return make("li", {}, text, said);
}

/** @param {string} row @param {string[]} labels */
async function settle(row, labels) {
  try {
    take((await ask("/api/act", { action: "settle", row, labels })).project);
    showList();
  } catch (problem) {
    complain(problem);
  }
}

/** @param {string} row */
async function openText(row) {
  try {
    const answer = await ask("/api/next", { row });
    take(answer.project);
    if (shown && shown.row !== row) ahead.unshift(shown);
    ahead = ahead.filter((text) => text.row !== row);
    shown = answer.next;
    go("label");
    visited = row;
    show(answer.next);
    by("main").focus();
  } catch (problem) {
    complain(problem);
  }
}

// ---------------------------------------------------------------- trust

/** @param {{right: number, of: number, low: number, high: number}} share */
const spread = (share) => (share.of ? `${percent(share.right / share.of)} (${Math.round(share.low * 100)}–${Math.round(share.high * 100)})` : "–");

async function showTrust() {
  try {
    const found = await ask("/api/trust");
    const { accuracy, labels } = found.measured;
    measured = accuracy.of;
    const parts = [];
    const tiles = make("div", { class: "tiles" });
    const { labelled, of, left } = project.sample;
    const several = found.measured.answers;
    tiles.append(
      make("div", { class: "tile" }, make("p", { class: "soft" }, `${several ? "All labels right" : "Accuracy"}: ${MODEL[/** @type {keyof typeof MODEL} */ (found.model)]}`), make("p", { class: "big" }, accuracy.of ? percent(accuracy.right / accuracy.of) : "–"),
        make("p", { class: "soft" }, accuracy.of ? `95 % interval ${Math.round(accuracy.low * 100)} to ${Math.round(accuracy.high * 100)} %, on ${counted(accuracy.of, "text")} of the test sample` : "Label texts of the test sample to measure."),
        ...(several && several[1] ? [make("p", { class: "soft" }, `Of single answers, one for every text and label, ${percent(several[0] / several[1])} are right.`)] : []),
        ...(found.model === "committee" && project.predicted && found.runs.length ? [make("p", { class: "soft" }, `The classifier trained last (${percent(found.runs[found.runs.length - 1][1])}) makes no suggestions: it is worse on the sample, or has learned from too few of the labels.`)] : [])),
    );
    if (labelled < of) {
      const open = of - labelled - left;
      const rest = open ? ` ${counted(open, "text")} of it ${open === 1 ? "was" : "were"} skipped, or people disagree; look at the test sample in Texts.` : "";
      tiles.append(make("div", { class: "tile" }, make("p", { class: "soft" }, "Test sample"), make("p", { class: "big" }, `${labelled}/${of}`),
        make("p", { class: "soft" }, `${left ? "One text in three comes from it until it is complete. The interval narrows with it." : ""}${rest}`)));
    }
    if (found.gain) {
      const points = Math.round(found.gain.gain * 100);
      const verdict = found.gain.helps ? `The last ${found.gain.labels} labels brought about ${points} points. More of them should help.` : `The last ${found.gain.labels} labels changed accuracy by ${points} points, a difference that chance alone can make. Before giving more, look at suspicious labels and wrong predictions.`;
      tiles.append(make("div", { class: "tile" }, make("p", { class: "soft" }, "Do more labels help?"), make("p", {}, verdict)));
    }
    const { alpha, texts, pairs } = found.agreement;
    if (texts) {
      const a = alpha ? `${alpha[0].toFixed(2)} (${alpha[1].toFixed(2)} to ${alpha[2].toFixed(2)})` : "–";
      tiles.append(make("div", { class: "tile" }, make("p", { class: "soft" }, "Agreement between people (Krippendorff’s α)"), make("p", { class: "big" }, alpha ? alpha[0].toFixed(2) : "–"),
        make("p", { class: "soft" }, `${a} on ${counted(texts, "text")}`), ...pairs.map((/** @type {any} */ pair) => make("p", { class: "soft" }, `${pair.annotators.join(" and ")}: κ ${pair.kappa === null ? "–" : pair.kappa.toFixed(2)}, the same on ${pair.same} of ${pair.texts}`))));
    }
    parts.push(make("h2", {}, "How good is it?"), tiles);
    if (found.curve.length > 1) parts.push(make("h2", {}, "Accuracy against labels"), curve(found.curve, found.runs));
    if (accuracy.of) {
      const rows = labels.map((/** @type {any} */ label) => make("tr", {}, make("th", { scope: "row", dir: "auto" }, label.label), make("td", {}, spread(label.precision)), make("td", {}, spread(label.recall)), make("td", {}, String(label.recall.of))));
      parts.push(make("h2", {}, "By label"), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "By label" }, make("table", {}, make("thead", {}, make("tr", {}, ...["label", "precision", "recall", "texts"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...rows))),
        make("p", { class: "soft" }, "In brackets: exact 95 % intervals. With few texts they are wide, and that is how much is known."));
    }
    const views = [["suspicious", "suspicious labels"], ["wrong", "wrong predictions"], ["conflicts", "nearly the same, labelled differently"], ["disputed", "people disagree"]];
    parts.push(make("h2", {}, "Look at"), make("div", { class: "actions" }, ...views.map(([view, name]) => make("button", { type: "button", onclick: () => openList(view) }, name))));
    by("trust").replaceChildren(...parts);
  } catch (problem) {
    complain(problem);
  }
}

/** @param {string} view */
function openList(view) {
  list.view = view;
  list.from = 0;
  by("list-view").value = view;
  by("list-label").value = "";
  by("list-words").value = "";
  go("texts");
}

/** @param {[number, number][]} points @param {[number, number][]} runs */
function curve(points, runs) {
  const svg = (/** @type {string} */ tag, /** @type {Record<string, any>} */ attributes, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
    node.textContent = text;
    return node;
  };
  // As wide as there is room, so that its letters keep their size.
  const [width, height, left, bottom, top, right] = [Math.min(640, by("trust").clientWidth || 640), 260, 46, 34, 14, 16];
  const most = Math.max(...points.map(([labels]) => labels), ...runs.map(([labels]) => labels), 1);
  const x = (/** @type {number} */ labels) => left + (labels / most) * (width - left - right);
  const y = (/** @type {number} */ share) => top + (1 - share) * (height - top - bottom);
  const last = points[points.length - 1];
  const chart = svg("svg", { class: "curve", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Accuracy on the test sample: ${percent(points[0][1])} with ${points[0][0]} labels, ${percent(last[1])} with ${last[0]}` });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    chart.append(svg("path", { class: "grid", d: `M${left} ${y(share)}H${width - right}` }), svg("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, percent(share)));
  }
  for (const share of [0, 0.5, 1]) chart.append(svg("text", { x: x(most * share), y: height - 12, "text-anchor": share === 1 ? "end" : "middle" }, `${Math.round(most * share)}${share === 1 ? " labels" : ""}`));
  chart.append(svg("path", { class: "line", d: `M${points.map(([labels, share]) => `${x(labels).toFixed(1)} ${y(share).toFixed(1)}`).join("L")}` }));
  for (const [labels, share] of runs) {
    const dot = svg("circle", { class: "run", cx: x(labels), cy: y(share), r: 6 });
    dot.append(svg("title", {}, `trained classifier, ${labels} labels: ${percent(share)}`));
    chart.append(dot);
  }
  const wrap = make("div", {}, chart);
  wrap.append(make("p", { class: "soft" }, runs.length ? "Line: the committee that learns at once. Dots: trained classifiers." : "The committee that learns at once, on the labelled texts of the test sample."));
  return wrap;
}

// ---------------------------------------------------------------- labels

function showLabels() {
  const rows = project.labels.map((label) => {
    const words = make("input", { value: label.words, "aria-label": `Words for ${label.name}`, placeholder: "words", autocomplete: "off" });
    words.addEventListener("change", () => change({ action: "describe-label", label: label.name, words: words.value.trim() }));
    const others = project.labels.filter((other) => other.name !== label.name);
    const merge = make("select", { "aria-label": `Merge ${label.name} with` }, make("option", { value: "" }, "merge with…"), ...others.map((other) => make("option", { value: other.name }, other.name)));
    merge.addEventListener("change", async () => {
      const into = merge.value;
      merge.value = "";
      if (into && (await sure(`Merge ${label.name} with ${into}? ${label.texts ? `${counted(label.texts, "text")} will be ${into}, and ` : ""}${label.name} will be gone. Z undoes it.`, "Merge")))
        change({ action: "merge-label", label: label.name, into });
    });
    const rename = async () => {
      const to = await question(`Another name for ${label.name}`, "Name", label.name);
      if (to && to !== label.name) change({ action: "rename-label", label: label.name, to });
    };
    return make("div", { class: "label-row" }, make("strong", { dir: "auto" }, label.name), words, make("span", { class: "soft", "data-count": label.name }, counted(label.texts, "text")),
      make("div", { class: "actions" }, make("button", { type: "button", onclick: rename }, "rename"), merge,
        make("button", { type: "button", onclick: () => { by("order").value = `label:${label.name}`; restart(); go("label"); } }, "show me more of these"),
        make("button", { type: "button", onclick: () => { openList("labelled"); by("list-label").value = label.name; showList(); } }, "its texts"),
        make("button", { type: "button", onclick: () => change({ action: "remove-label", label: label.name }) }, "remove")));
  });
  by("label-list").replaceChildren(...rows);
}

/** @param {any} action */
async function change(action) {
  try {
    const answer = await ask("/api/act", action);
    calm();
    take(answer.project);
  } catch (problem) {
    complain(problem);
    showLabels();
  }
}

/** Texts that were fetched ahead are asked for anew. */
function restart() {
  era += 1;
  ahead = [];
  shown = null;
  fresh = true;
  fill();
}

// ---------------------------------------------------------------- training

function showTraining() {
  const status = project.training;
  const running = status.is === "running";
  const about = {
    idle: `A classifier is trained with PET from all labels and from the texts without one. It takes minutes, you can go on labelling, and it is yours to keep.${project.train_every ? ` It also starts by itself after every ${project.train_every} labels.` : ""}`,
    running: running ? `${status.what}, from ${counted(status.labels, "label")}${status.left ? `; about ${Math.ceil(status.left)} s left` : ""}` : "",
    finished: `Trained from ${counted(status.labels ?? 0, "label")} in ${Math.round(status.seconds ?? 0)} s: ${status.run}. Its report is report.html there.`,
    cancelled: "Stopped. What was finished is kept and used again.",
    failed: `It could not be trained: ${status.why}${status.remedy ? ` – ${status.remedy}` : ""}`,
  };
  by("train-about").textContent = about[/** @type {keyof typeof about} */ (status.is)];
  by("predictions").hidden = !project.predicted;
  by("train-progress").hidden = !running;
  if (running) by("train-progress").value = status.done;
  by("train").disabled = running;
  by("train-cancel").hidden = !running;
}

/** @param {boolean} cancel */
async function train(cancel) {
  try {
    project.training = (await ask("/api/train", { cancel })).training;
    calm();
    showTraining();
  } catch (problem) {
    complain(problem);
  }
}

async function write() {
  by("exported").textContent = "Writing…";
  try {
    const { files, task } = await ask("/api/export", {});
    calm();
    by("exported").textContent = `Written: ${files.join(", ")}. In the terminal: cloze train ${task}`;
  } catch (problem) {
    by("exported").textContent = "";
    complain(problem);
  }
}

// ---------------------------------------------------------------- keys

const COMMANDS = [
  ["1–9, letters", "give the label that has this key"],
  ["Enter", "accept the suggestion; confirm, if a text can have several labels"],
  ["Space", "skip this text"],
  ["Z", "undo the last decision"],
  ["N", "write a note"],
  ["B", "hide or show suggestions"],
  ["/", "find a label by a part of its name; Enter gives the first"],
  ["?", "this list"],
];

/** @param {KeyboardEvent} event */
function onKey(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (document.querySelector("dialog[open]") || !visible("label") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target === by("filter")) {
    if (event.key === "Escape") closeFilter();
    if (event.key === "Enter") {
      const first = /** @type {HTMLElement | null} */ (document.querySelector(".choice:not([hidden])"));
      event.preventDefault();
      if (first && project.several) choose(first.dataset.label ?? "");
      else first?.click();
      closeFilter();
    }
    return;
  }
  if (target.matches("input:not([type=checkbox]), select, textarea")) return;
  if ((event.key === "Enter" || event.key === " ") && target.matches("button, a, input, summary")) return;
  const key = event.key.toLowerCase();
  const commands = { enter: accept, " ": () => send({ action: "skip" }), z: undo, n: note, "/": openFilter, "?": () => by("keys").showModal(),
    b: () => { by("blind").checked = !by("blind").checked; showChoices(); } };
  const place = KEYS.indexOf(key);
  if (key in commands) {
    event.preventDefault();
    commands[/** @type {keyof typeof commands} */ (key)]();
  } else if (place >= 0 && project?.labels[place]) {
    event.preventDefault();
    choose(project.labels[place].name);
  }
}

// ---------------------------------------------------------------- beginning

/** Asks who labels; whether somebody has said so. */
async function askName() {
  const name = await question("Who labels here?", "Name", project.annotator);
  if (!name) return false;
  try {
    take(await ask("/api/annotator", { name }));
    return true;
  } catch (problem) {
    complain(problem);
    return false;
  }
}

async function begin() {
  by("key-list").replaceChildren(...COMMANDS.flatMap(([key, does]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, does)]));
  for (const button of document.querySelectorAll("nav button")) button.addEventListener("click", () => go(/** @type {HTMLElement} */ (button).dataset.view ?? "label"));
  document.addEventListener("keydown", onKey);
  // After a click the keys are for the text again; whoever walks with the keyboard stays where they are.
  let pointed = false;
  document.addEventListener("pointerdown", () => (pointed = true), true);
  document.addEventListener("keydown", () => (pointed = false), true);
  const back = (/** @type {Event} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (pointed && visible("label") && target.closest("header, #view-label") && !document.querySelector("dialog[open]") && !target.matches("input[type=search], input[type=text]"))
      by("main").focus({ preventScroll: true });
  };
  // A click opens a list, and its change ends that.
  document.addEventListener("click", (event) => /** @type {HTMLElement} */ (event.target).matches("select, option") || back(event));
  document.addEventListener("change", back);
  by("accept").addEventListener("click", accept);
  by("skip").addEventListener("click", () => send({ action: "skip" }));
  by("undo").addEventListener("click", undo);
  by("note").addEventListener("click", note);
  by("find").addEventListener("click", openFilter);
  by("help").addEventListener("click", () => by("keys").showModal());
  by("blind").addEventListener("change", showChoices);
  by("filter").addEventListener("input", showChoices);
  by("order").addEventListener("change", () => {
    by("search-box").hidden = by("order").value !== "search";
    if (by("order").value === "search") by("search").focus();
    else restart();
  });
  by("search").addEventListener("change", restart);
  by("search").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && by("main").focus({ preventScroll: true }));
  by("list-view").addEventListener("change", () => { list.view = by("list-view").value; list.from = 0; showList(); });
  by("list-label").addEventListener("change", () => { list.from = 0; showList(); });
  by("list-words").addEventListener("input", () => { list.from = 0; showList(); });
  by("list-back").addEventListener("click", () => { list.from = Math.max(0, list.from - PAGE); showList(); });
  by("list-on").addEventListener("click", () => { list.from += PAGE; showList(); });
  by("train").addEventListener("click", () => train(false));
  by("train-cancel").addEventListener("click", () => train(true));
  by("export").addEventListener("click", write);
  by("who").addEventListener("click", async () => (await askName()) && restart());
  by("sign-out").addEventListener("click", async () => {
    try {
      await ask("/sign-out", {});
      location.assign("/");
    } catch (problem) {
      complain(problem);
    }
  });
  by("label-add").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { name, words } = by("label-add").elements;
    await change({ action: "add-label", label: name.value.trim(), words: words.value.trim() });
    if (by("trouble").hidden) by("label-add").reset();
    name.focus();
  });
  const lines = by("setup").querySelector("textarea");
  lines.addEventListener("input", () => lines.setCustomValidity(""));
  by("setup").querySelector("form").addEventListener("submit", (/** @type {Event} */ event) => {
    const names = lines.value.split("\n").map((/** @type {string} */ line) => line.split(":")[0].trim().toLowerCase()).filter((/** @type {string} */ name) => name);
    const known = project.labels.map((label) => label.name.toLowerCase());
    const twice = names.find((/** @type {string} */ name, /** @type {number} */ place) => names.indexOf(name) !== place || known.includes(name));
    const wrong = twice ? `“${twice}” is there twice.` : names.length + known.length < 2 ? "Give at least two labels, one to a line." : "";
    lines.setCustomValidity(wrong);
    if (wrong) event.preventDefault();
    lines.reportValidity();
  });
  by("setup").addEventListener("close", async () => {
    const text = by("setup").querySelector("textarea").value;
    settingUp = true;
    for (const line of text.split("\n").filter((/** @type {string} */ line) => line.trim())) {
      const [name, ...words] = line.split(":");
      await change({ action: "add-label", label: name.trim(), words: words.join(":").trim() });
    }
    settingUp = false;
    take(project);
    restart();
  });
  by("setup").addEventListener("cancel", (/** @type {Event} */ event) => project.labels.length < 2 && event.preventDefault());
  window.addEventListener("beforeunload", (event) => waiting && event.preventDefault());
  try {
    take(await ask("/api/project"));
    if (project.assumed) await askName();
    await fill();
    by("main").focus();
  } catch (problem) {
    complain(problem);
  }
  setInterval(async () => {
    if (document.hidden || waiting) return;
    const blank = visible("trust") && !measured;
    const busy = project && (blank || project.reading.read < project.reading.of || project.training.is === "running" || !project.reading.of);
    if (!busy) return;
    try {
      const was = project.training.is;
      take(await ask("/api/project"));
      if (shown && !shown.suggestion) refresh(shown, 1);
      if (blank || (visible("trust") && was === "running" && project.training.is !== "running")) showTrust();
    } catch (problem) {
      complain(problem);
    }
  }, 1000);
}

begin();
