# SPDX-License-Identifier: BSD-3-Clause
"""nsd-extract against NumPy, Pillow and hashlib: pixels, identities, splits, responses
and masks are compared for equality, except for --normalize (1e-5: float32 is stored)."""
import hashlib
import pathlib
import pickle
import struct
import zipfile
import zlib

import h5py
import numpy as np
import xarray
from PIL import Image

from common import SHARED, close, run, scratch, same_data_sets

MAPPINGS = {
    "prf-visualrois": {0: "Unknown", 1: "V1v", 2: "V1d", 7: "hV4"},
    "floc-bodies": {0: "Unknown", 1: "EBA", 2: "FBA-1 "},
    "streams": {0: "Unknown", 1: "early", 5: "ventral"},
}


def same(what, found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or not np.array_equal(found, expected):
        raise SystemExit(f"FAILED {what}: {found} is not {expected}")
    print(f"ok {what}")


def picture(rng, width, height):
    """Noise on a gradient: every weight of the filter counts."""
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    return np.clip(ramp + rng.normal(0, 80, (height, width, 3)), 0, 255).astype(np.uint8)


def pixel_hash(rgb):
    height, width = rgb.shape[:2]
    return hashlib.sha256(struct.pack("<II", width, height) + rgb.tobytes()).hexdigest()


def side(image, seed=0, share=0.15):
    digest = hashlib.sha256(f"{seed}/{image}".encode()).digest()
    return int(int.from_bytes(digest[:8], "big") / 2**64 < share)


def reference(path, size):
    """What the file should hold of a picture: resized pixels and the source's hash."""
    rgb = Image.open(path).convert("RGB")
    return np.asarray(rgb.resize((size, size), Image.BILINEAR)), pixel_hash(np.asarray(rgb))


def extract_pictures(folder, pictures, size, *more):
    """Runs the table layout over a folder with made-up responses."""
    count = len(list(pictures.iterdir()))
    np.save(folder / "r.npy", np.zeros((count, 3), np.float32))
    out = folder / "pictures.h5"
    run("nsd-extract", "table", "--images", pictures, "--responses", folder / "r.npy", "--orientation",
        "images-by-units", "--namespace", "p", "--size", size, "--overwrite", "-o", out, *more)
    return out


def compare_pictures(what, folder, pictures, sizes):
    names = sorted(p.name for p in pictures.iterdir())
    for size in sizes:
        with h5py.File(extract_pictures(folder, pictures, size)) as file:
            same(f"{what}, {size} px, ids", file["image"].asstr()[:], ["p:" + n.rsplit(".", 1)[0] for n in names])
            wrong = []
            for row, name in enumerate(names):
                rgb, digest = reference(pictures / name, size)
                if not np.array_equal(file["pixels"][row], rgb) or file["sha256"].asstr()[row] != digest:
                    wrong.append(name)
            same(f"{what}, {size} px, pixels of {len(names)} pictures", wrong, [])


def test_resize(folder):
    """Random and chosen sizes, larger and smaller, as far as one pixel."""
    rng = np.random.default_rng(1)
    pictures = folder / "sizes"
    pictures.mkdir()
    chosen = [(425, 425), (112, 112), (128, 128), (1, 1), (1, 300), (300, 1), (2, 3), (224, 425), (425, 224), (1200, 37)]
    random = [tuple(rng.integers(1, 700, 2)) for _ in range(150)]
    for i, (width, height) in enumerate(chosen + random):
        Image.fromarray(picture(rng, width, height)).save(pictures / f"{i:03d}-{width}x{height}.png", compress_level=1)
    compare_pictures("resize", folder, pictures, [224, 64, 112, 1, 500, 227, 3])


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(path, width, height, depth, colour, rows, extra=b""):
    """A PNG of a form that Pillow reads but does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def test_formats(folder):
    """Every kind of PNG and JPEG as Pillow's convert("RGB") reads it."""
    rng = np.random.default_rng(2)
    pictures = folder / "formats"
    pictures.mkdir()
    rgb = Image.fromarray(picture(rng, 90, 70))
    for mode in ("L", "LA", "RGBA", "P", "1"):
        rgb.convert(mode).save(pictures / f"png-{mode}.png")
    alpha = Image.fromarray(np.dstack([picture(rng, 90, 70), rng.integers(0, 256, (70, 90), np.uint8)]))
    alpha.save(pictures / "png-alpha.png")
    rgb.quantize(16).save(pictures / "png-P4.png", bits=4)
    rgb.quantize(50).save(pictures / "png-transparent.png", transparency=7)
    Image.fromarray(rng.integers(0, 700, (70, 90)).astype(np.uint16)).save(pictures / "png-I16.png")
    for channels, colour, name in ((2, 4, "LA16"), (3, 2, "RGB16"), (4, 6, "RGBA16")):
        raw_png(pictures / f"png-{name}.png", 20, 30, 16, colour, rng.integers(0, 256, (30, 20 * channels * 2)))
    for depth in (1, 2, 4, 8):
        rows = rng.integers(0, 256, (30, 24 * depth // 8))
        raw_png(pictures / f"png-grey{depth}.png", 24, 30, depth, 0, rows)
        palette = chunk(b"PLTE", rng.integers(0, 256, 3 * 2**depth, np.uint8).tobytes())
        raw_png(pictures / f"png-palette{depth}.png", 24, 30, depth, 3, rows, palette)
    photo = Image.fromarray(picture(rng, 12, 10)).resize((131, 97), Image.BICUBIC)
    for sampling in (0, 1, 2):
        photo.save(pictures / f"jpeg-s{sampling}.jpg", quality=80, subsampling=sampling)
    photo.save(pictures / "jpeg-progressive.jpeg", progressive=True, quality=60)
    photo.convert("L").save(pictures / "jpeg-grey.JPG")
    photo.convert("CMYK").save(pictures / "jpeg-cmyk.jpg", quality=90)
    compare_pictures("formats", folder, pictures, [64, 224])


def make_subject(root, flat, rng, images=60, test_images=12, vertices=(37, 41)):
    """An Algonauts tree of subject 2; returns what went into it."""
    nested = root / "subj02"
    train = root / "training_images/Subj2" if flat else nested / "training_split/training_images"
    fmri = root / "training_fmri/Subj2" if flat else nested / "training_split/training_fmri"
    test = root / "test_images/Subj2" if flat else nested / "test_split/test_images"
    test_fmri = root / "test_fmri/Subj2" if flat else nested / "test_split/test_fmri"
    ceiling = root / "noise_ceiling/Subj2" if flat else nested / "test_split/noise_ceiling"
    masks = root / "roi_masks/Subj2" if flat else nested / "roi_masks"
    prefix = "subj2_" if flat else ""
    for part in (train, fmri, test, test_fmri, ceiling, masks):
        part.mkdir(parents=True)
    truth = {"files": [], "ids": [], "responses": {}, "labels": {}, "vertex": {}, "ceiling": {}}
    stimuli = rng.choice(73000, images + test_images, replace=False)
    for i, stimulus in enumerate(stimuli):
        part, n = (train, i) if i < images else (test, i - images)
        path = part / f"{'train' if i < images else 'test'}-{n + 1:04d}_nsd-{stimulus:05d}.png"
        Image.fromarray(picture(rng, 85, 85)).save(path)
        truth["files"].append(path)
        truth["ids"].append(f"nsd:{stimulus:05d}")
    for hemisphere, count in zip(("lh", "rh"), vertices):
        responses = rng.normal(2, 3, (images + test_images, count)).astype(np.float32)
        np.save(fmri / f"{prefix}{hemisphere}_training_fmri.npy", responses[:images])
        np.save(test_fmri / f"{prefix}{hemisphere}_test_fmri.npy", responses[images:])
        truth["responses"][hemisphere] = responses
        truth["ceiling"][hemisphere] = rng.uniform(0, 1, count).astype(np.float32)
        np.save(ceiling / f"{prefix}{hemisphere}_noise_ceiling.npy", truth["ceiling"][hemisphere])
        truth["vertex"][hemisphere] = np.sort(rng.choice(163842, count, replace=False))
        everywhere = np.zeros(163842, np.int64)
        everywhere[truth["vertex"][hemisphere]] = 1
        np.save(masks / f"{hemisphere}.all-vertices_fsaverage_space.npy", everywhere)
        for name, mapping in MAPPINGS.items():
            labels = rng.choice(list(mapping), count).astype(np.int64)
            np.save(masks / f"{hemisphere}.{name}_challenge_space.npy", labels)
            truth["labels"][hemisphere, name] = labels
    for name, mapping in MAPPINGS.items():
        np.save(masks / f"mapping_{name}.npy", mapping)
    return truth


def compare_subject(what, path, truth, images, size):
    with h5py.File(path) as file:
        same(f"{what}: ids", file["image"].asstr()[:], truth["ids"])
        split = [side(i) for i in truth["ids"]]
        split[images:] = [2] * (len(split) - images)
        same(f"{what}: split", file["split"][:], split)
        same(f"{what}: rule of the split", file.attrs["split_rule"], "hash")
        pictures = [reference(p, size) for p in truth["files"]]
        same(f"{what}: pixels", file["pixels"][:], np.stack([p[0] for p in pictures]))
        same(f"{what}: hashes", file["sha256"].asstr()[:], [p[1] for p in pictures])
        for h in ("lh", "rh"):
            same(f"{what}: responses {h}", file[f"response_{h}"][:], truth["responses"][h])
            same(f"{what}: vertices {h}", file[f"vertex_{h}"][:], truth["vertex"][h])
            same(f"{what}: ceiling {h}", file[f"noise_ceiling_{h}"][:], truth["ceiling"][h])
            for name, mapping in MAPPINGS.items():
                d = file[f"roi_{h}_{name.replace('-', '_')}"]
                same(f"{what}: labels {h} {name}", d[:], truth["labels"][h, name])
                same(f"{what}: names {name}", d.attrs["label_names"], [n.strip() for v, n in mapping.items() if v])
                same(f"{what}: values {name}", d.attrs["label_values"], [v for v in mapping if v])
                same(f"{what}: class {name}", d.attrs["roi_class"], name)


def compare_xarray(path, truth):
    engines = ["h5netcdf"]
    try:
        import netCDF4  # noqa: F401
        engines.append("netcdf4")
    except ImportError:
        pass
    for engine in engines:
        with xarray.open_dataset(path, engine=engine) as data:
            same(f"{engine}: dims", data["pixels"].dims, ("image", "y", "x", "channel"))
            same(f"{engine}: coordinates", data["image"].values, truth["ids"])
            one = data["response_lh"].sel(image=truth["ids"][3])
            same(f"{engine}: a row by its id", one.values, truth["responses"]["lh"][3])
            same(f"{engine}: dims of labels", data["roi_rh_streams"].dims, ("vertex_rh",))


def test_algonauts(folder):
    for flat in (False, True):
        rng = np.random.default_rng(3 + flat)
        root = folder / ("flat" if flat else "nested")
        truth = make_subject(root, flat, rng)
        out = root / "subj02.h5"
        run("nsd-extract", "algonauts", root, "--subject", 2, "--size", 64, "-o", out)
        compare_subject(root.name, out, truth, 60, 64)
        compare_xarray(out, truth)
        if not flat:
            run("nsd-extract", "algonauts", root / "subj02", "--subject", 2, "--size", 85, "-o", root / "own.h5")
            compare_subject("the subject's own folder", root / "own.h5", truth, 60, 85)
            run("nsd-extract", "algonauts", root / "subj02", "--subject", 1, "-o", root / "no.h5", expect=3)
        normalized(root, truth)


def test_simulated(folder):
    """What nsd-simulate writes and the same numbers and pixels written by numpy, pickle and Pillow are one data set."""
    run("nsd-simulate", "--preset", "tiny", "--subjects", 1, "--seed", 8, "-q", "-o", folder / "simulated")
    theirs, ours = folder / "rewritten/subj01", folder / "simulated/subj01"
    for source in sorted(p for p in ours.rglob("*") if p.is_file()):
        target = theirs / source.relative_to(ours)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".npy":
            np.save(target, np.load(source, allow_pickle=True), allow_pickle=True)
        elif source.suffix == ".png":
            Image.open(source).save(target)
    for name in ("simulated", "rewritten"):
        run("nsd-extract", "algonauts", folder / name, "--subject", 1, "--size", 64, "-q", "-o", folder / f"{name}.h5")
    with h5py.File(folder / "simulated.h5") as a, h5py.File(folder / "rewritten.h5") as b:
        names = lambda f: sorted(n for n in f if isinstance(f[n], h5py.Dataset) and n != "provenance")
        assert names(a) == names(b) and len(names(a)) > 10
        same_data_sets(a, b)


def normalized(root, truth):
    """z-scores by the training images alone; a constant column gives zeros."""
    out = root / "normalized.h5"
    run("nsd-extract", "algonauts", root, "--subject", 2, "--size", 8, "--normalize", "-o", out)
    with h5py.File(out) as file:
        train = file["split"][:] == 0
        for h in ("lh", "rh"):
            y = truth["responses"][h].astype(float)
            close(f"normalized {h}", file[f"response_{h}"][:], (y - y[train].mean(0)) / y[train].std(0), 1e-5)


def test_table(folder):
    """Orders, types, archives, lists and appended sessions."""
    rng = np.random.default_rng(5)
    pictures = folder / "table"
    (pictures / "b").mkdir(parents=True)
    names = [f"{'b/' if i % 3 == 0 else ''}img{i:02d}" for i in range(20)]
    for name in names:
        Image.fromarray(picture(rng, 20, 30)).save(pictures / f"{name}.png")
    archive = folder / "table.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for name in reversed(names):
            z.write(pictures / f"{name}.png", f"{name}.png")
        z.writestr("__MACOSX/._img00.png", b"junk")
    order = sorted(f"{n}.png" for n in names)
    out = folder / "table.h5"
    for kind in ("f4", "f8", "i8", "i4", "i2", "i1", "u1", "?"):
        for layout in ("C", "F"):
            for turned in (False, True):
                y = rng.integers(0, 2 if kind == "?" else 100, (20, 7)).astype(kind)
                np.save(folder / "y.npy", np.asarray(y.T if turned else y, order=layout))
                source = archive if turned else pictures
                run("nsd-extract", "table", "--images", source, "--responses", folder / "y.npy", "--namespace", "s",
                    "--size", 16, "--overwrite", "-o", out)
                with h5py.File(out) as file:
                    same(f"table {kind} {layout} {turned}", file["response_all"][:], y.astype(np.float32))
                    same("ids", file["image"].asstr()[:], ["s:" + n[:-4] for n in order])
    shuffled = [str(n) for n in rng.permutation(names)]
    (folder / "names.txt").write_text("\n".join(shuffled[:15]) + "\n")
    y = rng.normal(size=(15, 4)).astype(np.float32)
    second = rng.normal(size=(4, 20)).astype(np.float64)
    np.save(folder / "y.npy", y)
    np.save(folder / "second.npy", second)
    (folder / "all.txt").write_text("\n".join(order) + "\n")
    (folder / "test.txt").write_text(f"# held out\na:{shuffled[3]}\n{shuffled[0]}\nnever:seen\n")
    run("nsd-extract", "table", "--images", pictures, "--responses", folder / "y.npy", "--namespace", "a", "--names",
        folder / "names.txt", "--images", archive, "--responses", folder / "second.npy", "--namespace", "b",
        "--names", folder / "all.txt", "--subject", "monkey", "--roi-name", "V4", "--test-list", folder / "test.txt",
        "--size", 16, "--overwrite", "-o", out)
    ids = ["a:" + n for n in shuffled[:15]] + ["b:" + n[:-4] for n in order]
    with h5py.File(out) as file:
        same("appended ids", file["image"].asstr()[:], ids)
        same("appended responses", file["response_all"][:], np.vstack([y, second.T]).astype(np.float32))
        listed = {f"a:{shuffled[3]}", f"a:{shuffled[0]}", f"b:{shuffled[0]}"}
        same("listed split", file["split"][:], [int(i in listed) for i in ids])
        same("rule of the split", file.attrs["split_rule"], "list")
        same("subject", file.attrs["subject"], "monkey")
        same("roi", file["roi_all_table"].attrs["label_names"], ["V4"])
        first = Image.open(pictures / f"{shuffled[0]}.png").resize((16, 16), Image.BILINEAR)
        same("pixels by list", file["pixels"][0], np.asarray(first))


def test_mappings(folder):
    """Label names pickled by every protocol, by NumPy 1 and 2, and written by nsd-simulate."""
    root = folder / "mappings"
    make_subject(root, False, np.random.default_rng(6), images=5, test_images=2)
    mapping = root / "subj02/roi_masks/mapping_streams.npy"
    header = mapping.read_bytes()[:128]
    array = np.array(None, dtype=object)
    array[()] = {0: "Unknown", 1: "early ", 5: "veñtral"}
    for protocol in (2, 3, 4, 5):
        data = pickle.dumps(array, protocol)
        newer = data.replace(b"cnumpy.core.multiarray\n", b"cnumpy._core.multiarray\n")
        newer = newer.replace(b"\x8c\x15numpy.core.multiarray", b"\x8c\x16numpy._core.multiarray")
        assert newer != data
        for text in (data, newer):
            mapping.write_bytes(header + text)
            run("nsd-extract", "algonauts", root, "--subject", 2, "--size", 4, "--overwrite", "-o", root / "out.h5")
            with h5py.File(root / "out.h5") as file:
                same(f"protocol {protocol}", file["roi_lh_streams"].attrs["label_names"], ["early", "veñtral"])
    run("nsd-simulate", "--preset", "tiny", "--images", 8, "--subjects", 1, "-o", root / "simulated")
    for path in sorted((root / "simulated/subj01/roi_masks").glob("mapping_*.npy")):
        names = np.load(path, allow_pickle=True).item()
        same(f"NumPy reads {path.name}", [type(k) for k in names] + [type(v) for v in names.values()],
             [int] * len(names) + [str] * len(names))
        same(f"{path.name} starts with Unknown", names[0], "Unknown")


def test_cut_jpeg(folder):
    """A JPEG that ends early is refused wherever it was cut."""
    pictures = folder / "cut"
    pictures.mkdir()
    photo = Image.fromarray(picture(np.random.default_rng(7), 40, 30))
    for progressive in (False, True):
        photo.save(pictures / "whole.jpg", progressive=progressive)
        whole = (pictures / "whole.jpg").read_bytes()
        extract_pictures(folder, pictures, 8)
        for length in [*range(3, len(whole), len(whole) // 25), len(whole) - 2, len(whole) - 1]:
            (pictures / "whole.jpg").write_bytes(whole[:length])
            (folder / "pictures.h5").unlink(missing_ok=True)
            run("nsd-extract", "table", "--images", pictures, "--responses", folder / "r.npy", "--orientation",
                "images-by-units", "--namespace", "p", "-o", folder / "pictures.h5", expect=3)
        print(f"ok cut JPEG, progressive {progressive}")


def test_real_masks(folder):
    """Vertices per ROI of the real masks, as NumPy counts them."""
    if not (SHARED / "algonauts_masks").is_dir():
        print("SKIPPED real masks: not here")
    for source in sorted((SHARED / "algonauts_masks").glob("subj*")):
        number = int(source.name[4:])
        root = folder / source.name
        (root / "training_split/training_images").mkdir(parents=True)
        (root / "training_split/training_fmri").mkdir()
        (root / "roi_masks").symlink_to(source / "roi_masks")
        Image.new("RGB", (4, 4)).save(root / "training_split/training_images/train-0001_nsd-00013.png")
        for h in ("lh", "rh"):
            count = len(np.load(source / f"roi_masks/{h}.prf-visualrois_challenge_space.npy"))
            np.save(root / f"training_split/training_fmri/{h}_training_fmri.npy", np.zeros((1, count), np.float32))
        run("nsd-extract", "algonauts", root, "--subject", number, "--size", 4, "-o", folder / f"{source.name}.h5")
        regions = 0
        with h5py.File(folder / f"{source.name}.h5") as file:
            for mask in sorted((source / "roi_masks").glob("*_challenge_space.npy")):
                h, name = mask.name[:2], mask.name[3:].replace("_challenge_space.npy", "")
                mapping = np.load(mask.parent / f"mapping_{name}.npy", allow_pickle=True).item()
                labels, d = np.load(mask), file[f"roi_{h}_{name.replace('-', '_')}"]
                for value, label in zip(d.attrs["label_values"], d.attrs["label_names"]):
                    if label != mapping[value].strip() or (d[:] == value).sum() != (labels == value).sum():
                        raise SystemExit(f"FAILED {source.name} {h} {label}")
                    regions += 1
                if len(d.attrs["label_values"]) != len(mapping) - 1:
                    raise SystemExit(f"FAILED {source.name} {name}: labels are missing")
                everywhere = np.load(mask.parent / f"{h}.all-vertices_fsaverage_space.npy")
                if not np.array_equal(file[f"vertex_{h}"][:], np.flatnonzero(everywhere)):
                    raise SystemExit(f"FAILED {source.name} {h}: vertices")
        print(f"ok {source.name}: {regions} regions as in the masks")


if __name__ == "__main__":
    with scratch() as name:
        place = pathlib.Path(name)
        for test in (test_resize, test_formats, test_algonauts, test_simulated, test_table, test_mappings, test_cut_jpeg,
                     test_real_masks):
            test(place)
