# SPDX-License-Identifier: MIT
"""Makes the checkpoints of this folder with PyTorch 2.15, and expected.txt, what they hold.

Each form of old PyTorch versions is put together by hand from pickle opcodes; what PyTorch itself reads from it is the expectation wherever
PyTorch still reads it. Run: python tests/io/data/pth/make_pth.py
"""
import argparse
import collections
import io
import os
import pickle
import struct
import tarfile
import warnings
import zipfile

import numpy
import torch
from torch import nn

warnings.simplefilter("ignore")
folder = os.path.dirname(os.path.abspath(__file__))
expectations = []


def path(name):
    return os.path.join(folder, name)


def number(x):
    x = float(x)
    return str(int(x)) if x == int(x) and abs(x) < 2 ** 62 else repr(x)


def expect(name, tensors):
    widened = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.int8: torch.int32, torch.int16: torch.int32,
               torch.uint16: torch.int32, torch.uint32: torch.int64, torch.float8_e4m3fn: torch.float32, torch.float8_e5m2: torch.float32}
    expectations.append(f"=== {name}")
    for key, x in tensors.items():
        x = x.detach()
        kind = str(widened.get(x.dtype, x.dtype)).removeprefix("torch.")
        values = [number(v) for v in x.to(torch.float64).contiguous().flatten().tolist()]
        expectations.append(" ".join([key, kind, "x".join(map(str, x.shape)) or "scalar", *values]))


def save(name, value, tensors=None, **options):
    torch.save(value, path(name), **options)
    back = torch.load(path(name), weights_only=False)
    expect(name, back if tensors is None else tensors(back))


# Every element type and kind of view.
def every_type(wide_unsigned=True):
    x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2) / 4
    state = {
        "float32": torch.tensor([1.5, -0.25, 3e38, 1e-45]), "float64": torch.tensor([0.1, -1e300], dtype=torch.float64),
        "float16": torch.tensor([1.5, -65504, 6e-8, 0.1], dtype=torch.float16), "bfloat16": torch.tensor([1.5, -3e38, 1e-40, 0.1], dtype=torch.bfloat16),
        "int64": torch.tensor([2 ** 53, -3]), "int32": torch.tensor([2 ** 31 - 1, -2 ** 31], dtype=torch.int32),
        "int16": torch.tensor([32767, -32768], dtype=torch.int16), "int8": torch.tensor([127, -128], dtype=torch.int8),
        "uint8": torch.tensor([0, 255], dtype=torch.uint8), "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5), "empty": torch.zeros(2, 0, 3), "whole": x, "channels_last": x.contiguous(memory_format=torch.channels_last),
        "transposed": torch.arange(6, dtype=torch.float64).reshape(2, 3).t(), "sliced": x[1, 1:, :, 1], "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 3),
        "half_view": torch.arange(6, dtype=torch.float16).reshape(2, 3)[:, 1:].t(), "same": x,
    }
    if wide_unsigned:
        state |= {"uint16": torch.tensor([0, 65535], dtype=torch.uint16), "uint32": torch.tensor([7, 2 ** 32 - 1], dtype=torch.uint32)}
    return state


save("zip.pth", every_type())
finite = torch.arange(120, dtype=torch.int32).to(torch.uint8)
save("float8.pth", {"e4m3": finite.view(torch.float8_e4m3fn), "e5m2": finite.view(torch.float8_e5m2)})
save("stream.pth", every_type(False), _use_new_zipfile_serialization=False)
for protocol in (3, 4, 5):
    save(f"zip_protocol{protocol}.pth", {"weight": torch.tensor([1.0, 2.0]), "bytes": b"\x00\xff" * 200, "text": "x" * 300, "big": 2 ** 70, "set": {1, 2}},
         lambda back: {"weight": back["weight"]}, pickle_protocol=protocol)
save("stream_protocol4.pth", collections.OrderedDict(weight=torch.tensor([[1.0, 2.0]])), _use_new_zipfile_serialization=False, pickle_protocol=4)
save("list.pth", [torch.tensor([1.0]), (torch.tensor(2), {"deep": [torch.tensor([True])]})], lambda b: {"0": b[0], "1.0": b[1][0], "1.1.deep.0": b[1][1]["deep"][0]})
save("single.pth", torch.tensor([1.0, 2.0]), lambda back: {"tensor": back})


