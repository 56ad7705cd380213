"""Arrays in shards: written whole, read as one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np


def save_whole(path: Path, array: np.ndarray) -> None:
    """Writes an array so that a file of this name is complete whenever it exists."""
    partial = path.with_suffix(".partial.npy")
    np.save(partial, array)
    os.replace(partial, path)


def load_all(folder: Path, kind: str) -> np.ndarray:
    """All shards of a kind, such as `pictures`, in their order, as one array."""
    return np.concatenate([np.load(path) for path in shard_paths(folder, kind)])


def shard_paths(folder: Path, kind: str) -> list[Path]:
    """The files of a kind, in their order."""
    paths = sorted(path for path in folder.glob(f"{kind}_[0-9]*.npy") if ".partial" not in path.name)
    if not paths:
        raise FileNotFoundError(f"no {kind}_*.npy in {folder}: draw them with portraits.py first")
    return paths
