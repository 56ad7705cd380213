"""Makes generated portraits look as varied as photographs: light, colour, noise, blur, JPEG, occluders.

Pictures are float tensors `[n, 3, h, w]` in [-1, 1]; label maps `[n, h, w]`, int64.
"""

from __future__ import annotations

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

BACKGROUND, NECKLACE = 0, 15
# Mirrored, left parts become the right ones.
MIRRORED_LABELS = {2: 3, 3: 2, 4: 5, 5: 4, 7: 8, 8: 7}


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """`[n, h, w, 3]`, 8 bit, as `[n, 3, h, w]` in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 127.5 - 1


def mirror(pictures: torch.Tensor, labels: torch.Tensor | None, rng: np.random.Generator):
    """Mirrors half of the portraits."""
    chosen = torch.from_numpy(rng.random(len(pictures)) < 0.5)
    pictures = torch.where(chosen[:, None, None, None], pictures.flip(3), pictures)
    if labels is None:
        return pictures, None
    swapped = labels.flip(2)
    table = torch.arange(256)
    for label, other in MIRRORED_LABELS.items():
        table[label] = other
    return pictures, torch.where(chosen[:, None, None], table[swapped], labels)


def move(
    pictures: torch.Tensor,
    labels: torch.Tensor | None,
    rng: np.random.Generator,
    tilt_degrees: float = 8.0,
    shift: float = 0.05,
    scale: float = 0.08,
):
    """Tilts, shifts and scales, as far as an alignment may be off. Uncovered places are reflected."""
    count = len(pictures)
    angle = np.deg2rad(rng.normal(0, tilt_degrees / 2, count).clip(-tilt_degrees, tilt_degrees))
    zoom = 1 + rng.uniform(-scale, scale, count)
    matrices = np.zeros((count, 2, 3), np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = np.cos(angle) * zoom
    matrices[:, 0, 1] = -np.sin(angle) * zoom
    matrices[:, 1, 0] = np.sin(angle) * zoom
    matrices[:, :, 2] = rng.uniform(-2 * shift, 2 * shift, (count, 2))
    grid = F.affine_grid(torch.from_numpy(matrices), list(pictures.shape), align_corners=False)
    pictures = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    if labels is None:
        return pictures, None
    moved = F.grid_sample(
        labels[:, None].float(), grid, mode="nearest", padding_mode="reflection", align_corners=False
    )
    return pictures, moved[:, 0].round().long()


def degrade(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Exposure, contrast, gamma, white balance, side light, grey, blur, noise and JPEG, each on some."""
    return blemish(relight(pictures, rng), rng)


