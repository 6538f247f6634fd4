# SPDX-License-Identifier: MIT
"""svg_layout.py FILE.svg...: nothing in a picture may overlap or leave it, and no text may be smaller than can be read."""
import re
import sys
import xml.etree.ElementTree as ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def letter_width(c):
    """Of DejaVu Sans, the widest of the fonts that the pictures name, as a share of the size; rather too wide than too narrow."""
    if c in " .,:;'|!ijlI":
        return 0.34
    if c in "ftr()[]-/":
        return 0.44
    if c in "mwMW%×+=<>":
        return 0.95 if c in "mMW%" else 0.84
    return 0.72 if c.isupper() else 0.64


def style_sheet(root):
    """The properties of each class that the picture's own sheet gives."""
    return {name: dict(re.findall(r"([\w-]+):([^;}]+)", body)) for name, body in re.findall(r"\.(\w+)\{([^}]*)\}", root.findtext(SVG + "style") or "")}


def styled(element, styles, name):
    return element.get(name) or styles.get(element.get("class"), {}).get(name)


def font_size(element, styles):
    return float(styled(element, styles, "font-size").removesuffix("px"))


def text_box(element, styles):
    size = font_size(element, styles)
    width = sum(letter_width(c) for c in element.text or "") * size * (1.1 if styled(element, styles, "font-weight") == "bold" else 1)
    x, y = float(element.get("x")), float(element.get("y"))
    left = {"start": x, "middle": x - width / 2, "end": x - width}[element.get("text-anchor")]
    return left, y - 0.74 * size, left + width, y + 0.2 * size


def overlap(a, b, slack):
    return min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack


def complaints(path):
    root = ElementTree.parse(path).getroot()
    width, height = float(root.get("width")), float(root.get("height"))
    found = []
    styles = style_sheet(root)
    texts = [(e.text, text_box(e, styles)) for e in root.iter(SVG + "text") if e.text]
    if not root.findtext(SVG + "title"):
        found.append("no title for those who cannot see it")
    paper = root.find(SVG + "rect")
    if paper is None or paper.get("fill") != "#ffffff" or float(paper.get("width")) != width or float(paper.get("height")) != height:
        found.append("no white paper: it would be dark on dark in a dark theme")
    for e in root.iter(SVG + "text"):
        if font_size(e, styles) < 11:
            found.append(f"'{e.text}' is smaller than 11 pixels")
    for text, box in texts:
        if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
            found.append(f"'{text}' leaves the picture")
    boxes = []
    for e in list(root.iter(SVG + "rect"))[1:] + list(root.iter(SVG + "image")):
        x, y, w, h = (float(e.get(name)) for name in ("x", "y", "width", "height"))
        boxes.append((x, y, x + w, y + h))
        if x < 0 or y < 0 or x + w > width or y + h > height:
            found.append(f"a box at {x}, {y} leaves the picture")
    for n, (text, box) in enumerate(texts):
        for other, other_box in texts[n + 1:]:
            if overlap(box, other_box, 1):
                found.append(f"'{text}' and '{other}' overlap")
        for b in boxes:  # a text lies in a box or beside it, never across its edge
            inside = box[0] >= b[0] - 1 and box[1] >= b[1] - 1 and box[2] <= b[2] + 1 and box[3] <= b[3] + 1
            if overlap(box, b, 1) and not inside:
                found.append(f"'{text}' lies across the edge of the box at {b[0]}, {b[1]}")
    return found


if __name__ == "__main__":
    bad = [f"{path}: {text}" for path in sys.argv[1:] for text in complaints(path)]
    print("\n".join(bad))
    sys.exit(1 if bad or len(sys.argv) < 2 else 0)
