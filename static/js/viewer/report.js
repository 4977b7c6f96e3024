/* Things in a study that are not pictures: reports in words, others by name. */

import { date, item, items, number, text } from "./dataset.js";
import { icon, make } from "./page.js";
import { isReport } from "./stack.js";

const KINDS = {
  SR: "Report",
  DOC: "Document",
  PR: "Display settings of a reader",
  KO: "List of key images",
  RTSTRUCT: "Radiotherapy outlines",
  RTPLAN: "Radiotherapy plan",
  ECG: "Heart tracing",
  HP: "Screen layout of a reading station",
  REG: "Alignment of two series",
  ANN: "Annotations",
  SEG: "Outlines",
};

const LIMIT = 2000;

export function documentPanel(stack, page) {
  const [dataset] = stack.documents;
  if (dataset && isReport(dataset)) return reportPanel(stack.documents.filter(isReport));
  return filePanel(stack, dataset, page);
}

function filePanel(stack, dataset, page) {
  const pdf = text(dataset, "00420012") === "application/pdf";
  const title = text(dataset, "00420010") || stack.series.label;
  return make(
    "div",
    { class: "vw-file" },
    icon("document"),
    make("h2", {}, title),
    make("p", {}, pdf ? "A PDF document." : withoutPicture(stack, dataset)),
    ...ways(stack, dataset, page, pdf),
  );
}

/** Why there is nothing to see: it never was a picture, or the picture is missing from the file. */
export function withoutPicture({ series, documents }, dataset) {
  const files = documents.length === 1 ? "The file" : `Each of the ${documents.length} files`;
  if (isEmptyPicture(dataset)) return `${files} describes an image, but no picture is in it. Ask the sender for the original.`;
  return `${KINDS[series.modality] ?? "This series"}: there is no picture to show.`;
}

function isEmptyPicture(dataset) {
  return number(dataset, "00280010") > 0 && number(dataset, "00280011") > 0;
}

const VIEW_ONLY = "This link gives pictures only, as its sender chose.";

function ways(stack, dataset, page, pdf) {
  if (!page.mayDownload) return [make("p", {}, `${VIEW_ONLY} ${askFor(pdf)}`)];
  if (!dataset) return [];
  const instance = `${stack.url}/instances/${text(dataset, "00080018")}`;
  const file = make("a", { class: "vw-button", href: `${instance}?accept=application/dicom`, download: "" }, pdf ? "Download as a DICOM file" : "Download to read");
  const open = make("a", { class: "vw-button", href: `${instance}/rendered?accept=application/pdf`, download: "" }, "Download the PDF to read");
  return pdf ? [open, file] : [file];
}

function askFor(pdf) {
  if (pdf) return "A PDF is read as a file, so it can't be opened here. Ask the sender for a link that allows download, or for the PDF itself.";
  return "The file can't be downloaded here. If you need it, ask the sender for a link that allows download.";
}

function reportPanel(datasets) {
  return make("article", { class: "vw-report", tabindex: "0" }, ...datasets.flatMap(report));
}

function report(dataset) {
  const budget = { left: LIMIT };
  const title = meaning(item(dataset, "0040A043")) || "Report";
  const facts = [
    text(dataset, "00100010"),
    date(text(dataset, "00080023") || text(dataset, "00080020")),
    text(dataset, "0040A491").toLowerCase(),
    text(dataset, "0040A493").toLowerCase(),
  ];
  return [make("h2", {}, title), make("p", { class: "vw-facts" }, facts.filter(Boolean).join(" · ")), ...content(dataset, 3, budget)];
}

function content(parent, level, budget) {
  return items(parent, "0040A730").flatMap((node) => entry(node, level, budget));
}

function entry(node, level, budget) {
  if (budget.left-- <= 0) return [];
  const name = meaning(item(node, "0040A043"));
  const said = value(node);
  const inner = content(node, Math.min(level + 1, 6), budget);
  if (text(node, "0040A040") === "CONTAINER") return [name ? make(`h${level}`, {}, name) : null, make("div", { class: "vw-section" }, ...inner)].filter(Boolean);
  const line = make("p", {}, name ? make("b", {}, `${name}: `) : null, said);
  return inner.length ? [line, make("div", { class: "vw-section" }, ...inner)] : [line];
}

const READERS = {
  TEXT: (node) => text(node, "0040A160"),
  CODE: (node) => meaning(item(node, "0040A168")),
  NUM: measured,
  PNAME: (node) => text(node, "0040A123"),
  DATE: (node) => date(text(node, "0040A121")),
  TIME: (node) => text(node, "0040A122"),
  DATETIME: (node) => text(node, "0040A120"),
  UIDREF: () => "reference",
  IMAGE: () => "see image",
  COMPOSITE: () => "see object",
  WAVEFORM: () => "see tracing",
  SCOORD: () => "marked place",
  SCOORD3D: () => "marked place",
  TCOORD: () => "marked time",
};

function value(node) {
  return READERS[text(node, "0040A040")]?.(node) ?? "";
}

function measured(node) {
  const amount = item(node, "0040A300");
  const unit = item(amount, "004008EA");
  const code = text(unit, "00080100");
  return [rounded(text(amount, "0040A30A")), code === "1" ? "" : code.replace(/[{}]/g, "")].filter(Boolean).join(" ");
}

function rounded(amount) {
  return /\.\d{3,}$/.test(amount) ? String(Math.round(Number(amount) * 100) / 100) : amount;
}

function meaning(code) {
  return text(code, "00080104") || text(code, "00080100");
}
