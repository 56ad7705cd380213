"""Face-parsing labels from the generator's own features: what the parser is trained on.

    python feature_labels.py fit   --features D/annotated --work D/labels        # per-pixel classifiers
    python feature_labels.py apply --portraits D/portraits --work D/labels       # a label map a portrait

The features of a generator know what they draw (DatasetGAN): a small network that reads the label of a pixel
from its features of 32, 64, 128 and 256 px learns it from some tens of portraits that were labelled whole
(`annotate.py`), and then labels any number of others. Three are fitted; where they disagree, or are unsure, a
pixel is left out (255).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import annotate
from generator import FEATURE_SIDES, Generator, default_pack
from parts import LABEL_SIDE, PARTS, UNSURE, labels_of, parts_of
from shards import load_all, save_whole

MODELS = 3
HIDDEN = 64
# Pixels of a portrait that are learnt from: anywhere, and of each part.
ANYWHERE, OF_A_PART = 2500, 250
# Necklaces are on so few of the portraits that one is seen too readily.
LEAST_PROBABILITY = {"necklace": 0.85}


def pixel_rows(maps: dict[int, np.ndarray], y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Features of pixels of a 256-px picture, interpolated between cells, `[n, channels of all sides]`."""
    grid = torch.from_numpy(np.stack([(x + 0.5) / 128 - 1, (y + 0.5) / 128 - 1], -1).astype(np.float32))[None, None]
    rows = []
    for side in FEATURE_SIDES:
        map = torch.from_numpy(maps[side].astype(np.float32))[None]
        rows.append(F.grid_sample(map, grid, padding_mode="border", align_corners=False)[0, :, 0].T)
    return torch.cat(rows, 1).numpy()


def fit(options: argparse.Namespace) -> None:
    """The classifiers, from the labelled portraits' features, drawn with `portraits.py --codes annotations/codes.npy`."""
    labels = annotate.labels()
    maps = {side: load_all(options.features, f"features_{side}") for side in FEATURE_SIDES}
    if len(maps[FEATURE_SIDES[0]]) != len(labels):
        raise SystemExit(f"{options.features}: {len(maps[FEATURE_SIDES[0]])} portraits, {len(labels)} labelled: draw them again")
    rng = np.random.default_rng(0)
    rows, parts = [], []
    for index in annotate.rows(options.all):
        of_pixel = parts_of(labels[index]).ravel()
        picked = [rng.integers(0, of_pixel.size, ANYWHERE)]
        for part in range(len(PARTS)):
            picked.append(rng.permutation(np.flatnonzero(of_pixel == part))[:OF_A_PART])
        picked = np.concatenate(picked)
        y, x = picked // LABEL_SIDE, picked % LABEL_SIDE
        rows.append(pixel_rows({side: maps[side][index] for side in FEATURE_SIDES}, y, x).astype(np.float16))
        parts.append(of_pixel[picked])
    rows, parts = np.concatenate(rows), np.concatenate(parts).astype(np.int64)
    mean = rows.mean(0, dtype=np.float32)
    deviation = rows.astype(np.float32).std(0) + 1e-3
    models = [classifier(rows, parts, mean, deviation, seed) for seed in range(MODELS)]
    options.work.mkdir(parents=True, exist_ok=True)
    np.savez(options.work / "classifiers.npz", **{name: np.array([m[name] for m in models]) for name in models[0]})
    print(f"{len(parts)} pixels: " + ", ".join(f"{n} {c}" for n, c in zip(PARTS, np.bincount(parts, minlength=len(PARTS)))))


def classifier(rows, parts, mean, deviation, seed: int) -> dict[str, np.ndarray]:
    """One hidden layer. The standardisation is taken into its first weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = torch.nn.Sequential(
        torch.nn.Dropout(0.2),
        torch.nn.Linear(rows.shape[1], HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(HIDDEN, len(PARTS)),
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    steps = 1200
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        chosen = rng.integers(0, len(rows), 512)
        batch = torch.from_numpy((rows[chosen].astype(np.float32) - mean) / deviation)
        loss = F.cross_entropy(network(batch), torch.from_numpy(parts[chosen]), label_smoothing=0.02)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    first, second = network[1], network[4]
    weight = first.weight.detach().numpy() / deviation
    return {
        "first": weight.astype(np.float32),
        "first_bias": (first.bias.detach().numpy() - weight @ mean).astype(np.float32),
        "second": second.weight.detach().numpy(),
        "second_bias": second.bias.detach().numpy(),
    }


class Classifiers:
    """The classifiers, applied to whole feature maps. The first layer is linear: it is applied at each
    resolution, and the sums are enlarged."""

    def __init__(self, path: Path):
        stored = np.load(path)
        self.first, self.first_bias, self.second, self.second_bias = (
            torch.from_numpy(stored[name]) for name in ("first", "first_bias", "second", "second_bias")
        )

    @torch.no_grad()
    def probabilities(self, maps: dict[int, np.ndarray]) -> torch.Tensor:
        """`[models, parts, 256, 256]`."""
        models, hidden, _ = self.first.shape
        inner = self.first_bias.reshape(1, -1, 1, 1)
        at = 0
        for side in FEATURE_SIDES:
            map = torch.from_numpy(maps[side].astype(np.float32))
            weight = self.first[:, :, at : at + len(map)].reshape(models * hidden, -1)
            told = (weight @ map.reshape(len(map), -1)).reshape(1, -1, side, side)
            inner = inner + F.interpolate(told, (LABEL_SIDE, LABEL_SIDE), mode="bilinear")
            at += len(map)
        inner = F.relu(inner).reshape(models, hidden, -1)
        logits = torch.bmm(self.second, inner) + self.second_bias[:, :, None]
        return logits.softmax(1).reshape(models, -1, LABEL_SIDE, LABEL_SIDE)

    def parts(self, maps: dict[int, np.ndarray]) -> np.ndarray:
        """The part of each pixel; 255 where the classifiers are unsure or disagree."""
        each = self.probabilities(maps)
        top, part = each.mean(0).max(0)
        agree = (each.argmax(1) == part).all(0)
        bounds = torch.tensor([LEAST_PROBABILITY.get(name, 0.5) for name in PARTS])
        return torch.where(agree & (top > bounds[part]), part, UNSURE).numpy().astype(np.uint8)


def apply(options: argparse.Namespace) -> None:
    """Draws the features of portraits again from their codes and labels them."""
    generator = Generator(options.pack, options.threads)
    classifiers = Classifiers(options.work / "classifiers.npz")
    for path in sorted(options.portraits.glob("codes_[0-9]*.npy")):
        target = options.portraits / path.name.replace("codes", "labels")
        if target.exists() or ".partial" in path.name:
            continue
        labels = [labels_of(classifiers.parts(generator.features(code, FEATURE_SIDES))) for code in np.load(path)]
        save_whole(target, np.array(labels))
        print(f"{target.name}: {np.mean(np.array(labels) == UNSURE) * 100:.1f} % left out", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=["fit", "apply"])
    parser.add_argument("--features", type=Path, help="the labelled portraits' features")
    parser.add_argument("--all", action="store_true", help="learn from the held-out portraits too")
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--pack", type=Path, default=default_pack())
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    {"fit": fit, "apply": apply}[options.step](options)


if __name__ == "__main__":
    main()
