"""A document as small as a real one can be: PDF 1.4, one page, text in Helvetica."""

from __future__ import annotations

import re


def pdf(*lines: str) -> bytes:
    """A page with these lines on it; what is not ASCII is shown as a question mark."""
    shown = b" T* ".join(b"(%s) Tj" % _escaped(line) for line in lines)
    content = b"BT /F1 18 Tf 24 TL 72 760 Td %s ET" % shown
    page = b"/MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >>"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R %s >>" % page,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    written, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for nth, one in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(written)
        written += b"%d 0 obj\n%s\nendobj\n" % (nth, one)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(written))
    return written + b"xref\n0 %d\n" % size + table + end


def _escaped(line: str) -> bytes:
    return re.sub(r"([()\\])", r"\\\1", line).encode("ascii", "replace")
