/* Dates moved by whole days (PS3.15 E.3.6), as sharing/deid/dates.py moves them; null for what is no date. */
const DA = /^(\d{4})(\.?)(\d{2})\2(\d{2})$/;
const DT = /^(\d{4})(?:(\d{2})(?:(\d{2})((?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?))?)?([+-]\d{4})?$/;
const TM = /^\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?$/;
const AS = /^\d{3}[DWMY]$/;
const DAY = 86_400_000;

const two = (value) => String(value).padStart(2, "0");

/* Year, month and day of a day moved by `days`; null outside of the calendar. */
function moved(year, month, day, days) {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const later = new Date(date.getTime() + days * DAY);
  const found = later.getUTCFullYear();
  if (found < 1 || found > 9999) return null;
  return [String(found).padStart(4, "0"), two(later.getUTCMonth() + 1), two(later.getUTCDate())];
}

function oneDate(value, days) {
  const match = DA.exec(value);
  return match ? (moved(Number(match[1]), Number(match[3]), Number(match[4]), days)?.join(match[2]) ?? null) : null;
}

function isTime(value) {
  if (!value) return true;
  const digits = value.replaceAll(":", "");
  return TM.test(value) && digits.slice(0, 2) < "24" && digits.slice(2, 4) < "60" && digits.slice(4, 6) < "61";
}

function isOffset(value) {
  if (!value) return true;
  const [hours, minutes] = [Number(value.slice(1, 3)), Number(value.slice(3))];
  const most = value[0] === "+" ? 14 : 12;
  return minutes < 60 && (hours < most || (hours === most && minutes === 0));
}

function oneStamp(value, days) {
  const match = DT.exec(value);
  if (!match || !isTime(match[4] ?? "") || !isOffset(match[5])) return null;
  const [, year, month, day] = match;
  const parts = moved(Number(year), Number(month ?? 7), Number(day ?? (month ? 15 : 1)), days);
  return parts && parts.slice(0, 1 + Boolean(month) + Boolean(day)).join("") + (match[4] ?? "") + (match[5] ?? "");
}

/* A single value, or a range with one of its ends open. */
function ranged(value, days, one) {
  const single = one(value, days);
  if (single !== null || !value.includes("-")) return single;
  for (let at = value.indexOf("-"); at >= 0; at = value.indexOf("-", at + 1)) {
    const ends = [value.slice(0, at), value.slice(at + 1)].map((end) => (end ? one(end, days) : ""));
    if (!ends.includes(null) && ends.some(Boolean)) return ends.join("-");
  }
  return null;
}

const ONE = {
  DA: (value, days) => (value ? ranged(value, days, oneDate) : ""),
  DT: (value, days) => (value ? ranged(value, days, oneStamp) : ""),
  TM: (value) => (isTime(value) ? value : null),
  AS: (value) => (!value || AS.test(value) ? value : null),
};

/** A value of VR DA, DT, TM or AS moved by `days`; null if it cannot be. */
export function shift(vr, value, days) {
  if (vr === "TM" || vr === "AS") return value.split("\\").every((one) => ONE[vr](trimmed(one)) !== null) ? value : null;
  const all = value.split("\\").map((one) => ONE[vr](trimmed(one), days));
  return all.includes(null) ? null : all.join("\\");
}

const trimmed = (text) => text.replace(/^[\0 ]+|[\0 ]+$/g, "");
