# SPDX-License-Identifier: MIT
"""Makes torch.safetensors: tensors of the types that widen when they are read, named by the format's name of the type, and beside each as
`TYPE.wide` what torch makes of it. Needs torch and safetensors:

    /tmp/venv/bin/python tests/io/data/make_torch_safetensors.py
"""

import pathlib

import torch
from safetensors.torch import save_file

every_byte = torch.arange(256, dtype=torch.int32).to(torch.uint8)
# Of 16 bits some: both zeros, the subnormals' and the normals' ends, infinities, NaN, and between them in steps of a prime.
some_bits = torch.tensor([0, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0x7E00, 0x7F80, 0x7FC0, 0x8000, 0x8001, 0xFBFF, 0xFC00, 0xFF80, *range(0, 65536, 257)])
some_bits = some_bits.to(torch.uint16)
narrow = {
    "F16": some_bits.view(torch.float16), "BF16": some_bits.view(torch.bfloat16),
    "F8_E4M3": every_byte.view(torch.float8_e4m3fn).reshape(4, 64), "F8_E5M2": every_byte.view(torch.float8_e5m2).reshape(16, 16),
    "I16": torch.tensor([[-32768], [32767]], dtype=torch.int16), "I8": every_byte.view(torch.int8),
    "U16": some_bits, "U32": torch.tensor([0, 2**31, 2**32 - 1], dtype=torch.uint32),
}
wide = {name: x.float() if x.is_floating_point() else x.to(torch.int64 if x.dtype == torch.uint32 else torch.int32) for name, x in narrow.items()}
long = (torch.arange(10000) % 1024 / 64).half()  # more than is converted at a time
tensors = narrow | {f"{name}.wide": x for name, x in wide.items()} | {"long": long}
save_file({name: x.clone() for name, x in tensors.items()}, pathlib.Path(__file__).parent / "torch.safetensors")