def relight(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Exposure, contrast, gamma, white balance, side light and grey, each on some. Values may leave [-1, 1]."""
    count, _, height, width = pictures.shape

    def per_picture(values) -> torch.Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).reshape(count, -1, 1, 1)

    light = ((pictures + 1) / 2).clamp(0, 1)
    light = light ** per_picture(np.exp(rng.normal(0, 0.25, count)))
    light = light * per_picture(np.exp(rng.normal(0, 0.18, count)))
    light = light * per_picture(np.exp(rng.normal(0, 0.08, (count, 3))))
    mean = light.mean((2, 3), keepdim=True)
    light = (light - mean) * per_picture(np.exp(rng.normal(0, 0.2, count))) + mean
    light = light * (1 + per_picture(rng.normal(0, 0.12, count)) * ramp(width, height, rng))
    grey = light.mean(1, keepdim=True)
    saturation = np.where(rng.random(count) < 0.12, 0.0, np.exp(rng.normal(0, 0.25, count)))
    return (grey + (light - grey) * per_picture(saturation)) * 2 - 1


def blemish(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Blur, noise and JPEG, each on some."""
    light = blur_some((pictures + 1) / 2, rng)
    noise = np.where(rng.random(len(light)) < 0.6, np.abs(rng.normal(0, 0.025, len(light))), 0)
    noise = torch.from_numpy(noise.astype(np.float32)).reshape(-1, 1, 1, 1)
    light = light + noise * torch.from_numpy(rng.standard_normal(light.shape, np.float32))
    return jpeg_some(light.clamp(0, 1), rng) * 2 - 1


def ramp(width: int, height: int, rng: np.random.Generator) -> torch.Tensor:
    """A slope of light across the picture, from -1 to 1, in one direction for the whole batch."""
    angle = rng.uniform(0, 2 * math.pi)
    x = torch.linspace(-1, 1, width)[None, :] * math.cos(angle)
    y = torch.linspace(-1, 1, height)[:, None] * math.sin(angle)
    return (x + y)[None, None]


def blur_some(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Blurs a third of the pictures by drawing them smaller and larger again, and sharpens a sixth."""
    height, width = pictures.shape[2:]
    result = []
    for picture in pictures.split(1):
        chance = rng.random()
        if chance < 0.33:
            factor = rng.uniform(0.35, 0.9)
            small = (max(8, round(height * factor)), max(8, round(width * factor)))
            picture = F.interpolate(picture, small, mode="bilinear", antialias=True)
            picture = F.interpolate(picture, (height, width), mode="bilinear")
        elif chance < 0.5:
            soft = F.avg_pool2d(picture, 3, 1, 1, count_include_pad=False)
            picture = picture + rng.uniform(0.2, 1.0) * (picture - soft)
        result.append(picture)
    return torch.cat(result)


def jpeg_some(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Writes half of the pictures, in [0, 1], as JPEG and reads them again."""
    for index in np.flatnonzero(rng.random(len(pictures)) < 0.5):
        pixels = (pictures[index] * 255).round().byte().permute(1, 2, 0).numpy()
        packed = io.BytesIO()
        Image.fromarray(pixels).save(packed, "JPEG", quality=int(rng.integers(25, 92)))
        read = np.asarray(Image.open(packed).convert("RGB"), np.float32)
        pictures[index] = torch.from_numpy(read / 255).permute(2, 0, 1)
    return pictures


def occlude(
    pictures: torch.Tensor,
    labels: torch.Tensor | None,
    rng: np.random.Generator,
    chance: float = 0.3,
    top: float = 0.0,
):
    """Pastes beads, bars (microphones, straps) and cushions (hands, scarves) over some portraits, below
    `top` (a fraction of the height). Where they lie the label becomes that of a necklace or of the
    background."""
    count, _, height, width = pictures.shape
    pictures = pictures.clone()
    labels = None if labels is None else labels.clone()
    for index in np.flatnonzero(rng.random(count) < chance):
        mask, label = occluder(width, height, rng, top)
        soft = torch.from_numpy(mask.astype(np.float32) / 255)
        colour = torch.from_numpy(rng.uniform(-1, 1, (3, 1, 1)).astype(np.float32))
        if rng.random() < 0.3:
            # Skin of the same picture, as a hand would show.
            y, x = height * 0.55, width * rng.uniform(0.4, 0.6)
            colour = pictures[index, :, int(y), int(x)][:, None, None]
        shade = torch.from_numpy(rng.normal(0, 1, (1, 8, 8)).astype(np.float32))
        shade = F.interpolate(shade[None], (height, width), mode="bicubic")[0] * rng.uniform(0, 0.25)
        pictures[index] = pictures[index] * (1 - soft) + (colour + shade).clamp(-1, 1) * soft
        if labels is not None:
            labels[index][soft > 0.5] = label
    return pictures, labels


def occluder(width: int, height: int, rng: np.random.Generator, top: float) -> tuple[np.ndarray, int]:
    """The mask of one occluder, 8 bit, anti-aliased, and its label."""
    oversampling = 2
    size = (width * oversampling, height * oversampling)
    canvas = Image.new("L", size)
    draw = ImageDraw.Draw(canvas)
    low = top * size[1]

    def point() -> np.ndarray:
        return np.array([rng.uniform(0, size[0]), rng.uniform(low, size[1])])

    kind = rng.integers(3)
    if kind == 0:
        centre, radius = size[0] * rng.uniform(0.4, 0.6), size[0] * rng.uniform(0.15, 0.3)
        drop, start = size[1] * rng.uniform(0.05, 0.2), size[1] * rng.uniform(0.8, 0.95)
        bead = size[0] * rng.uniform(0.006, 0.02)
        for step in np.linspace(-1, 1, int(radius / bead)):
            x, y = centre + step * radius, start + drop * (1 - step**2) - drop * 0.5
            draw.ellipse([x - bead, y - bead, x + bead, y + bead], fill=255)
    elif kind == 1:
        start, end = point(), point()
        draw.line([*start, *end], fill=255, width=int(size[0] * rng.uniform(0.02, 0.09)))
    else:
        centre, radius = point(), size[0] * rng.uniform(0.05, 0.16)
        angles = np.linspace(0, 2 * np.pi, 9)[:-1]
        reach = radius * rng.uniform(0.5, 1.4, len(angles))
        outline = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None]
        draw.polygon([tuple(corner) for corner in outline], fill=255)
    label = NECKLACE if kind == 0 else BACKGROUND
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX)), label
