"""Trains the chin scorer: how likely, and how marked, is a visible double chin in an aligned crop?

    python chin_scorer.py --labelled D/labelled --unlabelled D/portraits --work D/chin_scorer

Labels are few, portraits are not. A ridge regression of the labels on the latent codes tells of any generated
portrait about how much of a double chin it has; the network learns the labels and, from all portraits, to
see in the picture what the regression reads from the code. Two steps, each skipped when its result is there:

1. `folds.npz`: five times, regression and network are fitted to four fifths of the labels and score the rest.
2. `final.pt` and `--onnx`: fitted to all labels, calibrated on the scores of step 1, exported.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import nn

import augment
from shards import load_all

CROP_SIDE = 256
# The network works at half of that: labels by eye were given at about this size.
WORKING_SIDE = 128
# What it looks at, in pixels of the 128-px crop: from the nose down, without the far sides.
TOP, LEFT, RIGHT = 64, 16, 112
# Of the regression, as of the one that scores codes in `jawline train score`.
RIDGE_PENALTY = 150.0
FOLDS = 5
# What a portrait with "a hint of it" says about "a retoucher would be asked to remove it".
SLIGHT_TARGET = 0.3
HERE = Path(__file__).parent
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Block(nn.Module):
    """Two convolutions and a shortcut; halves the resolution when it widens."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        stride = 1 if channels_in == channels_out else 2
        self.first = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels_out)
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels_in, channels_out, 1, bias=False))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(inner)) + self.shortcut(x))


