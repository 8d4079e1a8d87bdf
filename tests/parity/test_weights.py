#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Weights go through cortune and come back bit for bit.

Random torchvision AlexNet and SqueezeNet 1.1 state dicts, saved by torch (zip and older
form) and as safetensors (written here from the format's definition), become a cortune
model, are read by h5py and xarray, go back to safetensors and into torchvision with
strict=True. Tolerance: none. Hostile and unfitting files are refused with exit code 3.
"""
import json
import os
import pathlib
import pickle
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict

import h5py
import numpy as np
import torch
import torchvision
import xarray

BIN = os.environ["CORTUNE_BIN"]
SOURCE = pathlib.Path(os.environ["CORTUNE_SOURCE"])
DTYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


def convert(*args, code=0):
    """Runs model-convert; returns its stderr."""
    done = subprocess.run([f"{BIN}/model-convert", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == code, f"{args}: exit {done.returncode}, expected {code}\n{done.stderr}"
    assert done.stdout == ""
    return done.stderr


def write_safetensors(path, arrays, dtype="F32", metadata=None, spoil=None):
    """arrays: name → ndarray; BF16 takes uint16 arrays of the bits."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, a in arrays.items():
        raw = a.tobytes() if dtype == "BF16" else a.astype(DTYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    if spoil:
        spoil(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + data)


sys.path.extend(map(str, SOURCE.glob("build/cuda-venv/lib/python3*/site-packages")))  # behind Debian's packages
skipped = set()


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    n = int.from_bytes(raw[:8], "little")
    assert n % 8 == 0, "the data of a written file is aligned"
    header = json.loads(raw[8:8 + n])
    metadata = header.pop("__metadata__", {})
    out = OrderedDict()
    for name, e in header.items():
        assert e["dtype"] == "F32"
        first, last = e["data_offsets"]
        out[name] = np.frombuffer(raw[8 + n + first:8 + n + last], np.float32).reshape(e["shape"])
    assert max(e["data_offsets"][1] for e in header.values()) == len(raw) - 8 - n
    try:
        from safetensors.numpy import load_file
    except ImportError:
        # Debian 12 has no package of it; the format is read by hand above. The CUDA build's environment has one.
        skipped.add("the Python package safetensors is not installed, so its reader was not asked")
    else:
        for name, a in load_file(str(path)).items():
            assert np.array_equal(a, out[name])
    return out, metadata


def check_equal(state, arrays):
    assert set(state) == set(arrays), set(state) ^ set(arrays)
    for name, tensor in state.items():
        assert np.array_equal(tensor.numpy(), arrays[name]), name


def round_trip(folder, make, state, source):
    """source → cortune → safetensors → torchvision, bit for bit."""
    ours, back = folder / "m.h5", folder / "back.safetensors"
    convert(source, "-o", ours, "--overwrite")
    with h5py.File(ours) as f:
        assert f.attrs["kind"] == "model" and f.attrs["complete"] == 1 and f.attrs["method"] == "untuned"
        assert isinstance(f.attrs["backbone"], str)
        names = [n for n in f["backbone"] if not n.startswith("axis")]
        check_equal(state, {n: f["backbone"][n][...] for n in names})
        weight = f["backbone/features.0.weight"]
        assert [d[0].name.split("/")[-1] for d in weight.dims] == [f"axis{i}_{s}" for i, s in enumerate(weight.shape)]
        json.loads(f["provenance"][()])
    with xarray.open_dataset(ours, group="backbone", engine="h5netcdf") as ds:
        assert np.array_equal(ds["features.0.weight"].values, state["features.0.weight"].numpy())
        assert ds["features.0.weight"].dims[1] == "axis1_3"
    convert(ours, "--to", "safetensors", "-o", back, "--overwrite")
    arrays, metadata = read_safetensors(back)
    assert metadata.pop("format") == "pt" and set(json.loads(metadata.pop("cortune.model"))) == {"backbone", "image_size"} and not metadata
    check_equal(state, arrays)
    network = make()
    network.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in arrays.items()}, strict=True)
    if make is torchvision.models.alexnet:
        return
    # And again through our own file: the second trip changes nothing.
    convert(back, "-o", folder / "again.h5", "--overwrite")
    convert(folder / "again.h5", "--to", "safetensors", "-o", folder / "again.safetensors", "--overwrite")
    assert back.read_bytes() == (folder / "again.safetensors").read_bytes()


