"""Trains the face parser: which part of a portrait is each pixel of an aligned crop?

    python face_parser.py --portraits D/portraits --work D/face_parser --steps 4000

Portraits come from `portraits.py`, their label maps from `feature_labels.py apply`. A checkpoint is
written every 50 steps: give the command again to go on, with more `--steps` to train longer.

    python face_parser.py --portraits D/portraits --work D/refined --start D/face_parser/checkpoint.pt \\
        --annotated D/held_out --steps 800 --rate 5e-4

refines it on portraits that a person has labelled (`annotate.py labels`), mixed with others, of which only the
large parts are believed: labels from features draw brows, eyes, noses, lips and ears too large.
`--annotated-half 0` or `1` takes the first or the second half, so that the other can be measured.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import augment
from exporting import export

HERE = Path(__file__).parent
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CLASSES = 19
UNSURE = 255
WORKING_SIDE = 256
CROP_SIDE = 512
FEATURES = 24
NAMES = [
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "glasses", "l_ear", "r_ear", "earring", "nose",
    "mouth", "u_lip", "l_lip", "neck", "necklace", "cloth", "hair", "hat",
]  # fmt: skip
# The first portraits are never trained on.
HELD_OUT = 100


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


class Portraits:
    """Pictures at 256 px and label maps, shard by shard, left on disk."""

    def __init__(self, folders: list[Path]):
        self.shards = []
        for labels in (path for folder in folders for path in sorted(folder.glob("labels_[0-9]*.npy"))):
            pictures = labels.with_name(labels.name.replace("labels", "pictures"))
            if ".partial" not in labels.name and pictures.exists():
                self.shards.append((np.load(pictures, mmap_mode="r"), np.load(labels, mmap_mode="r")))
        self.index = [(s, k) for s, (_, labels) in enumerate(self.shards) for k in range(len(labels))]
        if len(self.index) <= HELD_OUT:
            raise SystemExit(f"{len(self.index)} labelled portraits: draw and label more than {HELD_OUT}")

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, chosen) -> tuple[torch.Tensor, torch.Tensor]:
        pictures, labels = [], []
        for number in chosen:
            shard, row = self.index[number]
            picture = np.asarray(self.shards[shard][0][row])
            factor = picture.shape[0] // WORKING_SIDE
            if factor > 1:
                blocks = picture.reshape(WORKING_SIDE, factor, WORKING_SIDE, factor, 3)
                picture = np.rint(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)
            pictures.append(picture)
            labels.append(np.asarray(self.shards[shard][1][row]))
        return augment.to_tensor(np.array(pictures)), torch.from_numpy(np.array(labels)).long()


def augmented(portraits: Portraits, chosen, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    pictures, labels = portraits.batch(chosen)
    pictures, labels = augment.mirror(pictures, labels, rng)
    pictures, labels = augment.move(pictures, labels, rng)
    pictures, labels = augment.occlude(pictures, labels, rng, chance=0.3, top=0.4)
    return augment.degrade(pictures, rng), labels


# What labels from features say well enough beside labels by hand.
LARGE_PARTS = [NAMES.index(name) for name in ("background", "skin", "neck", "cloth", "hair", "hat")]
# How many of a batch were labelled by hand, where there are such portraits.
BY_HAND = 4


def half_of(count: int, half: int | None) -> slice:
    """The first or the second half of so many, or all of them."""
    middle = count // 2
    return slice(None) if half is None else (slice(0, middle), slice(middle, None))[half]


class Annotated:
    """Portraits that a person has labelled."""

    def __init__(self, folder: Path, half: int | None):
        pictures = np.load(folder / "pictures.npy")
        chosen = half_of(len(pictures), half)
        pictures = pictures[chosen]
        factor = pictures.shape[1] // WORKING_SIDE
        blocks = pictures.reshape(len(pictures), WORKING_SIDE, factor, WORKING_SIDE, factor, 3)
        self.pictures = np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8)
        self.labels = np.load(folder / "labels.npy")[chosen]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, chosen) -> tuple[torch.Tensor, torch.Tensor]:
        return augment.to_tensor(self.pictures[chosen]), torch.from_numpy(self.labels[chosen]).long()


def mixed(portraits: Portraits, annotated: Annotated | None, batch: int, rng: np.random.Generator):
    """A batch of augmented portraits, some of them labelled by hand if there are such."""
    others = batch - (BY_HAND if annotated else 0)
    chosen = rng.choice(np.arange(HELD_OUT, len(portraits)), others, replace=False)
    pictures, labels = augmented(portraits, chosen, rng)
    if annotated is None:
        return pictures, labels
    labels = torch.where(torch.isin(labels, torch.tensor(LARGE_PARTS)), labels, UNSURE)
    more = augmented(annotated, rng.choice(len(annotated), BY_HAND, replace=False), rng)
    return torch.cat([pictures, more[0]]), torch.cat([labels, more[1]])


def class_weights(portraits: Portraits) -> torch.Tensor:
    """Rare parts count more, by the square root, between a half and five times."""
    counts = np.zeros(256)
    for _, labels in portraits.shards[:3]:
        counts += np.bincount(np.asarray(labels).ravel(), minlength=256)
    frequency = counts[:CLASSES] / counts[:CLASSES].sum()
    weights = np.sqrt(1 / CLASSES / np.maximum(frequency, 1e-6)).clip(0.5, 5)
    return torch.from_numpy(weights.astype(np.float32))


def confusion(parser: FaceParser, portraits: Portraits, chosen, degraded: bool) -> np.ndarray:
    """Pixels by label (row) and what the parser says (column), where the label is sure."""
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    rng = np.random.default_rng(77)
    parser.eval()
    with torch.no_grad():
        for first in range(0, len(chosen), 8):
            pictures, labels = portraits.batch(chosen[first : first + 8])
            if degraded:
                pictures = augment.degrade(pictures, rng)
            told = parser(pictures).argmax(1)
            sure = labels != UNSURE
            pairs = labels[sure] * CLASSES + told[sure]
            counts += np.bincount(pairs.numpy(), minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    return counts


def overlaps(counts: np.ndarray) -> dict[str, float]:
    """Intersection over union of each label that occurs."""
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    return {
        name: round(float(counts[k, k] / union[k]), 3)
        for k, name in enumerate(NAMES)
        if counts[k].sum() > 0
    }


def train(options: argparse.Namespace, portraits: Portraits) -> FaceParser:
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
    annotated = Annotated(options.annotated, options.annotated_half) if options.annotated else None
    # Labels by hand have the true sizes, so that no part needs more weight than it has.
    weights = None if annotated else class_weights(portraits).to(DEVICE)
    running = None
    for step in range(first, options.steps):
        # Warm up, stay, and come down over the last third.
        left = (options.steps - step) / (options.steps / 3)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 100, max(left, 0.01))
        rng = np.random.default_rng([options.seed, step])
        pictures, labels = mixed(portraits, annotated, options.batch, rng)
        parser.train()
        told = parser(pictures.to(DEVICE))
        loss = F.cross_entropy(told, labels.to(DEVICE), weights, ignore_index=UNSURE)
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
    parser.add_argument("--annotated", type=Path, help="portraits that were labelled by hand")
    parser.add_argument("--annotated-half", type=int, choices=[0, 1], help="only the first or the second half of them")
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
    network = train(options, portraits)
    held_out = np.arange(HELD_OUT)
    report = {"steps": options.steps, "portraits": len(portraits) - HELD_OUT, "held_out": HELD_OUT}
    for name, degraded in (("clean", False), ("degraded", True)):
        each = overlaps(confusion(network, portraits, held_out, degraded))
        report[name] = {"mean": round(float(np.mean(list(each.values()))), 3), **each}
    (options.work / "figures.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    export(Exported(network), options.onnx, CROP_SIDE, ["logits"])


if __name__ == "__main__":
    main()
