"""The parts of a portrait: CelebAMask-HQ's labels, and what features can tell of them."""

from __future__ import annotations

import numpy as np

# CelebAMask-HQ's labels, in their order.
NAMES = [
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "glasses", "l_ear", "r_ear", "earring", "nose",
    "mouth", "u_lip", "l_lip", "neck", "necklace", "cloth", "hair", "hat",
]  # fmt: skip
COLOURS = np.array(
    [
        [60, 60, 60], [255, 205, 160], [120, 70, 20], [120, 70, 20], [30, 120, 255], [30, 120, 255], [0, 255, 255],
        [255, 120, 120], [255, 120, 120], [255, 255, 0], [255, 160, 60], [120, 0, 0], [255, 0, 80], [200, 0, 160],
        [60, 200, 60], [255, 255, 255], [60, 60, 220], [150, 60, 220], [0, 150, 130],
    ],
    np.uint8,
)  # fmt: skip
LABEL_SIDE = 256
UNSURE = 255
# Left and right parts look alike to features, and have one name where a person outlines them.
PARTS = [
    "background", "skin", "brow", "eye", "glasses", "ear", "earring", "nose", "mouth",
    "upper_lip", "lower_lip", "neck", "necklace", "cloth", "hair", "hat",
]  # fmt: skip
# The label of each part; of a pair, that of the one on the left of the picture.
LABELS = [0, 1, 2, 4, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
PAIRED = {"brow", "eye", "ear"}


def parts_of(labels: np.ndarray) -> np.ndarray:
    """Parts of labels."""
    table = np.full(256, UNSURE, np.uint8)
    for part, label in enumerate(LABELS):
        table[label] = part
        if PARTS[part] in PAIRED:
            table[label + 1] = part
    return table[labels]


def labels_of(parts: np.ndarray) -> np.ndarray:
    """Labels of a portrait's parts `[h, w]`: pairs are told apart by which side of the nose they lie on."""
    table = np.full(256, UNSURE, np.uint8)
    table[: len(LABELS)] = LABELS
    labels = table[parts]
    columns = np.nonzero(parts == PARTS.index("nose"))[1]
    middle = np.median(columns) if len(columns) else parts.shape[1] / 2
    right = np.arange(parts.shape[1])[None] > middle
    for name in PAIRED:
        labels[(parts == PARTS.index(name)) & right] += 1
    return labels
