# SPDX-License-Identifier: BSD-3-Clause
"""A small raw NSD written by h5py, scipy.io and nibabel, none of which cortune uses, and what
numpy makes of it."""
import h5py
import nibabel as nib
import numpy as np
import scipy.io
import scipy.stats

TRIALS, GRID, VERTICES, PICTURES, SIDE = 750, (9, 11, 8), 400, 300, 24
NAMES = {"prf-visualrois": ["V1v", "V1d", "V2v"], "floc-bodies": ["EBA", "FBA-1"]}


class Truth:
    def __init__(self, sessions=2, seed=0, subject=1):
        rng = np.random.default_rng(seed)
        self.sessions, self.subject = sessions, subject
        self.pixels = rng.integers(0, 256, (PICTURES, SIDE, SIDE, 3), dtype=np.uint8)
        # Eight subjects' pictures (1-based) and the order all of them share; 500 pictures a session's worth.
        columns = TRIALS * sessions // 3
        self.subjectim = np.array([rng.permutation(PICTURES)[np.arange(columns) % PICTURES] + 1 for _ in range(8)])
        self.order = rng.permutation(np.repeat(np.arange(1, columns + 1), 3))
        self.shown = self.subjectim[subject - 1][self.order - 1] - 1
        signal = rng.standard_normal((PICTURES, 40)) @ rng.standard_normal((40, 2 * VERTICES))
        voxels = int(np.prod(GRID))
        self.volume, self.surface = [], []
        for s in range(sessions):
            shown = self.shown[s * TRIALS:(s + 1) * TRIALS]
            y = signal[shown] + 6 * rng.standard_normal((TRIALS, 2 * VERTICES))
            self.surface.append((y * (1 + s) + s).astype(np.float32))
            flat = np.resize(np.arange(2 * VERTICES), voxels)
            self.volume.append(np.clip(40 * (y[:, flat] + s), -32000, 32000).astype(np.int16))
        self.labels, self.general = {}, {}
        where = np.arange(voxels) % GRID[0]
        for h, side in (("lh", where < GRID[0] // 2), ("rh", where >= GRID[0] // 2 + 1)):
            self.general[h] = np.where(side & (rng.random(voxels) < 0.6), 1, np.where(side, 0, -1))
            for name, labels in NAMES.items():
                inside = side & (rng.random(voxels) < 0.4)
                self.labels[h, name] = np.where(inside, rng.integers(1, len(labels) + 1, voxels), np.where(side, 0, -1))
        self.ncsnr = np.abs(rng.standard_normal(voxels)).astype(np.float32)
        self.ncsnr[::50] = np.nan
        self.surface_label = {h: rng.integers(0, 4, VERTICES) for h in ("lh", "rh")}

    def averaged(self, sessions, columns):
        """Picture ids and z-scored, averaged responses of a list of trials × columns matrices."""
        z = np.concatenate([scipy.stats.zscore(np.asarray(s, np.float64)[:, columns], axis=0) for s in sessions])
        shown = self.shown[:len(z)]
        ids = np.unique(shown)
        return ids, np.array([z[shown == i].mean(0) for i in ids]), np.array([(shown == i).sum() for i in ids])


def nifti(path, flat, grid):
    """`flat` runs over x first, as the voxels' numbers do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(flat.reshape(grid, order="F"), np.diag([1.8, 1.8, 1.8, 1])), path)


def mgh(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.MGHImage(values.reshape(len(values), 1, 1, *values.shape[1:]), np.eye(4)), path)


def ctab(path, names):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("0 Unknown\n" + "".join(f"{i + 1} {n}\n" for i, n in enumerate(names)))


def write(root, truth, grid=GRID, names=NAMES):
    subject = f"subj{truth.subject:02}"
    design = root / "nsddata/experiments/nsd/nsd_expdesign.mat"
    design.parent.mkdir(parents=True)
    scipy.io.savemat(design, {"masterordering": truth.order[None].astype(float), "subjectim": truth.subjectim.astype(float),
                              "sharedix": np.arange(1, 11)[None].astype(float)}, do_compression=True)
    stimuli = root / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
    stimuli.parent.mkdir(parents=True)
    with h5py.File(stimuli, "w") as f:
        f["imgBrick"] = truth.pixels
    betas = root / f"nsddata_betas/ppdata/{subject}/func1pt8mm/betas_fithrf_GLMdenoise_RR"
    betas.mkdir(parents=True)
    for s, values in enumerate(truth.volume):
        with h5py.File(betas / f"betas_session{s + 1:02}.hdf5", "w") as f:
            # NSD's own chunks hold all trials of a voxel; a contiguous file is read, too.
            f.create_dataset("betas", data=values.reshape(TRIALS, *grid[::-1]), chunks=(TRIALS, 1, 1, 1) if s % 2 == 0 else None)
    nifti(betas / "ncsnr.nii.gz", truth.ncsnr, grid)
    roi = root / f"nsddata/ppdata/{subject}/func1pt8mm/roi"
    for h in ("lh", "rh"):
        nifti(roi / f"{h}.nsdgeneral.nii.gz", truth.general[h].astype(np.float32), grid)
        for name in names:
            nifti(roi / f"{h}.{name}.nii.gz", truth.labels[h, name].astype(np.int16), grid)
    for space in (subject, "fsaverage"):
        for name, labels in names.items():
            ctab(root / f"nsddata/freesurfer/{space}/label/{name}.mgz.ctab", labels)
    surface = root / f"nsddata_betas/ppdata/{subject}/fsaverage/betas_fithrf_GLMdenoise_RR"
    for side, h in enumerate(("lh", "rh") if truth.surface else ()):
        mgh(root / f"nsddata/freesurfer/fsaverage/label/{h}.prf-visualrois.mgz", truth.surface_label[h].astype(np.int32))
        for s, values in enumerate(truth.surface):
            mgh(surface / f"{h}.betas_session{s + 1:02}.mgh", values[:, side * VERTICES:(side + 1) * VERTICES].T)
