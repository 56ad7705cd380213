"""What the neck field does to portraits, as sheets: before, at three quarters, whole, and its fields.

    python show_neck_field.py --sheet sheet.png PHOTOS/*.png

Portraits are aligned crops. A row shows the lower part at 1024 px; of the fields, from above: where it acts, its
shade, its flow. Prints, inside of where it acts, the largest flow (in pixels of 1024), the largest shade, the
lowest detail gain, how much of the detail is left (standard deviation of what a blur takes away, after over
before), the part of places where it folds, and what the chin scorer says before and after.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
import torch.nn.functional as F
from PIL import Image

from neck_field import HERE, HEIGHT, SIDE, TOP, blurred, folding, render
from neck_pairs import LIPS, SKIN, Parser, halved, lowest_row

FULL_SIDE = 1024
ROWS_SHOWN = 384
COLUMNS_SHOWN = slice(128, 896)
AMOUNTS = (0.75, 1.0)


class Scorer:
    """Our chin scorer: how likely a double chin is, by a crop of 1024 px."""

    def __init__(self, path: Path):
        self.session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def __call__(self, crop: np.ndarray) -> float:
        image = halved(halved(crop)).transpose(2, 0, 1)[None] / 127.5 - 1
        return float(self.session.run(["probability"], {"image": image.astype(np.float32)})[0].item())


class Field:
    """The exported network with what it needs of the parser."""

    def __init__(self, field: Path, parser: Path, threads: int):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(str(field), options, providers=["CPUExecutionProvider"])
        self.parser = Parser(parser, threads)

    def __call__(self, crop: np.ndarray) -> tuple[list[torch.Tensor], torch.Tensor, int]:
        """The fields and the region, `[1, 1, 152, 256]`, of a crop of 1024 px; and the row of 1024 px where the lower
        lip ends."""
        half = halved(crop)
        probabilities = self.parser(np.rint(half))
        lip_row = lowest_row(np.isin(probabilities.argmax(0), LIPS))
        below = np.arange(len(half))[:, None] > lip_row
        region = halved(probabilities[SKIN].sum(0) * below)[TOP:]
        picture = halved(half)[TOP:].transpose(2, 0, 1) / 127.5 - 1
        strip = np.concatenate([picture, region[None]])[None].astype(np.float32)
        fields = [torch.from_numpy(field) for field in self.session.run(None, {"input": strip})]
        return fields, enlarged(torch.from_numpy(region)[None, None]), 2 * lip_row


def enlarged(maps: torch.Tensor) -> torch.Tensor:
    factor = FULL_SIDE // SIDE
    return F.interpolate(maps, scale_factor=float(factor), mode="bilinear", align_corners=False)


def row(field: Field, scorer: Scorer, path: Path) -> np.ndarray:
    with Image.open(path) as image:
        crop = np.asarray(image.convert("RGB").resize((FULL_SIDE, FULL_SIDE), Image.Resampling.LANCZOS))
    fields, region, lip_row = field(crop)
    start = TOP * FULL_SIDE // SIDE
    before = torch.from_numpy(crop[start:].copy()).permute(2, 0, 1)[None].float() / 255
    edited = [render(before, fields, region, amount).clamp(0, 1) for amount in AMOUNTS]
    flow, shade, detail, mask = fields
    reach = enlarged(mask) * region
    small_reach = F.avg_pool2d(reach, FULL_SIDE // SIDE)
    after = crop.copy()
    after[start:] = (edited[-1][0].permute(1, 2, 0) * 255).round().byte().numpy()
    figures = {
        "flow_px": float((flow * small_reach).norm(dim=1).max() * FULL_SIDE),
        "shade": float((shade.abs() * small_reach).max()),
        "detail": float((1 - (1 - detail) * small_reach).min()),
        "detail_kept": float(spread(edited[-1], reach) / spread(before, reach)),
        "folds": float((folding(flow * mask) > 0).float().mean()),
        "scored": scorer(crop),
        "scored_after": scorer(after),
    }
    print(f"{path}: " + ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))
    drawn = [reach.expand(-1, 3, -1, -1), enlarged(shade) * reach * 2 + 0.5]
    drawn.append(F.pad(enlarged(flow) * reach * 8, (0, 0, 0, 0, 0, 1)) + 0.5)
    top = min(max(0, lip_row - start - 60), HEIGHT * FULL_SIDE // SIDE - ROWS_SHOWN)
    shown = [picture[:, :, top : top + ROWS_SHOWN, COLUMNS_SHOWN] for picture in [before, *edited, *drawn]]
    fields_shown = torch.cat([F.avg_pool2d(picture, 3) for picture in shown[3:]], 2)
    pixels = torch.cat([*shown[:3], fields_shown[:, :, :ROWS_SHOWN]], 3).clamp(0, 1)[0]
    return (pixels.permute(1, 2, 0) * 255).round().byte().numpy()


def spread(picture: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """The standard deviation of detail where the field acts."""
    width = 7 * FULL_SIDE // SIDE // 2 * 2 + 1
    detail = (picture - blurred(picture, width)).mean(1, keepdim=True)
    return ((detail**2 * reach).sum() / reach.sum()).sqrt()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("portraits", type=Path, nargs="+")
    parser.add_argument("--sheet", type=Path, required=True)
    parser.add_argument("--field", type=Path, default=HERE / "../neck_field.onnx")
    parser.add_argument("--parser", type=Path, default=HERE / "../face_parser.onnx")
    parser.add_argument("--scorer", type=Path, default=HERE / "../chin_scorer.onnx")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    field = Field(options.field, options.parser, options.threads)
    scorer = Scorer(options.scorer)
    Image.fromarray(np.concatenate([row(field, scorer, path) for path in options.portraits])).save(options.sheet)


if __name__ == "__main__":
    main()
