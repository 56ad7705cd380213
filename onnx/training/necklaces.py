"""Necklaces, drawn round necks: the generator hardly ever draws one, and photographs are full of them."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw

from parts import NAMES

NECK, NECKLACE = NAMES.index("neck"), NAMES.index("necklace")
OVERSAMPLING = 4
# Gold, silver, steel, pearl, jet, and what beads are made of.
METALS = ((212, 168, 70), (205, 205, 210), (120, 122, 128), (235, 190, 150))
STONES = ((238, 230, 218), (30, 28, 30), (150, 30, 40), (40, 90, 150), (60, 120, 80), (150, 100, 60), (220, 220, 225))
# Fewer pixels of neck than this, of 256 by 256, have no room for one.
LEAST_NECK = 250


def adorn(pictures: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator, chance: float):
    """Puts a chain, beads, a pendant or a ribbon round some necks, `[n, 3, h, w]` in [-1, 1] and `[n, h, w]`.
    Hair, cloth and chins stay in front of it."""
    pictures, labels = pictures.clone(), labels.clone()
    for index in np.flatnonzero(rng.random(len(pictures)) < chance):
        neck = (labels[index] == NECK).numpy()
        if neck.sum() < LEAST_NECK:
            continue
        colour, opacity, shadow = necklace(neck, rng)
        light = (pictures[index] + 1) / 2
        light = light * torch.from_numpy(1 - 0.5 * shadow * neck)
        opacity = torch.from_numpy(opacity * neck)
        # Its metal lies in the light that the neck lies in.
        brightness = float(light.mean(0)[torch.from_numpy(neck)].mean())
        colour = torch.from_numpy(colour).permute(2, 0, 1) * (0.35 + brightness)
        pictures[index] = (light * (1 - opacity) + colour * opacity).clamp(0, 1) * 2 - 1
        labels[index][opacity > 0.5] = NECKLACE
    return pictures, labels


def necklace(neck: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour `[h, w, 3]`, opacity and shadow `[h, w]` of one that hangs round this neck, all in [0, 1]."""
    height, width = neck.shape
    canvas = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING))
    mask = Image.new("L", canvas.size)
    paint, cover = ImageDraw.Draw(canvas), ImageDraw.Draw(mask)
    points = line(neck, rng) * OVERSAMPLING
    radius = rng.uniform(0.5, 1.2) * OVERSAMPLING * height / 256
    kind = rng.choice(["chain", "pendant", "beads", "ribbon"], p=[0.35, 0.25, 0.3, 0.1])
    if kind == "beads":
        radius *= rng.uniform(1.5, 3.5)
        stone = STONES[rng.integers(len(STONES))]
        for x, y in points[:: max(1, round(1.9 * radius))]:
            bead(paint, cover, x, y, radius * rng.uniform(0.9, 1.1), stone)
    elif kind == "ribbon":
        ribbon = tuple(int(value) for value in rng.integers(0, 256, 3))
        for draw, fill in ((paint, ribbon), (cover, 255)):
            draw.line([tuple(point) for point in points], fill=fill, width=int(radius * rng.uniform(3, 8)))
    else:
        metal = METALS[rng.integers(len(METALS))]
        # Links catch the light one after the other.
        for (x, y), glint in zip(points, rng.uniform(0.4, 1.3, len(points))):
            shade = tuple(min(255, int(value * glint)) for value in metal)
            for draw, fill in ((paint, shade), (cover, 255)):
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)
        if kind == "pendant":
            x, y = points[int(len(points) * rng.uniform(0.4, 0.6))]
            size = radius * rng.uniform(3, 7)
            bead(paint, cover, x, y + size, size, (METALS + STONES)[rng.integers(len(METALS + STONES))])
    small = (width, height)
    opacity = np.asarray(mask.resize(small, Image.Resampling.BOX), np.float32) / 255
    colour = np.asarray(canvas.resize(small, Image.Resampling.BOX), np.float32) / 255
    colour = colour / np.maximum(opacity[..., None], 1e-3)
    shadow = np.roll(opacity, rng.integers(1, 3), 0) * np.float32(rng.uniform(0.2, 0.8))
    return colour.clip(0, 1), opacity, shadow


def line(neck: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points `[n, 2]`, x and y in pixels, of a line that hangs across the neck, a quarter of a pixel apart."""
    y, x = np.nonzero(neck)
    row = np.quantile(y, rng.uniform(0.35, 0.95))
    left, right = np.quantile(x, [0.01, 0.99])
    middle, half = (left + right) / 2, (right - left) / 2 * rng.uniform(0.9, 1.2)
    along = np.linspace(-1, 1, int(8 * half))
    drop = half * rng.uniform(0.1, 0.7)
    slope = rng.normal(0, 0.05)
    wave = np.cumsum(rng.normal(0, 0.02, len(along)))
    return np.stack([middle + along * half, row - drop * along**2 + slope * along * half + wave], 1)


def bead(paint: ImageDraw.ImageDraw, cover: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour) -> None:
    """A ball, darker below and with a highlight."""
    cover.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    for share, factor in ((1.0, 0.6), (0.8, 0.85), (0.55, 1.0), (0.2, 1.5)):
        r, shift = radius * share, radius * (1 - share) * 0.6
        shade = tuple(min(255, int(value * factor)) for value in colour)
        paint.ellipse([x - shift - r, y - shift - r, x - shift + r, y - shift + r], fill=shade)
