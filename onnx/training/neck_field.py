"""Trains the neck field: for every place of a portrait's lower part, where its new pixel comes from, how its shade
changes, and how much of its fine detail stays, so that a double chin goes and the skin stays the photo's own.

    python neck_field.py --pairs D/pairs --clear D/clear_pairs --work D/neck_field --start D/face_parser/checkpoint.pt \\
        --scorer D/chin_scorer/scorer.pt

Pairs come from `neck_pairs.py`, the start is a checkpoint of `face_parser.py`: the field's trunk is a parser
that is also told the region where an edit may act. The scorer, of `chin_scorer.py`, reads what the fields make of a
portrait. A checkpoint is written every 50 steps: give the command again to go on, with more `--steps` to train longer.
`--export-only` writes the network of the checkpoint.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from chin_network import ChinScorer, strip_of
from exporting import export
from face_parser import FEATURES, ConvNorm, FaceParser, parser_weights
from neck_examples import NOTHING_TO_REMOVE, STEADY, Examples, Pairs, augmented, plain

HERE = Path(__file__).parent
SIDE = 256
# The rows of a crop of 256 px that the network sees.
TOP, HEIGHT = 104, 152
# Rows that are put above these, so that the height can be halved five times.
ROWS_ABOVE = 8
# Rows of the strip from which on anything may change.
ACTIVE = slice(56, HEIGHT)
MOST_FLOW, MOST_SHADE, MOST_TINT = 0.3, 0.6, 0.05
# A shade may take half of the skin's light, as the shadow under a jaw does; dark patches beside a neck are darker.
DEEPEST_SHADE = 0.7
# What the program makes of a shade (`src/portrait/field.rs`, constants of the same names): it takes the light alone,
# within bounds, with skin's colour following. Its bounds are narrower still (0.15 and 0.1).
MOST_DARKENING, MOST_BRIGHTENING = 0.22, 0.12
POWERS_OF_LIGHT = (0.86, 1.06, 1.12)
LUMINANCE = (0.2126, 0.7152, 0.0722)
DARKEST = 0.02
# Rows of 256 px over which an edit fades in below the lower lip.
FADE_ROWS = 14
# Pixels of 256 px over which it fades out towards the crop's border.
FRAME_ROWS = 14
# Detail is what two box blurs of this width, at 256 px, take away: about a Gaussian of sigma 2.83 px.
BLUR = 7
HELD_OUT = 60
HELD_OUT_CLEAR = 24
OUTPUTS = ["flow", "shade", "detail", "mask"]


class NeckField(nn.Module):
    """The lower part of a crop, RGB in [-1, 1], and the region, `[n, 4, 152, 256]`, to the fields of amount 1."""

    def __init__(self, width: int = 48):
        super().__init__()
        self.trunk = FaceParser(channels=4)
        self.trunk.last = nn.Identity()
        self.head = ConvNorm(FEATURES, width)
        self.flow = nn.Conv2d(width, 2, 3, 1, 1)
        # How much lighter or darker than the skin around, and three small changes of colour.
        self.shade = nn.Conv2d(width, 4, 3, 1, 1)
        # Four pixels of 256 px from each of 128 px, twice.
        self.gains = nn.Conv2d(width, 8, 3, 1, 1)
        for layer in (self.flow, self.shade, self.gains):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.register_buffer("frame", frame(), persistent=False)

    def start_from(self, parser: dict[str, torch.Tensor]) -> None:
        """Takes a face parser's weights; it knows nothing of a region yet."""
        weight = parser["stem.0.weight"]
        widened = torch.cat([weight, torch.zeros_like(weight[:, :1])], 1)
        known = {name: value for name, value in parser.items() if not name.startswith("last.")}
        self.trunk.load_state_dict(known | {"stem.0.weight": widened})

    def forward(self, strip: torch.Tensor):
        x = F.pad(strip, (0, 0, ROWS_ABOVE, 0), mode="replicate")
        x = self.head(self.trunk.features(x))[:, :, ROWS_ABOVE // 2 :]
        flow, shade = torch.tanh(self.flow(x)) * MOST_FLOW, torch.tanh(self.shade(x))
        lighter = F.relu(shade[:, :1]) - DEEPEST_SHADE * F.relu(-shade[:, :1])
        shade = skin_colour(strip) * (torch.exp(lighter) - 1) + shade[:, 1:] * MOST_TINT
        shade = shade.clamp(-MOST_SHADE, MOST_SHADE)
        gains = F.pixel_shuffle(self.gains(x), 2)
        return (
            F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False),
            F.interpolate(shade, scale_factor=2.0, mode="bilinear", align_corners=False),
            torch.sigmoid(gains[:, :1] + 2),
            torch.sigmoid(gains[:, 1:] + 3) * fade(strip[:, 3:]) * self.frame,
        )


