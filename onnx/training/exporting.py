"""From a PyTorch module to an ONNX file, and what PyTorch says of a picture that a formula gives."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn


def example(channels: int, height: int, width: int) -> np.ndarray:
    """`image[0, c, y, x] = 0.8 sin(0.05 x + 0.03 y + c)`: anyone can make it again."""
    y, x = np.mgrid[:height, :width]
    return np.stack([0.8 * np.sin(0.05 * x + 0.03 * y + c) for c in range(channels)])[None].astype(np.float32)


def export(
    module: nn.Module,
    path: Path,
    size: int | tuple[int, int, int],
    outputs: list[str],
    name: str = "image",
    opset: int = 18,
) -> None:
    """Writes the network with its constants folded, and beside it, as `NAME.reference.json`, the outputs of
    PyTorch for `example`: whole ones when they are small, else their mean over each channel. `size` is the side
    of a picture of three channels, or channels, height and width of what `name` takes."""
    module.eval()
    image = torch.from_numpy(example(*(size if isinstance(size, tuple) else (3, size, size))))
    with torch.no_grad():
        told = module(image)
    told = told if isinstance(told, tuple) else (told,)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, folded = Path(folder) / "plain.onnx", Path(folder) / "folded.onnx"
        torch.onnx.export(
            module, (image,), str(plain), input_names=[name], output_names=outputs, opset_version=opset, dynamo=False
        )
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded)
        session = ort.InferenceSession(str(plain), options, providers=["CPUExecutionProvider"])
        model = onnx.load(str(folded))
        del model.metadata_props[:]
        used = {node.domain for node in model.graph.node} | {"", "ai.onnx"}
        for operators in list(model.opset_import):
            if operators.domain not in used:
                model.opset_import.remove(operators)
        onnx.checker.check_model(model)
        partial = path.with_suffix(".partial")
        onnx.save(model, str(partial))
        os.replace(partial, path)
    answers = session.run(outputs, {name: image.numpy()})
    reference = {name: f"{name}[0, c, y, x] = 0.8 sin(0.05 x + 0.03 y + c)"}
    reference |= {"size": list(size)} if isinstance(size, tuple) else {"side": size}
    for output, ours, theirs in zip(outputs, told, answers):
        difference = float(np.abs(ours.numpy() - theirs).max())
        if difference > 1e-3:
            raise SystemExit(f"{path.name}: {output} differs by {difference} between PyTorch and ONNX Runtime")
        values = ours.numpy().astype(float)
        small = values if values.size < 100 else values.mean((2, 3))
        reference[output] = [round(value, 6) for value in small.ravel().tolist()]
    path.with_suffix(".reference.json").write_text(json.dumps(reference, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