def test_round_trips(folder):
    for make in (torchvision.models.alexnet, torchvision.models.squeezenet1_1):
        torch.manual_seed(1)
        state = make().state_dict()
        torch.save(state, folder / "zip.pth")
        torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
        write_safetensors(folder / "w.safetensors", {n: t.numpy() for n, t in state.items()})
        for source in ("zip.pth", "old.pth", "w.safetensors"):
            round_trip(folder, make, state, folder / source)


def test_other_forms(folder):
    """Strided views, shared storages, parameters, checkpoints, other number formats."""
    torch.manual_seed(2)
    state = torchvision.models.squeezenet1_1().state_dict()
    odd = OrderedDict(state)
    w = state["features.0.weight"]
    odd["features.0.weight"] = w.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)  # same values, other strides
    odd["features.3.squeeze.weight"] = state["features.3.squeeze.weight"].contiguous(memory_format=torch.channels_last)
    both = torch.cat([state["features.3.expand1x1.bias"], state["features.3.expand3x3.bias"]])
    n = len(state["features.3.expand1x1.bias"])
    odd["features.3.expand1x1.bias"], odd["features.3.expand3x3.bias"] = both[:n], both[n:]  # offset in one storage
    odd["classifier.1.weight"] = torch.nn.Parameter(state["classifier.1.weight"])
    odd["features.4.squeeze.weight"] = state["features.4.squeeze.weight"].double()
    plain = {"epoch": 3, "state_dict": dict(odd)}
    for name, value in (("a.pth", odd), ("b.pth", plain)):
        for new in (True, False):
            torch.save(value, folder / name, _use_new_zipfile_serialization=new)
            round_trip(folder, torchvision.models.squeezenet1_1, state, folder / name)
    half = {n: t.half() for n, t in state.items()}
    torch.save(half, folder / "half.pth")
    round_trip(folder, torchvision.models.squeezenet1_1, {n: t.float() for n, t in half.items()}, folder / "half.pth")
    write_safetensors(folder / "f16", {n: t.numpy() for n, t in state.items()}, "F16")
    round_trip(folder, torchvision.models.squeezenet1_1, {n: t.float() for n, t in half.items()}, folder / "f16")
    brain = {n: t.bfloat16() for n, t in state.items()}
    torch.save(brain, folder / "brain.pth")
    write_safetensors(folder / "bf16", {n: t.view(torch.int16).numpy().view(np.uint16) for n, t in brain.items()}, "BF16")
    write_safetensors(folder / "f64", {n: t.float().numpy() for n, t in brain.items()}, "F64")
    for source in ("brain.pth", "bf16", "f64"):
        round_trip(folder, torchvision.models.squeezenet1_1, {n: t.float() for n, t in brain.items()}, folder / source)
    # Every bit pattern of float16: subnormals, infinities, NaN. 65536 numbers in one bias-like hole.
    bits = np.arange(65536, dtype=np.uint16).view(np.float16)
    shape = state["classifier.1.weight"].shape
    full = np.resize(bits, shape)
    arrays = {n: t.numpy() for n, t in state.items()} | {"classifier.1.weight": full}
    write_safetensors(folder / "bits", arrays, "F16")
    convert(folder / "bits", "-o", folder / "bits.h5")
    with h5py.File(folder / "bits.h5") as f:
        assert np.array_equal(f["backbone/classifier.1.weight"][...], full.astype(np.float32), equal_nan=True)


# Opcodes of protocol 2 as Python 2 wrote them: short byte strings, four-byte numbers.
def old_text(text):
    return b"U" + bytes([len(text)]) + text.encode()


def old_number(n):
    return b"J" + struct.pack("<i", n)


def old_numbers(numbers):
    return b"(" + b"".join(map(old_number, numbers)) + b"t"


def old_tensor(key, t):
    """_rebuild_tensor(storage, offset, size, stride), before requires_grad and hooks were added."""
    storage = (b"(" + old_text("storage") + b"ctorch\nFloatStorage\n" + old_text(key) + old_text("cpu")
               + old_number(t.numel()) + b"NtQ")
    return (b"ctorch._utils\n_rebuild_tensor\n(" + storage + old_number(0) + old_numbers(t.shape)
            + old_numbers(t.stride()) + b"tR")