class Exported(nn.Module):
    """What the file holds: the mean of what the network says of a strip and of its mirror image. What it says of one
    of them alone is chance."""

    def __init__(self, network: NeckField):
        super().__init__()
        self.network = network

    def forward(self, strip: torch.Tensor) -> tuple[torch.Tensor, ...]:
        flow, *others = self.network(torch.cat([strip, strip.flip(3)]))
        mirrored = flow[1:].flip(3) * torch.tensor([-1.0, 1.0])[:, None, None]
        return (flow[:1] + mirrored) / 2, *((field[:1] + field[1:].flip(3)) / 2 for field in others)


def skin_colour(strip: torch.Tensor) -> torch.Tensor:
    """The mean colour in [0, 1] of the region's skin close to each place, at half the size. A shade that is a
    multiple of it leaves the hue of skin alone."""
    region = strip[:, 3:].clamp(0, 1) + 1e-3
    seen = torch.cat([(strip[:, :3] + 1) / 2 * region, region], 1)
    seen = blurred(F.avg_pool2d(seen, 4), 3)
    return F.interpolate(seen[:, :3] / seen[:, 3:], scale_factor=2.0, mode="bilinear", align_corners=False)


def frame() -> torch.Tensor:
    """0 at the crop's lower border and at its sides, 1 from a few pixels on: photos go on there, edits don't."""
    from_below = (HEIGHT - 0.5 - torch.arange(HEIGHT)) / FRAME_ROWS
    across = torch.arange(SIDE) + 0.5
    from_side = torch.minimum(across, SIDE - across) / FRAME_ROWS
    inside = from_below.clamp(0, 1)[:, None] * from_side.clamp(0, 1)[None, :]
    return (inside * inside * (3 - 2 * inside))[None, None]


def fade(region: torch.Tensor) -> torch.Tensor:
    """From 0 at the region's upper border, which is sharp, to 1 some rows below it, smoothly."""
    above = F.pad(region, (0, 0, FADE_ROWS - 1, 0))
    linear = F.avg_pool2d(above, (FADE_ROWS, 1), 1).clamp(0, 1)
    return linear * linear * (3 - 2 * linear)


