"""What is timed in PyTorch: the same losses, with the same weights and optimiser, as `src/latent/` has them."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from onnx_graph import Unusable, from_onnx, require_agreement, require_closeness
from stylegan2 import CODE_SIZE, ROWS, StyleGan2, Vgg16, noise_maps, random_checkpoint
from torch import nn

SEED = 1
SIDE, LOSS_SIDE = 1024, 256
REPOSITORY = Path(__file__).parents[2]
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclass(frozen=True)
class Settings:
    """Of one measurement, for the process that takes it."""

    program: Path
    pack: Path
    provider: str
    threads: int
    runs: int
    steps: int
    # Whether the networks are compared with ONNX Runtime's, or the program's, before.
    compares: bool


@dataclass
class Machine:
    """Where tensors go, and in which order their numbers lie."""

    settings: Settings
    memory_format: torch.memory_format

    def put(self, thing):
        """A network or a tensor there."""
        moved = thing.to(self.settings.provider)
        is_flat = isinstance(moved, torch.Tensor) and moved.dim() != 4
        return moved if is_flat else moved.to(memory_format=self.memory_format)

    def random(self, *shape: int) -> torch.Tensor:
        return self.put(torch.randn(shape, generator=torch.Generator().manual_seed(SEED)))

    def load(self, path: Path, example: torch.Tensor) -> nn.Module:
        """The network of an ONNX file."""
        network = self.put(from_onnx(path))
        if self.settings.compares:
            require_agreement(network, path, self.put(example))
        return network

    def stylegan2(self) -> StyleGan2:
        return self.put(StyleGan2(random_checkpoint(SEED)))


def draw(machine: Machine) -> Callable[[], None]:
    network, codes = machine.stylegan2(), machine.random(ROWS, CODE_SIZE)
    noise = [machine.put(map) for map in noise_maps(SEED)]

    @torch.inference_mode()
    def run() -> torch.Tensor:
        return network(codes, noise).cpu()

    if machine.settings.compares:
        picture = drawn_by_the_program(machine.settings, codes)
        require_closeness("the pictures of StyleGAN2 by PyTorch and by Jawline", run(), picture)
    return run


def drawn_by_the_program(settings: Settings, codes: torch.Tensor) -> np.ndarray:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        torch.save(random_checkpoint(SEED), folder / "Gs.pth")
        np.save(folder / "codes.npy", codes.cpu().numpy())
        for index, map in enumerate(noise_maps(SEED)):
            np.save(folder / f"noise_{index:02}.npy", map.numpy())
        command = [settings.program, "synthesize", "--generator", folder / "Gs.pth", "--codes", folder / "codes.npy"]
        command += ["--noise", folder, "--raw", "--out", folder / "out", "--provider", "cpu", "--quiet"]
        if subprocess.run(command, check=False).returncode:
            raise Unusable("Jawline did not draw with the checkpoint that PyTorch drew with; what it said is above")
        return np.load(folder / "out" / "image.npy").reshape(1, 3, SIDE, SIDE)


def diffusion_step(machine: Machine) -> Callable[[], None]:
    network, perceptual = machine.stylegan2(), machine.put(Vgg16(4, SEED))
    noise = [machine.put(map) for map in noise_maps(SEED)]
    code = machine.random(ROWS, CODE_SIZE).requires_grad_()
    target = machine.put(torch.zeros(1, 3, SIDE, SIDE))
    outside = machine.put(torch.full((1, 1, SIDE, SIDE), 0.5))

    def features(picture: torch.Tensor) -> torch.Tensor:
        return perceptual(F.adaptive_avg_pool2d(picture, LOSS_SIDE))[-1]

    with torch.no_grad():
        wanted = features(target)

    def loss() -> torch.Tensor:
        picture = network(code, noise)
        pixel = ((target - picture) * outside).square().mean()
        return pixel + 1e-4 * (wanted - features(picture)).square().mean()

    return stepped(loss, [code], learning_rate=0.01, betas=(0.9, 0.999))


def projector_step(machine: Machine) -> Callable[[], None]:
    network, perceptual = machine.stylegan2(), machine.put(Vgg16(5, SEED))
    code = machine.put(torch.zeros(ROWS, CODE_SIZE)).requires_grad_()
    noise = [machine.put(map).requires_grad_() for map in noise_maps(SEED)]
    target = machine.put(torch.zeros(1, 3, SIDE, SIDE))

    def features(picture: torch.Tensor) -> list[torch.Tensor]:
        return [unit_length(f) for f in perceptual(F.adaptive_avg_pool2d(picture, LOSS_SIDE))]

    with torch.no_grad():
        wanted = features(target)

    def correlation(map: torch.Tensor) -> torch.Tensor:
        """The published form of the noise regularisation."""
        total = (map * map.roll((1, 1), (2, 3))).square().mean()
        return total if map.shape[-1] <= 8 else total + correlation(F.avg_pool2d(map, 2))

    def loss() -> torch.Tensor:
        picture = network(code + 0.05 * torch.randn_like(code), noise)
        # All channels count the same, so that the mean over pixels and channels is LPIPS.
        distance = sum((a - b).square().mean() for a, b in zip(features(picture), wanted))
        pixel = (picture - target).square().mean()
        return distance + 5e-2 * pixel + 1e4 * sum(correlation(map) for map in noise)

    @torch.no_grad()
    def settle() -> None:
        for map in noise:
            map -= map.mean()
            map /= (map.square().mean() + 1e-8).sqrt()

    return stepped(loss, [code, *noise], learning_rate=0.1, betas=(0.9, 0.999), settle=settle)


def inversion_step(machine: Machine) -> Callable[[], None]:
    pack = machine.settings.pack
    mean, basis = (machine.put(torch.from_numpy(np.load(pack / f"whitening_{part}.npy"))) for part in ("mean", "basis"))
    target = machine.random(1, 3, LOSS_SIDE, LOSS_SIDE).clamp(-1, 1)
    importance = machine.put(torch.ones(1, 1, LOSS_SIDE, LOSS_SIDE))
    rows = 23
    code = torch.from_numpy(np.load(pack / "latent_mean.npy")).reshape(1, -1).repeat(rows, 1)
    network = machine.load(pack / "synthesis.onnx", code)
    perceptual = machine.load(pack / "perceptual.onnx", target)
    shared = machine.put(torch.zeros(1, CODE_SIZE)).requires_grad_()
    offsets = machine.put(torch.zeros(rows, CODE_SIZE)).requires_grad_()

    def features(picture: torch.Tensor) -> list[torch.Tensor]:
        return [unit_length(f) for f in perceptual(picture)]

    with torch.no_grad():
        wanted = features(target)

    def mean_square(difference: torch.Tensor) -> torch.Tensor:
        weights = F.adaptive_avg_pool2d(importance, difference.shape[-1])
        return (difference * weights * difference).mean()

    def loss() -> torch.Tensor:
        vectors = offsets + shared + 0.05 * torch.randn_like(shared)
        codes = F.leaky_relu(vectors @ basis.T + mean, 0.2)
        (image,) = network(codes)
        picture = F.avg_pool2d(image, SIDE // LOSS_SIDE)
        distance = sum(a.shape[1] * mean_square(a - b) for a, b in zip(features(picture), wanted))
        pulls = 0.05 * shared.square().mean() + 0.1 * offsets.square().mean()
        return distance + 3 * mean_square(picture - target) + pulls

    return stepped(loss, [shared, offsets], learning_rate=0.1, betas=(0.9, 0.99))


def neck_field(machine: Machine) -> Callable[[], None]:
    strip = machine.random(1, 4, 152, 256).clamp(-1, 1)
    network = machine.load(REPOSITORY / "onnx/neck_field.onnx", strip)

    @torch.inference_mode()
    def run() -> list[torch.Tensor]:
        return [field.cpu() for field in network(strip)]

    return run


def unit_length(features: torch.Tensor) -> torch.Tensor:
    return features * (features.square().sum(1, keepdim=True) + 1e-8).rsqrt()


def stepped(loss, variables, learning_rate, betas, settle=lambda: None) -> Callable[[], None]:
    """A step of Adam, which ends when its loss has been read."""
    optimiser = torch.optim.Adam(variables, lr=learning_rate, betas=betas)

    def step() -> None:
        optimiser.zero_grad()
        total = loss()
        total.backward()
        optimiser.step()
        settle()
        total.item()

    return step


@dataclass(frozen=True)
class Case:
    title: str
    # Whether the program measures it with --reference-config, and what it calls it, from the beginning.
    reference_config: bool
    stage: str
    build: Callable[[Machine], Callable[[], None]]
    is_step: bool = True


CASES = {
    "draw": Case("StyleGAN2 of 1024 px, forward", True, "synthesis until 1024 px", draw, is_step=False),
    "diffusion": Case("diffusion step", True, "diffusion step", diffusion_step),
    "projector": Case("projector step", True, "projector step", projector_step),
    "inversion": Case("inversion step (community pack)", False, "inversion step", inversion_step),
    "field": Case("neck field", False, "instant: neck field", neck_field, is_step=False),
}


def measure(name: str, settings: Settings) -> dict:
    """Seconds of every run of a case in this process, elapsed and of all cores, by memory format; the peak of the
    process's memory in bytes."""
    torch.set_num_threads(settings.threads)
    torch.backends.cudnn.benchmark = True
    # As the program, which computes in full float32.
    torch.backends.cudnn.allow_tf32 = False
    case, results = CASES[name], {}
    count = settings.steps if case.is_step else settings.runs
    for label, memory_format in FORMATS.items():
        run = case.build(Machine(settings, memory_format))
        # The first run allocates, and tries algorithms; it does not count.
        run()
        results[label] = [timed(run, settings.provider) for _ in range(count)]
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": results, "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


def timed(run: Callable[[], None], provider: str) -> tuple[float, float]:
    begun, cpu = time.perf_counter(), time.process_time()
    run()
    if provider == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun, time.process_time() - cpu
