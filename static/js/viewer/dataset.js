/* Reading the DICOM JSON model (PS3.18 annex F). A data set is a plain object keyed by tag. */

export function values(dataset, tag) {
  return dataset?.[tag]?.Value ?? [];
}

export function text(dataset, tag) {
  const [value] = values(dataset, tag);
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? person(value) : String(value);
}

export function number(dataset, tag) {
  return numbers(dataset, tag)[0];
}

export function numbers(dataset, tag) {
  return values(dataset, tag).map(Number).filter(Number.isFinite);
}

export function items(dataset, tag) {
  return values(dataset, tag).filter((item) => item && typeof item === "object");
}

export function item(dataset, tag) {
  return items(dataset, tag)[0];
}

/** A person's name as people write it: "Family, Given Middle", the alphabetic group first. */
export function person(name) {
  const group = name.Alphabetic || name.Ideographic || name.Phonetic || "";
  const [family = "", given = "", middle = ""] = group.split("^").map((part) => part.trim());
  return [family, [given, middle].filter(Boolean).join(" ")].filter(Boolean).join(", ");
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 20261109 as the pages write it: "9 Nov 2026". What is no date stays as it is. */
export function date(dicom) {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(dicom) ?? [];
  const name = MONTHS[Number(month) - 1];
  return name ? `${Number(day)} ${name} ${year}` : dicom;
}

/** The functional group of an enhanced multi-frame image that holds for one frame. */
export function group(dataset, frame, tag) {
  const own = items(dataset, "52009230")[frame - 1];
  return item(own, tag) ?? item(item(dataset, "52009229"), tag);
}
