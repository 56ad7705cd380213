"""Times Jawline and PyTorch in turns, on the same machine, and prints one table. See scripts/bench-against-pytorch."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).parents[2]
try:
    import torch
    from cases import CASES, Settings, measure
    from onnx_graph import Unusable
except ModuleNotFoundError as error:
    sys.exit(
        f"{sys.executable} has no {error.name}. Give me a Python that has it:\n"
        "  python3 -m venv venv && venv/bin/pip install -r onnx/training/requirements.txt\n"
        "  PYTHON=venv/bin/python scripts/bench-against-pytorch"
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-against-pytorch", description=__doc__)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    add = parser.add_argument
    add("--provider", choices=["cpu", "cuda"], default="cpu")
    add("--rounds", type=int, default=2, help="how often the two take turns (default 2)")
    add("--runs", type=int, default=5, help="forward passes of a network in a round (default 5)")
    add("--steps", type=int, default=5, help="steps of a search in a round (default 5)")
    add("--threads", type=int, default=cores, help=f"CPU threads of both (default {cores}, one a core)")
    add("--program", type=Path, default=REPOSITORY / "target/release/jawline")
    add("--only", nargs="+", choices=CASES, default=list(CASES), metavar="NAME", help=" ".join(CASES))
    add("--json", action="store_true", help="one JSON object instead of the table")
    chosen = parser.parse_args()
    if min(chosen.rounds, chosen.runs, chosen.threads) < 1 or chosen.steps < 2:
        parser.error("--rounds, --runs and --threads are 1 at least, --steps 2")
    return chosen


def community_pack(program: Path) -> Path:
    own = os.environ.get("JAWLINE_DATA_DIR")
    shared = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    pack = (Path(own) if own else Path(shared) / "jawline") / "packs/community"
    if not (pack / "manifest.json").is_file():
        raise Unusable(f"{pack} is not there: install the community pack with {program} networks install")
    return pack


def of_program(chosen: argparse.Namespace, reference_config: bool) -> dict:
    """What `jawline bench --json` says, its stages as a list of name, seconds, CPU seconds and memory."""
    command = [chosen.program, "bench", "--json", "--provider", chosen.provider, "--threads", chosen.threads]
    command += ["--runs", chosen.runs, "--steps", chosen.steps] + ["--reference-config"] * reference_config
    done = subprocess.run([str(word) for word in command], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Unusable(f"{chosen.program} bench ended with status {done.returncode}; what it said is above")
    results = json.loads(done.stdout)
    results.setdefault("stages", [{"name": name, "seconds": s} for name, s in results.get("seconds", [])])
    return results


def stage_of(results: dict, name: str) -> dict:
    for stage in results["stages"]:
        if stage["name"].startswith(name):
            return stage
    raise Unusable(f"this jawline bench does not measure '{name}': build the program of this repository")


def rows(chosen: argparse.Namespace, pack: Path, loads: list[float]) -> tuple[list[dict], dict]:
    """Both measured in turns: a row for each case, and what the program said of itself."""
    told, found, results = {name: [] for name in chosen.only}, {name: [] for name in chosen.only}, {}

    def begin(turn: int, what: str) -> None:
        loads.append(os.getloadavg()[0])
        print(f"round {turn + 1}: {what}", file=sys.stderr, flush=True)

    for turn in range(chosen.rounds):
        for reference_config in (True, False):
            names = [name for name in chosen.only if CASES[name].reference_config == reference_config]
            if names:
                begin(turn, "jawline bench" + " --reference-config" * reference_config)
                results = of_program(chosen, reference_config)
            for name in names:
                told[name].append(stage_of(results, CASES[name].stage))
                begin(turn, f"PyTorch, {CASES[name].title}")
                limits = [chosen.provider, chosen.threads, chosen.runs, chosen.steps]
                settings = Settings(chosen.program, pack, *limits, compares=turn == 0)
                # In a process of its own, which gives its memory back.
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                    found[name].append(process.submit(measure, name, settings).result())
    loads.append(os.getloadavg()[0])
    return [row(name, told[name], found[name]) for name in chosen.only], results


def row(name: str, told: list[dict], found: list[dict]) -> dict:
    """Medians: of the program's medians, and of all of PyTorch's runs in the memory format that was faster."""
    by_format = {}
    for label in found[0]["seconds"]:
        elapsed, cpu = zip(*(run for round in found for run in round["seconds"][label]))
        by_format[label] = {"seconds": median(elapsed), "cpu_seconds": median(cpu)}
    label = min(by_format, key=lambda label: by_format[label]["seconds"])
    peak = max(round["peak_rss_bytes"] for round in found)
    jawline = {key: middle(stage.get(key) for stage in told) for key in ("seconds", "cpu_seconds", "peak_rss_bytes")}
    cpu = jawline["cpu_seconds"]
    return {
        "name": name,
        "title": CASES[name].title,
        "pytorch": {**by_format[label], "memory_format": label, "peak_rss_bytes": peak},
        "pytorch_by_memory_format": by_format,
        "jawline": jawline,
        "ratio": by_format[label]["seconds"] / jawline["seconds"],
        # What other programs on the machine hardly change.
        "cpu_ratio": by_format[label]["cpu_seconds"] / cpu if cpu else None,
    }


def middle(values) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def print_table(summary: dict) -> None:
    least, most = summary["load"]
    print(
        f"jawline {summary['jawline']} ({summary['program']}) and PyTorch {summary['pytorch']} on "
        f"{summary['device'] or summary['provider']}, {summary['threads']} threads on {summary['cores']} cores, "
        f"load {least:.1f} to {most:.1f}"
    )
    columns = [f"{side:>12}{'CPU':>10}{'memory':>9}" for side in ("PyTorch", "Jawline")]
    print(f"{'':32}{''.join(columns)}{'ratio':>9}{'of CPU':>9}")
    for row in summary["rows"]:
        cells = [
            number(side["seconds"], 1e3, "ms", 12)
            + number(side["cpu_seconds"], 1e3, "ms", 10)
            + number(side["peak_rss_bytes"], 1e-9, "GB", 9, digits=2)
            for side in (row["pytorch"], row["jawline"])
        ]
        ratios = "".join(number(row[key], 1, "×", 9, digits=2) for key in ("ratio", "cpu_ratio"))
        print(f"{row['title']:32}{''.join(cells)}{ratios}  ({row['pytorch']['memory_format']})")


def number(value: float | None, factor: float, unit: str, width: int, digits: int = 0) -> str:
    """In another unit, at the right of a column; nothing if it was not measured."""
    return f"{'' if value is None else f'{value * factor:.{digits}f} {unit}':>{width}}"


def main() -> None:
    chosen = options()
    if not chosen.program.is_file():
        raise Unusable(f"{chosen.program} is not there: build it with cargo build --release, or name one by --program")
    if chosen.provider == "cuda" and not torch.cuda.is_available():
        raise Unusable("this PyTorch finds no CUDA device: use --provider cpu, or check its driver")
    loads: list[float] = []
    measured, results = rows(chosen, community_pack(chosen.program), loads)
    device = torch.cuda.get_device_name() if chosen.provider == "cuda" else None
    summary = {
        "jawline": results["jawline"],
        "program": str(chosen.program),
        "pytorch": torch.__version__,
        "provider": results["provider"],
        "device": device,
        "cores": results["cores"],
        **{key: getattr(chosen, key) for key in ("threads", "rounds", "runs", "steps")},
        "load": [min(loads), max(loads)],
        "rows": measured,
    }
    if chosen.json:
        print(json.dumps(summary, indent=1))
    else:
        print_table(summary)


if __name__ == "__main__":
    try:
        main()
    except Unusable as problem:
        sys.exit(str(problem))
