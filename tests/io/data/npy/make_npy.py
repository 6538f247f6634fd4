# SPDX-License-Identifier: MIT
"""Makes the arrays of this folder with numpy 2, to be run where it stands: python tests/io/data/npy/make_npy.py"""
import os

import numpy as np

folder = os.path.dirname(os.path.abspath(__file__))
x = np.arange(6).reshape(2, 3) - 2
arrays = {"f4": x.astype("<f4") / 2, "f8": x.astype("<f8") / 3, "f2": x.astype("<f2") / 2, "i8": x.astype("<i8"), "i4": x.astype("<i4"), "i2": x.astype("<i2"),
          "i1": x.astype("i1"), "u1": x.astype("u1"), "u2": x.astype("<u2"), "u4": x.astype("<u4"), "b1": x > 0, "big": x.astype(">f4") / 2,
          "big_i8": x.astype(">i8"), "fortran": np.asfortranarray(x.astype("<f8")), "fortran3": np.asfortranarray(np.arange(24, dtype="<i4").reshape(2, 3, 4)),
          "scalar": np.array(2.5), "empty": np.zeros((0, 3), "<f4"), "vector": np.arange(3)}
np.savez(os.path.join(folder, "stored.npz"), **arrays)
np.savez_compressed(os.path.join(folder, "deflated.npz"), **arrays, zeros=np.zeros(100_000, "<f4"), noise=np.random.default_rng(1).integers(0, 40, 3000, "u1"),
                    ramp=np.arange(5000, dtype="<i4"))
np.save(os.path.join(folder, "fortran.npy"), arrays["fortran"])
with open(os.path.join(folder, "version3.npy"), "wb") as file:
    np.lib.format.write_array(file, arrays["f4"], version=(3, 0))
np.save(os.path.join(folder, "complex.npy"), np.zeros(2, "c8"))
np.save(os.path.join(folder, "record.npy"), np.zeros(2, [("a", "f4")]))
np.save(os.path.join(folder, "object.npy"), np.array([None]), allow_pickle=True)
