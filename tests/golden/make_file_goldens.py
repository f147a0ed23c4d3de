"""Writes files/weights.pth, files/legacy.pth, files/evil.pth and files/arrays.npz with torch and numpy, for tests/io.
The values are simple functions of the index, which the test repeats.

    pip install torch==2.15.0 numpy==2.4.6 && python make_file_goldens.py
"""
import os
import pathlib

import numpy as np
import torch

folder = pathlib.Path(__file__).with_name("files")
folder.mkdir(exist_ok=True)
count = torch.arange(12).reshape(3, 4)
base = (count - 5).float()
torch.save({"state_dict": {"f32": base, "view.t": base.t(), "part": base[1:, 1:3], "bf16": base.bfloat16(),
                           "f16": base.half(), "f64": base.double(), "i64": count, "i8": (count - 5).to(torch.int8),
                           "bool": count % 3 == 0, "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4),
                           "parameter": torch.nn.Parameter(base * 2)}, "epoch": 3, "name": "x"}, folder / "weights.pth")
torch.save({"f32": base}, folder / "legacy.pth", _use_new_zipfile_serialization=False)


class Evil:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


torch.save({"f32": base, "evil": Evil()}, folder / "evil.pth")
n = np.arange(12).reshape(3, 4)
np.savez_compressed(folder / "arrays.npz", f32=(n - 5).astype(np.float32), f64=(n - 5).astype(np.float64),
                    i16=(n - 5).astype(np.int16), fortran=np.asfortranarray((n - 5).astype(np.float32)), bool=n % 3 == 0,
                    u8=n.astype(np.uint8), scalar=np.float32(2.5))
np.savez(folder / "stored.npz", f16=(n - 5).astype(np.float16), u32=n.astype(np.uint32))
np.savez(folder / "objects.npz", bad=np.array([{}], dtype=object))
np.save(folder / "one.npy", (n - 5).astype(np.int64))
