"""Portraits whose parts a person has checked, pixel by pixel: what the face parser is measured on.

    python annotate.py sheets --portraits D/portraits_held_out --work D/held_out    # to look at and correct
    python annotate.py labels --portraits D/portraits_held_out --work D/held_out    # the label maps

`annotations/held_out.json` names the portraits by their number in the set and has polygons, in pixels of 512,
that are painted one over the other onto what `feature_labels.py apply` says of them. Left and right parts have
one name, as in `feature_labels.py`; CelebAMask-HQ's labels come out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from feature_labels import COLOURS, HERE, LABEL_SIDE, LABELS, PAIRED, PARTS, UNSURE, celeb_labels
from shards import load_all, save_whole

SIDE = 512
SHEET_SIDE = 1024


def proposed_parts(labels: np.ndarray) -> np.ndarray:
    """Parts of a label map of `feature_labels.py`; where it is unsure, those of the nearest sure pixel."""
    part_of_label = np.zeros(256, np.uint8)
    for part, label in enumerate(LABELS):
        part_of_label[label] = part
        if PARTS[part] in PAIRED:
            part_of_label[label + 1] = part
    _, (y, x) = ndimage.distance_transform_edt(labels == UNSURE, return_indices=True)
    return part_of_label[labels[y, x]]


def painted(parts: np.ndarray, regions: list[dict]) -> np.ndarray:
    """The parts with the regions painted over them, in their order."""
    parts = parts.copy()
    for region in regions:
        mask = Image.new("L", (SIDE * 2, SIDE * 2))
        ImageDraw.Draw(mask).polygon([(2 * x, 2 * y) for x, y in region["polygon"]], fill=255)
        inside = np.asarray(mask.resize((LABEL_SIDE, LABEL_SIDE), Image.Resampling.BOX)) > 127
        only = region.get("only")
        if only:
            inside = inside & np.isin(parts, [PARTS.index(name) for name in only])
        parts[inside] = PARTS.index(region["part"])
    return parts


def checked_parts(options: argparse.Namespace) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Picture and parts of each portrait that is named."""
    stored = json.loads(options.annotations.read_text())
    pictures, labels = load_all(options.portraits, "pictures"), load_all(options.portraits, "labels")
    result = {}
    for number in stored["portraits"]:
        regions = [region for region in stored["regions"] if region["portrait"] == number]
        result[number] = pictures[number], painted(proposed_parts(labels[number]), regions)
    return result


def sheet(picture: np.ndarray, parts: np.ndarray) -> Image.Image:
    """The portrait with a grid of pixels of 512, beside it with its parts in colour and outlined."""
    large = Image.fromarray(picture).resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.BICUBIC)
    enlarged = np.asarray(Image.fromarray(parts).resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.NEAREST))
    tinted = np.asarray(large) * 0.55 + COLOURS[enlarged] * 0.45
    border = (enlarged != np.roll(enlarged, 1, 0)) | (enlarged != np.roll(enlarged, 1, 1))
    tinted[border] = 255
    gridded = large.copy()
    draw = ImageDraw.Draw(gridded)
    for tick in range(0, SIDE, 32):
        at = tick * SHEET_SIDE // SIDE
        colour = (255, 255, 0) if tick % 128 == 0 else (120, 120, 120)
        draw.line([(at, 0), (at, SHEET_SIDE)], fill=colour)
        draw.line([(0, at), (SHEET_SIDE, at)], fill=colour)
        draw.text((at + 2, 2), str(tick), fill=(255, 255, 0))
        draw.text((2, at + 2), str(tick), fill=(255, 255, 0))
    return Image.fromarray(np.concatenate([np.asarray(gridded), tinted.astype(np.uint8)], 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=["sheets", "labels"])
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, default=HERE / "annotations/held_out.json")
    parser.add_argument("--only", type=int, nargs="*", help="portraits of the sheets")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    checked = checked_parts(options)
    if options.step == "sheets":
        for number in options.only or checked:
            sheet(*checked[number]).save(options.work / f"{number:03}.png")
        return
    save_whole(options.work / "pictures.npy", np.array([picture for picture, _ in checked.values()]))
    save_whole(options.work / "labels.npy", np.array([celeb_labels(parts) for _, parts in checked.values()]))


if __name__ == "__main__":
    main()