# Views that PyTorch keeps with the other sign, and says so in a seventh argument.
conjugate = torch.tensor([[1 + 2j, 3 - 4j]]).conj()
save("negated.pth", {"whole": conjugate.imag, "row": conjugate.imag[0, 1:], "double": torch.tensor([1j], dtype=torch.complex128).conj().imag,
                     "usual": conjugate.real}, lambda back: {key: x.resolve_neg() for key, x in back.items()})


# Parameters, buffers, subclasses.
class Marked(torch.Tensor):
    pass


def parameters():
    plain, marked = nn.Parameter(torch.tensor([1.0, 2.0])), nn.Parameter(torch.tensor([3.0]), requires_grad=False)
    marked.note = "an attribute of its own"
    return {"plain": plain, "with_state": marked, "buffer": nn.Buffer(torch.tensor([4])), "subclass": torch.tensor([5.0, 6.0]).as_subclass(Marked)}


save("parameter.pth", parameters())
save("parameter_stream.pth", parameters(), _use_new_zipfile_serialization=False)


# Whole modules, state dicts, what training scripts save.
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, (1, 2), bias=False)
        self.bn = nn.BatchNorm2d(2)
        self.register_buffer("hidden", torch.ones(3), persistent=False)
        self.register_buffer("shown", torch.arange(2))
        self.register_parameter("none", None)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(), nn.ReLU())
        self.head = nn.Linear(2, 1)
        self.head.weight.data.fill_(0.5)


torch.manual_seed(1)
net = Net()
save("module.pth", net, lambda back: back.state_dict())
# The stream holds the source of every module's class and the path of its file; stand-ins keep others' code and this machine's paths out of it.
torch.serialization.get_source_lines_and_file = lambda cls: ([f"class {cls.__name__}: ...\n"], 1, "file.py")
save("module_stream.pth", net, lambda back: back.state_dict(), _use_new_zipfile_serialization=False)
save("state.pth", net.state_dict())


