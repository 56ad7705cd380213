"""Trains the chin scorer: how likely, and how marked, is a visible double chin in an aligned crop?

    python chin_scorer.py --labelled D/labelled --unlabelled D/portraits --work D/chin_scorer

The network is a scattering transform (oriented wavelets, modulus, once more; nothing of it is learnt) of the lower
face and a linear layer. With a thousand labels that ranks better than a convolutional network trained from
scratch, and it is fitted in a minute. Labels are few, portraits are not: a ridge regression of the labels on the
latent codes says of any generated portrait about how much of a double chin it has, and the linear layer
learns from labels and from what the regression says of portraits without labels.

Features are kept in `--work`. Five times, everything that is fitted is fitted to four fifths of the labels and
scores the rest (`folds.npz`); then to all, calibrated on those scores, exported.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import cho_factor, cho_solve
from sklearn.metrics import roc_auc_score
from torch import nn

import augment
from exporting import export
from shards import load_all, save_whole, shard_paths

CROP_SIDE = 256
# The network works at half of that: labels by eye were given at about this size.
WORKING_SIDE = 128
# What it looks at, in pixels of the 128-px crop: from the nose down, without the far sides.
TOP, LEFT, RIGHT = 56, 16, 112
CELLS = (9, 12)
ORIENTATIONS, SCALES, KERNEL = 6, 3, 7
FOLDS = 5
# Of the regression on codes, as of the one that scores codes in `jawline train score`.
CODE_PENALTY = 150.0
# Of the linear layer, for each version of a portrait that it is fitted to.
PENALTY = 5000.0
# How much a portrait without a label counts beside one that has one.
UNLABELLED_WEIGHT = 1.5
TWIN_WEIGHT = 2.0
# What a portrait with "a hint of it" says about "a retoucher would be asked to remove it".
SLIGHT_TARGET = 0.3
HERE = Path(__file__).parent


def wavelets() -> torch.Tensor:
    """Morlet wavelets, real and imaginary part of each orientation, `[12, 1, 7, 7]`."""
    sigma, frequency, slant = 1.1, 2.0, 0.6
    offset = torch.arange(KERNEL) - (KERNEL - 1) / 2
    y, x = torch.meshgrid(offset, offset, indexing="ij")
    parts = []
    for number in range(ORIENTATIONS):
        angle = math.pi * number / ORIENTATIONS
        along = x * math.cos(angle) + y * math.sin(angle)
        across = y * math.cos(angle) - x * math.sin(angle)
        window = torch.exp(-(along**2 + (slant * across) ** 2) / (2 * sigma**2))
        real, imaginary = window * torch.cos(frequency * along), window * torch.sin(frequency * along)
        real = real - window * real.sum() / window.sum()
        norm = (real**2 + imaginary**2).sum().sqrt()
        parts += [real / norm, imaginary / norm]
    return torch.stack(parts)[:, None]


class Scattering(nn.Module):
    """From strips `[n, 3, 72, 96]`, RGB in [-1, 1], to features `[n, 16524]`."""

    def __init__(self):
        super().__init__()
        self.register_buffer("wavelets", wavelets())
        self.register_buffer("luma", torch.tensor([0.3, 0.59, 0.11])[:, None, None])

    def modulus(self, maps: torch.Tensor) -> torch.Tensor:
        """`[n, c, h, w]` to `[n, c * 6, h, w]`: how much there is of each orientation."""
        n, channels, height, width = maps.shape
        border = KERNEL // 2
        single = F.pad(maps.reshape(n * channels, 1, height, width), [border] * 4, mode="reflect")
        answers = F.conv2d(single, self.wavelets)
        size = (answers[:, 0::2] ** 2 + answers[:, 1::2] ** 2 + 1e-6).sqrt()
        return size.reshape(n, channels * ORIENTATIONS, height, width)

    @staticmethod
    def cells(maps: torch.Tensor) -> torch.Tensor:
        """The mean of each of 9 × 12 cells, flat."""
        size = (maps.shape[2] // CELLS[0], maps.shape[3] // CELLS[1])
        return F.avg_pool2d(maps, size).flatten(1)

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        light = (strip + 1) / 2
        luma = standardised((light * self.luma).sum(1, keepdim=True))
        red, green, blue = light[:, :1], light[:, 1:2], light[:, 2:]
        colour = standardised(torch.cat([red - green, blue - green], 1))
        features, first = [self.cells(luma), self.cells(colour)], []
        for scale in range(SCALES):
            first.append(self.modulus(smaller(luma, scale)))
            features.append(self.cells(first[-1]))
            if scale > 0:
                features.append(self.cells(self.modulus(smaller(colour, scale))))
        for fine in range(SCALES):
            for coarse in range(fine + 1, SCALES):
                features.append(self.cells(self.modulus(smaller(first[fine], coarse - fine))))
        features = torch.cat(features, 1)
        return torch.sign(features) * torch.log1p(3 * features.abs())


def standardised(maps: torch.Tensor) -> torch.Tensor:
    """Zero mean and unit deviation a channel: exposure and contrast say nothing about a chin."""
    centred = maps - maps.mean((2, 3), keepdim=True)
    return centred / ((centred**2).mean((2, 3), keepdim=True).sqrt() + 0.03)


def smaller(maps: torch.Tensor, octaves: int) -> torch.Tensor:
    return F.avg_pool2d(maps, 2**octaves) if octaves else maps


class Exported(nn.Module):
    """What the file holds: crop `[n, 3, 256, 256]`, RGB in [-1, 1], to probability and severity `[n, 1]`
    in [0, 1]. The crop is looked at as it is and mirrored, so that both say the same."""

    def __init__(self, weight: np.ndarray, bias: float, line: tuple[float, float]):
        super().__init__()
        self.scattering = Scattering()
        self.linear = nn.Linear(len(weight), 1)
        self.linear.weight.data = torch.from_numpy(weight[None].astype(np.float32))
        self.linear.bias.data = torch.tensor([bias], dtype=torch.float32)
        self.slope, self.offset = line

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        strip = strip_of(F.avg_pool2d(image, CROP_SIDE // WORKING_SIDE))
        score = (self.linear(self.scattering(strip)) + self.linear(self.scattering(strip.flip(3)))) / 2
        return torch.sigmoid(score * self.slope + self.offset), (score / 2).clamp(0, 1)


def strip_of(crops: torch.Tensor) -> torch.Tensor:
    """The part of crops of 128 px that the network looks at: `[n, 3, 72, 96]`."""
    return crops[:, :, TOP:, LEFT:RIGHT]


def load_crops(folder: Path) -> np.ndarray:
    """Pictures `[n, 128, 128, 3]`, 8 bit."""
    crops = []
    for path in shard_paths(folder, "pictures"):
        pictures = np.load(path)
        factor = pictures.shape[1] // WORKING_SIDE
        blocks = pictures.reshape(len(pictures), WORKING_SIDE, factor, WORKING_SIDE, factor, 3)
        crops.append(np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8))
    return np.concatenate(crops)


@torch.no_grad()
def features_of(folder: Path, version: str, work: Path) -> np.ndarray:
    """Features `[n, 16524]` of a folder's portraits: `plain`, `mirrored`, or as a photo of seed k shows them
    (`photo_k`; every other one mirrored)."""
    path = work / f"{folder.name}_{version}.npy"
    count = sum(len(np.load(shard, mmap_mode="r")) for shard in shard_paths(folder, "pictures"))
    if path.exists():
        kept = np.load(path)
        # The folder may have grown since.
        if len(kept) == count:
            return kept
    scattering, crops, result = Scattering(), load_crops(folder), []
    rng = np.random.default_rng(int(version.split("_")[1])) if "_" in version else None
    for first in range(0, len(crops), 32):
        pictures = augment.to_tensor(crops[first : first + 32])
        if version == "mirrored":
            pictures = pictures.flip(3)
        if rng is not None:
            pictures, _ = augment.mirror(pictures, None, rng)
            pictures, _ = augment.move(pictures, None, rng, tilt_degrees=6, shift=0.03, scale=0.06)
        strips = strip_of(pictures)
        if rng is not None:
            strips = augment.degrade(strips, rng)
        result.append(scattering(strips).half().numpy())
    save_whole(path, np.concatenate(result))
    return np.concatenate(result)


def code_regression(codes: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What a ridge regression of labels on codes says of other codes."""
    centre = codes.mean(0)
    x, y = (codes - centre).astype(np.float64), labels - labels.mean()
    weights = np.linalg.solve(x.T @ x + CODE_PENALTY * np.eye(x.shape[1]), x.T @ y)
    return (others - centre) @ weights + labels.mean()


