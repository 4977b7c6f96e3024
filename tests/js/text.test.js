import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, personName } from "../../static/js/upload/text.js";

const bytes = (text) => Uint8Array.from(Buffer.from(text, "latin1"));

/* The examples of PS3.5 Annexes H, I, J and K. */
const EXAMPLES = [
  ["Japanese", "\\ISO 2022 IR 87", "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "Yamada^Tarou=山田^太郎=やまだ^たろう"],
  ["Japanese in half-width letters", "ISO 2022 IR 13\\ISO 2022 IR 87", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"],
  ["Korean", "\\ISO 2022 IR 149", "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf", "Hong^Gildong=洪^吉洞=홍^길동"],
  ["Chinese", "\\ISO 2022 IR 58", "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "Zhang^XiaoDong=张^小东"],
  ["GB18030", "GB18030", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"],
  ["Unicode", "ISO_IR 192", Buffer.from("Wang^XiaoDong=王^小東").toString("latin1"), "Wang^XiaoDong=王^小東"],
  ["Greek", "ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"],
  ["Russian", "ISO_IR 144", "\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбypг"],
  ["Western European", "ISO_IR 100", "Buc^J\xe9r\xf4me", "Buc^Jérôme"],
  ["Western European by escapes", "\\ISO 2022 IR 100", "\x1b-ABuc^\x1b-AJ\xe9r\xf4me", "Buc^Jérôme"],
  ["undeclared Western European", "", "M\xfcller", "Müller"],
];

for (const [language, charset, stored, shown] of EXAMPLES) {
  test(`a ${language} name comes out right`, () => assert.equal(decode(bytes(stored), charset), shown));
}

test("names are written as people write them", () => {
  assert.equal(personName("Sommer^Anna^Maria^Dr^MD"), "Sommer, Dr Anna Maria MD");
  assert.equal(personName("Yamada^Tarou=山田^太郎"), "Yamada, Tarou (山田 太郎)");
  assert.equal(personName("ANONYMOUS"), "ANONYMOUS");
  assert.equal(personName(""), "");
});
