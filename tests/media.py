"""A picture, a sound and a document for suites that would download them."""

import struct
import zlib


def media_samples() -> dict[str, bytes]:
    """A valid picture, sound and document, each as small as can be: `png`, `wav`, `pdf`."""

    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\x00\x80\x80\x80")
    png = b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", header) + piece(b"IDAT", pixel) + piece(b"IEND", b"")

    silence = b"\x00\x00" * 80
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    wav = b"RIFF" + struct.pack("<I", 36 + len(silence)) + b"WAVE" + form + struct.pack("<4sI", b"data", len(silence))

    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>",
    )
    pdf, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += b"%d 0 obj%sendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 4\n0000000000 65535 f \n%strailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        len(pdf),
    )
    return {"png": png, "wav": wav + silence, "pdf": pdf + end}


def sample_for(url: str) -> bytes:
    """The sample in place of a download, by the address's ending; a picture where that says nothing."""
    ending = url.split("?")[0].rsplit(".", 1)[-1].lower()
    return media_samples().get(ending, media_samples()["png"])
