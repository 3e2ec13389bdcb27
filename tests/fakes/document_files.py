"""Creates files of all formats for tests."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from docx import Document
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont
from pptx import Presentation
from pypdf import PdfReader, PdfWriter


def pdf(path: Path, pages: Sequence[str], title: str = "") -> Path:
    made = FPDF()
    made.set_title(title)
    for text in pages:
        made.add_page()
        made.set_font("helvetica", size=11)
        if text:
            made.multi_cell(0, 6, text)
    made.output(str(path))
    return path


def drawn(text: str) -> Image.Image:
    image = Image.new("RGB", (1240, 600), "white")
    ImageDraw.Draw(image).text((80, 80), text, "black", ImageFont.load_default(40))
    return image


def image(path: Path, text: str) -> Path:
    drawn(text).save(path)
    return path


def scanned_pdf(path: Path, text: str, first_page: str) -> Path:
    made = FPDF()
    made.add_page()
    made.set_font("helvetica", size=11)
    made.multi_cell(0, 6, first_page)
    made.add_page()
    made.image(drawn(text), 0, 0, 210)
    made.output(str(path))
    return path


def encrypted_pdf(path: Path, password: str) -> Path:
    plain = pdf(path.with_suffix(".plain.pdf"), ["Secret."])
    writer = PdfWriter(clone_from=PdfReader(plain))
    plain.unlink()
    writer.encrypt(user_password=password, owner_password="owner")
    with path.open("wb") as file:
        writer.write(file)
    return path


def pdf_of_stream(path: Path, stream: bytes) -> Path:
    """Create a PDF of one page whose content unpacks to `stream`."""
    packed = zlib.compress(stream, 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 99 99]"
        b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream" % (len(packed), packed),
    ]
    raw, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(raw))
        raw += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(raw)
    path.write_bytes(raw + b"xref\n0 5\n0000000000 65535 f \n" + table + end)
    return path


def docx(path: Path, parts: Sequence[tuple[str, str]], title: str = "") -> Path:
    made = Document()
    if title:
        made.core_properties.title = title
        made.add_heading(title, 0)
    for heading, text in parts:
        made.add_heading(heading, 1)
        made.add_paragraph(text)
    table = made.add_table(2, 2)
    for cell, text in zip((c for row in table.rows for c in row.cells), "abcd", strict=True):
        cell.text = text
    made.save(str(path))
    return path


def pptx(path: Path, slides: Sequence[tuple[str, str]]) -> Path:
    made: Any = Presentation()
    for title, text in slides:
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        slide.notes_slide.notes_text_frame.text = f"Notes on {title}."
    made.save(str(path))
    return path


def xlsx(path: Path, sheets: dict[str, Sequence[Sequence[object]]]) -> Path:
    """Create a workbook of the parts that Excel requires."""
    names = list(sheets)
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def row(values: Sequence[object]) -> str:
        cells = [
            f"<c><v>{value}</v></c>"
            if isinstance(value, int | float)
            else f'<c t="inlineStr"><is><t>{value}</t></is></c>'
            for value in values
        ]
        return f"<row>{''.join(cells)}</row>"

    with zipfile.ZipFile(path, "w") as file:
        listed = "".join(
            f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(names, 1)
        )
        relations = "".join(
            f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/s{i}.xml"/>'
            for i, _ in enumerate(names, 1)
        )
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/s{i}.xml" ContentType="{types}.worksheet+xml"/>'
            for i, _ in enumerate(names, 1)
        )
        file.writestr(
            "[Content_Types].xml",
            f'{head}<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>{overrides}</Types>',
        )
        file.writestr(
            "_rels/.rels",
            f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        file.writestr(
            "xl/workbook.xml",
            f'{head}<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{head}<Relationships xmlns="{package}/relationships">{relations}</Relationships>',
        )
        for number, rows in enumerate(sheets.values(), 1):
            data = "".join(row(values) for values in rows)
            file.writestr(
                f"xl/worksheets/s{number}.xml",
                f'{head}<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>',
            )
    return path


def eml(path: Path, subject: str, text: str = "", html: str = "") -> Path:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        subject,
        "ann@example.org",
        "bo@example.org",
    )
    if text:
        message.set_content(text)
    if html:
        (message.add_alternative if text else message.set_content)(html, subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="offer.pdf")
    path.write_bytes(message.as_bytes())
    return path


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, raw in files.items():
            file.writestr(name, raw)
    return path


def lying_archive(path: Path, name: str, raw: bytes) -> Path:
    """Create an archive that declares a size of one byte for its file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, raw)
    size = len(raw).to_bytes(4, "little")
    path.write_bytes(made.getvalue().replace(size, (1).to_bytes(4, "little")))
    return path


def docx_entities(path: Path) -> Path:
    """Create a Word file whose XML has entities that grow exponentially."""
    whole = docx(path, [("A", "b")])
    with zipfile.ZipFile(whole) as file:
        files = {name: file.read(name) for name in file.namelist()}
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    laughs = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "lol">{entities}]><d>&e9;</d>'
    return archive(path, {**files, "word/document.xml": laughs.encode()})