def old_stream(state, pairs="lists", spoil=None):
    """A state dict saved by PyTorch 0.1 under Python 2: OrderedDict([[name, tensor], …])."""
    entries = []
    for i, (name, t) in enumerate(state.items()):
        pair = old_text(name) + old_tensor(str(i), t)
        entries.append(b"](" + pair + b"e" if pairs == "lists" else pair + b"\x86")
    if spoil:
        entries.append(spoil)
    root = b"\x80\x02ccollections\nOrderedDict\n](" + b"".join(entries) + b"e\x85R."
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    keys = [str(i) for i in range(len(state))]
    data = b"".join(struct.pack("<q", t.numel()) + t.numpy().tobytes() for t in state.values())
    return b"".join([pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps(system, 2), root,
                     pickle.dumps(keys, 2), data])


def test_oldest_form(folder):
    """Files of PyTorch before 0.4 written by Python 2, as torch.load still reads them."""
    torch.manual_seed(3)
    state = OrderedDict((n, t.contiguous()) for n, t in torchvision.models.squeezenet1_1().state_dict().items())
    for pairs in ("lists", "tuples"):
        (folder / "oldest.pth").write_bytes(old_stream(state, pairs))
        assert list(torch.load(folder / "oldest.pth")) == list(state)
        check_equal(torch.load(folder / "oldest.pth"), {n: t.numpy() for n, t in state.items()})
        round_trip(folder, torchvision.models.squeezenet1_1, state, folder / "oldest.pth")
    for entry, word in ((old_text("x"), "str"), (b"](" + old_text("x") + b"e", "list"), (b"N", "None")):
        (folder / "spoiled.pth").write_bytes(old_stream(state, spoil=entry))
        message = convert(folder / "spoiled.pth", "-o", folder / "spoiled.h5", code=3)
        assert "spoiled.pth: expected a pair of name and value" in message and word in message, message


