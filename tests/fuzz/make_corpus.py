# SPDX-License-Identifier: MIT
"""Makes the fuzzers' seeds from the tests' data: python3 make_corpus.py FOLDER"""
import pathlib
import sys
import zipfile
import zlib

data = pathlib.Path(__file__).resolve().parent.parent / "io" / "data"
corpus = pathlib.Path(sys.argv[1])


def seed(target, name, content):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


checkpoints = sorted((data / "pth").glob("*.pt*"))
arrays = sorted((data / "npy").glob("*.np[yz]"))
tensors = sorted(data.glob("*.safetensors"))
assert checkpoints and arrays and tensors
for path in checkpoints + arrays:
    content = path.read_bytes()
    seed(path.suffix[1:] if path in arrays else "pth", path.name, content)
    if not zipfile.is_zipfile(path):
        if path in checkpoints and content[0] == 0x80:
            seed("pickle", path.name, content[15:])  # behind the magic number
        continue
    seed("zip", path.name, content)
    archive = zipfile.ZipFile(path)
    for entry in archive.namelist() if path.stem != "no_checksums" else []:
        if entry.endswith("/data.pkl"):
            seed("pickle", path.name, archive.read(entry))
        if entry.endswith(".npy"):
            seed("npy", entry, archive.read(entry))
for level in (0, 1, 9):
    for path in (data / "pth" / "expected.txt", data / "pth" / "state.pth"):
        compressor = zlib.compressobj(level, zlib.DEFLATED, -15)
        seed("inflate", f"{path.stem}{level}", compressor.compress(path.read_bytes()) + compressor.flush())
for path in tensors:
    content = path.read_bytes()
    seed("safetensors", path.name, content)
    seed("json", path.stem, content[8:8 + int.from_bytes(content[:8], "little")])
