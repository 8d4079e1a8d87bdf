# SPDX-License-Identifier: BSD-3-Clause
"""h5py whose files lose their digest where they are opened to be edited: what is edited here is edited on purpose."""
import h5py

_File = h5py.File


class File(_File):
    def __init__(self, name, mode="r", **options):
        super().__init__(name, mode, **options)
        if mode in ("a", "r+") and "file_sha256" in self:
            del self["file_sha256"]


h5py.File = File
