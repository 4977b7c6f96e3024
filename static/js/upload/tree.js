/* The chosen patients, studies and series as a tree of checkboxes. */
import { size } from "./rate.js";

const piece = (id) => document.getElementById(id).content.cloneNode(true).firstElementChild;

const put = (root, name, text) => {
  const place = root.querySelector(`[data-put="${name}"]`);
  place.textContent = text;
  place.hidden = !text;
};

export const images = (count) => `${count.toLocaleString("en")} ${count === 1 ? "image" : "images"}`;

/* Reports, plans and the like are files, but nobody would call them images. */
const DOCUMENTS = new Set(["SR", "DOC", "KO", "PR", "RTPLAN", "RTSTRUCT", "ECG", "HP", "REG", "ANN", "SEG"]);

const contentsOf = ({ modality, files: { length } }) =>
  DOCUMENTS.has(modality) ? `${length.toLocaleString("en")} ${length === 1 ? "file" : "files"}` : images(length);

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/* As the server's pages write it: 9 Nov 2026. */
export const day = (date) => {
  const month = MONTHS[Number(date?.slice(4, 6)) - 1];
  return /^\d{8}$/.test(date) && month ? `${Number(date.slice(6))} ${month} ${date.slice(0, 4)}` : date;
};

const seriesOf = (study) => [...study.series.values()].toSorted((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity));

function seriesRow(series, changed) {
  const row = piece("series-row");
  put(row, "modality", series.modality || "?");
  put(row, "name", [series.number, series.description || "No description"].filter((part) => part !== null).join(" · "));
  put(row, "count", contentsOf(series));
  put(row, "size", size(series.bytes));
  const box = row.querySelector("input");
  box.checked = series.chosen;
  box.addEventListener("change", () => {
    series.chosen = box.checked;
    changed();
  });
  return row;
}

function studyRow(study, changed) {
  const row = piece("study-row");
  const all = seriesOf(study);
  const box = row.querySelector("input");
  const reflect = () => {
    const chosen = all.filter((series) => series.chosen).length;
    box.checked = chosen > 0;
    box.indeterminate = chosen > 0 && chosen < all.length;
    changed();
  };
  put(row, "name", study.description || "Study without a description");
  put(row, "date", day(study.date));
  put(row, "count", images(all.reduce((sum, series) => sum + series.files.length, 0)));
  const rows = all.map((series) => seriesRow(series, reflect));
  row.querySelector("ul").append(...rows);
  box.addEventListener("change", () => {
    all.forEach((series, at) => {
      series.chosen = rows[at].querySelector("input").checked = box.checked;
    });
    reflect();
  });
  reflect();
  return row;
}

function patientCard(patient, changed) {
  const card = piece("patient-row");
  put(card, "name", patient.name || "No name");
  put(card, "id", patient.id ? `ID ${patient.id}` : "No patient ID");
  put(card, "birth", patient.birthDate ? `born ${day(patient.birthDate)}` : "");
  card.querySelector("ul").append(...[...patient.studies.values()].map((study) => studyRow(study, changed)));
  return card;
}

/** Draws the inventory into `place`; `changed` is called when a box is ticked or unticked. */
export function drawTree(place, inventory, changed) {
  place.replaceChildren(...[...inventory.patients.values()].map((patient) => patientCard(patient, changed)));
}

const LISTED = 400;

/** Lists paths with their reasons; very long lists are cut with a word about the rest. */
export function drawList(place, rows) {
  const listed = rows.slice(0, LISTED).map(({ path, reason }) => {
    const row = piece("file-row");
    put(row, "path", path);
    put(row, "reason", reason);
    return row;
  });
  if (rows.length > LISTED) {
    const rest = document.createElement("li");
    rest.textContent = `and ${(rows.length - LISTED).toLocaleString("en")} more`;
    listed.push(rest);
  }
  place.replaceChildren(...listed);
}
