"""Portraits whose parts a person has outlined: what labels are learnt from, and what the parser is measured on.

    python annotate.py sheets --portraits D/annotated --work D/sheets      # to look at
    python annotate.py paint  --corrections corrections.json               # to correct

`annotations/codes.npy` has the portraits' codes in W, `labels.npz` their label maps, `portraits.json` who is on
them. The first 32 are held out: no network has seen them when it is measured. Draw them with `portraits.py
--codes annotations/codes.npy --side 512 --features 32 64 128 256`.

Corrections are a list of `{"portrait": row, "part": "neck", "polygon": [[x, y], ...], "only": ["skin"]}`, in pixels
of 512, painted one over the other; with `only`, onto these parts alone. Left and right parts have one name.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from parts import COLOURS, LABEL_SIDE, PARTS, labels_of, parts_of
from shards import load_all

HERE = Path(__file__).parent
ANNOTATIONS = HERE / "annotations"
SIDE = 512
SHEET_SIDE = 1024


def labels() -> np.ndarray:
    """The label maps, CelebAMask-HQ's labels, `[n, 256, 256]`."""
    return np.load(ANNOTATIONS / "labels.npz")["labels"]


def held_out() -> int:
    """How many of the portraits, from the first on, are held out."""
    return json.loads((ANNOTATIONS / "portraits.json").read_text())["held_out"]


def groups() -> dict[str, list[int]]:
    """Who is on the portraits: their rows, by group."""
    return json.loads((ANNOTATIONS / "portraits.json").read_text())["groups"]


def rows(all_of_them: bool) -> range:
    """The rows to learn from."""
    return range(0 if all_of_them else held_out(), len(labels()))


def painted(parts: np.ndarray, corrections: list[dict]) -> np.ndarray:
    """A portrait's parts `[256, 256]` with the polygons painted over them, in their order."""
    parts = parts.copy()
    for correction in corrections:
        mask = Image.new("L", (SIDE * 2, SIDE * 2))
        ImageDraw.Draw(mask).polygon([(2 * x, 2 * y) for x, y in correction["polygon"]], fill=255)
        inside = np.asarray(mask.resize((LABEL_SIDE, LABEL_SIDE), Image.Resampling.BOX)) > 127
        if only := correction.get("only"):
            inside = inside & np.isin(parts, [PARTS.index(name) for name in only])
        parts[inside] = PARTS.index(correction["part"])
    return parts


def paint(options: argparse.Namespace) -> None:
    """Corrects the label maps."""
    corrected = labels()
    corrections = json.loads(options.corrections.read_text())
    for row in sorted({correction["portrait"] for correction in corrections}):
        of_row = [correction for correction in corrections if correction["portrait"] == row]
        corrected[row] = labels_of(painted(parts_of(corrected[row]), of_row))
    np.savez_compressed(ANNOTATIONS / "labels.npz", labels=corrected)


def sheet(picture: np.ndarray, label_map: np.ndarray) -> Image.Image:
    """The portrait with a grid of pixels of 512, beside it with its parts in colour and outlined."""
    large = Image.fromarray(picture).resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.BICUBIC)
    enlarged = np.asarray(Image.fromarray(label_map).resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.NEAREST))
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


def sheets(options: argparse.Namespace) -> None:
    """A sheet a portrait."""
    options.work.mkdir(parents=True, exist_ok=True)
    pictures, maps = load_all(options.portraits, "pictures"), labels()
    for row in options.only or range(len(maps)):
        sheet(pictures[row], maps[row]).save(options.work / f"{row:03}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=["sheets", "paint"])
    parser.add_argument("--portraits", type=Path, help="the portraits' pictures")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", type=int, nargs="*", help="portraits of the sheets")
    parser.add_argument("--corrections", type=Path)
    options = parser.parse_args()
    {"sheets": sheets, "paint": paint}[options.step](options)


if __name__ == "__main__":
    main()
