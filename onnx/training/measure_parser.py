"""How well the face parser does: against portraits that a person has checked, and against real photographs.

    python measure_parser.py --held-out D/annotated --photos PHOTOS --sheet sheet.png

`--held-out` has the pictures of the outlined portraits (see `annotate.py`). `--photos` has aligned crops `NAME.png`; their necks are in
`annotations/real_necks.json`, as polygons in pixels of 512 px, and `NAME_hair.png`, where it is there, is a mask
of the hair.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from PIL import Image, ImageDraw

import annotate
import augment
from face_parser import CLASSES, CROP_SIDE, confusion, overlaps, reduced
from necklaces import adorn
from parts import COLOURS, LABEL_SIDE, NAMES
from shards import load_all

SKIN, NECK, NECKLACE, HAIR = (NAMES.index(name) for name in ("skin", "neck", "necklace", "hair"))


class Parser:
    """The exported network."""

    def __init__(self, path: Path):
        self.session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def labels(self, picture: np.ndarray) -> np.ndarray:
        """The label map `[256, 256]` of an 8-bit RGB picture of any size, by the mean of four pixels' logits."""
        picture = np.asarray(Image.fromarray(picture).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BOX))
        image = picture.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        logits = self.session.run(["logits"], {"image": image})[0][0]
        return logits.reshape(CLASSES, LABEL_SIDE, 2, LABEL_SIDE, 2).mean((2, 4)).argmax(0).astype(np.uint8)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / max((a | b).sum(), 1))


def polygons_mask(polygons: list) -> np.ndarray:
    mask = Image.new("L", (CROP_SIDE, CROP_SIDE))
    for polygon in polygons:
        ImageDraw.Draw(mask).polygon([tuple(corner) for corner in polygon], fill=255)
    return np.asarray(mask.resize((LABEL_SIDE, LABEL_SIDE), Image.Resampling.BOX)) > 127


def tile(picture: np.ndarray, *maps: np.ndarray) -> np.ndarray:
    """The picture, and beside it the label maps in colour over it."""
    small = np.asarray(Image.fromarray(picture).resize((LABEL_SIDE, LABEL_SIDE), Image.Resampling.BOX))
    shown = [(small * 0.4 + COLOURS[labels] * 0.6).astype(np.uint8) for labels in maps]
    return np.concatenate([small, *shown], 1)


def held_out(parser: Parser, folder: Path) -> tuple[dict, list[np.ndarray]]:
    count = annotate.held_out()
    pictures, labels = load_all(folder, "pictures")[:count], annotate.labels()[:count]
    told = np.array([parser.labels(picture) for picture in pictures])
    counts = np.array([confusion(t, l) for t, l in zip(told, labels)])
    each = overlaps(counts.sum(0))
    report = {"portraits": count, "mean": round(float(np.mean(list(each.values()))), 3), **each, "groups": {}}
    for group, members in annotate.groups().items():
        inside = [row for row in members if row < count]
        if inside:
            of_group = overlaps(counts[inside].sum(0))
            report["groups"][group] = {"portraits": len(inside), "neck": of_group.get("neck"), "hair": of_group.get("hair")}
    report["necks"] = [round(overlap(t == NECK, l == NECK), 3) for t, l in zip(told, labels)]
    return report, [tile(p, l, t) for p, l, t in zip(pictures, labels, told)]


def necklaces(parser: Parser, folder: Path) -> dict[str, float]:
    """Of necklaces that are drawn round the held-out necks: the share of their pixels that is found, and that is
    taken for skin or neck."""
    count = annotate.held_out()
    pictures = np.array([reduced(picture) for picture in load_all(folder, "pictures")[:count]])
    labels = torch.from_numpy(annotate.labels()[:count]).long()
    adorned, labels = adorn(augment.to_tensor(pictures), labels, np.random.default_rng(5), chance=1.0)
    adorned = ((adorned + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    # The parser takes crops of twice the side.
    told = np.array([parser.labels(picture.repeat(2, 0).repeat(2, 1)) for picture in adorned])
    told = told[labels.numpy() == NECKLACE]
    return {
        "found": round(float((told == NECKLACE).mean()), 3),
        "taken for skin": round(float(np.isin(told, [SKIN, NECK]).mean()), 3),
    }


def photographs(parser: Parser, folder: Path) -> tuple[dict, list[np.ndarray]]:
    necks = json.loads((annotate.ANNOTATIONS / "real_necks.json").read_text())
    report, tiles = {}, []
    for name, regions in necks.items():
        picture = np.asarray(Image.open(folder / f"{name}.png").convert("RGB"))
        told = parser.labels(picture)
        neck = polygons_mask(regions["neck"]) & ~polygons_mask(regions.get("not_neck", []))
        # A neck that cannot be seen has no overlap: how much is taken for one all the same?
        key, value = ("neck", overlap(told == NECK, neck)) if neck.any() else ("taken for neck", (told == NECK).mean())
        report[name] = {key: round(float(value), 3)}
        hair = folder / f"{name}_hair.png"
        if hair.exists():
            mask = Image.open(hair).convert("L").resize((LABEL_SIDE, LABEL_SIDE), Image.Resampling.BOX)
            report[name]["hair"] = round(overlap(told == HAIR, np.asarray(mask) > 127), 3)
        tiles.append(tile(picture, np.where(neck, NECK, 0), told))
    means = {}
    for part in ("neck", "hair"):
        values = [figures[part] for figures in report.values() if part in figures]
        means[f"mean {part}"] = round(float(np.mean(values)), 3)
    return means | report, tiles


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--onnx", type=Path, default=annotate.HERE / "../face_parser.onnx")
    arguments.add_argument("--held-out", type=Path)
    arguments.add_argument("--photos", type=Path)
    arguments.add_argument("--sheet", type=Path, help="picture, what is right, and what the parser says")
    options = arguments.parse_args()
    parser = Parser(options.onnx)
    report, tiles = {}, []
    if options.held_out:
        report["held out"], shown = held_out(parser, options.held_out)
        report["necklaces"] = necklaces(parser, options.held_out)
        tiles += shown
    if options.photos:
        report["photographs"], shown = photographs(parser, options.photos)
        tiles += shown
    print(json.dumps(report, indent=1))
    if options.sheet and tiles:
        columns = 3
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
        rows = [np.concatenate(tiles[k : k + columns], 1) for k in range(0, len(tiles), columns)]
        Image.fromarray(np.concatenate(rows)).save(options.sheet)


if __name__ == "__main__":
    main()
