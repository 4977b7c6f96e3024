"""What takes the place of an encapsulated document (action D): empty, and valid of its kind."""

from typing import Final

_PDF_OBJECTS: Final = (
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> >>",
)


def _pdf() -> bytes:
    """One empty page (PDF 1.4)."""
    text, places = b"%PDF-1.4\n", []
    for number, one in enumerate(_PDF_OBJECTS, 1):
        places.append(len(text))
        text += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(_PDF_OBJECTS) + 1
    return text + b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\n" % (
        count, table, count,
    ) + b"startxref\n%d\n%%%%EOF\n" % len(text)  # fmt: skip


_CDA: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Removed</title></ClinicalDocument>\n'
)
_EMPTY: Final = {
    "application/pdf": _pdf(),
    "text/xml": _CDA,
    "application/xml": _CDA,
    "model/stl": bytes(84),
    "application/sla": bytes(84),
    "model/obj": b"# removed\n",
    "model/mtl": b"# removed\n",
}


def empty(mime: str) -> bytes:
    """A document of a MIME type (0042,0012) that says nothing; even in length."""
    found = _EMPTY.get(mime.lower().strip(), b"removed\n")
    return found + b"\0" * (len(found) & 1)
