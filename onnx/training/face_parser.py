"""Trains the face parser: which part of a portrait is each pixel of an aligned crop?

    python face_parser.py --portraits D/portraits --annotated D/annotated --work D/face_parser --steps 4000

Portraits come from `portraits.py`, their label maps from `feature_labels.py`; those that a person has outlined
(`annotate.py`) are half of each batch. A checkpoint is written every 50 steps: give the command again to go
on, with more `--steps` to train longer. `--all` learns from the held-out portraits too: measure without it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import annotate
import augment
from exporting import export
from necklaces import adorn
from parts import NAMES, UNSURE
from shards import load_all

HERE = Path(__file__).parent
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CLASSES = len(NAMES)
WORKING_SIDE = 256
CROP_SIDE = 512
FEATURES = 24
# How many of a batch were outlined by a person.
BY_HAND = 4
# The share of necks that get a necklace.
ADORNED = 0.25


class ConvNorm(nn.Sequential):
    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, dilation: int = 1):
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, stride, dilation, dilation, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )


class Residual(nn.Module):
    def __init__(self, channels: int, dilation: int = 1):
        super().__init__()
        self.inner = nn.Sequential(
            ConvNorm(channels, channels, dilation=dilation),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.inner(x))


class FaceParser(nn.Module):
    """A U-Net on 256 px: crops `[n, 3, 256, 256]` in [-1, 1] to logits `[n, 19, 256, 256]`."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 96, 128), channels: int = 3):
        super().__init__()
        a, b, c, d, e = widths
        self.stem = ConvNorm(channels, a, 2)
        self.down = nn.ModuleList(
            [
                nn.Sequential(ConvNorm(a, b, 2), Residual(b)),
                nn.Sequential(ConvNorm(b, c, 2), Residual(c), Residual(c)),
                nn.Sequential(ConvNorm(c, d, 2), Residual(d), Residual(d)),
                nn.Sequential(ConvNorm(d, e, 2), Residual(e), Residual(e)),
            ]
        )
        # What the whole picture is like: light, pose, how much of it is hair.
        self.whole = nn.Sequential(nn.Conv2d(e, e, 1), nn.ReLU(), nn.Conv2d(e, e, 1))
        self.up = nn.ModuleList(
            [
                nn.Sequential(ConvNorm(e + d, d), Residual(d)),
                nn.Sequential(ConvNorm(d + c, c), Residual(c)),
                nn.Sequential(ConvNorm(c + b, b), Residual(b)),
                ConvNorm(b + a, FEATURES),
            ]
        )
        # Four pixels of 256 px from each of 128 px.
        self.last = nn.Conv2d(FEATURES, CLASSES * 4, 1)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(self.last(self.features(crops)), 2)

    def features(self, crops: torch.Tensor) -> torch.Tensor:
        """What labels are read from, at half the size. Sides of the crops are multiples of 32."""
        x = self.stem(crops)
        skips = [x]
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = skips.pop()
        x = x * torch.sigmoid(self.whole(x.mean((2, 3), keepdim=True)))
        for stage in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = stage(torch.cat([x, skips.pop()], 1))
        return x


class Exported(nn.Module):
    """What the file holds: crop `[1, 3, 512, 512]`, RGB in [-1, 1], to logits `[1, 19, 512, 512]`."""

    def __init__(self, parser: FaceParser):
        super().__init__()
        self.parser = parser

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = self.parser(F.avg_pool2d(image, 2))
        return F.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)


def parser_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of a face parser's checkpoint."""
    average = torch.load(checkpoint, map_location="cpu")["average"]
    return {name[len("module.") :]: value for name, value in average.items() if name.startswith("module.")}


class Portraits:
    """Pictures at 256 px and label maps, shard by shard, left on disk."""

    def __init__(self, folders: list[Path]):
        self.shards = []
        for labels in (path for folder in folders for path in sorted(folder.glob("labels_[0-9]*.npy"))):
            pictures = labels.with_name(labels.name.replace("labels", "pictures"))
            if ".partial" not in labels.name and pictures.exists():
                self.shards.append((np.load(pictures, mmap_mode="r"), np.load(labels, mmap_mode="r")))
        self.index = [(s, k) for s, (_, labels) in enumerate(self.shards) for k in range(len(labels))]
        if not self.index:
            raise SystemExit("no labelled portraits: draw them with portraits.py --classifiers")

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, chosen) -> tuple[torch.Tensor, torch.Tensor]:
        pictures, labels = [], []
        for number in chosen:
            shard, row = self.index[number]
            pictures.append(reduced(np.asarray(self.shards[shard][0][row])))
            labels.append(np.asarray(self.shards[shard][1][row]))
        return augment.to_tensor(np.array(pictures)), torch.from_numpy(np.array(labels)).long()


