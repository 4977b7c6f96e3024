/* As the server compiles them, of a few attributes (the whole is held to the server's in tests/deid). */
export const written = {
  profile: { name: "upload", version: "1", digest: "0".repeat(64) },
  kinds: { "1.2.840.10008.5.1.4.1.1.2": false, "1.2.840.10008.5.1.4.1.1.7": true }, atRisk: ["US"], keepsUids: false,
  decisions: {
    all: { "00080018": "uid", "0020000d": "uid", "0020000e": "uid", "00100010": "pseudonym", "00100020": "pseudonym", "00080020": "shift", "0008103e": "remove" },
    inside: {}, classes: {},
  },
  keywords: {}, fixed: {}, terms: ["00080060"], nobody: ["anonymous"], known: { number: ["00100020"] },
  vrs: {
    UI: "00080016 00080018 0020000d 0020000e", DA: "00080020", CS: "00080060 00280301", LO: "0008103e 00100020 00420010", PN: "00100010",
    IS: "00200011 00200013", OW: "7fe00010", SQ: "00081140",
  },
  dummies: { numbers: {}, codes: {}, values: {}, other: ["REMOVED", "WITHHELD"] },
  marks: { texts: [["00120062", "CS", "YES"]], codes: [["113100", "Basic Application Confidentiality Profile"]], dated: true },
  implementation: ["2.25.1", "HANDOVER"],
};
