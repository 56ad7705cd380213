"""Pairs of `neck_pairs.py` at 256 px, made as varied as photographs: what a step of `neck_field.py` learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import augment
from neck_pairs import halved
from shards import shard_paths

# Of the pairs, how many are kept: those whose face above the lip changed least.
STEADY = 0.9
# The share of examples that have no double chin.
NONE_SHARE = 0.25
# Below this probability of a double chin a portrait is left alone.
NOTHING_TO_REMOVE = 0.1
# What an occluder is marked with; no label of a face parser.
UNCOVERED = 200


@dataclass
class Pairs:
    """Lower parts of crops at 256 px, 8 bit, `[n, 10, 152, 256]`: before and after (RGB), where an edit may act, and
    the three parts."""

    maps: np.ndarray

    @classmethod
    def load(cls, folder: Path, steady: float = 1.0) -> Pairs:
        """All pairs of a folder, but for those that strayed most."""
        maps, strayed = [], []
        for path in shard_paths(folder, "parts"):
            of_kind = {
                kind: np.load(path.with_name(path.name.replace("parts", kind)))
                for kind in ("before", "after", "region", "strayed")
            }
            parts = np.load(path)
            for row in range(len(parts)):
                small = [halved(of_kind[kind][row]) for kind in ("before", "after", "region")]
                pictures = np.concatenate([*small[:2], small[2][..., None]], 2).transpose(2, 0, 1)
                maps.append(np.concatenate([np.rint(pictures).astype(np.uint8), parts[row]]))
            strayed.append(of_kind["strayed"])
        strayed = np.concatenate(strayed)
        return cls(np.array(maps)[strayed <= np.quantile(strayed, steady)])

    @classmethod
    def joined(cls, sets: list[Pairs]) -> Pairs:
        return cls(np.concatenate([pairs.maps for pairs in sets]))

    def without_needless(self, probability: Callable[[torch.Tensor], torch.Tensor]) -> Pairs:
        """Where the chin scorer sees next to no double chin there is nothing to learn but to leave a portrait alone."""
        maps = self.maps.copy()
        for part in np.array_split(maps, len(maps) // 50 + 1):
            nothing = probability(torch.from_numpy(part[:, :3]).float() / 255) < NOTHING_TO_REMOVE
            # A part is a view.
            part[nothing.numpy(), 3:6] = part[nothing.numpy(), :3]
        return Pairs(maps)

    def __len__(self) -> int:
        return len(self.maps)

    def split(self, held_out: slice) -> tuple[Pairs, Pairs]:
        """The others, and those that are held out."""
        out = np.zeros(len(self), bool)
        out[held_out] = True
        return Pairs(self.maps[~out]), Pairs(self.maps[out])


@dataclass
class Examples:
    """Float tensors `[n, channels, 152, 256]`: pictures in [0, 1], maps in [0, 1]."""

    # What the network sees, with blemishes that fields must not learn to make.
    seen: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    # Where the program lets an edit act, and where it should.
    region: torch.Tensor
    true_region: torch.Tensor
    # What is to be left where it is, and where the edited picture tells what there should be.
    kept: torch.Tensor
    known: torch.Tensor


def plain(pairs: Pairs, chosen) -> Examples:
    """Pairs as they were drawn."""
    before, after, region, kept, known = parts_of(torch.from_numpy(pairs.maps[chosen]).float() / 255)
    return Examples(before, before, after, region, region, kept, known)


def parts_of(maps: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Before, after, region, kept, and known: skin of the edited picture, and background beside a slimmer face.
    Of a neck that got narrower, of its border and of what then shows, nothing is to be learnt."""
    before, after, region, kept, skin, slimmed = maps.split([3, 3, 1, 1, 1, 1], 1)
    known = -F.max_pool2d(-(skin + slimmed).clamp(0, 1), 7, 1, 3)
    return before, after, region, kept, known


def augmented(pairs: Pairs, chosen, rng: np.random.Generator) -> Examples:
    """Pairs as photographs might show them. Light and pose change both pictures alike, blemishes what is seen."""
    maps = torch.from_numpy(pairs.maps[chosen]).float() / 255
    maps, _ = augment.mirror(maps, None, rng)
    maps = moved(maps, rng)
    before, after, region, kept, known = parts_of(maps)
    before, after = some_as_edited(before, after, region, rng)
    light = int(rng.integers(2**32))
    before, after = [
        (augment.relight(picture * 2 - 1, np.random.default_rng(light)) / 2 + 0.5).clamp(0, 1)
        for picture in (before, after)
    ]
    before, covered = occluded(before, rng)
    kept = torch.maximum(kept, covered)
    true_region = region * (1 - covered)
    # What covers a neck is not always found.
    found = torch.from_numpy((rng.random(len(before)) < 0.85).astype(np.float32)).reshape(-1, 1, 1, 1)
    region = shaken(region * (1 - covered * found), rng)
    seen = augment.blemish(before * 2 - 1, rng) / 2 + 0.5
    return Examples(seen.clamp(0, 1), before, after, region, true_region, kept, known)


def some_as_edited(before: torch.Tensor, after: torch.Tensor, region: torch.Tensor, rng: np.random.Generator):
    """Some portraits have no double chin: those are to be left as they are. Edited ones have none."""
    edited = before + region * (after - before)
    none = torch.from_numpy(rng.random(len(before)) < NONE_SHARE).reshape(-1, 1, 1, 1)
    return torch.where(none, edited, before), torch.where(none, edited, after)


def moved(
    maps: torch.Tensor, rng: np.random.Generator, tilt_degrees: float = 8.0, shift: float = 0.03, scale: float = 0.08
) -> torch.Tensor:
    """Tilts, shifts (in widths) and scales, as far as an alignment may be off. Borders are reflected."""
    count, _, height, width = maps.shape
    angle = np.deg2rad(rng.normal(0, tilt_degrees / 2, count).clip(-tilt_degrees, tilt_degrees))
    zoom = 1 + rng.uniform(-scale, scale, count)
    aspect = height / width
    matrices = np.zeros((count, 2, 3), np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = np.cos(angle) * zoom
    matrices[:, 0, 1] = -np.sin(angle) * zoom * aspect
    matrices[:, 1, 0] = np.sin(angle) * zoom / aspect
    matrices[:, :, 2] = rng.uniform(-2 * shift, 2 * shift, (count, 2))
    grid = F.affine_grid(torch.from_numpy(matrices), list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, padding_mode="reflection", align_corners=False)


def occluded(pictures: torch.Tensor, rng: np.random.Generator, chance: float = 0.35):
    """Pastes occluders over some of the necks; also where they lie, `[n, 1, h, w]`, 0 or 1, a pixel wider."""
    count, _, height, width = pictures.shape
    labels = torch.full((count, height, width), UNCOVERED)
    pictures, labels = augment.occlude(pictures * 2 - 1, labels, rng, chance, top=0.5)
    covered = (labels != UNCOVERED).float()[:, None]
    return pictures / 2 + 0.5, F.max_pool2d(covered, 3, 1, 1)


def shaken(region: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """The outline of some regions is off by a pixel or two, or softer."""
    result = []
    for one in region.split(1):
        chance = rng.random()
        if chance < 0.2:
            one = torch.roll(one, tuple(rng.integers(-2, 3, 2)), (2, 3))
        elif chance < 0.35:
            one = F.max_pool2d(one, 3, 1, 1)
        elif chance < 0.5:
            one = -F.max_pool2d(-one, 3, 1, 1)
        if rng.random() < 0.3:
            one = F.avg_pool2d(one, 5, 1, 2)
        result.append(one)
    return torch.cat(result)
