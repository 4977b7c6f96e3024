/* What can go wrong between here and the server, in the kinds that are handled differently. */

export class Trouble extends Error {
  /** @param {"connection"|"busy"|"again"|"signed-out"|"refused"|"unreadable"} kind */
  constructor(kind, message = kind) {
    super(message);
    this.kind = kind;
  }
}

const REFUSALS = {
  410: "It took too long; the upload has expired.",
  413: "Larger than this server accepts.",
  415: "Not a kind of file that this server accepts.",
};

/* Refusals that another try mends: the bytes were cut short or changed on the way. */
const PASSING = new Set([408, 409, 423, 425, 429, 460]);
const BROKEN_OFF = "urn:handover:problem:broken-off";

const problemIn = (body) => {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
};

const passes = (status, problem) => status >= 500 || PASSING.has(status) || problem.type === BROKEN_OFF;

/** What a status says: null when all is well. */
export function troubleOf(status, body = "") {
  if (status >= 200 && status < 300) return null;
  if (status === 0) return new Trouble("connection");
  if (status === 401 || status === 403) return new Trouble("signed-out");
  const problem = problemIn(body);
  if (passes(status, problem)) return new Trouble("busy");
  return new Trouble("refused", problem.detail || problem.title || REFUSALS[status] || `The server refused it (${status}).`);
}
