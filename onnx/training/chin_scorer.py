"""Trains the chin scorer: how likely, and how marked, is a visible double chin in an aligned crop?

    python chin_scorer.py --start D/face_parser/checkpoint.pt --labelled D/labelled --portraits D/portraits \
        --clear-pairs D/clear_pairs --pairs D/pairs --marked-pairs D/marked_pairs --work D/chin_scorer

The network is the first stages of the face parser, which know outlines and shadows of chins and necks, and a linear
layer on what they say of each of 9 × 12 cells of the lower face. With a thousand labels that ranks better than a
network that is trained as a whole, and it is fitted in minutes. Pairs of `neck_pairs.py` tell it what is the chin and
what is the rest of the face: their second picture is the first with another neck and jaw put in, and has no double
chin. How much of one the first has is said by a ridge regression of the labels on the latent codes.

`annotations/chins.csv` labels portraits of which an earlier scorer was unsure: beards, heads that are turned or tilted
back. Each has the mean of two readers' labels. They are fitted to, and not counted in the figures of the folds.

Features are kept in `--work`, and the network as PyTorch has it (`scorer.pt`). Five times, everything that is fitted
is fitted to four fifths of the labels and scores the rest (`folds.npz`); then to all, calibrated on those scores,
exported.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import cho_factor, cho_solve
from sklearn.metrics import roc_auc_score

import augment
from chin_network import SIDE, ChinScorer, Trunk, strip_of
from exporting import export
from face_parser import FaceParser, parser_weights
from neck_examples import Pairs
from neck_field import TOP as PAIRS_TOP
from neck_field import aimed_at
from shards import load_all, save_whole, shard_paths

FOLDS = 5
# Of the regression on codes, as of the one that scores codes in `jawline train score`.
CODE_PENALTY = 150.0
# Of the linear layer, for each version of a portrait that it is fitted to; features have about unit variance in all.
PENALTY = 0.3
# Features that hardly vary count less: the deviation they are divided by has this share of the median added.
LEAST_DEVIATION = 0.3
# How many pairs are taken of a folder, and how much pictures count beside those that have a label by eye.
MOST_PAIRS = 700
PAIR_WEIGHT, EDITED_CLEAR_WEIGHT = 0.2, 0.5
# On the scale of the labels (0 none, 1 a hint, 2 clear): at most this is left when neck and jaw were replaced.
EDITED = 0.3
# By this much does a portrait rise that is moved by 1 towards the double chin, and this is the most.
RISE, MOST = 0.75, 2.2
# What a portrait with "a hint of it" says about "a retoucher would be asked to remove it".
SLIGHT_TARGET = 0.3
HERE = Path(__file__).parent


def load_crops(folder: Path, chosen: np.ndarray | None = None) -> np.ndarray:
    """Pictures `[n, 256, 256, 3]`, 8 bit, of all portraits or of the chosen ones, which rise."""
    crops, first = [], 0
    for path in shard_paths(folder, "pictures"):
        pictures = np.load(path, mmap_mode="r")
        rows = np.arange(first, first + len(pictures))
        first += len(pictures)
        pictures = pictures[:] if chosen is None else pictures[np.isin(rows, chosen)]
        if not len(pictures):
            continue
        factor = pictures.shape[1] // SIDE
        blocks = pictures.reshape(len(pictures), SIDE, factor, SIDE, factor, 3)
        crops.append(np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8))
    return np.concatenate(crops)


class Features:
    """Features `[n, 20736]` in half precision, computed once and kept in files."""

    def __init__(self, trunk: Trunk, work: Path):
        self.trunk, self.work = trunk, work

    def of_portraits(self, folder: Path, version: str, chosen: np.ndarray | None = None) -> np.ndarray:
        """Of a folder's portraits, or the chosen ones: `plain`, `mirrored`, or as a photo of seed k shows them
        (`photo_k`)."""
        count = sum(len(np.load(shard, mmap_mode="r")) for shard in shard_paths(folder, "pictures"))
        count = count if chosen is None else len(chosen)
        return self.kept(f"{folder.name}_{version}", count, lambda: self.portraits(load_crops(folder, chosen), version))

    def of_pairs(self, folder: Path, edited: bool, version: str) -> np.ndarray:
        """Of the pictures of a folder's first pairs, as they are or with their neck and jaw replaced."""
        pairs = Pairs(Pairs.load(folder).maps[:MOST_PAIRS])
        name = f"{folder.name}_{'edited' if edited else 'given'}_{version}"
        return self.kept(name, len(pairs), lambda: self.strips(pair_strips(pairs, edited), version))

    def kept(self, name: str, count: int, make) -> np.ndarray:
        path = self.work / f"{name}.npy"
        if path.exists():
            kept = np.load(path)
            # The folder may have grown since.
            if len(kept) == count:
                return kept
        result = np.concatenate(list(make()))
        save_whole(path, result)
        return result

    @torch.no_grad()
    def portraits(self, crops: np.ndarray, version: str):
        rng = random_of(version)
        for first in range(0, len(crops), 32):
            pictures = augment.to_tensor(crops[first : first + 32])
            if rng is not None:
                pictures, _ = augment.mirror(pictures, None, rng)
                pictures, _ = augment.move(pictures, None, rng, tilt_degrees=6, shift=0.03, scale=0.06)
            yield self.told(strip_of(pictures), version, rng)

    @torch.no_grad()
    def strips(self, strips: torch.Tensor, version: str):
        rng = random_of(version)
        for first in range(0, len(strips), 32):
            yield self.told(strips[first : first + 32], version, rng)

    def told(self, strips: torch.Tensor, version: str, rng) -> np.ndarray:
        if version == "mirrored":
            strips = strips.flip(3)
        if rng is not None:
            strips = augment.degrade(strips, rng)
        return self.trunk(strips).half().numpy()