def blurred(pictures: torch.Tensor, width: int = BLUR) -> torch.Tensor:
    """Two box blurs, with borders repeated."""
    for _ in range(2):
        pictures = F.avg_pool2d(F.pad(pictures, (width // 2,) * 4, mode="replicate"), width, 1)
    return pictures


def sampled(maps: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Maps at x + flow, which is in sides of the crop."""
    count, _, height, width = maps.shape
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
    places = torch.stack([x, y], -1)[None] * 2 - 1
    per_strip = flow.permute(0, 2, 3, 1) * torch.tensor([2.0, 2.0 * width / height])
    return F.grid_sample(maps, places + per_strip, padding_mode="border", align_corners=False)


def render(pictures: torch.Tensor, fields, region: torch.Tensor, amount: float = 1.0) -> torch.Tensor:
    """The edited strips of pictures in [0, 1], of 256 px or a multiple, as the program makes them, within the bounds above."""
    flow, shade, detail, mask = fields
    low = blurred(F.interpolate(pictures, (HEIGHT, SIDE), mode="area"))
    flow, shade, detail, mask = (
        field
        if field.shape[-2:] == pictures.shape[-2:]
        else F.interpolate(field, pictures.shape[-2:], mode="bicubic", align_corners=False)
        for field in (flow, as_light(low, shade), detail, mask)
    )
    reach = mask.clamp(0, 1) * region
    gain = (1 - amount * (1 - detail)).clamp(0, 1.2)
    warped = sampled(pictures, amount * reach * flow)
    width = round(BLUR * pictures.shape[-1] / SIDE) // 2 * 2 + 1
    return warped + reach * (amount * shade - (1 - gain) * (warped - blurred(warped, width)))


def as_light(low: torch.Tensor, shade: torch.Tensor) -> torch.Tensor:
    """The part of a shade that is a change of the skin's light, within bounds, in colour."""
    weights = torch.tensor(LUMINANCE)[:, None, None]
    change = (shade * weights).sum(1, keepdim=True) / (low * weights).sum(1, keepdim=True).clamp(min=DARKEST)
    darker = MOST_DARKENING * torch.tanh(change.clamp(max=0) / MOST_DARKENING)
    lighter = MOST_BRIGHTENING * torch.tanh(change.clamp(min=0) / MOST_BRIGHTENING)
    return low * ((1 + darker + lighter) ** torch.tensor(POWERS_OF_LIGHT)[:, None, None] - 1)


def aimed_at(region: torch.Tensor) -> torch.Tensor:
    """How much of the edited picture is wanted where."""
    return region * fade(region) * frame()


def slopes(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return maps[..., 1:, :] - maps[..., :-1, :], maps[..., 1:] - maps[..., :-1]


def folding(flow: torch.Tensor) -> torch.Tensor:
    """How far the area of a pixel falls below a fifth under the flow."""
    down, right = slopes(flow * SIDE)
    down, right = down[..., :-1], right[..., :-1, :]
    area = (1 + right[:, 0]) * (1 + down[:, 1]) - right[:, 1] * down[:, 0]
    return F.relu(0.2 - area)


def smearing(flow: torch.Tensor) -> torch.Tensor:
    """How far skin is drawn out to more than 1/0.6 of its length, or pressed to less than half, across or down."""
    down, right = slopes(flow * SIDE)
    steps = (1 + down[:, 1], 1 + right[:, 0])
    return sum((F.relu(0.6 - step) + F.relu(step - 2)).mean() for step in steps)


class Critic(nn.Module):
    """Tells edited portraits from the teacher's, a patch at a time. Differences of pixels alone make a network that is
    unsure where a jaw ends draw half a shadow there, and that looks like none. It sees half the resolution: what
    skin is made of is the photo's own and not its business."""

    def __init__(self, width: int = 32):
        super().__init__()
        slope = nn.LeakyReLU(0.2)
        self.layers = nn.Sequential(
            *(nn.Conv2d(7, width, 4, 2, 1), slope),
            *(nn.Conv2d(width, 2 * width, 4, 2, 1), nn.GroupNorm(4, 2 * width), slope),
            *(nn.Conv2d(2 * width, 4 * width, 4, 2, 1), nn.GroupNorm(4, 4 * width), slope),
            nn.Conv2d(4 * width, 1, 3, 1, 1),
        )

    def forward(self, pictures: torch.Tensor, before: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
        """Pictures and what they were, RGB in [0, 1], to how much like the teacher's patches look."""
        seen = torch.cat([pictures * 2 - 1, before * 2 - 1, region], 1)
        return self.layers(F.avg_pool2d(seen, 2))

    @staticmethod
    def mean(said: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
        """Over the patches where there is something to tell."""
        weight = F.adaptive_avg_pool2d(region, said.shape[-2:])
        return (said * weight).sum() / (weight.sum() + 1e-3)


class Losses:
    """What is wrong with fields, as one number, and its parts."""

    def __init__(self, parser: FaceParser, critic: Critic, scorer: ChinScorer):
        self.critic, self.scorer = critic, scorer
        # Its first stages say whether outlines and textures are where they should be.
        self.stages = nn.ModuleList([parser.stem, *parser.down[:3]]).eval().requires_grad_(False)
        self.stages.to(memory_format=torch.channels_last)

    def __call__(self, examples: Examples, fields) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """The sum, its parts, and how much better than the fields' picture the critic finds the teacher's."""
        flow, shade, detail, mask = fields
        edited = render(examples.before, fields, examples.region)
        told = edited[:, :, ACTIVE]
        weight = aimed_at(examples.true_region)
        aim = examples.before + weight * (examples.after - examples.before)
        target = aim[:, :, ACTIVE]
        known = (1 - (1 - examples.known) * examples.true_region)[:, :, ACTIVE]
        wrong = (told - target) * known
        taught = told + (target - told) * known
        before, region = examples.before[:, :, ACTIVE], weight[:, :, ACTIVE]
        down, right = slopes(wrong)
        reach = (mask * examples.region).detach()
        kept = blurred(examples.kept, 3)
        drawn_along = F.relu(sampled(kept, mask * examples.region * flow) - kept) * examples.region
        parts = {
            "l1": wrong.abs().mean(),
            # Where the teacher says nothing, the photo is to stay: what is free to be anything becomes patches.
            "left": ((told - before) * (1 - known)).abs().mean(),
            "slope": down.abs().mean() + right.abs().mean(),
            "low": F.avg_pool2d(wrong, 8).abs().mean(),
            "looks": self.looks(told, taught, region),
            "chin": self.chin(examples.before, edited, aim),
            "critic": -Critic.mean(self.critic(told, before, region), region),
            "drawn_along": drawn_along.mean(),
            "flow": sum((slope**2).mean() for slope in slopes(flow)),
            "fold": folding(flow * mask).mean(),
            "smear": smearing(flow * mask),
            "shade": shade.abs().mean(),
            "rough_shade": sum(slope.abs().mean() for slope in slopes(shade)),
            "detail": ((1 - detail) * (0.3 + reach)).mean(),
        }
        # For the critic alone: the fields are not to learn to be told apart.
        told, taught = told.detach(), taught.detach()
        is_told = Critic.mean(F.relu(1 + self.critic(told, before, region)), region)
        apart = is_told + Critic.mean(F.relu(1 - self.critic(taught, before, region)), region)
        return sum(PRICES[name] * value for name, value in parts.items()), parts, apart

    def chin(self, before: torch.Tensor, edited: torch.Tensor, aim: torch.Tensor) -> torch.Tensor:
        """How much more of a double chin the scorer sees than in the teacher's portrait, where there is one to
        remove. Pixels tell little of it: a soft shadow is close to a jaw's line, and no jaw."""
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                there, left = self.logit(before), self.logit(aim)
            found = self.logit(edited)
        wanted = (left - CHIN_MARGIN).clamp(min=logit(NO_CHIN))
        return (F.relu(found - wanted) * (there > logit(NOTHING_TO_REMOVE))).mean()

    def logit(self, strips: torch.Tensor) -> torch.Tensor:
        return self.scorer.logits(self.scorer.scores(strip_of(strips, TOP) * 2 - 1))[:, 0].float()

    @torch.no_grad()
    def chin_probability(self, strips: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.logit(strips))

    def looks(self, told: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                expected = self.features(target)
            found = self.features(told)
        result = 0.0
        for ours, theirs in zip(found, expected):
            ours, theirs, size = ours.float(), theirs.float(), ours.shape[-2:]
            scale = theirs.std((0, 2, 3), keepdim=True) + 1e-3
            result = result + ((ours - theirs).abs() / scale * F.adaptive_avg_pool2d(weight, size)).mean()
        return result / len(expected)

    def features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        x, result = (pictures * 2 - 1).contiguous(memory_format=torch.channels_last), []
        for stage in self.stages:
            x = stage(x)
            result.append(x)
        return result


# What a portrait without a double chin is read as, and how much less than in the teacher's is asked for, in logits.
NO_CHIN, CHIN_MARGIN = 0.12, 0.25
# The program's bound: below it there is nothing to remove.
CHIN_BOUND = 0.2


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


PRICES = {
    "l1": 2.0,
    "left": 1.0,
    "slope": 1.0,
    "low": 2.0,
    "looks": 0.3,
    "chin": 0.02,
    "critic": 0.04,
    "drawn_along": 2.0,
    "flow": 800.0,
    "fold": 2.0,
    "smear": 20.0,
    "shade": 0.02,
    "rough_shade": 1.5,
    "detail": 0.15,
}


def seen_by(examples: Examples) -> torch.Tensor:
    return torch.cat([examples.seen * 2 - 1, examples.region], 1)


@torch.no_grad()
def figures(network: NeckField, losses: Losses, pairs: Pairs) -> dict[str, float]:
    """Mean absolute differences to what is aimed at, inside the region, of 255: left as it is, and edited. And what the
    chin scorer says of those with a double chin: left, edited, by the teacher."""
    sums, area, folds, chins = np.zeros(6), 0.0, 0.0, []
    network.eval()
    for first in range(0, len(pairs), 12):
        examples = plain(pairs, np.arange(first, min(first + 12, len(pairs))))
        fields = network(seen_by(examples))
        weight = aimed_at(examples.region)
        target = examples.before + weight * (examples.after - examples.before)
        edited = render(examples.before, fields, examples.region)
        counted = weight * examples.known
        detail = []
        for picture in (examples.before, edited):
            wrong = picture - target
            sums[len(detail)] += (wrong.abs() * counted).sum() / 3
            sums[2 + len(detail)] += (blurred(wrong).abs() * counted).sum() / 3
            detail.append(((picture - blurred(picture)).abs() * counted).sum() / 3)
        sums[4:] += detail
        area += float(counted.sum())
        folds = max(folds, float((folding(fields[0] * fields[3]) > 0).float().mean((1, 2)).max()))
        chins.append(torch.stack([losses.chin_probability(picture) for picture in (examples.before, edited, target)]))
    names = ("l1_left", "l1_edited", "low_left", "low_edited")
    result = {name: round(float(value / area * 255), 2) for name, value in zip(names, sums)}
    result |= {"detail_kept": round(float(sums[5] / sums[4]), 3), "most_folded": round(folds, 5)}
    chins = torch.cat(chins, 1)
    chins = chins[:, chins[0] > CHIN_BOUND]
    for name, told in zip(("left", "edited", "teacher"), chins):
        below = (told <= CHIN_BOUND).float().mean()
        result |= {f"chin_{name}": round(float(told.median()), 3), f"below_{name}": round(float(below), 3)}
    return result


class Training:
    """The network, its running average and what training needs to go on."""

    KEPT = ("network", "average", "optimiser", "critic", "critic_optimiser")

    def __init__(self, options: argparse.Namespace):
        torch.manual_seed(options.seed)
        start = parser_weights(options.start)
        parser = FaceParser()
        parser.load_state_dict(start)
        self.critic = Critic()
        self.losses = Losses(parser, self.critic, ChinScorer.load(options.scorer))
        self.network = NeckField()
        self.network.start_from(start)
        self.network.to(memory_format=torch.channels_last)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
        )
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=options.rate, weight_decay=1e-4)
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), lr=1e-3, betas=(0.5, 0.99))
        self.step = 0
        self.path = options.work / "checkpoint.pt"
        if self.path.exists():
            state = torch.load(self.path, map_location="cpu")
            for name in self.KEPT:
                getattr(self, name).load_state_dict(state[name])
            self.step = state["step"]

    def save(self) -> None:
        parts = {name: getattr(self, name).state_dict() for name in self.KEPT}
        partial = self.path.with_suffix(".partial")
        torch.save(parts | {"step": self.step}, partial)
        partial.replace(self.path)

    def learn(self, examples: Examples, rate: float) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            fields = [field.float() for field in self.network(seen_by(examples))]
        loss, parts, apart = self.losses(examples, fields)
        self.optimiser.zero_grad()
        loss.backward()
        self.critic_optimiser.zero_grad()
        apart.backward()
        self.critic_optimiser.step()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return {"loss": loss.item(), "apart": apart.item()} | {name: value.item() for name, value in parts.items()}


def train(options: argparse.Namespace, training: Training, pairs: Pairs, held_out: Pairs) -> None:
    running: dict[str, float] = {}
    while training.step < options.steps:
        # Warm up, stay, and come down over the last third.
        left = (options.steps - training.step) / (options.steps / 3)
        rate = options.rate * min(1, (training.step + 1) / 100, max(left, 0.01))
        rng = np.random.default_rng([options.seed, training.step])
        chosen = rng.choice(len(pairs), options.batch, replace=False)
        told = training.learn(augmented(pairs, chosen, rng), rate)
        running = {name: 0.97 * running.get(name, value) + 0.03 * value for name, value in told.items()}
        if training.step % 50 == 0 or training.step == options.steps:
            print(f"step {training.step}/{options.steps}: " + say(running), flush=True)
            training.save()
        if training.step % 300 == 0:
            print(f"  held out: {figures(training.average.module, training.losses, held_out)}", flush=True)


def say(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2g}" for name, value in values.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=Path, nargs="+", required=True, help="the first of which are held out")
    parser.add_argument("--clear", type=Path, help="pairs of clear double chins; each counts thrice")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="a checkpoint of face_parser.py")
    parser.add_argument("--scorer", type=Path, required=True, help="scorer.pt of chin_scorer.py")
    parser.add_argument("--onnx", type=Path, default=HERE / "../neck_field.onnx")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export-only", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    training = Training(options)
    if not options.export_only:
        pairs, held_out = Pairs.load(options.pairs[0], STEADY).split(slice(HELD_OUT))
        pairs = Pairs.joined([pairs, *(Pairs.load(folder, STEADY) for folder in options.pairs[1:])])
        pairs = pairs.without_needless(training.losses.chin_probability)
        report = {}
        if options.clear:
            clear, held_out_clear = Pairs.load(options.clear).split(slice(-HELD_OUT_CLEAR, None))
            pairs = Pairs.joined([pairs, *[clear] * 3])
        train(options, training, pairs, held_out)
        report = {"steps": training.step, "pairs": len(pairs), "held_out": figures(training.average.module, training.losses, held_out)}
        if options.clear:
            report["held_out_clear"] = figures(training.average.module, training.losses, held_out_clear)
        (options.work / "figures.json").write_text(json.dumps(report, indent=1))
        print(json.dumps(report, indent=1))
    export(Exported(training.average.module), options.onnx, (4, HEIGHT, SIDE), OUTPUTS, name="input", opset=17)


if __name__ == "__main__":
    main()
