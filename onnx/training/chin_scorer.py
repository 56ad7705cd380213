"""Trains the chin scorer: how likely, and how marked, is a visible double chin in an aligned crop?

    python chin_scorer.py --labelled D/labelled --unlabelled D/portraits --work D/chin_scorer

Three steps, each of which is skipped when its result is there:

1. `trunk.pt`: the network learns to tell the latent code from the lower face, on portraits without labels.
2. `folds.npz`: five times, the trunk is fine-tuned on four fifths of the labels and scores the rest.
3. `final.pt` and `--onnx`: fine-tuned on all labels, calibrated on the scores of step 2, exported.
"""

from __future__ import annotations

import argparse
import copy
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
TOP, LEFT, RIGHT = 48, 16, 112
# Leading components of the latent code that the trunk learns to tell.
CODE_COMPONENTS = 64
FOLDS = 5
# What a portrait with "a hint of it" says about "a retoucher would be asked to remove it".
SLIGHT_TARGET = 0.3
HERE = Path(__file__).parent


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
    """From the lower strip of a crop, `[n, 3, 80, 96]`, to features `[n, width * 6]`."""

    def __init__(self, widths: tuple[int, ...] = (20, 40, 72, 112)):
        super().__init__()
        layers, channels = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()], widths[0]
        layers.append(nn.MaxPool2d(2))
        for width in widths:
            layers.append(Block(channels, width))
            channels = width
        self.layers = nn.Sequential(*layers)
        self.features = channels * 6

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
    """Trunk and two heads: the logit of a visible double chin, and its severity."""

    def __init__(self, trunk: Trunk):
        super().__init__()
        self.trunk = trunk
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(trunk.features, 2)

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
        return probability, both[:, 1:].clamp(0, 1)


def strip_of(crops: torch.Tensor) -> torch.Tensor:
    """The part of crops of 128 px that the network looks at: `[n, 3, 80, 96]`."""
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


def augmented_strips(crops: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """A batch as the network is trained on: moved, mirrored, occluded, degraded."""
    pictures = augment.to_tensor(crops)
    pictures, _ = augment.mirror(pictures, None, rng)
    pictures, _ = augment.move(pictures, None, rng)
    strips, _ = augment.occlude(strip_of(pictures), None, rng, chance=0.15, top=0.5)
    return augment.degrade(strips, rng)


def schedule(optimiser: torch.optim.Optimizer, steps: int):
    rate = optimiser.param_groups[0]["lr"]
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)


def code_targets(codes: np.ndarray) -> np.ndarray:
    """Leading components of the codes, each of unit variance."""
    centred = codes - codes.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    components = centred @ axes[:CODE_COMPONENTS].T
    return (components / components.std(0)).astype(np.float32)


