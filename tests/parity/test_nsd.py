# SPDX-License-Identifier: BSD-3-Clause
"""The raw NSD layouts, written by h5py, scipy.io and nibabel, through nsd-extract against numpy
and scipy.stats.zscore. Responses are float32 means of z-scores of order 1: 1e-6."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import h5py
import nibabel as nib
import numpy as np
import scipy.io
from PIL import Image

import nsd_tree
from common import BIN, close, run, same_bytes, same_data_sets, scratch


NEVER = pathlib.Path(tempfile.gettempdir()) / f"cortune-never-{os.getpid()}.h5"


def check_file(path, hemisphere, columns, sessions, truth, label):
    ids, expected, repeats = truth.averaged(sessions, columns)
    with h5py.File(path) as f:
        assert list(f["image"].asstr()[:]) == [f"nsd:{i:05}" for i in ids], label
        assert np.array_equal(f["repeats"][:], repeats), label
        close(f"{label} {hemisphere} responses", f[f"response_{hemisphere}"][:], expected, 1e-6)
        picture = Image.fromarray(truth.pixels[ids[5]])
        assert np.array_equal(f["pixels"][5], np.asarray(picture.resize((16, 16), Image.BILINEAR))), label
        digest = hashlib.sha256(np.array([nsd_tree.SIDE] * 2, "<u4").tobytes() + truth.pixels[ids[5]].tobytes()).hexdigest()
        assert f["sha256"].asstr()[5] == digest, label


def test_volume(root, folder, truth):
    run("nsd-extract", "nsd", root, "--subject", 1, "--size", 16, "-o", folder / "volume.h5")
    run("cortune-info", folder / "volume.h5")
    for h in ("lh", "rh"):
        columns = np.flatnonzero(truth.general[h] > 0)
        sessions = [s.astype(np.float64) / 300 for s in truth.volume]
        check_file(folder / "volume.h5", h, columns, sessions, truth, "volume")
        with h5py.File(folder / "volume.h5") as f:
            assert np.array_equal(f[f"vertex_{h}"][:], columns) and f[f"vertex_{h}"].attrs["space"] == "func1pt8mm 9x11x8"
            for name, labels in nsd_tree.NAMES.items():
                d = f[f"roi_{h}_{name.replace('-', '_')}"]
                assert np.array_equal(d[:], np.maximum(truth.labels[h, name][columns], 0)) and list(d.attrs["label_names"]) == labels
            _, _, repeats = truth.averaged(sessions, columns[:1])
            s2 = truth.ncsnr[columns].astype(float) ** 2
            close(f"volume {h} ceiling", np.nan_to_num(f[f"noise_ceiling_{h}"][:]), np.nan_to_num(s2 / (s2 + (1 / repeats).mean())), 1e-6)
            assert f[f"noise_ceiling_{h}"].attrs["mode"] == "file"
    # Some sessions, all labelled voxels, a ceiling from the repeats; the scratch file leaves nothing.
    (folder / "scratch").mkdir()
    run("nsd-extract", "nsd", root, "--subject", "subj01", "--size", 16, "--sessions", "1", "--voxels", "rois", "--roi-class", "floc-bodies",
        "--ceiling", "split-half", "--scratch", folder / "scratch", "-o", folder / "one.h5")
    assert not list((folder / "scratch").iterdir())
    columns = np.flatnonzero(truth.labels["rh", "floc-bodies"] >= 1)
    check_file(folder / "one.h5", "rh", columns, [truth.volume[0].astype(np.float64)], truth, "one session")
    with h5py.File(folder / "one.h5") as f:
        assert f["noise_ceiling_rh"].attrs["mode"] == "split-half"


def test_surface(root, folder, truth):
    run("nsd-extract", "nsd", root, "--subject", 1, "--space", "fsaverage", "--voxels", "rois", "--size", 16, "-o", folder / "surface.h5")
    for side, h in enumerate(("lh", "rh")):
        columns = np.flatnonzero(truth.surface_label[h] >= 1)
        check_file(folder / "surface.h5", h, columns + side * nsd_tree.VERTICES, truth.surface, truth, "surface")
        with h5py.File(folder / "surface.h5") as f:
            assert np.array_equal(f[f"vertex_{h}"][:], columns) and f[f"vertex_{h}"].attrs["space"] == "fsaverage"


def test_export(root, folder, truth):
    """Labels and ceilings go back into the volume that they came from."""
    roi = root / "nsddata/ppdata/subj01/func1pt8mm/roi"
    export = lambda *a, **k: run("surface-export", folder / "volume.h5", *a, **k)
    for h in ("lh", "rh"):
        for ending in ("nii.gz", "nii"):
            out = folder / f"{h}.{ending}"
            export("--quantity", "roi", "--roi-class", "prf-visualrois", "--hemi", h, "--reference", roi / "lh.nsdgeneral.nii.gz", "-o", out)
            found, source = nib.load(out), nib.load(roi / f"{h}.prf-visualrois.nii.gz")
            assert np.array_equal(found.affine, source.affine) and found.get_data_dtype() == np.float32
            general = np.asarray(nib.load(roi / f"{h}.nsdgeneral.nii.gz").dataobj) > 0
            wanted = np.where(general, np.maximum(np.asarray(source.dataobj), 0), np.nan)
            assert np.array_equal(np.asarray(found.dataobj), wanted, equal_nan=True), (h, ending)
    export("--quantity", "noise_ceiling", "--hemi", "both", "--reference", roi / "rh.nsdgeneral.nii.gz", "-o", folder / "both.nii.gz")
    known = np.isfinite(np.asarray(nib.load(folder / "both.nii.gz").dataobj)).ravel(order="F")
    assert np.array_equal(known, ((truth.general["lh"] > 0) | (truth.general["rh"] > 0)) & np.isfinite(truth.ncsnr))
    export("--quantity", "noise_ceiling", "--hemi", "lh", "-o", folder / "x.mgh", expect=3)
    export("--quantity", "noise_ceiling", "--hemi", "lh", "-o", folder / "x.nii", expect=2)
    small = folder / "small.nii"
    for shape in ((3, 3, 3), (8, 11, 9), (12, 11, 8)):  # of another subject, whatever the number of voxels
        nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), small)
        export("--quantity", "noise_ceiling", "--hemi", "lh", "--reference", small, "-o", folder / "x.nii", expect=3)
    assert not (folder / "x.nii").exists() and not (folder / "x.mgh").exists()


def test_plan(root):
    text = run("nsd-extract", "nsd", root, "--subject", 1, "--plan", "--json")
    plan = json.loads(text)
    assert plan["images"] == 300 and len(plan["sessions"]) == 4 and plan["sessions"][0]["rows"] == 750
    assert plan["scratch_gib"] > 0 and any(r["roi"] == "EBA" for r in plan["rois"])


def refused(arguments, *words, code=3):
    done = subprocess.run([BIN / "nsd-extract", "nsd", *map(str, arguments), "--size", "16", "-o", NEVER], capture_output=True, text=True)
    assert done.returncode == code, (done.returncode, done.stderr, words)
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert not NEVER.exists()
    print("refused:", next(line for line in done.stderr.splitlines() if "error:" in line)[-150:])


def faulty(root, folder, change):
    """A copy of the tree with a fault."""
    other = folder / "faulty"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(root, other)
    change(other)
    return other


def test_wrong_inputs(root, folder, truth):
    volume = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR/betas_session02.hdf5"
    surface = "nsddata_betas/ppdata/subj01/fsaverage/betas_fithrf_GLMdenoise_RR/rh.betas_session02.mgh"
    mask = "nsddata/ppdata/subj01/func1pt8mm/roi/rh.prf-visualrois.nii.gz"
    design = "nsddata/experiments/nsd/nsd_expdesign.mat"
    one = ["--subject", 1]
    fsaverage = [*one, "--space", "fsaverage", "--voxels", "rois"]

    def rewrite(name, values):
        def change(other):
            with h5py.File(other / name, "w") as f:
                f["betas"] = values
        return change

    def cut(name, keep=0.7):
        return lambda other: (other / name).write_bytes((root / name).read_bytes()[: int(keep * (root / name).stat().st_size)])

    def pointer(name):
        def change(other):
            (other / name).unlink()
            (other / name).symlink_to("../../.git/annex/objects/xx/SHA256E-s1--0/SHA256E-s1--0")
        return change

    values = truth.volume[1].reshape(nsd_tree.TRIALS, *nsd_tree.GRID[::-1])
    refused([root, *one, "--sessions", "1-3"], "sessions 3 are missing", "--sessions")
    refused([root, "--subject", 2], "subj02", "no such folder")
    refused([faulty(root, folder, rewrite(volume, values[:740])), *one], "betas_session02.hdf5", "740 trials")
    refused([faulty(root, folder, rewrite(volume, values.transpose(0, 3, 2, 1))), *one], "betas_session02.hdf5", "permuted")
    refused([faulty(root, folder, rewrite(volume, values.transpose(3, 2, 1, 0))), *one], "betas_session02.hdf5", "permuted")
    refused([faulty(root, folder, rewrite(volume, values.astype(np.float32))), *one], "betas_session02.hdf5", "int16")

    def of_subject_2(other):
        with h5py.File(other / volume.replace("02", "01"), "w") as f:
            f.create_dataset("betas", (nsd_tree.TRIALS, 84, 106, 82), "i2", chunks=(1, 84, 106, 82))  # never written, so small

    refused([faulty(root, folder, of_subject_2), *one], "betas_session01.hdf5", "NSD subject 2", "own folder")
    refused([faulty(root, folder, cut(volume)), *one], "betas_session02.hdf5", "cut short")
    refused([faulty(root, folder, cut(surface)), *fsaverage], "rh.betas_session02.mgh", "cut short", "download")
    refused([faulty(root, folder, cut(mask)), *one], "rh.prf-visualrois.nii.gz", "cut short")
    for keep in (0.5, 0.99):
        refused([faulty(root, folder, cut(design, keep)), *one], "nsd_expdesign.mat: cut short", "download it again")
    refused([faulty(root, folder, pointer(volume)), *one], "betas_session02.hdf5", "git annex get")
    refused([faulty(root, folder, pointer(mask)), *one], "rh.prf-visualrois.nii.gz", "git annex get")

    def other_size(other):
                nib.save(nib.Nifti1Image(np.zeros((81, 104, 83), np.int16), np.eye(4)), other / mask)

    refused([faulty(root, folder, other_size), *one], "rh.prf-visualrois.nii.gz", "NSD subject 1", "same subject")
    def both_sides(other):
        shutil.copy(other / mask.replace("rh.prf-visualrois", "lh.nsdgeneral"), other / mask.replace("rh.prf-visualrois", "rh.nsdgeneral"))

    refused([faulty(root, folder, both_sides), *one], "both hemispheres")

    def few_on_both_sides(other):
        # Three voxels of the left label in the right one, as along the midline.
        left, right = (other / mask.replace("rh.prf-visualrois", f"{h}.nsdgeneral") for h in ("lh", "rh"))
        values = np.asarray(nib.load(right).dataobj).ravel(order="F").copy()
        values[np.flatnonzero(np.asarray(nib.load(left).dataobj).ravel(order="F") > 0)[:3]] = 1
        nsd_tree.nifti(right, values, nsd_tree.GRID)

    run("nsd-extract", "nsd", faulty(root, folder, few_on_both_sides), "--subject", 1, "--size", 16, "-o", folder / "midline.h5")
    with h5py.File(folder / "midline.h5") as f:
        assert dict(zip(f["checks/check"].asstr()[:], f["checks/value"][:]))["shared_voxels"] == 3
        assert len(np.intersect1d(f["vertex_lh"][:], f["vertex_rh"][:])) == 3
    refused([faulty(root, folder, lambda o: (o / mask.replace("prf-visualrois", "nsdgeneral")).unlink()), *one], "rh.nsdgeneral.nii.gz", "no such file")
    refused([root, *one, "--sessions", "2-1"], "--sessions", code=2)
    refused([root, *one, "--roi-class", "floc-hands"], "floc-hands")
    refused([root, *one, "--namespace", "x"], "--namespace: without effect with layout nsd", code=2)


def test_other_names(root, folder, truth):
    """Only the names that NSD gives its sessions are sessions."""
    other = folder / "names"
    shutil.copytree(root, other)
    betas = other / "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"
    for name in ("betas_session00.hdf5", "betas_session1.hdf5", "betas_session01b.hdf5"):
        shutil.copy(betas / "betas_session02.hdf5", betas / name)
    run("nsd-extract", "nsd", other, "--subject", 1, "--size", 16, "-o", folder / "names.h5")
    check_file(folder / "names.h5", "lh", np.flatnonzero(truth.general["lh"] > 0), [s.astype(np.float64) / 300 for s in truth.volume], truth, "names")


def test_nan(folder):
    """A trial that is not finite: its file alone is named, and NaN is no constant."""
    truth = nsd_tree.Truth(seed=7)
    truth.surface[1][5, 3] = np.nan
    truth.surface_label["lh"][3] = 1
    root = folder / "nan"
    nsd_tree.write(root, truth)
    more = ["--subject", 1, "--space", "fsaverage", "--voxels", "rois"]
    refused([root, *more], "lh.betas_session02.mgh", "NaN")
    done = subprocess.run([BIN / "nsd-extract", "nsd", root, *map(str, more), "--size", "16", "--allow-nan", "-o", folder / "nan.h5"], capture_output=True, text=True)
    assert done.returncode == 0 and "session01" not in done.stderr, done.stderr
    with h5py.File(folder / "nan.h5") as f:
        checks = dict(zip(zip(f["checks/check"].asstr()[:], f["checks/where"].asstr()[:]), f["checks/value"][:]))
        assert checks["constant_sessions", "lh"] == 0
        assert np.isnan(f["response_lh"][:]).any(0).sum() == 1


def test_outlier(folder):
    truth = nsd_tree.Truth(sessions=6, seed=3)
    truth.volume[4] = (truth.volume[4] * 3).astype(np.int16)
    root = folder / "outlier"
    nsd_tree.write(root, truth)
    run("nsd-extract", "nsd", root, "--subject", 1, "--size", 16, "-o", folder / "outlier.h5")
    with h5py.File(folder / "outlier.h5") as f:
        found = dict(zip(f["checks/check"].asstr()[:], zip(f["checks/warning"][:], f["checks/text"].asstr()[:])))
    assert found["session_spread"][0] == 1 and "session05" in found["session_spread"][1], found["session_spread"]
    assert "session04" not in found["session_spread"][1]
    # Of two sessions neither is far from the others; deviations that differ thirtyfold are noticed all the same.
    truth = nsd_tree.Truth(seed=3)
    truth.volume[1] = (truth.volume[1] / 20).astype(np.int16)
    (folder / "outlier.h5").unlink()
    shutil.rmtree(root)
    nsd_tree.write(root, truth)
    (root / "nsddata/ppdata/subj01/func1pt8mm/roi/lh.floc-bodies.nii.gz").unlink()
    run("nsd-extract", "nsd", root, "--subject", 1, "--size", 16, "-o", folder / "outlier.h5")
    with h5py.File(folder / "outlier.h5") as f:
        found = dict(zip(f["checks/check"].asstr()[:], zip(f["checks/warning"][:], f["checks/text"].asstr()[:])))
    assert found["session_spread"][0] == 1 and "2 sessions" in found["session_spread"][1], found["session_spread"]
    assert found["missing_masks"][0] == 1 and "rh floc-bodies" in found["missing_masks"][1], found["missing_masks"]


class Simulated:
    """What nsd-simulate wrote, read by others: what nsd_tree.write takes."""

    def __init__(self, root):
        design = scipy.io.loadmat(root / "nsddata/experiments/nsd/nsd_expdesign.mat")
        self.subject, self.order, self.subjectim = 1, design["masterordering"][0].astype(int), design["subjectim"].astype(int)
        self.shown = self.subjectim[0][self.order - 1] - 1
        with h5py.File(root / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5") as f:
            assert f["imgBrick"].shape[0] == 73000
            self.pixels = f["imgBrick"][: self.shown.max() + 1]
        roi = root / "nsddata/ppdata/subj01/func1pt8mm/roi"
        read = lambda name: np.asarray(nib.load(roi / name).dataobj).ravel(order="F")
        self.grid = nib.load(roi / "lh.nsdgeneral.nii.gz").shape
        self.general = {h: read(f"{h}.nsdgeneral.nii.gz") for h in ("lh", "rh")}
        self.names = {p.name.removesuffix(".mgz.ctab"): [line.split()[1] for line in p.read_text().splitlines()[1:]]
                      for p in (root / "nsddata/freesurfer/subj01/label").glob("*.ctab")}
        self.labels = {(h, n): read(f"{h}.{n}.nii.gz") for h in ("lh", "rh") for n in self.names}
        betas = root / "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"
        self.ncsnr = np.asarray(nib.load(betas / "ncsnr.nii.gz").dataobj).ravel(order="F")
        truth, voxels, trials = root / "truth/subj01", int(np.prod(self.grid)), len(self.order)
        flat = np.zeros((trials, voxels))
        for h in ("lh", "rh"):
            flat[:, np.load(truth / f"{h}_voxel.npy")] = np.load(truth / f"{h}_trials.npy")
        self.volume = [np.rint(300 * flat[i:i + 750]).astype(np.int16) for i in range(0, trials, 750)]
        self.surface, self.surface_label = [], {}

    averaged = nsd_tree.Truth.averaged


def test_simulated(folder):
    """A simulated raw NSD, and the same truth written by other libraries, give the same data set."""
    command = ["--layout", "nsd", "--preset", "tiny", "--images", 220, "--test-images", 40, "--seed", 4]
    ours, other, theirs = folder / "sim", folder / "sim1", folder / "sim-python"
    run("nsd-simulate", "-o", ours, *command)
    run("nsd-simulate", "-o", other, *command, "--threads", 1)
    same_bytes(ours, other)
    truth = Simulated(ours)
    nsd_tree.write(theirs, truth, truth.grid, truth.names)
    for name, root in (("ours", ours), ("theirs", theirs)):
        run("nsd-extract", "nsd", root, "--subject", 1, "--size", 32, "-o", folder / f"{name}.h5")
    with h5py.File(folder / "ours.h5") as a, h5py.File(folder / "theirs.h5") as b:
        same_data_sets(a, b)
        columns = np.load(ours / "truth/subj01/lh_voxel.npy")
        ids, expected, _ = truth.averaged([v.astype(float) for v in truth.volume], columns)
        assert np.array_equal(a["vertex_lh"][:], columns)
        close("simulated lh responses", a["response_lh"][:], expected, 1e-6)
        # The session of every picture whose presentations are all in it, else 0.
        shown = [set(1 + np.flatnonzero(truth.shown == i) // nsd_tree.TRIALS) for i in ids]
        assert np.array_equal(a["run"][:], [min(s) if len(s) == 1 else 0 for s in shown]), "runs"
        # The ceiling that the file says is the one that was simulated: responses against the noiseless ones.
        clean = np.load(ours / "truth/subj01/lh_noiseless.npy").astype(float)
        r2 = np.array([np.corrcoef(clean[:, v], a["response_lh"][:, v])[0, 1] ** 2 for v in range(len(columns))])
        ceiling = a["noise_ceiling_lh"][:]
        error = (r2 - ceiling)[np.isfinite(ceiling)]
        # 260 pictures: a squared correlation near .5 has a deviation of about .05, the mean over hundreds of voxels less.
        assert abs(error.mean()) < 0.02, error.mean()
        print(f"simulated ceiling: {np.nanmean(ceiling):.3f}, squared correlation with the noiseless response {r2.mean():.3f}")


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        truth = nsd_tree.Truth()
        root = folder / "nsd"
        nsd_tree.write(root, truth)
        test_volume(root, folder, truth)
        test_surface(root, folder, truth)
        test_export(root, folder, truth)
        test_plan(root)
        test_wrong_inputs(root, folder, truth)
        test_other_names(root, folder, truth)
        test_nan(folder)
        test_outlier(folder)
        test_simulated(folder)


main()
