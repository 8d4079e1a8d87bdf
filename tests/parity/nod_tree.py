# SPDX-License-Identifier: BSD-3-Clause
"""A small NOD written by nibabel and scipy.io, and what numpy makes of it."""
import nibabel as nib
import numpy as np
import scipy.io
import scipy.stats
from PIL import Image

TRIALS, SURFACE, SIDE = 100, 700, 30


class Truth:
    def __init__(self, sessions=2, runs=2, seed=0, repeats=False):
        rng = np.random.default_rng(seed)
        self.sessions, self.runs = sessions, runs
        # Vertices of the cortex (without the medial wall): other numbers on both sides.
        self.vertex = {"lh": np.sort(rng.permutation(SURFACE)[:500]), "rh": np.sort(rng.permutation(SURFACE)[:530])}
        n = 500 + 530
        trials = sessions * runs * TRIALS
        pictures = trials // 2 if repeats else trials
        self.names = [f"imagenet/n{i % 7:08}/n{i % 7:08}_{i}.JPEG" for i in range(pictures)]
        self.shown = rng.permutation(np.arange(trials) % pictures)
        self.pixels = rng.integers(0, 256, (pictures, SIDE, SIDE + 7, 3), dtype=np.uint8)
        signal = rng.standard_normal((pictures, n))
        noise = rng.standard_normal((trials, n))
        level = rng.standard_normal((trials // TRIALS, n)).repeat(TRIALS, 0)
        self.betas = (signal[self.shown] + noise + level).astype(np.float32)
        # As in the real file: with CORTEX_LEFT first, the first columns hold 181 … 360.
        region = rng.integers(1, 181, n)
        region[:120] = rng.integers(1, 5, 120)
        region[600:720] = rng.integers(1, 5, 120)
        self.region = region
        self.label = np.where(np.arange(n) < 500, region + 180, region)
        self.regions = [f"R{i}" for i in range(1, 181)]
        self.regions[:4] = ["V1", "V2", "V3", "V4"]
        self.prf = rng.random((4, n + 50)).astype(np.float32)  # with voxels below the cortex
        self.prf[3, ::9] = np.nan

    def columns(self, hemisphere):
        """Brainordinates of a hemisphere."""
        return np.arange(500) if hemisphere == "lh" else np.arange(500, 1030)

    def averaged(self, at, betas=None):
        """Names in order, z-scored per vertex within run and averaged responses."""
        betas = self.betas if betas is None else betas
        z = np.concatenate([scipy.stats.zscore(betas[i:i + TRIALS, at].astype(float), axis=0) for i in range(0, len(betas), TRIALS)])
        order = sorted(range(len(self.names)), key=lambda i: self.names[i])
        order = [i for i in order if (self.shown == i).any()]
        return order, np.array([z[self.shown == i].mean(0) for i in order])

    surface = SURFACE

    def axis(self, extra=0, before=0):
        """`extra` voxels after the cortex, or `before` it."""
        axis = nib.cifti2.BrainModelAxis.from_surface(self.vertex["lh"], self.surface, "CORTEX_LEFT") + \
            nib.cifti2.BrainModelAxis.from_surface(self.vertex["rh"], self.surface, "CORTEX_RIGHT")
        if extra or before:
            mask = np.zeros((10, 10, 10), bool)
            mask.reshape(-1)[:extra + before] = True
            voxels = nib.cifti2.BrainModelAxis.from_mask(mask, "CEREBELLUM_LEFT", np.eye(4))
            axis = voxels + axis if before else axis + voxels
        return axis


def dscalar(path, values, axis):
    path.parent.mkdir(parents=True, exist_ok=True)
    names = nib.cifti2.ScalarAxis([f"m{i}" for i in range(len(values))])
    nib.save(nib.cifti2.Cifti2Image(values, (names, axis)), path)


def betas_of(root, session, run, subject="sub-01"):
    name = f"ses-imagenet{session:02}_task-imagenet_run-{run}"
    return root / f"derivatives/ciftify/{subject}/results/{name}/{name}_beta.dscalar.nii"


def events_of(root, session, run, subject="sub-01"):
    return root / f"{subject}/ses-imagenet{session:02}/func/{subject}_ses-imagenet{session:02}_task-imagenet_run-{run:02}_events.tsv"


def write(root, truth, picture="JPEG", before=0):
    at = 0
    for s in range(1, truth.sessions + 1):
        for r in range(1, truth.runs + 1):
            rows = slice(at, at + TRIALS)
            below = np.full((TRIALS, before), 7, np.float32)
            dscalar(betas_of(root, s, r), np.hstack([below, truth.betas[rows]]), truth.axis(before=before))
            events = events_of(root, s, r)
            events.parent.mkdir(parents=True, exist_ok=True)
            lines = [f"{4 * i}.0\t0.5\t{1 + j % 7}\t1\t0.4\t{truth.names[j]}" for i, j in enumerate(truth.shown[rows])]
            events.write_text("onset\tduration\ttrial_type\tresponse\tresponse_time\tstim_file\n" + "\n".join(lines) + "\n")
            at += TRIALS
    for name, pixels in zip(truth.names, truth.pixels):
        path = root / "stimuli" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, picture, quality=90)
    dscalar(root / "derivatives/ciftify/sub-01/results/ses-prf_task-prf/ses-prf_task-prf_params.dscalar.nii", truth.prf,
            truth.axis(extra=truth.prf.shape[1] - len(truth.label)))
    scipy.io.savemat(root / "MMP_mpmLR32k.mat", {"glasser_MMP": truth.label[None].astype(np.uint16)})
    (root / "roilbl_mmp.csv").write_text("".join(f"L_{n}_ROI,R_{n}_ROI\n" for n in truth.regions))
