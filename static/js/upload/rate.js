/* Speed over the last seconds, so that a pause or a slow start doesn't spoil the estimate. */
const WINDOW = 12_000;

export class Rate {
  constructor() {
    this.samples = [];
  }

  note(bytes, now) {
    this.samples.push({ bytes, now });
    while (this.samples.length > 2 && now - this.samples[0].now > WINDOW) this.samples.shift();
  }

  forget() {
    this.samples = [];
  }

  /** Bytes a second, or null while it is too early to say. */
  get speed() {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || last.now - first.now < 1500) return null;
    return Math.max(0, (last.bytes - first.bytes) / ((last.now - first.now) / 1000));
  }
}

const UNITS = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]];

/** 157 MB, as people say it. */
export function size(bytes) {
  for (const [unit, worth] of UNITS) {
    const value = bytes / worth;
    if (value >= 0.9995) return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
  return `${bytes} bytes`;
}

/** "about 3 minutes left" */
export function timeLeft(seconds) {
  if (seconds < 5) return "a few seconds left";
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} seconds left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `about ${Math.max(1, minutes)} ${minutes > 1 ? "minutes" : "minute"} left`;
  return `about ${Math.round(minutes / 60)} hours left`;
}
