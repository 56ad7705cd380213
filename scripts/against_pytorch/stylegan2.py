"""StyleGAN2 of 1024 px (configuration F) and VGG16 in PyTorch, on random weights, as graphs of the same arithmetic as
Jawline's: activations are modulated, not weights, so that no step needs a gradient of weights, and the demodulation
waits for the next layer's style."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

# Channels of each resolution from 4 px on.
WIDTHS = (512, 512, 512, 512, 512, 256, 128, 64, 32)
CODE_SIZE, ROWS = 512, 2 * len(WIDTHS)
VGG16_BLOCKS = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)


def random_checkpoint(seed: int) -> dict:
    """What a file of the published PyTorch port holds, so that Jawline can draw with the same weights."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int, mean: float = 0.0, deviation: float = 1.0) -> torch.Tensor:
        return mean + deviation * torch.randn(shape, generator=random)

    mapping = {}
    for layer in range(8):
        mapping[f"main.{layer}.layer.weight"] = normal(CODE_SIZE, CODE_SIZE, deviation=100)
        mapping[f"main.{layer}.bias"] = normal(CODE_SIZE)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    blur = (taps[:, None] * taps / 16)[None, None]
    synthesis = {"const": normal(WIDTHS[0], 4, 4), "upsample.filter.filter_kernel": blur}
    channels = WIDTHS[0]
    for block, width in enumerate(WIDTHS):
        for layer in range(1 if block == 0 else 2):
            name = f"conv_blocks.{block}.conv_block.{layer}"
            synthesis |= {
                f"{name}.bias": normal(width, deviation=0.1),
                f"{name}.layer.weight": torch.tensor([0.1]),
                f"{name}.layer.layer.weight": normal(width, channels, 3, 3),
                f"{name}.layer.layer.dense.layer.weight": normal(channels, CODE_SIZE),
                f"{name}.layer.layer.dense.bias": normal(channels, mean=1, deviation=0.1),
            }
            if block > 0 and layer == 0:
                synthesis[f"{name}.layer.layer.filter.filter_kernel"] = blur
            channels = width
        name = f"to_data_layers.{block}"
        synthesis |= {
            f"{name}.bias": normal(3, deviation=0.1),
            f"{name}.layer.weight": normal(3, channels, 1, 1),
            f"{name}.layer.dense.layer.weight": normal(channels, CODE_SIZE),
            f"{name}.layer.dense.bias": normal(channels, mean=1, deviation=0.1),
        }
    parts = {"G_mapping": mapping, "G_synthesis": synthesis}
    return {"state_dict": {"dlatent_avg": normal(CODE_SIZE, deviation=0.1)}} | {
        name: {"state_dict": tensors} for name, tensors in parts.items()
    }


class _Style(nn.Module):
    """From a row of W+ to a factor for each channel, `[1, channels]`."""

    def __init__(self, tensors: dict, name: str):
        super().__init__()
        self.register_buffer("weight", tensors[f"{name}.dense.layer.weight"] / math.sqrt(CODE_SIZE))
        self.register_buffer("bias", tensors[f"{name}.dense.bias"])

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return F.linear(row, self.weight, self.bias)


