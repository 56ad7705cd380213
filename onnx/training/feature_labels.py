"""Face-parsing labels from the generator's own features: what the parser is trained on.

    python feature_labels.py cluster --features D/features D/features_rare --work D/labels       # clusters, and sheets to name them by
    python feature_labels.py sheet   --features D/features D/features_rare --work D/labels       # portraits with a grid, to annotate
    python feature_labels.py fit     --features D/features D/features_rare --work D/labels       # per-pixel classifiers
    python feature_labels.py apply   --portraits D/portraits --work D/labels     # a label map a portrait

The features of a generator know what they draw. A k-means cluster of its 64-px features is nearly always one
part: `annotations/clusters.json` gives the clusters their names, and `annotations/regions.json` says what
the clusters cannot tell (polygons inside a part, on portraits given by the features' seed and their number).
Linear classifiers on the 32-, 64-, 128- and 256-px features learn from both, each from other portraits;
where they disagree a pixel is left out (255).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from sklearn.cluster import MiniBatchKMeans

from generator import FEATURE_SIDES, Generator, default_pack
from shards import load_all, save_whole

HERE = Path(__file__).parent
CENTRES = HERE / "annotations/cluster_centres.npz"
# What features can tell: left and right parts look alike to them.
PARTS = [
    "background", "skin", "brow", "eye", "glasses", "ear", "earring", "nose", "mouth",
    "upper_lip", "lower_lip", "neck", "necklace", "cloth", "hair", "hat",
]  # fmt: skip
# CelebAMask-HQ's labels of the parts; the right one of a pair (in the picture) is one more.
LABELS = [0, 1, 2, 4, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
PAIRED = {"brow", "eye", "ear"}
UNSURE = 255
LABEL_SIDE = 256
CLUSTERS = 72
CLUSTER_SIDE = 64
MODELS = 5
# How sure the classifiers must be of a part: small rare ones are seen too readily.
LEAST_PROBABILITY = {"earring": 0.85, "necklace": 0.85}
COLOURS = np.array(
    [
        [60, 60, 60], [255, 205, 160], [120, 70, 20], [30, 120, 255], [0, 255, 255], [255, 120, 120],
        [255, 255, 0], [255, 160, 60], [120, 0, 0], [255, 0, 80], [200, 0, 160], [60, 200, 60],
        [255, 255, 255], [60, 60, 220], [150, 60, 220], [0, 150, 130],
    ],
    np.uint8,
)  # fmt: skip


def cluster(options: argparse.Namespace) -> None:
    """The cluster of each cell of 8 px, and sheets of what each cluster covers."""
    options.work.mkdir(parents=True, exist_ok=True)
    maps = load_sets(options.features, f"features_{CLUSTER_SIDE}")
    if not CENTRES.exists():
        find_centres(load_all(options.features[0], f"features_{CLUSTER_SIDE}"))
    stored = np.load(CENTRES)
    centres = stored["centres"].astype(np.float32)
    labels = np.array([nearest(unit_rows(map[None], stored), centres) for map in maps])
    labels = labels.reshape(len(maps), CLUSTER_SIDE, CLUSTER_SIDE).astype(np.uint8)
    save_whole(options.work / "clusters.npy", labels)
    pictures = load_sets(options.features, "pictures")
    for first in range(0, CLUSTERS, 12):
        strips = [cluster_strip(pictures, labels, number) for number in range(first, min(first + 12, CLUSTERS))]
        Image.fromarray(np.concatenate(strips)).save(options.work / f"clusters_{first:02}.png")


def find_centres(maps: np.ndarray) -> None:
    """k-means. The centres are kept beside the names that were given to them."""
    rows = maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1]).astype(np.float32)
    scale = {"mean": rows.mean(0), "deviation": rows.std(0) + 1e-6}
    del rows
    found = MiniBatchKMeans(CLUSTERS, random_state=0, n_init=3, batch_size=8192).fit(unit_rows(maps, scale))
    np.savez_compressed(CENTRES, **scale, centres=found.cluster_centers_.astype(np.float16))


def unit_rows(maps: np.ndarray, scale) -> np.ndarray:
    """Standardised features of unit length, one row a cell."""
    rows = maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1]).astype(np.float32)
    rows = (rows - scale["mean"]) / scale["deviation"]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nearest(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return ((centres**2).sum(1) - 2 * rows @ centres.T).argmin(1)


def cluster_strip(pictures: np.ndarray, labels: np.ndarray, number: int) -> np.ndarray:
    """The portraits that have most of a cluster, with all else dimmed."""
    side = 160
    strip = []
    for index in np.argsort(-(labels == number).sum((1, 2)))[:9]:
        mask = np.asarray(Image.fromarray((labels[index] == number).astype(np.uint8) * 255).resize((side, side)))
        small = np.asarray(Image.fromarray(pictures[index]).resize((side, side), Image.Resampling.BOX))
        weight = 0.25 + 0.75 * (mask[..., None] / 255)
        shown = small * weight + np.array([255, 0, 0]) * 0.25 * (mask[..., None] / 255)
        strip.append(shown.clip(0, 255).astype(np.uint8))
    sheet = Image.fromarray(np.concatenate(strip, 1))
    ImageDraw.Draw(sheet).text((3, 3), f"{number}: {(labels == number).mean() * 100:.2f} %", fill=(255, 255, 0))
    return np.asarray(sheet)


def sheet(options: argparse.Namespace) -> None:
    """Each portrait beside what the classifiers say (when they are there), with coordinates of 512 px."""
    pictures = load_sets(options.features, "pictures")
    predicted = options.work / "fitted.npy"
    labels = np.load(predicted) if predicted.exists() else None
    folder = options.work / "sheets"
    folder.mkdir(parents=True, exist_ok=True)
    for index in options.only or range(len(pictures)):
        picture = Image.fromarray(pictures[index]).resize((1024, 1024), Image.Resampling.BICUBIC)
        draw = ImageDraw.Draw(picture)
        for tick in range(0, 512, 32):
            colour = (255, 255, 0) if tick % 128 == 0 else (110, 110, 110)
            draw.line([(tick * 2, 0), (tick * 2, 1023)], fill=colour)
            draw.line([(0, tick * 2), (1023, tick * 2)], fill=colour)
            draw.text((tick * 2 + 2, 2), str(tick), fill=(255, 255, 0))
            draw.text((2, tick * 2 + 2), str(tick), fill=(255, 255, 0))
        tiles = [np.asarray(picture)]
        if labels is not None:
            tiles.append(np.asarray(Image.fromarray(coloured(pictures[index], labels[index])).resize((1024, 1024))))
        Image.fromarray(np.concatenate(tiles, 1)).save(folder / f"{index:03}.png")


def coloured(picture: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The picture with its parts in colour; where unsure, black."""
    side = parts.shape[0]
    small = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX))
    table = np.zeros((256, 3), np.uint8)
    table[: len(COLOURS)] = COLOURS
    return (small * 0.4 + table[parts] * 0.6).astype(np.uint8)


