# SPDX-License-Identifier: MIT
"""Makes python.safetensors, a file as Python writes it, for safetensors_test.cpp. Needs numpy and safetensors:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy safetensors
    /tmp/venv/bin/python tests/io/data/make_python_safetensors.py

With a file as argument it reads that file instead and prints every tensor and the metadata, a line each, sorted by name.
"""

import pathlib
import sys

import numpy
from safetensors import safe_open
from safetensors.numpy import save_file

if len(sys.argv) > 1:
    with safe_open(sys.argv[1], "numpy") as file:
        for key, text in sorted((file.metadata() or {}).items()):
            print("metadata", repr(key), repr(text))
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            print(name, tensor.dtype, list(tensor.shape), tensor.ravel().tolist())
else:
    save_file(
        {
            "float32": numpy.array([[0.0, 1.5, -2.25], [3e38, 1e-45, numpy.inf]], numpy.float32),
            "float64": numpy.array([[[0.1], [-1e300]]], numpy.float64),
            "int64": numpy.array([-(2**63), 2**63 - 1], numpy.int64),
            "int32": numpy.array([[-(2**31)], [2**31 - 1]], numpy.int32),
            "uint8": numpy.array([0, 127, 255], numpy.uint8),
            "bool": numpy.array([True, False, True], numpy.bool_),
            "scalar": numpy.array(2.5, numpy.float64),
            "empty": numpy.zeros((2, 0, 3), numpy.float32),
            "images": numpy.arange(24, dtype=numpy.float32).reshape(1, 2, 3, 4),
            'name "quoted" \\ é 😀\n': numpy.array([1.0], numpy.float32),
        },
        pathlib.Path(__file__).parent / "python.safetensors",
        {"format": "np", "text": 'line\n"quoted" é 😀 \x01'},
    )
