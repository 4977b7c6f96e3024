/* What was chosen, as patients, studies and series; and what of it goes. */
import { missingFrom } from "./contents.js";
import { personName } from "./text.js";

const REASONS = {
  index: "The disc's table of contents. Its images are read directly.",
  lost: "Could not be read from your disk.",
  other: "Not a DICOM file.",
};

const child = (map, key, make) => {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
};

const patientKey = (header) => [header.patientId, header.patientName.toUpperCase(), header.birthDate].join("\n");

const newPatient = (header) => ({
  name: personName(header.patientName), id: header.patientId, birthDate: header.birthDate, studies: new Map(),
});
const newStudy = (header) => ({
  uid: header.study, date: header.studyDate, description: header.studyDescription, series: new Map(),
});
const newSeries = (header) => ({
  uid: header.series, modality: header.modality, number: header.seriesNumber, description: header.seriesDescription,
  files: [], bytes: 0, chosen: true,
});

export class Inventory {
  constructor() {
    this.patients = new Map();
    this.unreadable = [];
    this.skipped = [];
    this.tables = [];
    this.paths = new Set();
    this.keys = new Set();
  }

  /** Adds a file with what its header said; the same file a second time changes nothing. */
  add(item, header) {
    const key = `${item.size}\n${item.path}`;
    if (this.keys.has(key)) return;
    this.keys.add(key);
    this.paths.add(item.path);
    if (header.files?.length) this.tables.push({ path: item.path, files: header.files });
    if (header.kind === "instance") this.file(item, header);
    else if (header.kind === "unreadable") this.unreadable.push({ item, header });
    else this.skip({ path: item.path, reason: item.size ? REASONS[header.kind] : "Empty." });
  }

  skip(row) {
    this.skipped.push(row);
  }

  file(item, header) {
    const patient = child(this.patients, patientKey(header), () => newPatient(header));
    const study = child(patient.studies, header.study, () => newStudy(header));
    const series = child(study.series, header.series, () => newSeries(header));
    series.files.push({ item, header });
    series.bytes += item.size;
  }

  /** Paths that a disc's table of contents names, and that are not here. */
  missing() {
    return missingFrom(this.tables, this.paths);
  }

  *allSeries() {
    for (const patient of this.patients.values()) {
      for (const study of patient.studies.values()) yield* study.series.values();
    }
  }

  /** Patients of whom something is chosen. */
  chosenPatients() {
    const chosen = (patient) => [...patient.studies.values()].some((study) => [...study.series.values()].some((s) => s.chosen));
    return [...this.patients.values()].filter(chosen);
  }

  /** The files to send. What could not be read here goes too: the server's check decides. */
  chosenFiles() {
    const files = [...this.allSeries()].filter((series) => series.chosen).flatMap((series) => inOrder(series.files));
    return [...files, ...this.unreadable];
  }

  get size() {
    return [...this.allSeries()].reduce((sum, series) => sum + series.files.length, 0) + this.unreadable.length;
  }
}

const inOrder = (files) => files.toSorted((a, b) => (a.header.instanceNumber ?? 0) - (b.header.instanceNumber ?? 0));

/** Number and bytes of some files. */
export const totals = (files) => ({
  files: files.length,
  bytes: files.reduce((sum, { item }) => sum + item.size, 0),
});