def train_trunk(crops: np.ndarray, codes: np.ndarray, options: argparse.Namespace) -> Trunk:
    """The trunk, having learnt to tell codes from pictures."""
    path = options.work / "trunk.pt"
    trunk = Trunk()
    if path.exists():
        trunk.load_state_dict(torch.load(path))
        return trunk
    targets = torch.from_numpy(code_targets(codes))
    network = nn.Sequential(trunk, nn.Linear(trunk.features, CODE_COMPONENTS))
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    rate = schedule(optimiser, options.trunk_steps)
    partial = options.work / "trunk.partial.pt"
    first = 0
    if partial.exists():
        state = torch.load(partial)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        rate.load_state_dict(state["rate"])
        first = state["step"]
    running = None
    network.train()
    for step in range(first, options.trunk_steps):
        rng = np.random.default_rng([options.seed, step])
        chosen = rng.choice(len(crops), options.batch, replace=False)
        told = network(augmented_strips(crops[chosen], rng))
        # A mirrored portrait has another code: the loss's floor, and no harm.
        loss = F.smooth_l1_loss(told, targets[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if (step + 1) % 100 == 0:
            print(f"trunk {step + 1}/{options.trunk_steps}: loss {running:.4f}", flush=True)
            torch.save(
                {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "rate": rate.state_dict(), "step": step + 1},
                partial,
            )
    torch.save(trunk.state_dict(), path)
    return trunk


def fine_tune(
    trunk: Trunk, crops: np.ndarray, labels: np.ndarray, options: argparse.Namespace, seed: int
) -> ChinScorer:
    """A scorer of these labels (0 none, 1 slight, 2 clear); its weights averaged over the last steps."""
    torch.manual_seed(seed)
    scorer = ChinScorer(copy.deepcopy(trunk))
    targets = torch.from_numpy(
        np.stack([np.choose(labels.astype(int), [0, SLIGHT_TARGET, 1]), labels / 2], 1).astype(np.float32)
    )
    # Clear ones are rare: draw the three kinds more evenly.
    weights = 1 / np.sqrt(np.bincount(labels.astype(int), minlength=3))[labels.astype(int)]
    weights /= weights.sum()
    optimiser = torch.optim.AdamW(
        [
            {"params": scorer.trunk.parameters(), "lr": options.rate},
            {"params": scorer.head.parameters(), "lr": options.rate * 2},
        ],
        weight_decay=0.02,
    )
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [options.rate, options.rate * 2], total_steps=options.steps, pct_start=0.2
    )
    average = torch.optim.swa_utils.AveragedModel(
        scorer, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98), use_buffers=True
    )
    scorer.train()
    for step in range(options.steps):
        rng = np.random.default_rng([options.seed, seed, step])
        chosen = rng.choice(len(crops), options.batch, p=weights)
        told = scorer(augmented_strips(crops[chosen], rng))
        wanted = targets[chosen]
        loss = F.binary_cross_entropy_with_logits(told[:, 0], wanted[:, 0])
        loss = loss + 2 * F.smooth_l1_loss(told[:, 1], wanted[:, 1], beta=0.2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
        average.update_parameters(scorer)
    return average.module.eval()


@torch.no_grad()
def outputs(scorer: ChinScorer, crops: np.ndarray) -> np.ndarray:
    """Logit and severity `[n, 2]`, of the crops as they are and mirrored."""
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


def cross_validate(trunk: Trunk, crops: np.ndarray, labels: np.ndarray, options: argparse.Namespace) -> dict:
    """What scorers say of labels that they were not trained on: portrait i is in fold i mod 5."""
    path = options.work / "folds.npz"
    told = np.full((len(labels), 2), np.nan, np.float32)
    told_hard, done = told.copy(), []
    if path.exists():
        saved = np.load(path)
        told, told_hard, done = saved["told"], saved["told_hard"], list(saved["done"])
    hard = hard_crops(crops, seed=99)
    fold_of = np.arange(len(labels)) % FOLDS
    for fold in range(FOLDS):
        if fold in done:
            continue
        held_out = fold_of == fold
        scorer = fine_tune(trunk, crops[~held_out], labels[~held_out], options, seed=fold)
        told[held_out] = outputs(scorer, crops[held_out])
        told_hard[held_out] = outputs(scorer, hard[held_out])
        done.append(fold)
        np.savez(path, told=told, told_hard=told_hard, done=done)
        print(f"fold {fold}: AUC {clear_against_none(labels[held_out], told[held_out, 0]):.3f}", flush=True)
    return {"told": told, "told_hard": told_hard}


def clear_against_none(labels: np.ndarray, scores: np.ndarray) -> float:
    certain = labels != 1
    return roc_auc_score(labels[certain] == 2, scores[certain])


def calibrate(labels: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Slope and offset that make held-out logits probabilities, by maximum likelihood."""
    x = torch.from_numpy(logits).double()
    y = torch.from_numpy(np.choose(labels.astype(int), [0, SLIGHT_TARGET, 1])).double()
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
    parser.add_argument("--trunk-steps", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)

    with open(options.labels, newline="") as file:
        table = list(csv.DictReader(file))
    labels = np.array([float(row["double_chin"]) for row in table], np.float32)
    crops = load_crops(options.labelled)
    if len(crops) != len(labels):
        raise SystemExit(f"{len(labels)} labels, {len(crops)} portraits in {options.labelled}: draw all of them")
    sources = [options.labelled, *options.unlabelled]
    all_crops = np.concatenate([crops] + [load_crops(folder) for folder in options.unlabelled])
    all_codes = np.concatenate([load_all(folder, "codes") for folder in sources])

    trunk = train_trunk(all_crops, all_codes, options)
    folds = cross_validate(trunk, crops, labels, options)
    line = calibrate(labels, folds["told"][:, 0])
    report = figures(labels, folds, line, table)
    (options.work / "figures.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    final = options.work / "final.pt"
    scorer = ChinScorer(Trunk())
    if final.exists():
        scorer.load_state_dict(torch.load(final))
    else:
        scorer = fine_tune(trunk, crops, labels, options, seed=100)
        torch.save(scorer.state_dict(), final)
    export(scorer.eval(), line, options.onnx)
    print(f"{options.onnx}: {options.onnx.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
