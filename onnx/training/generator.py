"""The community generator: codes, pictures, and the features that the pictures are made of."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, shape_inference

STYLE_LAYERS = 23
CODE_SIZE = 512
# Sides of the feature maps that carry meaning, in pixels. Coarser ones know no outlines.
FEATURE_SIDES = (32, 64, 128, 256)


def default_pack() -> Path:
    """The folder that `jawline networks install` puts the community pack into."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(data) / "jawline/packs/community"


class Generator:
    """Mapping and synthesis network of a pack, with the features as further outputs."""

    def __init__(self, pack: Path, threads: int = 2):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        providers = [
            name
            for name in ("CUDAExecutionProvider", "CPUExecutionProvider")
            if name in ort.get_available_providers()
        ]
        self.mapping = ort.InferenceSession(
            str(pack / "mapping.onnx"), options, providers=providers
        )
        model = onnx.load(str(pack / "synthesis.onnx"))
        self.feature_names = feature_outputs(model)
        for name in self.feature_names.values():
            model.graph.output.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            )
        self.synthesis = ort.InferenceSession(
            model.SerializeToString(), options, providers=providers
        )
        # Without what comes after the last feature map: less than half of the work.
        self.features_only = ort.InferenceSession(
            pruned(model, list(self.feature_names.values())).SerializeToString(), options, providers=providers
        )
        self.image_name = self.synthesis.get_outputs()[0].name
        self.code_name = self.synthesis.get_inputs()[0].name

    def map(self, z: np.ndarray) -> np.ndarray:
        """Codes in W, `[n, 512]`, of latents `[n, 512]`."""
        name = self.mapping.get_inputs()[0].name
        rows = [
            self.mapping.run(None, {name: row[None].astype(np.float32)})[0].reshape(-1)
            for row in z
        ]
        return np.array(rows)

    def mean(self, count: int = 4000, seed: int = 0) -> np.ndarray:
        """The mean code, `[512]`, of `count` random latents."""
        z = np.random.default_rng(seed).standard_normal((count, CODE_SIZE))
        return self.map(z).mean(axis=0)

    def draw(
        self, code: np.ndarray, features: tuple[int, ...] = ()
    ) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """The picture `[3, 1024, 1024]` in about [-1, 1] of a code in W `[512]` or W+ `[23, 512]`, and
        the feature maps `[channels, side, side]` that were asked for by their side."""
        layers = np.broadcast_to(code, (STYLE_LAYERS, CODE_SIZE)).astype(np.float32)
        outputs = [self.image_name] + [self.feature_names[side] for side in features]
        image, *maps = self.synthesis.run(outputs, {self.code_name: layers})
        return image[0], {side: map[0] for side, map in zip(features, maps)}


    def features(self, code: np.ndarray, sides: tuple[int, ...]) -> dict[int, np.ndarray]:
        """The feature maps `[channels, side, side]` of a code, by their side, without the picture."""
        layers = np.broadcast_to(code, (STYLE_LAYERS, CODE_SIZE)).astype(np.float32)
        maps = self.features_only.run([self.feature_names[side] for side in sides], {self.code_name: layers})
        return {side: map[0] for side, map in zip(sides, maps)}


def moved(code: np.ndarray, boundary: np.ndarray, layers: int, alpha: float) -> np.ndarray:
    """A code in W or W+ moved along a boundary, in W or a row a layer, on its first layers: `[23, 512]`."""
    normals = np.broadcast_to(boundary.reshape(-1, CODE_SIZE), (STYLE_LAYERS, CODE_SIZE))
    result = np.broadcast_to(code, (STYLE_LAYERS, CODE_SIZE)).copy()
    result[:layers] += alpha * normals[:layers]
    return result


def pruned(model: onnx.ModelProto, outputs: list[str]) -> onnx.ModelProto:
    """The part of a network that these outputs need."""
    needed, nodes = set(outputs), []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(node.input)
    graph = helper.make_graph(
        nodes[::-1],
        model.graph.name,
        list(model.graph.input),
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [tensor for tensor in model.graph.initializer if tensor.name in needed],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def feature_outputs(model: onnx.ModelProto) -> dict[int, str]:
    """The last activation at each resolution, by its side in pixels."""
    inferred = shape_inference.infer_shapes(model)
    sides = {
        value.name: value.type.tensor_type.shape.dim[-1].dim_value
        for value in inferred.graph.value_info
        if len(value.type.tensor_type.shape.dim) == 4
    }
    last = {}
    for node in model.graph.node:
        if node.op_type == "PRelu" and sides.get(node.output[0]) in FEATURE_SIDES:
            last[sides[node.output[0]]] = node.output[0]
    missing = set(FEATURE_SIDES) - set(last)
    if missing:
        raise ValueError(
            f"no activation of {sorted(missing)} px in the synthesis network: is it the community pack's?"
        )
    return last


def to_pixels(image: np.ndarray, side: int) -> np.ndarray:
    """An 8-bit RGB picture `[side, side, 3]` of an image `[3, h, h]` in [-1, 1], reduced by whole pixels."""
    channels, height, _ = image.shape
    factor = height // side
    small = image.reshape(channels, side, factor, side, factor).mean((2, 4))
    return np.rint((small.clip(-1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
