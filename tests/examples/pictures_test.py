# SPDX-License-Identifier: MIT
"""pictures_test.py convolution_pictures DOCS/pictures: the pictures of the docs are those that the program draws, nothing in them overlaps, and
every number is what the plain sums below give."""
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from svg_layout import SVG, complaints

checked = 0


def expect(what, got, expected):
    global checked
    checked += 1
    if got != expected:
        sys.exit(f"FAILED: {what}: got {got}, expected {expected}")


class Picture:
    def __init__(self, path):
        self.root = ElementTree.parse(path).getroot()
        self.groups = {group.get("id"): group for group in self.root.iter(SVG + "g")}

    def numbers(self, name):
        """The matrix that a group shows: its texts by row and column."""
        rows = {}
        for e in self.groups[name].iter(SVG + "text"):
            rows.setdefault(float(e.get("y")), {})[float(e.get("x"))] = float(e.text)
        return [[rows[y][x] for x in sorted(rows[y])] for y in sorted(rows)]

    def cells(self, name):
        """Fill colours of a group's boxes in the order of drawing."""
        return [e.get("fill") for e in self.groups[name].iter(SVG + "rect")]

    def texts(self):
        return [e.text for e in self.root.iter(SVG + "text")]


def correlate(x, w, stride=1, padding=0, dilation=1):
    height, width, k = len(x), len(x[0]), len(w)
    at = lambda i, j: x[i][j] if 0 <= i < height and 0 <= j < width else 0
    size = lambda n: (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1
    return [[sum(w[u][v] * at(a * stride + u * dilation - padding, b * stride + v * dilation - padding) for u in range(k) for v in range(k))
             for b in range(size(width))] for a in range(size(height))]


def check_sum(text):
    """'1·1 + 1·0 = 1' is a true equation."""
    left, right = text.split(" = ")
    expect(f"the sum {text}", sum(float(a) * float(b) for a, b in re.findall(r"(-?[\d.]+)·(-?[\d.]+)", left)), float(right))
    return float(right)


X = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def sliding(p):
    matrix = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    result = [4, 3, 4, 2, 4, 3, 2, 3, 4]
    expect("the lecture's filter", p.numbers("filter"), X)
    expect("the lecture's sums", sum(correlate(matrix, X), []), result)
    for step in range(1, 10):
        expect("the matrix", p.numbers(f"step {step} matrix"), matrix)
        expect(f"step {step}", sum(p.numbers(f"step {step} result"), []), result[:step])
        a, b = divmod(step - 1, 3)
        fills = p.cells(f"step {step} matrix")
        under = [(i, j) for i in range(5) for j in range(5) if fills[5 * i + j] != "#ffffff"]
        expect("the window", under, [(a + u, b + v) for u in range(3) for v in range(3)])
        blue = [(i, j) for i, j in under if fills[5 * i + j] == "#d6e5f5"]
        expect("its weights of 1", blue, [(a + u, b + v) for u in range(3) for v in range(3) if X[u][v]])
    expect("the written sums", [check_sum(t) for t in p.texts() if "·" in t], [float(r) for r in result])


def stride(p):
    for k in (1, 2, 3):
        matrix = p.numbers(f"stride {k} matrix")
        expect("the matrix", (len(matrix), len(matrix[0])), (7, 7))
        expect(f"stride {k}", p.numbers(f"stride {k} result"), correlate(matrix, X, stride=k))
        fills = p.cells(f"stride {k} matrix")
        starts = range(0, 7 - 3 + 1, k)
        expect("middles", [n for n in range(49) if fills[n] == "#d6e5f5"], [7 * (a + 1) + b + 1 for a in starts for b in starts])
        seen = {7 * (a + u) + b + v for a in starts for b in starts for u in range(3) for v in range(3)}
        expect("what no window sees", [n for n in range(49) if fills[n] == "#eef1f4"], [n for n in range(49) if n not in seen])


def padding(p):
    for k in (0, 1, 2):
        expect(f"padding {k}", p.numbers(f"padding {k} result"), correlate(p.numbers(f"padding {k} matrix"), X, padding=k))
        expect("zeros", len(p.cells(f"padding {k} zeros")), (5 + 2 * k) ** 2 - 25)


def dilation(p):
    for k in (1, 2, 3):
        matrix = p.numbers(f"dilation {k} matrix")
        result = correlate(matrix, X, dilation=k)
        expect(f"dilation {k}", p.numbers(f"dilation {k} result"), result)
        fills = p.cells(f"dilation {k} matrix")
        taps = [divmod(n, 9) for n in range(81) if fills[n] in ("#2a6fbb", "#8fb4dc")]
        expect("taps", taps, [(4 + k * u, 4 + k * v) for u in (-1, 0, 1) for v in (-1, 0, 1)])
        expect("the receptive field is named", any(f"{2 * k + 1} × {2 * k + 1}" in t and "receptive field" in t for t in p.texts()), True)
        sums = [t for t in p.texts() if t.count("·") == 5]
        expect("the written sum", check_sum(sums[k - 1]), result[len(result) // 2][len(result) // 2])


def groups(p):
    for n in (1, 2, 4):
        lines = sorted((round((float(e.get("y1")) - 102) / 44), round((float(e.get("y2")) - 102) / 44)) for e in p.groups[f"groups {n}"].iter(SVG + "line"))
        expect(f"links of {n} groups", lines, [(c, o) for c in range(4) for o in range(4) if c * n // 4 == o * n // 4])
        expect("the weights are counted", f"{4 * 4 // n * 9} weights" in p.texts(), True)


def channels(p):
    total = [[2.0] * 3 for _ in range(3)]
    for c in range(3):
        part = correlate(p.numbers(f"channel {c} matrix"), p.numbers(f"channel {c} filter"))
        expect(f"channel {c}", p.numbers(f"channel {c} part"), part)
        total = [[total[i][j] + part[i][j] for j in range(3)] for i in range(3)]
    expect("their sum", p.numbers("channels result"), total)
    equation = next(t for t in p.texts() if re.fullmatch(r"[-+ \d]+ = \d+", t))
    expect(equation, eval(equation.split("=")[0]), total[0][0])


def pooling(p):
    x, y, dy, dx = (p.numbers("max " + name) for name in ("x", "y", "dy", "dx"))
    fills = p.cells("max x")
    for a in range(3):
        for b in range(3):
            window = [(2 * a + u, 2 * b + v) for u in range(2) for v in range(2)]
            winner = max(window, key=lambda at: x[at[0]][at[1]])  # the first among equals
            expect("the largest", y[a][b], x[winner[0]][winner[1]])
            expect("the winner is marked", [at for at in window if fills[6 * at[0] + at[1]] == "#2a6fbb"], [winner])
            expect("the gradient goes to the winner", [dx[i][j] for i, j in window], [dy[a][b] if at == winner else 0 for at in window])


def im2col(p):
    x = p.numbers("im2col matrix")
    rows = [[x[a + u][b + v] for u in range(2) for v in range(2)] for a in range(3) for b in range(3)]
    column = [row[0] for row in p.numbers("im2col filter")]
    expect("a window a row", p.numbers("im2col patches"), rows)
    sums = [sum(r * c for r, c in zip(row, column)) for row in rows]
    expect("the product", [row[0] for row in p.numbers("im2col sums")], sums)
    expect("the result", sum(p.numbers("im2col result"), []), sums)


def receptive_field(p):
    expect("what is seen, from the top", [sum(fill != "#ffffff" for fill in p.cells(f"layer {n}")) for n in (4, 3, 2, 1, 0)], [1, 3, 6, 8, 10])
    expect("numbers of a layer", [len(p.cells(f"layer {n}")) for n in range(5)], [20, 18, 16, 8, 6])
    for count in ("3 of these", "6 of these", "8 of these", "10 pixels"):
        expect("the field is named", f"it depends on {count}" in p.texts(), True)


program, docs = sys.argv[1], pathlib.Path(sys.argv[2])
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([program, "--out", folder + "/new/folder"], check=True, stdout=subprocess.DEVNULL)
    drawn = sorted(pathlib.Path(folder, "new/folder").iterdir())
    checks = [sliding, stride, padding, dilation, groups, channels, pooling, im2col, receptive_field]
    expect("pictures", [path.stem for path in drawn], sorted(check.__name__ for check in checks))
    for path in drawn:
        expect(f"layout of {path.name}", complaints(path), [])
        expect(f"docs/pictures/{path.name} is what the program draws", (docs / path.name).read_bytes() == path.read_bytes(), True)
    for check in checks:
        check(Picture(pathlib.Path(folder, "new/folder", check.__name__ + ".svg")))
    refused = subprocess.run([program], capture_output=True, text=True)
    expect("a missing --out is refused", refused.returncode != 0 and "--out" in refused.stderr, True)
    pathlib.Path(folder, "file").write_text("")
    refused = subprocess.run([program, "--out", folder + "/file"], capture_output=True, text=True)
    expect("a file as a folder is refused in one line", (refused.returncode, refused.stderr.count("\n")), (1, 1))
print(f"pictures_test: {checked} checks passed")
