"""Draws generated portraits and keeps their codes and pictures, a shard at a time.

    python portraits.py --out D/labelled --codes ../../boundaries/training/w.npy
    python portraits.py --out D/portraits --count 10000 --seed 11 --psi 0.5 0.9 --classifiers D/labels/classifiers.npz
    python portraits.py --out D/features --count 64 --seed 3 --psi 0.7 --features 32 64 128

With the classifiers of `feature_labels.py fit`, their label maps are kept too.
Portrait k of a seed is the same whatever the count, so that a set can grow. A shard is written whole:
give the command again to go on where it was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from feature_labels import Classifiers
from generator import CODE_SIZE, FEATURE_SIDES, Generator, default_pack, moved, to_pixels
from parts import labels_of
from shards import save_whole

SHARD = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pack", type=Path, default=default_pack())
    parser.add_argument("--codes", type=Path, help="codes in W to draw, [n, 512], instead of random ones")
    parser.add_argument("--rows", type=int, nargs="*", help="which of these codes; all by default")
    parser.add_argument("--boundary", type=Path, help="draw them moved along this boundary, in W or a row a layer")
    parser.add_argument("--alpha", type=float, default=-2.0)
    parser.add_argument("--layers", type=int, default=11, help="how many layers, from the coarsest, are moved")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--psi", type=float, nargs="+", default=[0.5, 0.9], help="truncation, or its range")
    parser.add_argument("--side", type=int, default=256, help="side of the pictures that are kept")
    parser.add_argument("--features", type=int, nargs="*", default=[], choices=FEATURE_SIDES)
    parser.add_argument("--classifiers", type=Path, help="also label them, by these classifiers of features")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    generator = Generator(options.pack, options.threads)
    classifiers = Classifiers(options.classifiers) if options.classifiers else None
    codes = np.load(options.codes) if options.codes else random_codes(generator, options)
    if options.rows:
        codes = codes[options.rows]
    if options.boundary:
        codes = np.array([moved(code, np.load(options.boundary), options.layers, options.alpha) for code in codes])
    options.out.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(codes), SHARD):
        draw_shard(generator, classifiers, options, first, codes[first : first + SHARD])


def random_codes(generator: Generator, options: argparse.Namespace) -> np.ndarray:
    """Truncated codes in W: latent and truncation of portrait k come from a stream of their own."""
    low, high = options.psi[0], options.psi[-1]
    latents, psi = [], []
    for index in range(options.count):
        rng = np.random.default_rng([options.seed, index])
        latents.append(rng.standard_normal(CODE_SIZE))
        psi.append(rng.uniform(low, high))
    mean = generator.mean()
    return mean + np.array(psi)[:, None] * (generator.map(np.array(latents)) - mean)


def draw_shard(
    generator: Generator, classifiers: Classifiers | None, options: argparse.Namespace, first: int, codes: np.ndarray
) -> None:
    pictures_path = options.out / f"pictures_{first:06}.npy"
    if pictures_path.exists() and len(np.load(pictures_path, mmap_mode="r")) == len(codes):
        return
    pictures, labels, maps = [], [], {side: [] for side in options.features}
    for code in codes:
        image, features = generator.draw(code, FEATURE_SIDES if classifiers else tuple(options.features))
        pictures.append(to_pixels(image, options.side))
        if classifiers:
            labels.append(labels_of(classifiers.parts(features)))
        for side in options.features:
            maps[side].append(features[side].astype(np.float16))
    save_whole(options.out / f"codes_{first:06}.npy", codes.astype(np.float32))
    for side, values in maps.items():
        save_whole(options.out / f"features_{side}_{first:06}.npy", np.array(values))
    if classifiers:
        save_whole(options.out / f"labels_{first:06}.npy", np.array(labels))
    # Last, since it tells that the shard is complete.
    save_whole(pictures_path, np.array(pictures))
    print(f"{first + len(codes)} portraits in {options.out}", flush=True)


if __name__ == "__main__":
    main()
