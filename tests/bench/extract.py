# SPDX-License-Identifier: BSD-3-Clause
"""nsd-extract at real size against what decoding the PNG files alone costs on the same cores,
and against a script of Pillow, multiprocessing and h5py that does the same.

  tests/bench/extract.py [--bin DIR] [--images 9841] [--vertices 19004,20544]

Pictures are 425 px with the structure of photographs (noise of a 1/f spectrum, so that PNG
neither packs nor decodes them faster). Goals: 1.3 times the decoding at most, 3 times faster
than the script. Decoding is measured with Pillow in
as many processes as there are cores.
"""
import argparse
import hashlib
import multiprocessing
import os
import pathlib
import re
import subprocess
import tempfile
import time

import numpy as np
from PIL import Image

SIDE, SIZE = 425, 224


def photograph(job):
    path, seed = job
    rng = np.random.default_rng(seed)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij"))
    f[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((3, SIDE, SIDE))) / f**1.2
    x = np.fft.irfft2(spectrum, (SIDE, SIDE))
    x = (x - x.mean()) / x.std()
    Image.fromarray((128 + 50 * x).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)).save(path)


def decode(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).shape


def decode_hash_resize(path):
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
        digest = hashlib.sha256(np.array([picture.width, picture.height], "<u4").tobytes() + picture.tobytes()).hexdigest()
        return digest, np.asarray(picture.resize((SIZE, SIZE), Image.BILINEAR))


def script(paths, folder, pool):
    """What one writes in Python."""
    import h5py

    with h5py.File(folder / "python.h5", "w") as out:
        pixels = out.create_dataset("pixels", (len(paths), SIZE, SIZE, 3), "u1")
        hashes = []
        for i, (digest, picture) in enumerate(pool.imap(decode_hash_resize, paths, chunksize=16)):
            pixels[i] = picture
            hashes.append(digest)
        out["sha256"] = hashes
        for h in ("lh", "rh"):
            out["response_" + h] = np.load(folder / f"subj01/training_split/training_fmri/{h}_training_fmri.npy")
        out.flush()
        os.fsync(out.id.get_vfd_handle())


def masks(folder, vertices):
    folder.mkdir(parents=True)
    for h, n in zip(("lh", "rh"), vertices):
        space = np.zeros(163842, np.int64)
        space[:n] = 1
        np.save(folder / f"{h}.all-vertices_fsaverage_space.npy", space)
        labels = np.zeros(n, np.int64)
        labels[:500] = 1
        np.save(folder / f"{h}.prf-visualrois_challenge_space.npy", labels)
    np.save(folder / "mapping_prf-visualrois.npy", {0: "Unknown", 1: "V1v"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
    parser.add_argument("--images", type=int, default=9841)
    parser.add_argument("--vertices", default="19004,20544")
    o = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    vertices = [int(v) for v in o.vertices.split(",")]
    with tempfile.TemporaryDirectory() as name, multiprocessing.Pool(cores) as pool:
        folder = pathlib.Path(name)
        pictures = folder / "subj01/training_split/training_images"
        responses = folder / "subj01/training_split/training_fmri"
        pictures.mkdir(parents=True), responses.mkdir()
        paths = [pictures / f"train-{i + 1:04d}_nsd-{i:05d}.png" for i in range(o.images)]
        pool.map(photograph, [(p, i) for i, p in enumerate(paths)], chunksize=8)
        rng = np.random.default_rng(0)
        for h, n in zip(("lh", "rh"), vertices):
            np.save(responses / f"{h}_training_fmri.npy", rng.standard_normal((o.images, n), dtype=np.float32))
        masks(folder / "subj01/roi_masks", vertices)
        total = sum(p.stat().st_size for p in paths) / 1e9
        start = time.time()
        pool.map(decode, paths, chunksize=16)
        floor = time.time() - start
        start = time.time()
        done = subprocess.run(["/usr/bin/time", "-f", "PEAK %M", o.bin / "nsd-extract", "algonauts", folder, "--subject", "1", "--size",
                               str(SIZE), "-q", "-o", folder / "ours.h5"], capture_output=True, text=True, check=True)
        ours = time.time() - start
        peak = int(re.search(r"PEAK (\d+)", done.stderr).group(1)) / 1024
        start = time.time()
        script(paths, folder, pool)
        theirs = time.time() - start
    verdict = lambda good: "met" if good else "NOT MET"
    print(f"{o.images} PNG of {SIDE} px ({total:.2f} GB), {cores} cores: decoding alone {floor:.1f} s, nsd-extract {ours:.1f} s with {peak:.0f} MiB, "
          f"Pillow + multiprocessing + h5py {theirs:.1f} s")
    print(f"ratio to decoding {ours / floor:.2f}, goal 1.3: {verdict(ours <= 1.3 * floor)}")
    print(f"ratio to the script {theirs / ours:.2f}, goal 3: {verdict(theirs >= 3 * ours)}")


if __name__ == "__main__":
    main()
