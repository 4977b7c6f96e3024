/* What can go wrong between here and the server, in the kinds that are handled differently. */

export class Trouble extends Error {
  /** @param {"connection"|"busy"|"signed-out"|"refused"|"unreadable"} kind */
  constructor(kind, message = kind) {
    super(message);
    this.kind = kind;
  }
}

const REFUSALS = {
  410: "It took too long; the upload has expired.",
  413: "Larger than this server accepts.",
  415: "Not a kind of file that this server accepts.",
  460: "It changed on its way here. Try it again.",
};

const sentence = (body) => {
  try {
    const problem = JSON.parse(body);
    return problem.detail || problem.title || "";
  } catch {
    return "";
  }
};

/** What a status says: null when all is well. */
export function troubleOf(status, body = "") {
  if (status >= 200 && status < 300) return null;
  if (status === 0) return new Trouble("connection");
  if (status === 401 || status === 403) return new Trouble("signed-out");
  if (status === 408 || status === 409 || status === 423 || status === 425 || status === 429 || status >= 500) return new Trouble("busy");
  return new Trouble("refused", sentence(body) || REFUSALS[status] || `The server refused it (${status}).`);
}