def annotated_parts(options: argparse.Namespace, count: int) -> tuple[np.ndarray, np.ndarray]:
    """What is known of each portrait at 256 px, from named clusters and regions: parts `[n, 256, 256]`
    (255 unknown), and which of it was drawn by hand."""
    clusters = np.load(options.work / "clusters.npy")
    names = json.loads((HERE / "annotations/clusters.json").read_text())["names"]
    table = np.full(256, UNSURE, np.uint8)
    for number, name in names.items():
        if name in PARTS:
            table[int(number)] = PARTS.index(name)
    known = np.repeat(np.repeat(inner(table[clusters]), 4, 1), 4, 2)
    by_hand = np.zeros(known.shape, bool)
    annotations = json.loads((HERE / "annotations/regions.json").read_text())
    # The others were chosen for hats, scarves and the like, which clusters take for hair or cloth.
    known[annotations["clusters_until"] :] = UNSURE
    for region in annotations["regions"]:
        if region["portrait"] >= count:
            raise SystemExit(f"regions.json: portrait {region['portrait']} of {count}: draw more of them")
        mask = Image.new("L", (512, 512))
        ImageDraw.Draw(mask).polygon([tuple(corner) for corner in region["polygon"]], fill=255)
        inside = np.asarray(mask.resize((LABEL_SIDE, LABEL_SIDE), Image.Resampling.BOX)) > 127
        part = region["part"]
        known[region["portrait"]][inside] = UNSURE if part == "unknown" else PARTS.index(part)
        by_hand[region["portrait"]] |= inside & (part != "unknown")
    return known, by_hand


