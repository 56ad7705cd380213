"""Compares two boundaries on portraits with clear double chins: how much do they change that they should not?

    python compare_boundaries.py --coarse ../../boundaries/double_chin_w.npy --fine ../../boundaries/double_chin_fine.npy \\
        --work D/labels --out D/compare

The region where a change is wanted is the generator's own neck, and the skin below the mouth, from its features
(`feature_labels.py`), before and after, with a margin of 8 px of 256. All else should stay.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation

from feature_labels import Classifiers
from generator import FEATURE_SIDES, STYLE_LAYERS, Generator, default_pack, moved, to_pixels
from parts import PARTS

HERE = Path(__file__).parent
MARGIN_PX = 8


def wanted_region(parts: np.ndarray) -> np.ndarray:
    """Neck, and skin below the middle of the mouth."""
    mouth = np.nonzero(np.isin(parts, [PARTS.index(name) for name in ("mouth", "upper_lip", "lower_lip")]))[0]
    line = np.median(mouth) if len(mouth) else parts.shape[0] * 0.75
    below = np.arange(parts.shape[0])[:, None] > line
    region = (parts == PARTS.index("neck")) | ((parts == PARTS.index("skin")) & below)
    return binary_dilation(region, iterations=MARGIN_PX)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pack", type=Path, default=default_pack())
    parser.add_argument("--codes", type=Path, default=HERE / "../../boundaries/training/w.npy")
    parser.add_argument("--labels", type=Path, default=HERE / "../../boundaries/training/labels.csv")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--coarse", type=Path, required=True)
    parser.add_argument("--coarse-rows", type=int, default=8)
    parser.add_argument("--coarse-alpha", type=float, nargs="+", default=[-4.0])
    parser.add_argument("--fine", type=Path, required=True)
    parser.add_argument("--fine-rows", type=int, default=11)
    parser.add_argument("--fine-alpha", type=float, nargs="+", default=[-1.5, -2.0])
    parser.add_argument("--scorer", type=Path, help="chin_scorer.onnx: its fall is measured too")
    parser.add_argument("--work", type=Path, required=True, help="where classifiers.npz lies")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    with open(options.labels, newline="") as file:
        clear = [row for row, line in enumerate(csv.DictReader(file)) if line["double_chin"] == "2"][: options.count]
    codes = np.load(options.codes)[clear]
    generator = Generator(options.pack, options.threads)
    classifiers = Classifiers(options.work / "classifiers.npz")
    scorer = load_scorer(options.scorer)
    coarse, fine = np.load(options.coarse), np.load(options.fine)
    ways = [("coarse", coarse, options.coarse_rows, alpha) for alpha in options.coarse_alpha]
    ways += [("fine", fine, options.fine_rows, alpha) for alpha in options.fine_alpha]
    options.out.mkdir(parents=True, exist_ok=True)
    rows, sheet = [], []
    for number, code in zip(clear, codes):
        layers = np.repeat(code[None], STYLE_LAYERS, 0).astype(np.float32)
        image, maps = generator.draw(layers, FEATURE_SIDES)
        plain, region = to_pixels(image, 256).astype(float), wanted_region(classifiers.parts(maps))
        tiles, row = [plain], {"portrait": number, "score": scorer(image)}
        for name, boundary, count, alpha in ways:
            image, maps = generator.draw(moved(layers, boundary, count, alpha), FEATURE_SIDES)
            edited = to_pixels(image, 256).astype(float)
            both = region | wanted_region(classifiers.parts(maps))
            change = abs(edited - plain).mean(2)
            row[f"{name} {alpha}"] = {
                "outside": round(float(change[~both].mean()), 2),
                "inside": round(float(change[both].mean()), 2),
                "score": scorer(image),
            }
            tiles.append(edited)
        rows.append(row)
        sheet.append(np.concatenate(tiles, 1).astype(np.uint8))
        print(json.dumps(row), flush=True)
    summary = {
        f"{name} {alpha}": {
            key: round(float(np.mean([row[f"{name} {alpha}"][key] for row in rows])), 3)
            for key in ("outside", "inside", "score")
            if rows[0][f"{name} {alpha}"][key] is not None
        }
        for name, _, _, alpha in ways
    }
    (options.out / "compare.json").write_text(json.dumps({"summary": summary, "portraits": rows}, indent=1))
    Image.fromarray(np.concatenate(sheet[:12])).save(options.out / "compare.png")
    print(json.dumps(summary, indent=1))


def load_scorer(path: Path | None):
    """From an image of 1024 px to the probability of a double chin; to nothing without a scorer."""
    if path is None:
        return lambda image: None
    import onnxruntime as ort

    session = ort.InferenceSession(str(path))

    def score(image: np.ndarray) -> float:
        small = to_pixels(image, 256).transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
        return round(float(session.run(["probability"], {"image": small})[0].item()), 3)

    return score


if __name__ == "__main__":
    main()