class Annotated:
    """Portraits that a person has outlined."""

    def __init__(self, folder: Path, rows: range):
        pictures = load_all(folder, "pictures")
        self.pictures = np.array([reduced(pictures[row]) for row in rows])
        self.labels = annotate.labels()[rows.start : rows.stop]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, chosen) -> tuple[torch.Tensor, torch.Tensor]:
        return augment.to_tensor(self.pictures[chosen]), torch.from_numpy(self.labels[chosen]).long()


def reduced(picture: np.ndarray) -> np.ndarray:
    """A picture at the side that the network works at."""
    factor = picture.shape[0] // WORKING_SIDE
    blocks = picture.reshape(WORKING_SIDE, factor, WORKING_SIDE, factor, 3)
    return np.rint(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)


def augmented(portraits: Portraits, annotated: Annotated, batch: int, rng: np.random.Generator):
    """A batch, some of it outlined by a person, made as varied as photographs."""
    others = portraits.batch(rng.choice(len(portraits), batch - BY_HAND, replace=False))
    by_hand = annotated.batch(rng.choice(len(annotated), BY_HAND, replace=False))
    pictures, labels = (torch.cat(both) for both in zip(others, by_hand))
    pictures, labels = adorn(pictures, labels, rng, ADORNED)
    pictures, labels = augment.mirror(pictures, labels, rng)
    pictures, labels = augment.move(pictures, labels, rng)
    pictures, labels = augment.occlude(pictures, labels, rng, chance=0.3, top=0.4)
    return augment.degrade(pictures, rng), labels


def confusion(told: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Pixels by label (row) and what the parser says (column)."""
    pairs = labels.astype(int) * CLASSES + told
    return np.bincount(pairs.ravel(), minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def measured(parser: FaceParser, annotated: Annotated, degraded: bool) -> np.ndarray:
    """What the parser says of outlined portraits, as `confusion` has it."""
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    rng = np.random.default_rng(77)
    parser.eval()
    with torch.no_grad():
        for first in range(0, len(annotated), 8):
            pictures, labels = annotated.batch(np.arange(first, min(first + 8, len(annotated))))
            if degraded:
                pictures = augment.degrade(pictures, rng)
            counts += confusion(parser(pictures).argmax(1).numpy(), labels.numpy())
    return counts


def overlaps(counts: np.ndarray) -> dict[str, float]:
    """Intersection over union of each label that occurs."""
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    return {
        name: round(float(counts[k, k] / union[k]), 3)
        for k, name in enumerate(NAMES)
        if counts[k].sum() > 0
    }


def train(options: argparse.Namespace, portraits: Portraits, annotated: Annotated) -> FaceParser:
    torch.manual_seed(options.seed)
    parser = FaceParser().to(DEVICE)
    average = torch.optim.swa_utils.AveragedModel(
        parser, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    optimiser = torch.optim.AdamW(parser.parameters(), lr=options.rate, weight_decay=1e-4)
    checkpoint, first = options.work / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=DEVICE)
        parser.load_state_dict(state["parser"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
    elif options.start:
        state = torch.load(options.start, map_location=DEVICE)
        parser.load_state_dict(state["parser"])
        average.load_state_dict(state["average"])
    running = None
    for step in range(first, options.steps):
        # Warm up, stay, and come down over the last third.
        left = (options.steps - step) / (options.steps / 3)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 100, max(left, 0.01))
        rng = np.random.default_rng([options.seed, step])
        pictures, labels = augmented(portraits, annotated, options.batch, rng)
        parser.train()
        told = parser(pictures.to(DEVICE))
        loss = F.cross_entropy(told, labels.to(DEVICE), ignore_index=UNSURE)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.update_parameters(parser)
        running = loss.item() if running is None else 0.97 * running + 0.03 * loss.item()
        if (step + 1) % 50 == 0 or step + 1 == options.steps:
            print(f"step {step + 1}/{options.steps}: loss {running:.4f}", flush=True)
            partial = checkpoint.with_suffix(".partial")
            torch.save(
                {
                    "parser": parser.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step + 1,
                },
                partial,
            )
            partial.replace(checkpoint)
    return average.module.cpu().eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--portraits", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a checkpoint to begin from")
    parser.add_argument("--annotated", type=Path, required=True, help="pictures of the outlined portraits")
    parser.add_argument("--all", action="store_true", help="learn from the held-out portraits too")
    parser.add_argument("--onnx", type=Path, default=HERE / "../face_parser.onnx")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    portraits = Portraits(options.portraits)
    network = train(options, portraits, Annotated(options.annotated, annotate.rows(options.all)))
    held_out = Annotated(options.annotated, range(annotate.held_out()))
    report = {"steps": options.steps, "portraits": len(portraits), "held_out_was_seen": options.all}
    for name, degraded in (("clean", False), ("degraded", True)):
        each = overlaps(measured(network, held_out, degraded))
        report[name] = {"mean": round(float(np.mean(list(each.values()))), 3), **each}
    (options.work / "figures.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    export(Exported(network), options.onnx, CROP_SIDE, ["logits"])


if __name__ == "__main__":
    main()