def lying_pth(path, state, size):
    """A zip of torch.save whose first storage claims `size` bytes, in its directory and in the pickle."""
    name, t = next(iter(state.items()))
    storage = (b"(" + old_text("storage") + b"ctorch\nFloatStorage\n" + old_text("0") + old_text("cpu")
               + old_number(size // 4) + b"NtQ")
    tensor = (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + old_number(0) + old_numbers(t.shape)
              + old_numbers(t.stride()) + b"\x89ccollections\nOrderedDict\n)RtR")
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("archive/data.pkl", b"\x80\x02}(" + old_text(name) + tensor + b"u.")
        z.writestr("archive/data/0", t.numpy().tobytes())
    raw = bytearray(path.read_bytes())
    for magic, at in ((b"PK\3\4", 18), (b"PK\1\2", 20)):  # compressed and plain size, one after the other
        entry = [m.start() for m in re.finditer(re.escape(magic), raw)][-1]
        raw[entry + at:entry + at + 8] = struct.pack("<II", size, size)
    path.write_bytes(raw)


class Evil:
    def __reduce__(self):
        return os.system, ("touch " + str(pathlib.Path(tempfile.gettempdir()) / "cortune-was-here"),)


def test_refusals(folder):
    out = folder / "refused.h5"
    state = torchvision.models.squeezenet1_1().state_dict()
    arrays = {n: t.numpy() for n, t in state.items()}

    def refused(path, *words, options=()):
        message = convert(path, "-o", out, *options, code=3)
        for word in (str(path), *words):
            assert word in message, f"'{word}' is not in: {message}"
        assert not out.exists() and not list(folder.glob(".*.part"))

    for new in (True, False):
        torch.save({"features.0.weight": Evil()}, folder / "evil.pth", _use_new_zipfile_serialization=new)
        refused(folder / "evil.pth", "system")
        torch.save(torchvision.models.squeezenet1_1(), folder / "whole.pth", _use_new_zipfile_serialization=new)
        refused(folder / "whole.pth", "torchvision.models.squeezenet.SqueezeNet")
        torch.save(OrderedDict(state, extra=np.zeros(3)), folder / "numpy.pth", _use_new_zipfile_serialization=new)
        refused(folder / "numpy.pth", "numpy")
        torch.save([1, 2], folder / "list.pth", _use_new_zipfile_serialization=new)
        refused(folder / "list.pth", "state dict", "list")
        torch.save(OrderedDict(state, epoch=3), folder / "number.pth", _use_new_zipfile_serialization=new)
        refused(folder / "number.pth", "epoch", "tensor", "int")
        torch.save(state, folder / "cut.pth", _use_new_zipfile_serialization=new)
        whole = (folder / "cut.pth").read_bytes()
        for keep in (0, 3, 14, 15, 40, 1000, len(whole) // 2, len(whole) - 1):
            (folder / "cut.pth").write_bytes(whole[:keep])
            refused(folder / "cut.pth")
    assert not (pathlib.Path(tempfile.gettempdir()) / "cortune-was-here").exists()
    (folder / "plain.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    refused(folder / "plain.pth")
    # A size that the file cannot hold is refused before memory is asked for.
    lying_pth(folder / "lying.pth", state, 2**32 - 8)
    refused(folder / "lying.pth", "archive/data/0: expected at most", f"found {2**32 - 8}")
    with zipfile.ZipFile(folder / "packed.pth", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("archive/data.pkl", bytes(1 << 20))
    refused(folder / "packed.pth", "archive/data.pkl: expected at most", ", packed")

    alex = {n: t.numpy() for n, t in torchvision.models.alexnet().state_dict().items()}
    write_safetensors(folder / "alex", alex)
    refused(folder / "alex", "features.0.weight", "(64, 3, 3, 3)", "(64, 3, 11, 11)", options=("--backbone", "squeezenet1_1"))
    ten = dict(alex, **{"classifier.6.weight": np.zeros((10, 4096), np.float32)})
    write_safetensors(folder / "ten", ten)
    refused(folder / "ten", "not the weights of alexnet", "classifier.6.weight", "(1000, 4096)", "(10, 4096)")
    write_safetensors(folder / "less", {n: a for n, a in arrays.items() if n != "features.6.squeeze.bias"})
    refused(folder / "less", "features.6.squeeze.bias")
    write_safetensors(folder / "more", dict(arrays, extra=np.zeros(2, np.float32)))
    refused(folder / "more", "extra")

    def spoiled(change, *words):
        write_safetensors(folder / "bad", arrays, spoil=change)
        refused(folder / "bad", *words)

    spoiled(lambda h: h["features.0.bias"].update(data_offsets=[0, 256]), "features.0.", "overlap")
    spoiled(lambda h: h["features.0.bias"].update(data_offsets=[300, 44]), "features.0.bias", "backwards")
    spoiled(lambda h: h["features.0.bias"].update(shape=[65]), "features.0.bias", "260", "256")
    spoiled(lambda h: h["features.0.bias"].update(shape=[2**33, 2**33]), "features.0.bias")
    spoiled(lambda h: h["features.0.bias"].update(shape=[-1]), "features.0.bias")
    spoiled(lambda h: h["features.0.bias"].update(dtype="F8_E4M3"), "features.0.bias", "F8_E4M3")
    spoiled(lambda h: h["features.0.bias"].update(dtype="I32"), "features.0.bias", "integers")
    spoiled(lambda h: h["features.0.bias"].pop("shape"), "features.0.bias")
    spoiled(lambda h: h.update(more=3), "more")
    spoiled(lambda h: h.update(__metadata__={"cortune.model": {"method": "infonce"}}), "cortune.model", "__metadata__")
    spoiled(lambda h: h.update(__metadata__=["cortune.model"]), "__metadata__")
    write_safetensors(folder / "short", arrays)
    whole = (folder / "short").read_bytes()
    for keep in (4, 8, 100, len(whole) // 2, len(whole) - 1):
        (folder / "short").write_bytes(whole[:keep])
        refused(folder / "short")
    (folder / "short").write_bytes(whole + b"1")
    refused(folder / "short")
    (folder / "pointer").write_text("version https://git-lfs.github.com/spec/v1\n")
    refused(folder / "pointer", "pointer")
    refused(folder / "absent", "no such file")
    refused(folder, "folder")
    assert "alexnet" in convert(folder / "alex", "-o", out, "--backbone", "alexnt", code=2)


def test_tuning_survives(folder):
    """A tuned model that went through safetensors is still a tuned model."""
    arrays = {n: t.numpy() for n, t in torchvision.models.squeezenet1_1().state_dict().items()}
    note = {"backbone": "squeezenet1_1", "image_size": 112, "method": "infonce", "subjects": ["subj01"],
            "dataset_uuids": ["u"], "hemisphere": "lh", "roi_class": "prf-visualrois", "roi": "V1v", "seed": 3,
            "options": "{}", "column": [4, 5], "vertex": [10, 11], "tuned_image": ["x:1", "x:2"],
            "tuned_sha256": ["aa", "bb"], "loss": [2.5, 1.5], "validation_loss": [None, 0.25],
            "learning_rate": [1e-4, 1e-4]}
    heads = {"heads.image.weight": np.ones((2, 3), np.float32), "heads.response.weight": np.eye(2, dtype=np.float32)}
    write_safetensors(folder / "t.safetensors", arrays | heads, metadata={"cortune.model": json.dumps(note)})
    convert(folder / "t.safetensors", "-o", folder / "t.h5")
    with h5py.File(folder / "t.h5") as f:
        assert f.attrs["method"] == "infonce" and f.attrs["roi"] == "V1v" and f.attrs["image_size"] == 112
        assert list(f.attrs["subjects"]) == ["subj01"] and f.attrs["seed"] == 3
        assert [s.decode() for s in f["tuned/image"][...]] == ["x:1", "x:2"]
        assert list(f["vertex"][...]) == [10, 11] and list(f["column"][...]) == [4, 5]
        assert np.isnan(f["history/validation_loss"][0]) and f["history/validation_loss"][1] == 0.25
        assert f["heads/image.weight"].shape == (2, 3)
    convert(folder / "t.h5", "--to", "safetensors", "-o", folder / "back.safetensors")
    back, metadata = read_safetensors(folder / "back.safetensors")
    written = json.loads(metadata["cortune.model"])
    with h5py.File(folder / "t.h5") as f:
        assert written.pop("uuid") == f.attrs["uuid"]
        assert written.pop("provenance") == json.loads(f["provenance"][()])
    assert written == note and not any(n.startswith("heads.") for n in back)
    convert(folder / "t.h5", "--to", "safetensors", "--heads", "-o", folder / "heads.safetensors")
    back, _ = read_safetensors(folder / "heads.safetensors")
    assert all(np.array_equal(back[n], a) for n, a in heads.items())
    for bad in ({}, note | {"tuned_image": [], "tuned_sha256": []}, note | {"tuned_sha256": ["aa"]},
                note | {"vertex": [10]}, note | {"method": "untuned"}, note | {"image_size": 16},
                note | {"learning_rate": []}, note | {"uuid": "u", "provenance": {"root": "u", "nodes": {"u": 3}}}):
        write_safetensors(folder / "bad", arrays, metadata={"cortune.model": json.dumps(bad)})
        message = convert(folder / "bad", "-o", folder / "bad.h5", code=3)
        assert str(folder / "bad") in message and "cortune.model" in message and "internal" not in message, message
    # A program that rewrites the tensors and drops the note does not make a tuned network untuned.
    write_safetensors(folder / "bad", arrays | heads)
    assert "cortune.model" in convert(folder / "bad", "-o", folder / "bad.h5", code=3)


def test_least_pictures(folder):
    """The least sizes that model-convert admits are those that PyTorch's layers take."""
    def mini_features():
        pool = torch.nn.MaxPool2d(3, 2)
        shapes = ((3, 32, 5, 2, 2), (32, 48, 3, 1, 1), (48, 64, 3, 1, 1), (64, 64, 3, 1, 1), (64, 64, 3, 1, 1))
        a, b, c, d, e = (torch.nn.Conv2d(*s) for s in shapes)
        return torch.nn.Sequential(a, pool, b, pool, c, d, e, pool)

    alexnet, squeezenet = torchvision.models.alexnet(), torchvision.models.squeezenet1_1()
    mini = SOURCE / "share/models/alexnet-mini.h5"
    torch.save(alexnet.state_dict(), folder / "alexnet.pth")
    torch.save(squeezenet.state_dict(), folder / "squeezenet1_1.pth")
    for name, network, source, least in (("alexnet", alexnet.features, folder / "alexnet.pth", 63),
                                         ("squeezenet1_1", squeezenet, folder / "squeezenet1_1.pth", 17),
                                         ("alexnet-mini", mini_features(), mini, 29)):
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, least, least))
            try:
                network(torch.zeros(1, 3, least - 1, least - 1))
            except RuntimeError:
                pass
            else:
                raise AssertionError(f"{name} takes less than {least}")
        convert(source, "-o", folder / "least.h5", "--overwrite", "--image-size", least)
        message = convert(source, "-o", folder / "less.h5", "--image-size", least - 1, code=2)
        assert f"{name} takes pictures of {least} px and more" in message, message


def test_real_weights(folder):
    real = SOURCE.parent / "shared/data/weights/squeezenet1_1.safetensors"
    if not real.exists():
        print("SKIPPED real weights: not here")
        return
    state = {n: torch.from_numpy(a.copy()) for n, a in read_safetensors(real)[0].items()}
    round_trip(folder, torchvision.models.squeezenet1_1, state, real)


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_") and (len(sys.argv) < 2 or name in sys.argv[1:]):
            with tempfile.TemporaryDirectory() as scratch:
                test(pathlib.Path(scratch))
            print("ok", name, flush=True)
    for why in skipped:
        print("SKIPPED:", why)
