"""Writes tests/numpy_files.h: small files as NumPy makes them, for tests/npy_test.cpp.

record_numpy.py OUT
"""

import base64
import io
import sys
import zipfile

import numpy as np


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def npz(save, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


x = np.arange(6).reshape(2, 3)
FILES = {
    "float32": npy((x / 4).astype("<f4")),
    "float64_big_endian_fortran": npy(np.asfortranarray((x / 8).astype(">f8"))),
    "int64_scalar": npy(np.array(-5, "<i8")),
    "int32_3d_fortran": npy(np.asfortranarray(np.arange(24).reshape(2, 3, 4).astype("<i4"))),
    "uint8_empty": npy(np.zeros((0, 3), np.uint8)),
    "bool_1d": npy(np.array([True, False, True])),
    "format_2": npy((x / 4).astype("<f4"), (2, 0)),
    "format_3": npy((x / 4).astype("<f4"), (3, 0)),
    "float16": npy(x.astype("<f2")),
    "records": npy(np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")])),
    "stored": npz(np.savez, x=(x / 4).astype("<f4"), labels=np.array([3, 1], np.uint8)),
    "compressed": npz(np.savez_compressed, x=(x / 4).astype("<f4"), labels=np.array([3, 1], np.uint8)),
}

zipfile.ZIP64_LIMIT = 1  # all sizes and places in the fields for those beyond 4 GiB
FILES["zip64"] = npz(np.savez_compressed, x=(x / 4).astype("<f4"), labels=np.array([3, 1], np.uint8))

with open(sys.argv[1], "w") as out:
    out.write(f"// Files that NumPy {np.__version__} wrote, in base64: scripts/record_numpy.py.\n#pragma once\n\n")
    out.write("namespace numpy_files {\n\n")
    for name, data in FILES.items():
        text = base64.b64encode(data).decode()
        lines = "\n".join(f'    "{text[i:i + 100]}"' for i in range(0, len(text), 100))
        out.write(f"inline constexpr const char* {name} =\n{lines};\n")
    out.write("\n}  // namespace numpy_files\n")