def inner(parts: np.ndarray) -> np.ndarray:
    """Cells whose four neighbours are of the same part: a cell of 8 px on a border is two things."""
    same = np.ones(parts.shape, bool)
    for axis in (1, 2):
        for step in (1, -1):
            same &= np.roll(parts, step, axis) == parts
    same[:, 0], same[:, -1], same[:, :, 0], same[:, :, -1] = True, True, True, True
    return np.where(same, parts, UNSURE)


def load_sets(folders: list[Path], kind: str) -> np.ndarray:
    """The shards of several folders as one array."""
    return np.concatenate([load_all(folder, kind) for folder in folders])


def statistics(features: list[Path]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Mean and deviation of each channel, by the side of the map."""
    result = {}
    for side in FEATURE_SIDES:
        sample = load_sets(features, f"features_{side}")[::5].astype(np.float32)
        result[side] = (sample.mean((0, 2, 3)), sample.std((0, 2, 3)) + 1e-3)
    return result


def pixel_rows(maps: dict[int, np.ndarray], y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Features of pixels of a 256-px picture, interpolated between cells, `[n, channels of all sides]`."""
    grid = torch.from_numpy(np.stack([(x + 0.5) / 128 - 1, (y + 0.5) / 128 - 1], -1).astype(np.float32))[None, None]
    rows = []
    for side in FEATURE_SIDES:
        map = torch.from_numpy(maps[side].astype(np.float32))[None]
        rows.append(F.grid_sample(map, grid, padding_mode="border", align_corners=False)[0, :, 0].T)
    return torch.cat(rows, 1).numpy()


def fit(options: argparse.Namespace) -> None:
    """Linear classifiers, each on another four fifths of the portraits, and what they say of all."""
    sides = statistics(options.features)
    shards = {side: load_sets(options.features, f"features_{side}") for side in FEATURE_SIDES}
    count = len(shards[FEATURE_SIDES[0]])
    known, by_hand = annotated_parts(options, count)
    rng = np.random.default_rng(0)
    rows, parts, weights, owners = [], [], [], []
    for index in range(count):
        chosen_y, chosen_x = [], []
        for part in range(len(PARTS)):
            for kind, limit in ((by_hand[index], options.by_hand), (~by_hand[index], options.by_cluster)):
                y, x = np.nonzero((known[index] == part) & kind)
                pick = rng.permutation(len(y))[:limit]
                chosen_y.append(y[pick]), chosen_x.append(x[pick])
        y, x = np.concatenate(chosen_y), np.concatenate(chosen_x)
        rows.append(pixel_rows({side: shards[side][index] for side in FEATURE_SIDES}, y, x).astype(np.float16))
        parts.append(known[index][y, x])
        weights.append(np.where(by_hand[index][y, x], 1.0, options.cluster_weight))
        owners.append(np.full(len(y), index))
    rows, parts = np.concatenate(rows), np.concatenate(parts).astype(np.int64)
    weights, owners = np.concatenate(weights).astype(np.float32), np.concatenate(owners)
    mean = np.concatenate([sides[side][0] for side in FEATURE_SIDES])
    deviation = np.concatenate([sides[side][1] for side in FEATURE_SIDES])
    print(f"{len(parts)} pixels: " + ", ".join(f"{name} {n}" for name, n in zip(PARTS, np.bincount(parts, minlength=len(PARTS)))))
    models = []
    for model in range(MODELS):
        chosen = owners % MODELS != model
        models.append(linear_classifier(rows[chosen], parts[chosen], weights[chosen], mean, deviation, model))
        told = ((rows[~chosen].astype(np.float32) - mean) / deviation) @ models[-1][0].T + models[-1][1]
        right = told.argmax(1) == parts[~chosen]
        print(f"model {model}: {right.mean() * 100:.1f} % of held-out portraits' annotated pixels", flush=True)
    weight = np.array([m[0] for m in models]) / deviation
    bias = np.array([m[1] for m in models]) - weight @ mean
    np.savez(options.work / "classifiers.npz", weight=weight.astype(np.float32), bias=bias.astype(np.float32))
    classifiers = Classifiers(options.work / "classifiers.npz")
    fitted = [classifiers.parts({side: shards[side][index] for side in FEATURE_SIDES}) for index in range(count)]
    np.save(options.work / "fitted.npy", np.array(fitted))


def linear_classifier(rows, parts, weights, mean, deviation, seed):
    """Multinomial logistic regression with a price on its weights; balanced between the parts."""
    torch.manual_seed(seed)
    frequency = np.bincount(parts, weights, minlength=len(PARTS)) + 1
    weights = weights * (1 / np.sqrt(frequency / frequency.max()))[parts]
    weights = torch.from_numpy((weights / weights.mean()).astype(np.float32))
    layer = torch.nn.Linear(rows.shape[1], len(PARTS))
    torch.nn.init.zeros_(layer.weight)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=2e-3, weight_decay=0.3)
    rng = np.random.default_rng(seed)
    steps = 1200
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        chosen = rng.integers(0, len(rows), 512)
        batch = torch.from_numpy((rows[chosen].astype(np.float32) - mean) / deviation)
        loss = (F.cross_entropy(layer(batch), torch.from_numpy(parts[chosen]), reduction="none") * weights[chosen]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


class Classifiers:
    """The linear classifiers, applied to whole feature maps: at each resolution first, then summed up."""

    def __init__(self, path: Path):
        stored = np.load(path)
        self.weight = torch.from_numpy(stored["weight"])
        self.bias = torch.from_numpy(stored["bias"])

    @torch.no_grad()
    def probabilities(self, maps: dict[int, np.ndarray]) -> torch.Tensor:
        """`[models, parts, 256, 256]`."""
        models, parts, _ = self.weight.shape
        logits = self.bias.reshape(1, -1, 1, 1)
        first = 0
        for side in FEATURE_SIDES:
            map = torch.from_numpy(maps[side].astype(np.float32))
            weight = self.weight[:, :, first : first + len(map)].reshape(models * parts, -1)
            told = (weight @ map.reshape(len(map), -1)).reshape(1, -1, side, side)
            logits = logits + F.interpolate(told, (LABEL_SIDE, LABEL_SIDE), mode="bilinear")
            first += len(map)
        return logits.reshape(models, parts, LABEL_SIDE, LABEL_SIDE).softmax(1)

    def parts(self, maps: dict[int, np.ndarray]) -> np.ndarray:
        """The part of each pixel; 255 where the classifiers are unsure or disagree."""
        each = self.probabilities(maps)
        top, part = each.mean(0).max(0)
        agree = (each.argmax(1) == part).sum(0)
        bounds = torch.tensor([LEAST_PROBABILITY.get(name, 0.5) for name in PARTS])
        sure = (top > bounds[part]) & (agree >= MODELS - 1)
        return torch.where(sure, part, UNSURE).numpy().astype(np.uint8)


def celeb_labels(parts: np.ndarray) -> np.ndarray:
    """CelebAMask-HQ labels of parts: pairs are told apart by which side of the nose they lie on."""
    table = np.full(256, UNSURE, np.uint8)
    table[: len(LABELS)] = LABELS
    labels = table[parts]
    columns = np.nonzero(parts == PARTS.index("nose"))[1]
    middle = np.median(columns) if len(columns) else parts.shape[1] / 2
    right = np.arange(parts.shape[1])[None] > middle
    for name in PAIRED:
        labels[(parts == PARTS.index(name)) & right] += 1
    return labels


def apply(options: argparse.Namespace) -> None:
    """Draws the features of portraits again from their codes and labels them."""
    generator = Generator(options.pack, options.threads)
    classifiers = Classifiers(options.work / "classifiers.npz")
    for path in sorted(options.portraits.glob("codes_[0-9]*.npy")):
        target = options.portraits / path.name.replace("codes", "labels")
        if target.exists() or ".partial" in path.name:
            continue
        labels = []
        for code in np.load(path):
            maps = generator.features(code, FEATURE_SIDES)
            labels.append(celeb_labels(classifiers.parts(maps)))
        save_whole(target, np.array(labels))
        print(f"{target.name}: {np.mean(np.array(labels) == UNSURE) * 100:.1f} % left out", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=["cluster", "sheet", "fit", "apply"])
    parser.add_argument("--features", type=Path, nargs="+", help="folders of portraits.py, in this order")
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--pack", type=Path, default=default_pack())
    parser.add_argument("--only", type=int, nargs="*", help="portraits of the sheet")
    parser.add_argument("--by-hand", type=int, default=400, help="pixels a part and portrait from regions")
    parser.add_argument("--by-cluster", type=int, default=60, help="pixels a part and portrait from clusters")
    parser.add_argument("--cluster-weight", type=float, default=0.4)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    {"cluster": cluster, "sheet": sheet, "fit": fit, "apply": apply}[options.step](options)


if __name__ == "__main__":
    main()
