"""Draws portraits twice, as they are and moved along the fine boundary: what the neck field learns from.

    python neck_pairs.py --out D/pairs --portraits D/portraits_b D/portraits --count 2000
    python neck_pairs.py --out D/clear_pairs --portraits D/labelled --rows 3 17 25
    python neck_pairs.py --out D/marked_pairs --portraits D/portraits_b --count 1500 --given 0.5 2 --alpha -1.5

Portraits are taken by how far they lie on the side of the double chin: the first `--share` of them, in a random
order that a seed fixes; or those that `--rows` names. With `--given A B` the first picture is drawn with a double chin that the portrait does
not have: moved the other way, by A to B. A shard holds the lower part of the crops (rows 208 to 511
of 512):

    before, after   `[n, 304, 512, 3]`, 8-bit RGB; after has before's colours on the face
    region          `[n, 304, 512]`, where an edit may act: the parser's skin below the lower lip, 255 for certain
    parts           `[n, 3, 152, 256]`: what is neither skin nor background before (lips, hair, clothes, jewellery)
                    and is not to be drawn along; what is skin after; what was face and is background after
    strayed         `[n]`, the part of the face above the lip whose label changed
    codes, given    `[n, 512]`, `[n]`: the portrait's code in W, and how much of a double chin it was given

A shard is written whole: give the command again to go on where it was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime as ort

from generator import Generator, default_pack, moved, to_pixels
from shards import save_whole

HERE = Path(__file__).parent
SHARD = 50
SIDE = 512
TOP = 208
BACKGROUND = 0
FACE = 1
SKIN = [FACE, 10, 14]
LIPS = [11, 12, 13]
# Where the lower lip ends in an aligned crop when the parser sees no lips.
USUAL_LIP_ROW = 375


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pack", type=Path, default=default_pack())
    parser.add_argument("--portraits", type=Path, nargs="+", required=True, help="folders with codes in W")
    parser.add_argument("--rows", type=int, nargs="*", help="draw these of the codes, in this order")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--share", type=float, default=0.4, help="part of the portraits that is drawn from")
    parser.add_argument("--coarse", type=Path, default=HERE / "../../boundaries/double_chin_w.npy")
    parser.add_argument("--fine", type=Path, default=HERE / "../../boundaries/double_chin_fine.npy")
    parser.add_argument("--alpha", type=float, default=-2.0)
    parser.add_argument("--given", type=float, nargs=2, default=(0.0, 0.0), metavar=("A", "B"))
    parser.add_argument("--layers", type=int, default=11)
    parser.add_argument("--parser", type=Path, default=HERE / "../face_parser.onnx")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    codes = chosen(options)
    given = np.random.default_rng(6).uniform(*options.given, len(codes))
    generator = Generator(options.pack, options.threads)
    labels = Parser(options.parser, options.threads)
    boundary = np.load(options.fine)
    options.out.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(codes), SHARD):
        path = options.out / f"region_{first:06}.npy"
        if path.exists():
            continue
        shard = [
            pair(generator, labels, *(moved(code, boundary, options.layers, alpha) for alpha in (marked, options.alpha)))
            for code, marked in zip(codes[first : first + SHARD], given[first : first + SHARD])
        ]
        before, after, region, parts, strayed = map(np.array, zip(*shard))
        save_whole(options.out / f"codes_{first:06}.npy", codes[first : first + SHARD])
        save_whole(options.out / f"given_{first:06}.npy", given[first : first + SHARD].astype(np.float32))
        save_whole(options.out / f"before_{first:06}.npy", before)
        save_whole(options.out / f"after_{first:06}.npy", after)
        save_whole(options.out / f"parts_{first:06}.npy", parts)
        save_whole(options.out / f"strayed_{first:06}.npy", strayed.astype(np.float32))
        # Last, since it tells that the shard is complete.
        save_whole(path, region)
        print(f"{first + len(shard)} pairs in {options.out}", flush=True)


def chosen(options: argparse.Namespace) -> np.ndarray:
    files = [file for folder in options.portraits for file in sorted(folder.glob("codes_*.npy"))]
    codes = np.concatenate([np.load(file) for file in files])
    if options.rows:
        return codes[options.rows]
    towards_double_chin = codes @ np.load(options.coarse).reshape(-1)
    most = np.argsort(-towards_double_chin)[: int(len(codes) * options.share)]
    return codes[np.random.default_rng(5).permutation(most)[: options.count]]


class Parser:
    """Our face parser: probabilities of labels, `[19, 512, 512]`, of an 8-bit picture of 512 px."""

    def __init__(self, path: Path, threads: int):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        image = (picture.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        logits = self.session.run(None, {"image": image})[0][0]
        weights = np.exp(logits - logits.max(0))
        return weights / weights.sum(0)


def pair(generator: Generator, parser: Parser, code: np.ndarray, edited: np.ndarray) -> tuple:
    before = to_pixels(generator.draw(code)[0], SIDE)
    after = to_pixels(generator.draw(edited)[0], SIDE)
    probabilities = parser(before)
    probabilities_after = parser(after)
    labels, labels_after = probabilities.argmax(0), probabilities_after.argmax(0)
    skin = probabilities[SKIN].sum(0)
    lip_row = lowest_row(np.isin(labels, LIPS))
    region = skin * (np.arange(SIDE) > lip_row)[:, None]
    face = np.arange(SIDE)[:, None] < lip_row
    face = face & ~np.isin(labels, [0, 14, 16, 17, 18])
    strayed = (labels != labels_after)[face].mean() if face.any() else 1.0
    after = matched(before, after, face & (labels == FACE))
    parts = lower_parts(probabilities, probabilities_after)
    return before[TOP:], after[TOP:], np.rint(region[TOP:] * 255).astype(np.uint8), parts, strayed


def lower_parts(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What shards call parts, of one pair, from probabilities of labels."""
    before, after = before[:, TOP:], after[:, TOP:]
    kept = 1 - before[[BACKGROUND, *SKIN]].sum(0)
    slimmed = before[FACE] * after[BACKGROUND]
    parts = [halved(part).clip(0, 1) for part in (kept, after[SKIN].sum(0), slimmed)]
    return np.rint(np.array(parts) * 255).astype(np.uint8)


def halved(picture: np.ndarray) -> np.ndarray:
    """`[h, w]` or `[h, w, c]` at half the size, each pixel the mean of four."""
    height, width, *channels = picture.shape
    return picture.reshape(height // 2, 2, width // 2, 2, *channels).mean((1, 3), dtype=np.float32)


def lowest_row(lips: np.ndarray) -> int:
    rows = np.flatnonzero(lips.sum(1) >= 4)
    return int(rows[-1]) if len(rows) else USUAL_LIP_ROW


def matched(before: np.ndarray, after: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The edited picture without the drift of its colours, as the face shows it, which is to stay."""
    if not where.any():
        return after
    drift = (after[where].astype(np.float32) - before[where]).mean(0)
    return np.rint((after - drift).clip(0, 255)).astype(np.uint8)


if __name__ == "__main__":
    main()
