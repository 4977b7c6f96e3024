/* Who it is, removed from the chosen files before they leave this computer; what can't be cleaned is left out. */
import { deidentify, madeAt } from "../deid/index.js";
import { Keys, newKey } from "../deid/keys.js";
import { Rules } from "../deid/transform.js";
import { Refusal } from "../deid/walk.js";
import { personName } from "./text.js";

const LOST = "It could not be read from your disk.";

/* What people look for when they ask whether a name is gone. */
const SHOWN = [
  [0x00100010, "Name"], [0x00100020, "Patient ID"], [0x00100030, "Born"], [0x00080050, "Accession number"],
  [0x00080020, "Study date"], [0x00081030, "Study"], [0x0008103e, "Series"], [0x00080080, "Institution"],
  [0x00080090, "Referring physician"],
];

const refusalOf = (error) => {
  if (error instanceof Refusal) return error.message;
  if (["NotReadableError", "NotFoundError"].includes(error.name)) return LOST;
  throw error;
};

export class Cleaning {
  constructor(written, keys) {
    this.digest = written.profile.digest;
    this.how = { rules: new Rules(written), keys, created: madeAt(new Date()) };
    this.done = new Map();
  }

  /** With a key made for this upload alone; it is forgotten with the page. */
  static async begin(written) {
    return new Cleaning(written, new Keys(await newKey()));
  }

  /* Once a file; what comes out is made anew when it is sent, and is the same bytes again. */
  async one(file) {
    if (!this.done.has(file.item)) this.done.set(file.item, await this.make(file));
    return this.done.get(file.item);
  }

  async make({ item, header }) {
    const again = async () => deidentify(await item.blob(), this.how);
    try {
      const { blob, study, series, instance, changes } = await again();
      const path = `images/${String(this.done.size + 1).padStart(6, "0")}.dcm`; // folders are named after patients
      const cleaned = { path, size: blob.size, modified: item.modified, blob: async () => (await again()).blob };
      return { file: { item: cleaned, header: { ...header, study, series, sopInstance: instance } }, changes };
    } catch (error) {
      return { refused: { path: item.path, reason: refusalOf(error) } };
    }
  }

  /** All of them: {files} to send, and {refused} with a reason each. */
  async all(files, { progress = () => {} } = {}) {
    const made = [];
    for (const [at, file] of files.entries()) {
      made.push(await this.one(file));
      progress(at + 1, files.length);
    }
    return { files: made.flatMap(({ file }) => file ?? []), refused: made.flatMap(({ refused }) => refused ?? []) };
  }
}

/** What becomes of the values that people look for: {label, before, after}; an empty `after` is gone. */
export const shown = ({ changes }) =>
  SHOWN.flatMap(([tag, label]) => {
    if (!changes.has(tag)) return [];
    const { before, after } = changes.get(tag);
    return [{ label, before: personName(before), after: personName(after) }];
  });
