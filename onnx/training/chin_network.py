"""The chin scorer's network: how likely, and how marked, is a visible double chin in an aligned crop?"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from face_parser import FaceParser

SIDE = 256
# What the network looks at, in pixels of the crop: from the nose down, without the far sides.
TOP, LEFT, RIGHT = 112, 32, 224
CELLS = (9, 12)
FEATURES = 20736


class Trunk(nn.Module):
    """From strips `[n, 3, 144, 192]`, RGB in [-1, 1], to features `[n, 20736]`: the mean of each channel in each
    cell, of three stages of the face parser."""

    def __init__(self, parser: FaceParser):
        super().__init__()
        self.stem, self.stages = parser.stem, parser.down[:3]
        self.eval().requires_grad_(False)

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        x, features = self.stem(strip), []
        for stage in self.stages:
            x = stage(x)
            features.append(F.avg_pool2d(x, x.shape[2] // CELLS[0]).flatten(1))
        return torch.cat(features, 1)


class ChinScorer(nn.Module):
    """What the file holds: crop `[n, 3, 256, 256]`, RGB in [-1, 1], to probability and severity `[n, 1]`
    in [0, 1]. The crop is looked at as it is and mirrored, so that both say the same."""

    def __init__(self, trunk: Trunk):
        super().__init__()
        self.trunk = trunk
        self.linear = nn.Linear(FEATURES, 1)
        # Slope and offset that make scores the logits of probabilities.
        self.register_buffer("line", torch.tensor([1.0, 0.0]))

    @classmethod
    def load(cls, path: Path) -> ChinScorer:
        """As `chin_scorer.py` has left it."""
        scorer = cls(Trunk(FaceParser()))
        scorer.load_state_dict(torch.load(path, map_location="cpu"))
        return scorer.eval().requires_grad_(False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        score = self.scores(strip_of(image))
        return torch.sigmoid(self.logits(score)), (score / 2).clamp(0, 1)

    def scores(self, strip: torch.Tensor) -> torch.Tensor:
        """On the scale of the labels: 0 none, 1 a hint, 2 clear."""
        return (self.linear(self.trunk(strip)) + self.linear(self.trunk(strip.flip(3)))) / 2

    def logits(self, score: torch.Tensor) -> torch.Tensor:
        return score * self.line[0] + self.line[1]


def strip_of(crops: torch.Tensor, first_row: int = 0) -> torch.Tensor:
    """The part that the network looks at, `[n, 3, 144, 192]`, of crops of 256 px, or of their rows from `first_row` on."""
    return crops[:, :, TOP - first_row :, LEFT:RIGHT]