class Program(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


class Nothing:
    """Unknown to any reader."""


wrapped = nn.DataParallel(net)
optimizer = torch.optim.Adam(wrapped.parameters())
sum(p.sum() for p in wrapped.parameters()).backward()
optimizer.step()
run = {"epoch": 3, "arch": "net", "state_dict": wrapped.state_dict(), "best_acc1": torch.tensor(71.5), "optimizer": optimizer.state_dict(),
       "args": argparse.Namespace(lr=0.1), "score": numpy.float64(0.5), "array": numpy.arange(3), "nothing": Nothing()}
plain = lambda state: {key.replace("module.", ""): x for key, x in state.items()}
save("training.pth", run, lambda back: plain(back["state_dict"]))
save("training_stream.pth", run, lambda back: plain(back["state_dict"]), _use_new_zipfile_serialization=False)
save("training_model.pth", {"model": net, "epoch": 1}, lambda back: back["model"].state_dict())
save("training_net.pth", {"net": wrapped.state_dict(), "acc": 91.5}, lambda back: plain(back["net"]))


# Zip archives by others.
def rezipped(name, root, **options):
    source = zipfile.ZipFile(path("state.pth"))
    with zipfile.ZipFile(path(name), "w", **options) as archive:
        for entry in source.namelist():
            archive.writestr(root + entry[entry.index("/"):], source.read(entry))
    expect(name, torch.load(path(name), weights_only=True))


rezipped("deflated.pth", "state", compression=zipfile.ZIP_DEFLATED)
rezipped("root.pth", "another root")
torch.serialization.set_crc32_options(False)
save("no_checksums.pth", {"weight": torch.tensor([1.0, 2.0])})
torch.serialization.set_crc32_options(True)


def big_endian():
    tensors = {"float32": torch.tensor([1.5, -2.0]), "int64": torch.tensor([[1], [2 ** 40]]), "float16": torch.tensor([0.5, 2.0], dtype=torch.float16),
               "uint8": torch.tensor([1, 2], dtype=torch.uint8), "bool": torch.tensor([True])}
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    source = zipfile.ZipFile(buffer)
    widths = [x.element_size() for x in tensors.values()]
    with zipfile.ZipFile(path("big_endian.pth"), "w") as archive:
        for entry in source.namelist():
            content = source.read(entry)
            if entry.endswith("/byteorder"):
                content = b"big"
            if "/data/" in entry:
                width = widths[int(entry.rsplit("/", 1)[1])]
                content = b"".join(content[i:i + width][::-1] for i in range(0, len(content), width))
            archive.writestr(entry, content)
    expect("big_endian.pth", torch.load(path("big_endian.pth"), weights_only=True))


big_endian()

# Refused.
with open(path("sparse.pth"), "wb") as file:
    torch.save({"weight": torch.eye(2).to_sparse(), "other": torch.ones(1)}, file)
torch.jit.save(torch.jit.script(Program()), path("script.pt"))
torch.save({"weight": torch.ones(2, dtype=torch.complex64), "other": torch.ones(1)}, path("complex.pth"))


# Opcodes by hand.
def text(value):  # Python 2's
    return b"U" + bytes([len(value)]) + value.encode()


def integer(value):
    return b"K" + bytes([value]) if 0 <= value < 256 else b"\x8a\x08" + struct.pack("<q", value)


def items(*values):
    return b"(" + b"".join(values) + b"t"


def tuple_of(*values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def name_of(module, name):
    return f"c{module}\n{name}\n".encode()


def program(body):
    return b"\x80\x02" + body + b"."


def stream(body, storages, window_of=None):
    """The stream of 0.1.10 to 1.5, as Python 2 wrote it."""
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}
    out = b"".join(pickle.dumps(value, protocol=2) for value in (0x1950A86A20F9469CFC6C, 1001, info))
    out += program(body) + program(b"](" + b"".join(text(key) for key in sorted(storages)) + b"e")
    for key in sorted(storages):
        out += struct.pack("<q", len(storages[key])) + storages[key].tobytes()
    return out


def storage(kind, key, numel, place="cpu", module="torch", window=None):
    described = [text("storage"), name_of(module, kind + "Storage"), text(key), text(place), integer(numel)]
    if window is not False:
        described.append(b"N" if window is None else items(text(window[0]), integer(window[1]), integer(window[2])))
    return items(*described) + b"Q"


def tensor(storage_code, first, shape, strides):
    return name_of("torch._utils", "_rebuild_tensor") + items(storage_code, integer(first), tuple_of(*shape), tuple_of(*strides)) + b"R"


def tensor_v2(storage_code, first, shape, strides):
    hooks = name_of("collections", "OrderedDict") + b")R"
    return name_of("torch._utils", "_rebuild_tensor_v2") + items(storage_code, integer(first), tuple_of(*shape), tuple_of(*strides), b"\x89", hooks) + b"R"


def ordered(pairs):  # OrderedDict([[key, value], ...]), as Python 2 reduces it
    return name_of("collections", "OrderedDict") + b"(](" + b"".join(b"](" + text(key) + value + b"e" for key, value in pairs) + b"etR"


def by_hand(name, content, tensors=None):
    with open(path(name), "wb") as file:
        file.write(content)
    expect(name, torch.load(path(name), weights_only=False, map_location="cpu") if tensors is None else tensors)


floats = numpy.arange(6, dtype="<f4") / 2
by_hand("python2.pth", stream(ordered([
    ("cuda", tensor(storage("Float", "1", 6, "cuda:0", "torch.cuda", False), 1, [2, 2], [2, 1])),
    ("sizes", tensor_v2(storage("Float", "1", 6, "cuda:0", "torch.cuda"), 0, [6], [1])),
    ("long", tensor(storage("Long", "2", 2), 0, [2], [1])),
]) + b"}" + text("_metadata") + ordered([]) + b"sb", {"1": floats, "2": numpy.array([-1, 2 ** 40], dtype="<i8")}),
    {"cuda": torch.tensor([[0.5, 1.0], [1.5, 2.0]]), "sizes": torch.from_numpy(floats.copy()), "long": torch.tensor([-1, 2 ** 40])})

by_hand("window.pth", stream(ordered([
    ("window", tensor(storage("Float", "1", 6, window=("9", 2, 3)), 1, [2], [1])),
    ("whole", tensor(storage("Float", "1", 6), 0, [3, 2], [1, 3])),
]), {"1": floats}))

plain_tensor = tensor(storage("Float", "1", 6), 2, [2], [2])
parameter, variable = name_of("torch.nn.parameter", "Parameter"), name_of("torch.autograd.variable", "Variable")
hooks, state = name_of("collections", "OrderedDict") + b")R", lambda *values: items(*values)
two = torch.tensor([1.0, 2.0])
by_hand("old_parameters.pth", stream(b"}(" + b"".join(text(key) + code for key, code in [
    ("reduce", parameter + items(plain_tensor) + b"R" + state(b"\x88", b"\x89", hooks) + b"b"),
    ("newobj", parameter + items(plain_tensor) + b"\x81" + state(b"\x88", b"\x89", hooks) + b"b"),
    ("copy_reg", name_of("copy_reg", "__newobj__") + items(parameter, plain_tensor) + b"R" + state(b"\x88", b"\x89", hooks) + b"b"),
    ("variable_state", variable + b")\x81" + state(plain_tensor, b"N", hooks, b"\x88", b"\x89") + b"b"),
    ("rebuild", name_of("torch._utils", "_rebuild_parameter") + items(plain_tensor, b"\x88", hooks) + b"R"),
    ("tensor_state", name_of("torch", "FloatTensor") + b")\x81" + state(storage("Float", "1", 6), integer(2), tuple_of(2), tuple_of(2)) + b"b"),
]) + b"u", {"1": floats}), {key: two for key in ("reduce", "newobj", "copy_reg", "variable_state", "rebuild", "tensor_state")})

unknown = name_of("nowhere", "Thing")
by_hand("opaque.pth", stream(b"}(" + b"".join(text(key) + code for key, code in [
    ("built", unknown + b")R}" + text("a") + plain_tensor + b"sb"),
    ("called", unknown + items(plain_tensor) + b"R)R)R"),
    ("items", unknown + b")\x81(" + text("a") + plain_tensor + b"u" + plain_tensor + b"a" + b"(" + plain_tensor + b"e"),
    ("keywords", unknown + b")}\x92"), ("global", unknown), ("system", name_of("posix", "system") + items(text("true")) + b"R"),
    ("state_dict", b"}" + text("weight") + plain_tensor + b"s"),
]) + b"u", {"1": floats}), {"weight": two})


def tar_archive():
    """The archive of 0.1: members with pickles and what they describe in binary."""
    storages = program(integer(2))
    for key, kind, values in ((10, "Float", floats), (11, "Long", numpy.array([7, -8], dtype="<i8"))):
        storages += program(items(integer(key), text("cpu"), name_of("torch", kind + "Storage"))) + struct.pack("<q", len(values)) + values.tobytes()
    storages += program(b"](" + items(integer(12), integer(10), integer(2), integer(4)) + b"e")
    tensors = program(integer(3))
    for key, on, kind, shape, strides, first in ((20, 10, "Float", [2, 3], [1, 2], 0), (21, 11, "Long", [2], [1], 0), (22, 12, "Float", [3], [1], 1)):
        tensors += program(items(integer(key), integer(on), name_of("torch", kind + "Tensor"))) + struct.pack("<q", len(shape))
        tensors += struct.pack(f"<{len(shape)}q", *shape) + struct.pack(f"<{len(shape)}q", *strides) + struct.pack("<q", first)
    body = program(b"}(" + text("weight") + integer(20) + b"Q" + text("count") + integer(21) + b"Q" + text("window") + integer(22) + b"Q" + b"u")
    with tarfile.open(path("tar.pth"), "w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in (("sys_info", pickle.dumps({}, protocol=2)), ("pickle", body), ("tensors", tensors), ("storages", storages)):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    expect("tar.pth", torch.load(path("tar.pth"), weights_only=False))


tar_archive()
with open(path("expected.txt"), "w") as file:
    file.write("\n".join(expectations) + "\n")