class Rows:
    """All versions of all portraits, one a row, and their inner products: fits differ only in the rows."""

    def __init__(self, options: argparse.Namespace, labels: np.ndarray):
        versions = [f"photo_{seed}" for seed in range(options.photos)]
        held_out = ["plain", "mirrored", *HARD]
        blocks, self.owner, self.version = [], [], []
        for version in [*dict.fromkeys([*held_out, *versions])]:
            block = features_of(options.labelled, version, options.work)
            blocks.append(block)
            self.owner.append(np.arange(len(block)))
            self.version += [version] * len(block)
        count = len(labels)
        for folder in options.unlabelled:
            for version in ("plain", *versions[:1]):
                block = features_of(folder, version, options.work)
                blocks.append(block)
                self.owner.append(count + np.arange(len(block)))
                self.version += [version] * len(block)
            count += len(block)
        self.twin = np.zeros(sum(len(block) for block in blocks), bool)
        if options.twins:
            # Retouched twins of the clear ones: a fold no more, a heavy jaw still, which the rule calls a hint.
            for version in ("plain", "mirrored", *versions[:1]):
                blocks.append(features_of(options.twins, version, options.work))
                self.owner.append(np.flatnonzero(labels == 2)[: len(blocks[-1])])
                self.version += [version] * len(blocks[-1])
                self.twin = np.concatenate([self.twin, np.ones(len(blocks[-1]), bool)])
        self.owner, self.version = np.concatenate(self.owner), np.array(self.version)
        features = np.concatenate(blocks).astype(np.float32)
        # Of portraits without labels alone, so that no held-out portrait has a say.
        reference = features[self.owner >= len(labels)] if options.unlabelled else features
        self.mean, self.deviation = reference.mean(0), reference.std(0) + 1e-3
        self.features = (features - self.mean) / self.deviation
        self.products = self.features @ self.features.T
        self.codes = np.concatenate([load_all(folder, "codes") for folder in (options.labelled, *options.unlabelled)])
        self.labels, self.trained = labels, set(["plain", "mirrored", *versions])

    def fit(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Rows, their coefficients, and the bias, from the labels of the chosen portraits alone."""
        labelled = len(self.labels)
        target = np.concatenate([self.labels.astype(float), np.zeros(len(self.codes) - labelled)])
        target[labelled:] = code_regression(self.codes[chosen], self.labels[chosen], self.codes[labelled:])
        known = np.zeros(len(target), bool)
        known[chosen], known[labelled:] = True, True
        rows = np.flatnonzero(known[self.owner] & np.isin(self.version, list(self.trained)))
        weight = np.where(self.owner[rows] < labelled, 1.0, UNLABELLED_WEIGHT)
        # A portrait with a twin says twice what the fold alone is.
        weight[np.isin(self.owner[rows], self.owner[self.twin])] = TWIN_WEIGHT
        wanted = np.where(self.twin[rows], 1.0, target[self.owner[rows]])
        bias = np.average(wanted, weights=weight)
        kernel = self.products[np.ix_(rows, rows)].astype(np.float64)
        # A weight w on a row's error is a penalty divided by w in the dual.
        kernel[np.diag_indices_from(kernel)] += PENALTY * len(self.trained) / weight
        return rows, cho_solve(cho_factor(kernel, overwrite_a=True), wanted - bias), bias

    def scores(self, fitted: tuple, portraits: np.ndarray, versions: tuple[str, ...]) -> np.ndarray:
        """Mean score of versions of labelled portraits."""
        rows, coefficients, bias = fitted
        told = []
        for version in versions:
            asked = np.flatnonzero((self.version == version) & (self.owner < len(self.labels)) & ~self.twin)[portraits]
            told.append(self.products[np.ix_(asked, rows)] @ coefficients + bias)
        return np.mean(told, 0)

    def twin_scores(self, fitted: tuple, portraits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Portraits among these that have a twin, and the twins' scores."""
        rows, coefficients, bias = fitted
        told = []
        for version in ("plain", "mirrored"):
            asked = np.flatnonzero(self.twin & (self.version == version) & np.isin(self.owner, portraits))
            told.append(self.products[np.ix_(asked, rows)] @ coefficients + bias)
        return self.owner[asked], np.mean(told, 0)

    def linear(self, fitted: tuple) -> tuple[np.ndarray, float]:
        """Weights on the features as they come, and bias."""
        rows, coefficients, bias = fitted
        weight = (coefficients @ self.features[rows]) / self.deviation
        return weight, float(bias - weight @ self.mean)


# As bad photos would show the portraits, for measuring; never fitted to.
HARD = ("photo_99",)


def cross_validate(rows: Rows) -> dict[str, np.ndarray]:
    """Scores of portraits whose labels were not known: portrait i is in fold i mod 5."""
    count = len(rows.labels)
    told, hard, twins = np.zeros(count), np.zeros(count), np.full(count, np.nan)
    for fold in range(FOLDS):
        held_out = np.arange(count) % FOLDS == fold
        fitted = rows.fit(np.flatnonzero(~held_out))
        told[held_out] = rows.scores(fitted, np.flatnonzero(held_out), ("plain", "mirrored"))
        hard[held_out] = rows.scores(fitted, np.flatnonzero(held_out), HARD)
        owners, scores = rows.twin_scores(fitted, np.flatnonzero(held_out))
        twins[owners] = scores
        print(f"fold {fold}: AUC {clear_against_none(rows.labels[held_out], told[held_out]):.3f}", flush=True)
    return {"told": told, "told_hard": hard, "twins": twins}


def clear_against_none(labels: np.ndarray, scores: np.ndarray) -> float:
    certain = labels != 1
    return roc_auc_score(labels[certain] == 2, scores[certain])


def calibrate(labels: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Slope and offset that make held-out logits probabilities, by maximum likelihood."""
    x = torch.from_numpy(logits).double()
    y = torch.from_numpy(np.choose(labels, [0, SLIGHT_TARGET, 1])).double()
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=100)

    def closure():
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(x * line[0] + line[1], y)
        loss.backward()
        return loss

    optimiser.step(closure)
    slope, offset = line.detach().tolist()
    return slope, offset


def figures(labels: np.ndarray, folds: dict, line: tuple[float, float], table: list[dict]) -> dict:
    """What the model card quotes."""
    scores = folds["told"]
    per_fold = [
        clear_against_none(labels[np.arange(len(labels)) % FOLDS == fold], scores[np.arange(len(labels)) % FOLDS == fold])
        for fold in range(FOLDS)
    ]
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(labels), len(labels)) for _ in range(1000))
    spread = np.percentile([clear_against_none(labels[draw], scores[draw]) for draw in draws], [2.5, 97.5])
    probability = 1 / (1 + np.exp(-(scores * line[0] + line[1])))
    has_twin = ~np.isnan(folds["twins"])
    twins = 1 / (1 + np.exp(-(folds["twins"][has_twin] * line[0] + line[1])))
    groups = {}
    for name, chosen in group_masks(table).items():
        kinds = labels[chosen]
        if (kinds == 2).sum() >= 5 and (kinds == 0).sum() >= 5:
            groups[name] = {
                "clear": int((kinds == 2).sum()),
                "none": int((kinds == 0).sum()),
                "auc": round(clear_against_none(kinds, scores[chosen]), 3),
            }
    return {
        "portraits": len(labels),
        "auc_clear_none": round(clear_against_none(labels, scores), 4),
        "auc_clear_none_95": [round(float(value), 3) for value in spread],
        "auc_per_fold": [round(value, 3) for value in per_fold],
        "auc_clear_none_degraded": round(clear_against_none(labels, folds["told_hard"]), 4),
        "auc_clear_rest": round(roc_auc_score(labels == 2, scores), 4),
        "auc_any_none": round(roc_auc_score(labels > 0, scores), 4),
        "severity_correlation": round(float(np.corrcoef(labels, folds["told"])[0, 1]), 3),
        "calibration": {"slope": round(line[0], 4), "offset": round(line[1], 4)},
        "above": {
            f"{bound:.2f}": {
                name: round(float((probability[labels == label] > bound).mean()), 3)
                for label, name in enumerate(("none", "slight", "clear"))
            }
            for bound in (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
        },
        "median_probability": {
            name: round(float(np.median(probability[labels == label])), 3)
            for label, name in enumerate(("none", "slight", "clear"))
        },
        "twins": {
            "count": int(has_twin.sum()),
            "mean_before": round(float(probability[has_twin].mean()), 3) if has_twin.any() else None,
            "mean_after": round(float(twins.mean()), 3) if has_twin.any() else None,
            "fell": round(float((twins < probability[has_twin]).mean()), 3) if has_twin.any() else None,
        },
        "groups": groups,
    }


def group_masks(table: list[dict]) -> dict[str, np.ndarray]:
    column = {name: np.array([float(row[name]) for row in table]) for name in table[0]}
    return {
        "children": column["age"] == 0,
        "young": column["age"] == 1,
        "middle-aged": column["age"] == 2,
        "old": column["age"] == 3,
        "masculine": column["masculine"] == 1,
        "feminine": column["masculine"] == 0,
        "beard": column["beard"] == 1,
        "glasses": column["glasses"] == 1,
        "hair beside the neck": column["hair"] == 2,
        "dark (lowest sixth of face_light)": column["face_light"] <= np.quantile(column["face_light"], 1 / 6),
        "turned (|yaw| in the highest sixth)": abs(column["yaw"]) >= np.quantile(abs(column["yaw"]), 5 / 6),
        "smiling (highest third)": column["smile"] >= np.quantile(column["smile"], 2 / 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--labelled", type=Path, required=True, help="portraits of boundaries/training/w.npy")
    parser.add_argument("--unlabelled", type=Path, nargs="*", default=[], help="folders of other portraits")
    parser.add_argument("--twins", type=Path, help="the clear ones again, in their order, moved along the fine boundary")
    parser.add_argument("--labels", type=Path, default=HERE / "../../boundaries/training/labels.csv")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, default=HERE / "../chin_scorer.onnx")
    parser.add_argument("--photos", type=int, default=3, help="photo-like versions of each portrait")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)

    with open(options.labels, newline="") as file:
        table = list(csv.DictReader(file))
    labels = np.array([int(row["double_chin"]) for row in table])
    rows = Rows(options, labels)
    folds = cross_validate(rows)
    np.savez(options.work / "folds.npz", **folds)
    line = calibrate(labels, folds["told"])
    report = figures(labels, folds, line, table)
    (options.work / "figures.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    weight, bias = rows.linear(rows.fit(np.arange(len(labels))))
    export(Exported(weight, bias, line), options.onnx, CROP_SIDE, ["probability", "severity"])


if __name__ == "__main__":
    main()