def random_of(version: str) -> np.random.Generator | None:
    return np.random.default_rng(int(version.split("_")[1])) if "_" in version else None


def pair_strips(pairs: Pairs, edited: bool) -> torch.Tensor:
    """What the network looks at of the pictures of pairs."""
    strips = []
    for first in range(0, len(pairs), 100):
        maps = torch.from_numpy(pairs.maps[first : first + 100]).float() / 255
        picture, after, region = maps[:, :3], maps[:, 3:6], maps[:, 6:7]
        if edited:
            picture = picture + aimed_at(region) * (after - picture)
        strips.append(strip_of(picture, PAIRS_TOP) * 2 - 1)
    return torch.cat(strips)


def code_regression(codes: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What a ridge regression of labels on codes says of other codes."""
    centre = codes.mean(0)
    x, y = (codes - centre).astype(np.float64), labels - labels.mean()
    weights = np.linalg.solve(x.T @ x + CODE_PENALTY * np.eye(x.shape[1]), x.T @ y)
    return (others - centre) @ weights + labels.mean()


class Doubtful:
    """Portraits that two readers labelled since a scorer was unsure of them: their numbers in the set, which rise,
    and the readers' mean label."""

    def __init__(self, path: Path):
        with open(path, newline="") as file:
            table = sorted((int(row["portrait"]), float(row["double_chin"])) for row in csv.DictReader(file))
        self.rows = np.array([number for number, _ in table])
        self.labels = np.array([label for _, label in table])


class Rows:
    """All versions of all portraits, one a row, and their inner products: fits differ only in the rows."""

    def __init__(self, options: argparse.Namespace, labels: np.ndarray, doubtful: Doubtful, features: Features):
        self.measured, self.labels = len(labels), np.concatenate([labels, doubtful.labels])
        count = len(self.labels)
        self.blocks, self.owner, self.version = [], [], []
        # Of every owner: what is known of it without labels, from its code; how far it was moved; what was done to it.
        doubtful_codes = load_all(options.portraits, "codes")[doubtful.rows]
        self.codes, self.given, self.edited = [load_all(options.labelled, "codes"), doubtful_codes], [np.zeros(count)], []
        trained = ["plain", "mirrored", *(f"photo_{seed}" for seed in range(options.photos))]
        self.trained = set(trained)
        for version in dict.fromkeys([*trained, *HARD]):
            self.add(features.of_portraits(options.labelled, version), 0, version)
        for version in trained:
            self.add(features.of_portraits(options.portraits, version, doubtful.rows), self.measured, version)
        for version in ("plain", "mirrored", "photo_0"):
            # Edited pictures of the clear ones belong to them: they are held out together.
            block = features.of_pairs(options.clear_pairs, True, version)
            self.add(block, np.flatnonzero(labels == 2)[: len(block)], version, edited=True)
        for folder in (options.pairs, options.marked_pairs):
            for edited in (False, True):
                for version in ("plain", "photo_0"):
                    self.add(features.of_pairs(folder, edited, version), count, version, edited)
            count = self.own(load_all(folder, "codes")[:MOST_PAIRS], load_all(folder, "given")[:MOST_PAIRS])
        self.owner, self.edited = np.concatenate(self.owner), np.concatenate(self.edited)
        self.version = np.concatenate(self.version)
        self.codes, self.given = np.concatenate(self.codes), np.concatenate(self.given)
        features = np.concatenate(self.blocks).astype(np.float32)
        # Of portraits without labels alone, so that no held-out portrait has a say.
        reference = features[self.owner >= len(self.labels)]
        self.mean, deviation = reference.mean(0), reference.std(0)
        self.deviation = (deviation + LEAST_DEVIATION * np.median(deviation)) * np.sqrt(features.shape[1])
        self.features = (features - self.mean) / self.deviation
        self.products = self.features @ self.features.T

    def add(self, block: np.ndarray, owner, version: str, edited: bool = False) -> None:
        self.blocks.append(block)
        self.owner.append(owner + np.arange(len(block)) if np.isscalar(owner) else owner)
        self.version.append(np.full(len(block), version))
        self.edited.append(np.full(len(block), edited))

    def own(self, codes: np.ndarray, given: np.ndarray) -> int:
        """Owners that have no label; how many there are in all now."""
        self.codes.append(codes)
        self.given.append(given)
        return sum(len(codes) for codes in self.codes)

    def fit(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Rows, their coefficients, and the bias, from the labels of the chosen portraits alone."""
        labelled = len(self.labels)
        target = code_regression(self.codes[chosen], self.labels[chosen], self.codes)
        left = np.minimum(target, EDITED)
        target = np.minimum(target + RISE * self.given, np.maximum(target, MOST))
        target[:labelled] = self.labels
        known = np.ones(len(target), bool)
        known[:labelled] = False
        known[chosen] = True
        rows = np.flatnonzero(known[self.owner] & np.isin(self.version, list(self.trained)))
        owner, edited = self.owner[rows], self.edited[rows]
        weight = np.where(owner < labelled, np.where(edited, EDITED_CLEAR_WEIGHT, 1.0), PAIR_WEIGHT)
        wanted = np.where(edited, left[owner], target[owner])
        bias = np.average(wanted, weights=weight)
        kernel = self.products[np.ix_(rows, rows)].astype(np.float64)
        # A weight w on a row's error is a penalty divided by w in the dual.
        kernel[np.diag_indices_from(kernel)] += PENALTY * len(self.trained) / weight
        return rows, cho_solve(cho_factor(kernel, overwrite_a=True), wanted - bias), bias

    def scores(self, fitted: tuple, portraits: np.ndarray, versions: tuple[str, ...]) -> np.ndarray:
        """Mean score of versions of labelled portraits."""
        told = []
        for version in versions:
            asked = np.flatnonzero((self.version == version) & (self.owner < len(self.labels)) & ~self.edited)
            told.append(self.told(fitted, asked[portraits]))
        return np.mean(told, 0)

    def edited_scores(self, fitted: tuple, portraits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labelled portraits among these that were edited, and the scores of the edited pictures."""
        told = []
        for version in ("plain", "mirrored"):
            asked = np.flatnonzero(self.edited & (self.version == version) & np.isin(self.owner, portraits))
            told.append(self.told(fitted, asked))
        return self.owner[asked], np.mean(told, 0)

    def told(self, fitted: tuple, asked: np.ndarray) -> np.ndarray:
        rows, coefficients, bias = fitted
        return self.products[np.ix_(asked, rows)] @ coefficients + bias

    def linear(self, fitted: tuple) -> tuple[np.ndarray, float]:
        """Weights on the features as they come, and bias."""
        rows, coefficients, bias = fitted
        weight = (coefficients @ self.features[rows]) / self.deviation
        return weight, float(bias - weight @ self.mean)


# As bad photos would show the portraits, for measuring; never fitted to.
HARD = ("photo_99",)


def cross_validate(rows: Rows) -> dict[str, np.ndarray]:
    """Scores of portraits whose labels were not known: portrait i is in fold i mod 5."""
    count, everyone = rows.measured, np.arange(len(rows.labels))
    told, hard, edited = np.zeros(count), np.zeros(count), np.full(count, np.nan)
    for fold in range(FOLDS):
        held_out = np.arange(count) % FOLDS == fold
        fitted = rows.fit(np.setdiff1d(everyone, np.flatnonzero(held_out)))
        told[held_out] = rows.scores(fitted, np.flatnonzero(held_out), ("plain", "mirrored"))
        hard[held_out] = rows.scores(fitted, np.flatnonzero(held_out), HARD)
        owners, scores = rows.edited_scores(fitted, np.flatnonzero(held_out))
        edited[owners] = scores
        print(f"fold {fold}: AUC {clear_against_none(rows.labels[:count][held_out], told[held_out]):.3f}", flush=True)
    return {"told": told, "told_hard": hard, "edited": edited}


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
    was_edited = ~np.isnan(folds["edited"])
    edited = 1 / (1 + np.exp(-(folds["edited"][was_edited] * line[0] + line[1])))
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
        "edited": {
            "count": int(was_edited.sum()),
            "mean_before": round(float(probability[was_edited].mean()), 3),
            "mean_after": round(float(edited.mean()), 3),
            "fell": round(float((edited < probability[was_edited]).mean()), 3),
            "below_0.20": round(float((edited < 0.2).mean()), 3),
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
    parser.add_argument("--portraits", type=Path, required=True, help="portraits of which some are in --doubtful")
    parser.add_argument("--clear-pairs", type=Path, required=True, help="pairs of the clear ones, in their order")
    parser.add_argument("--pairs", type=Path, required=True, help="pairs of other portraits")
    parser.add_argument("--marked-pairs", type=Path, required=True, help="pairs that were given a double chin")
    parser.add_argument("--start", type=Path, required=True, help="a checkpoint of face_parser.py")
    parser.add_argument("--labels", type=Path, default=HERE / "../../boundaries/training/labels.csv")
    parser.add_argument("--doubtful", type=Path, default=HERE / "annotations/chins.csv")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, default=HERE / "../chin_scorer.onnx")
    parser.add_argument("--photos", type=int, default=1, help="photo-like versions of each portrait")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)

    with open(options.labels, newline="") as file:
        table = list(csv.DictReader(file))
    labels = np.array([int(row["double_chin"]) for row in table])
    face_parser = FaceParser()
    face_parser.load_state_dict(parser_weights(options.start))
    trunk = Trunk(face_parser)
    rows = Rows(options, labels, Doubtful(options.doubtful), Features(trunk, options.work))
    folds = cross_validate(rows)
    np.savez(options.work / "folds.npz", **folds)
    line = calibrate(labels, folds["told"])
    report = figures(labels, folds, line, table)
    (options.work / "figures.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    weight, bias = rows.linear(rows.fit(np.arange(len(rows.labels))))
    scorer = ChinScorer(trunk)
    scorer.linear.weight.data = torch.from_numpy(weight[None].astype(np.float32))
    scorer.linear.bias.data = torch.tensor([bias], dtype=torch.float32)
    scorer.line[:] = torch.tensor(line)
    # What `neck_field.py` learns from.
    torch.save(scorer.state_dict(), options.work / "scorer.pt")
    export(scorer, options.onnx, SIDE, ["probability", "severity"])


if __name__ == "__main__":
    main()