class _Blur(torch.autograd.Function):
    """A filter for each channel, symmetric, and a bias. PyTorch's own reverse pass of it takes a CPU a fifth of a whole
    step; the filter once more is the same."""

    @staticmethod
    def forward(context, x: torch.Tensor, filters: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(filters)
        return F.conv2d(x, filters, bias, padding=1, groups=len(filters))

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> tuple:
        (filters,) = context.saved_tensors
        return F.conv2d(gradient, filters, padding=2, groups=len(filters)), None, gradient.sum((0, 2, 3))


class _Convolution(nn.Module):
    """A modulated convolution with noise, bias and leaky ReLU; a factor of each channel is left for the next layer."""

    def __init__(self, tensors: dict, name: str, doubles: bool):
        super().__init__()
        self.style, self.doubles = _Style(tensors, f"{name}.layer.layer"), doubles
        weight = tensors[f"{name}.layer.layer.weight"]
        weight = weight / math.sqrt(weight[0].numel())
        self.register_buffer("energies", weight.square().sum((2, 3)))
        self.register_buffer("weight", weight.transpose(0, 1).contiguous() if doubles else weight)
        if doubles:
            blur = tensors[f"{name}.layer.layer.filter.filter_kernel"]
            self.register_buffer("blur", blur.repeat(len(weight), 1, 1, 1))
        self.register_buffer("bias", tensors[f"{name}.bias"])
        self.strength = tensors[f"{name}.layer.weight"].item()

    def forward(self, x, factor, row, noise):
        style = self.style(row)
        norm = (F.linear(style.square(), self.energies) + 1e-8).sqrt()
        x = x * per_channel(style * factor)
        bias = (norm * self.bias)[0]
        if self.doubles:
            x = F.conv_transpose2d(x, self.weight, stride=2)
            x = _Blur.apply(x, self.blur, bias)
        else:
            x = F.conv2d(x, self.weight, bias, padding=1)
        x = x.addcmul_(per_channel(norm * self.strength), noise)
        return F.leaky_relu_(x, 0.2), math.sqrt(2) / norm


class StyleGan2(nn.Module):
    """From codes `[18, 512]` and a noise map for each convolution to a picture `[1, 3, 1024, 1024]`."""

    def __init__(self, checkpoint: dict):
        super().__init__()
        tensors = checkpoint["G_synthesis"]["state_dict"]
        self.register_buffer("start", tensors["const"][None])
        self.register_buffer("enlarging", tensors["upsample.filter.filter_kernel"].repeat(3, 1, 1, 1))
        self.convolutions, self.styles = nn.ModuleList(), nn.ModuleList()
        for block in range(len(WIDTHS)):
            for layer in range(1 if block == 0 else 2):
                name = f"conv_blocks.{block}.conv_block.{layer}"
                self.convolutions.append(_Convolution(tensors, name, doubles=block > 0 and layer == 0))
            name = f"to_data_layers.{block}"
            weight = tensors[f"{name}.layer.weight"]
            self.styles.append(_Style(tensors, f"{name}.layer"))
            self.register_buffer(f"weight_{block}", weight / math.sqrt(weight.shape[1]))
            self.register_buffer(f"bias_{block}", tensors[f"{name}.bias"])

    def forward(self, codes: torch.Tensor, noise: list[torch.Tensor]) -> torch.Tensor:
        rows = codes.split(1)
        x, factor, picture = self.start, 1.0, None
        for index, (convolution, map) in enumerate(zip(self.convolutions, noise)):
            x, factor = convolution(x, factor, rows[index], map)
            block, is_first_of_two = divmod(index, 2)
            if is_first_of_two:
                continue
            modulation = per_channel(self.styles[block](rows[index + 1]) * factor)
            weight, bias = getattr(self, f"weight_{block}"), getattr(self, f"bias_{block}")
            part = F.conv2d(x, weight * modulation, bias)
            picture = part if picture is None else self.doubled(picture) + part
        return picture

    def doubled(self, picture: torch.Tensor) -> torch.Tensor:
        side = 2 * picture.shape[-1]
        return F.conv_transpose2d(picture, self.enlarging, stride=2, groups=3)[..., :side, :side]


def noise_maps(seed: int) -> list[torch.Tensor]:
    """A map `[1, 1, r, r]` for each convolution."""
    random = torch.Generator().manual_seed(seed)
    sides = [4 << (index + 1) // 2 for index in range(ROWS - 1)]
    return [torch.randn(1, 1, side, side, generator=random) for side in sides]


class Vgg16(nn.Module):
    """From a picture in [-1, 1] to the features behind the last ReLU of each of the first blocks."""

    def __init__(self, blocks: int, seed: int):
        super().__init__()
        torch.manual_seed(seed)
        self.register_buffer("scale", 1 / torch.tensor([0.458, 0.448, 0.450])[None, :, None, None])
        self.register_buffer("shift", torch.tensor([0.030, 0.088, 0.188])[None, :, None, None] * self.scale)
        self.blocks, channels = nn.ModuleList(), 3
        for block, widths in enumerate(VGG16_BLOCKS[:blocks]):
            layers = [nn.MaxPool2d(2)] if block > 0 else []
            for width in widths:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            self.blocks.append(nn.Sequential(*layers))
        self.requires_grad_(False)

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        features, x = [], picture * self.scale + self.shift
        for block in self.blocks:
            x = block(x)
            features.append(x)
        return features


def per_channel(factor: torch.Tensor) -> torch.Tensor:
    """`[1, channels]` for products with `[1, channels, height, width]`."""
    return factor[:, :, None, None]