class Trunk(nn.Module):
    """From the lower strip of a crop, `[n, 3, 64, 96]`, to features `[n, width * 6]`."""

    def __init__(self, widths: tuple[int, ...] = (20, 40, 72, 112)):
        super().__init__()
        layers = [nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for before, width in zip((widths[0], *widths), widths):
            layers.append(Block(before, width))
        self.layers = nn.Sequential(*layers)
        self.features = widths[-1] * 6

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        # Three by two cells keep apart what is left, below and right of the chin, up and down.
        maps = self.layers(strip)
        top, bottom = maps[:, :, : maps.shape[2] // 2], maps[:, :, maps.shape[2] // 2 :]
        third = maps.shape[3] // 3
        cells = [
            half[:, :, :, start : start + third].mean((2, 3))
            for half in (top, bottom)
            for start in (0, third, 2 * third)
        ]
        return torch.cat(cells, 1)


class ChinScorer(nn.Module):
    """Trunk and three heads: the logit of a visible double chin, its severity, and what the regression
    says of the code (standardised; for training only)."""

    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(self.trunk.features, 3)

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(self.trunk(strip)))


class Exported(nn.Module):
    """What the file holds: crop `[n, 3, 256, 256]`, RGB in [-1, 1], to probability and severity `[n, 1]`
    in [0, 1]. The crop is looked at as it is and mirrored, so that both say the same."""

    def __init__(self, scorer: ChinScorer, slope: float, offset: float):
        super().__init__()
        self.scorer, self.slope, self.offset = scorer, slope, offset

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        strip = strip_of(F.avg_pool2d(image, CROP_SIDE // WORKING_SIDE))
        both = (self.scorer(strip) + self.scorer(strip.flip(3))) / 2
        probability = torch.sigmoid(both[:, :1] * self.slope + self.offset)
        return probability, both[:, 1:2].clamp(0, 1)


def strip_of(crops: torch.Tensor) -> torch.Tensor:
    """The part of crops of 128 px that the network looks at: `[n, 3, 64, 96]`."""
    return crops[:, :, TOP:, LEFT:RIGHT]


def load_crops(folder: Path) -> np.ndarray:
    """Pictures `[n, 128, 128, 3]`, 8 bit."""
    crops = []
    for path in sorted(folder.glob("pictures_[0-9]*.npy")):
        if ".partial" in path.name:
            continue
        pictures = np.load(path)
        factor = pictures.shape[1] // WORKING_SIDE
        blocks = pictures.reshape(len(pictures), WORKING_SIDE, factor, WORKING_SIDE, factor, 3)
        crops.append(np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8))
    return np.concatenate(crops)


class Portraits:
    """Crops `[n, 128, 128, 3]` and codes `[n, 512]`: the labelled ones first, with their labels (0 none,
    1 slight, 2 clear), then others."""

    def __init__(self, labelled: Path, unlabelled: list[Path], labels: np.ndarray):
        self.labels = labels
        self.crops = np.concatenate([load_crops(folder) for folder in (labelled, *unlabelled)])
        self.codes = np.concatenate([load_all(folder, "codes") for folder in (labelled, *unlabelled)])
        if len(load_all(labelled, "codes")) != len(labels):
            raise SystemExit(f"{len(labels)} labels, but other portraits in {labelled}: draw all of them")


def augmented_strips(crops: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """A batch as the network is trained on: moved, mirrored, occluded, degraded."""
    pictures = augment.to_tensor(crops)
    pictures, _ = augment.mirror(pictures, None, rng)
    pictures, _ = augment.move(pictures, None, rng)
    strips, _ = augment.occlude(strip_of(pictures), None, rng, chance=0.15, top=0.5)
    return augment.degrade(strips, rng)


def regression(codes: np.ndarray, labels: np.ndarray, everyone: np.ndarray) -> np.ndarray:
    """What a ridge regression of labels on codes says of everyone's codes, standardised."""
    centre = codes.mean(0)
    x, y = (codes - centre).astype(np.float64), labels - labels.mean()
    weights = np.linalg.solve(x.T @ x + RIDGE_PENALTY * np.eye(x.shape[1]), x.T @ y)
    told = (everyone - centre) @ weights
    return ((told - told.mean()) / told.std()).astype(np.float32)


def fit(portraits: Portraits, chosen: np.ndarray, steps: int, options: argparse.Namespace, seed: int) -> ChinScorer:
    """A scorer that knows the labels of the chosen portraits only; its weights averaged over the last steps."""
    torch.manual_seed(seed)
    scorer = ChinScorer().to(DEVICE)
    labels = portraits.labels[chosen]
    told = torch.from_numpy(regression(portraits.codes[chosen], labels, portraits.codes))
    # Clear ones are rare: draw the three kinds more evenly.
    weights = 1 / np.sqrt(np.bincount(labels, minlength=3))[labels]
    weights /= weights.sum()
    # Portraits whose labels are held out are not looked at in any way.
    others = np.concatenate([chosen, np.arange(len(portraits.labels), len(portraits.crops))])
    half = options.batch // 2
    optimiser = torch.optim.AdamW(scorer.parameters(), lr=options.rate, weight_decay=0.02)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps, pct_start=0.2)
    average = torch.optim.swa_utils.AveragedModel(
        scorer, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98), use_buffers=True
    )
    scorer.train()
    for step in range(steps):
        rng = np.random.default_rng([options.seed, seed, step])
        batch = np.concatenate([rng.choice(chosen, half, p=weights), rng.choice(others, half)])
        out = scorer(augmented_strips(portraits.crops[batch], rng).to(DEVICE)).cpu()
        known = portraits.labels[batch[:half]]
        likely = torch.from_numpy(np.choose(known, [0, SLIGHT_TARGET, 1]).astype(np.float32))
        severity = torch.from_numpy((known / 2).astype(np.float32))
        loss = F.binary_cross_entropy_with_logits(out[:half, 0], likely)
        loss = loss + 2 * F.smooth_l1_loss(out[:half, 1], severity, beta=0.2)
        loss = loss + F.smooth_l1_loss(out[:, 2], told[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
        average.update_parameters(scorer)
        if (step + 1) % 50 == 0:
            print(f"  {step + 1}/{steps}: loss {loss.item():.3f}", flush=True)
    return average.module.cpu().eval()


@torch.no_grad()
def outputs(scorer: ChinScorer, crops: np.ndarray) -> np.ndarray:
    """Logit, severity and regression `[n, 3]`, of the crops as they are and mirrored."""
    scorer.eval()
    told = []
    for first in range(0, len(crops), 64):
        strips = strip_of(augment.to_tensor(crops[first : first + 64]))
        told.append((scorer(strips) + scorer(strips.flip(3))) / 2)
    return torch.cat(told).numpy()


def hard_crops(crops: np.ndarray, seed: int) -> np.ndarray:
    """The crops as bad photos would show them, for measuring."""
    rng = np.random.default_rng(seed)
    result = []
    for first in range(0, len(crops), 64):
        pictures = augment.to_tensor(crops[first : first + 64])
        pictures, _ = augment.move(pictures, None, rng)
        pictures = augment.degrade(pictures, rng)
        result.append(((pictures + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(result)


def cross_validate(portraits: Portraits, options: argparse.Namespace) -> dict:
    """What scorers say of portraits whose labels they do not know: portrait i is in fold i mod 5."""
    path = options.work / "folds.npz"
    count = len(portraits.labels)
    told = np.full((count, 3), np.nan, np.float32)
    told_hard, done = told.copy(), []
    if path.exists():
        saved = np.load(path)
        told, told_hard, done = saved["told"], saved["told_hard"], list(saved["done"])
    hard = hard_crops(portraits.crops[:count], seed=99)
    fold_of = np.arange(count) % FOLDS
    for fold in range(FOLDS):
        if fold in done:
            continue
        held_out = fold_of == fold
        scorer = fit(portraits, np.flatnonzero(~held_out), options.steps, options, seed=fold)
        told[held_out] = outputs(scorer, portraits.crops[:count][held_out])
        told_hard[held_out] = outputs(scorer, hard[held_out])
        done.append(fold)
        np.savez(path, told=told, told_hard=told_hard, done=done)
        by_head = [clear_against_none(portraits.labels[held_out], told[held_out, k]) for k in range(3)]
        print(f"fold {fold}: AUC {by_head[0]:.3f} (severity {by_head[1]:.3f}, regression {by_head[2]:.3f})", flush=True)
    return {"told": told, "told_hard": told_hard}


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
    return float(line[0]), float(line[1])


def figures(labels: np.ndarray, folds: dict, line: tuple[float, float], table: list[dict]) -> dict:
    """What the model card quotes."""
    scores = folds["told"][:, 0]
    per_fold = [
        clear_against_none(labels[np.arange(len(labels)) % FOLDS == fold], scores[np.arange(len(labels)) % FOLDS == fold])
        for fold in range(FOLDS)
    ]
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(labels), len(labels)) for _ in range(1000))
    spread = np.percentile([clear_against_none(labels[draw], scores[draw]) for draw in draws], [2.5, 97.5])
    probability = 1 / (1 + np.exp(-(scores * line[0] + line[1])))
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
        "auc_clear_none_degraded": round(clear_against_none(labels, folds["told_hard"][:, 0]), 4),
        "auc_clear_rest": round(roc_auc_score(labels == 2, scores), 4),
        "auc_any_none": round(roc_auc_score(labels > 0, scores), 4),
        "severity_correlation": round(float(np.corrcoef(labels, folds["told"][:, 1])[0, 1]), 3),
        "calibration": {"slope": round(line[0], 4), "offset": round(line[1], 4)},
        "above_half": {
            name: round(float((probability[labels == label] > 0.5).mean()), 3)
            for label, name in enumerate(("none", "slight", "clear"))
        },
        "median_probability": {
            name: round(float(np.median(probability[labels == label])), 3)
            for label, name in enumerate(("none", "slight", "clear"))
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


def export(scorer: ChinScorer, line: tuple[float, float], path: Path) -> None:
    exported = Exported(scorer, *line).eval()
    example = torch.zeros(1, 3, CROP_SIDE, CROP_SIDE)
    torch.onnx.export(
        exported,
        (example,),
        str(path),
        input_names=["image"],
        output_names=["probability", "severity"],
        opset_version=18,
        dynamo=False,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--labelled", type=Path, required=True, help="portraits of boundaries/training/w.npy")
    parser.add_argument("--unlabelled", type=Path, nargs="*", default=[], help="more portraits, for the trunk")
    parser.add_argument("--labels", type=Path, default=HERE / "../../boundaries/training/labels.csv")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, default=HERE / "../chin_scorer.onnx")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)

    with open(options.labels, newline="") as file:
        table = list(csv.DictReader(file))
    labels = np.array([int(row["double_chin"]) for row in table])
    portraits = Portraits(options.labelled, options.unlabelled, labels)
    folds = cross_validate(portraits, options)
    line = calibrate(labels, folds["told"][:, 0])
    report = figures(labels, folds, line, table)
    (options.work / "figures.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    final = options.work / "final.pt"
    if final.exists():
        scorer = ChinScorer()
        scorer.load_state_dict(torch.load(final, map_location="cpu"))
    else:
        scorer = fit(portraits, np.arange(len(labels)), options.steps, options, seed=100)
        torch.save(scorer.state_dict(), final)
    export(scorer.eval(), line, options.onnx)
    print(f"{options.onnx}: {options.onnx.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
