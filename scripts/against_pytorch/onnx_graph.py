"""ONNX graphs as PyTorch modules: one PyTorch function for each node, as code that `torch.fx` writes.

It knows what our own networks and the community pack are made of, and no more. An attribute that it passes over shows
in `require_agreement`, which comes before every timing.
"""

from __future__ import annotations

import operator
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from torch import fx, nn

# How far PyTorch and ONNX Runtime may be apart, as a part of an output's greatest number.
TOLERANCE = 1e-3


class Unusable(Exception):
    """Something that the user has to see to; the message says what."""


class _Node:
    """A node of the ONNX graph while its call is added to PyTorch's."""

    def __init__(self, reader: _Reader, proto: onnx.NodeProto):
        self.reader, self.proto = reader, proto
        self.attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}

    def __getitem__(self, index: int) -> fx.Node | None:
        """An input as a tensor; None if it is left out."""
        inputs = self.proto.input
        return self.reader.tensor(inputs[index]) if index < len(inputs) and inputs[index] else None

    def numbers(self, index: int):
        """An input that the file holds, as a number or a list."""
        return self.reader.constants[self.proto.input[index]].tolist()

    def get(self, name: str, default):
        return self.attributes.get(name, default)

    def call(self, function, *arguments, **options) -> fx.Node:
        return self.reader.graph.call_function(function, arguments, options)

    def may_overwrite(self, index: int) -> bool:
        """Whether nothing else needs this input, the reverse pass of what made it included."""
        name = self.proto.input[index]
        return self.reader.uses[name] == 1 and self.reader.makers.get(name) in ("Add", "Conv")


def _convolution(n: _Node, function, **options):
    strides, padding, dilation = n.get("strides", [1, 1]), n.get("pads", [0] * 4)[:2], n.get("dilations", [1, 1])
    options |= {"stride": strides, "padding": padding, "dilation": dilation, "groups": n.get("group", 1)}
    return n.call(function, n[0], n[1], n[2], **options)


def _pool(n: _Node, function):
    return n.call(function, n[0], n.attributes["kernel_shape"], n.get("strides", [1, 1]), n.get("pads", [0] * 4)[:2])


def _pad(n: _Node):
    begin, end = np.reshape(n.numbers(1), (2, -1)).tolist()
    mode = {b"constant": "constant", b"edge": "replicate"}[n.get("mode", b"constant")]
    return n.call(F.pad, n[0], [begin[-1], end[-1], begin[-2], end[-2]], mode)


def _resize(n: _Node):
    mode = {b"nearest": {"mode": "nearest"}, b"linear": {"mode": "bilinear", "align_corners": False}}
    return n.call(F.interpolate, n[0], scale_factor=n.numbers(2)[2:], **mode[n.attributes["mode"]])


def _slice(n: _Node):
    starts, ends, axes, steps = (n.numbers(index) for index in range(1, 5))
    ranges = [slice(None)] * (max(axes) + 1)
    for axis, *bounds in zip(axes, starts, ends, steps):
        ranges[axis] = slice(*bounds)
    return n.call(operator.getitem, n[0], tuple(ranges))


# Functions that take all inputs as they are.
PLAIN = {
    "Add": torch.add,
    "Div": torch.div,
    "Exp": torch.exp,
    "MatMul": torch.matmul,
    "Mul": torch.mul,
    "Neg": torch.neg,
    "Sigmoid": torch.sigmoid,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
}
OTHERS = {
    "AveragePool": lambda n: _pool(n, F.avg_pool2d),
    "Clip": lambda n: n.call(torch.clamp, n[0], n.numbers(1), n.numbers(2)),
    "Concat": lambda n: n.call(torch.cat, [n[index] for index in range(len(n.proto.input))], n.attributes["axis"]),
    "Conv": lambda n: _convolution(n, F.conv2d),
    "ConvTranspose": lambda n: _convolution(n, F.conv_transpose2d),
    "DepthToSpace": lambda n: n.call(F.pixel_shuffle, n[0], n.attributes["blocksize"]),
    "Gather": lambda n: n.call(torch.index_select, n[0], n.get("axis", 0), n[1]),
    "LeakyRelu": lambda n: n.call(F.leaky_relu, n[0], n.get("alpha", 0.01), n.may_overwrite(0)),
    "MaxPool": lambda n: _pool(n, F.max_pool2d),
    "Pad": _pad,
    "ReduceMean": lambda n: n.call(torch.mean, n[0], n.attributes["axes"], bool(n.get("keepdims", 1))),
    "Relu": lambda n: n.call(F.relu, n[0], n.may_overwrite(0)),
    "Reshape": lambda n: n.call(torch.reshape, n[0], n.numbers(1)),
    "Resize": _resize,
    "Slice": _slice,
    "Split": lambda n: n.call(torch.split, n[0], n.numbers(1), n.get("axis", 0)),
}


class _Reader:
    def __init__(self, model: onnx.ModelProto):
        self.graph, self.root = fx.Graph(), nn.Module()
        self.constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.values = {value.name: self.graph.placeholder(f"input_{i}") for i, value in enumerate(model.graph.input)}
        used = [name for node in model.graph.node for name in node.input]
        self.uses = Counter(used + [output.name for output in model.graph.output])
        self.makers = {name: node.op_type for node in model.graph.node for name in node.output}

    def tensor(self, name: str) -> fx.Node:
        if name not in self.values:
            buffer = f"constant_{len(self.values)}"
            self.root.register_buffer(buffer, torch.from_numpy(self.constants[name].copy()))
            self.values[name] = self.graph.get_attr(buffer)
        return self.values[name]

    def read(self, proto: onnx.NodeProto) -> None:
        node, kind = _Node(self, proto), proto.op_type
        if kind in PLAIN:
            value = node.call(PLAIN[kind], *(node[index] for index in range(len(proto.input))))
        elif kind in OTHERS:
            value = OTHERS[kind](node)
        else:
            raise Unusable(f"the operator {kind} is not known here: add it to {__file__}")
        if kind == "Split":
            parts = [node.call(operator.getitem, value, index) for index in range(len(proto.output))]
        else:
            parts = [value]
        self.values |= zip(proto.output, parts)


def from_onnx(path: Path) -> fx.GraphModule:
    """The network of an ONNX file; its weights are buffers, its result is a tuple of all outputs."""
    model = onnx.load(str(path))
    reader = _Reader(model)
    for node in model.graph.node:
        reader.read(node)
    reader.graph.output(tuple(reader.values[output.name] for output in model.graph.output))
    return fx.GraphModule(reader.root, reader.graph)


def require_agreement(network: nn.Module, path: Path, example: torch.Tensor) -> None:
    """Compares a network with what ONNX Runtime makes of its file."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {session.get_inputs()[0].name: example.cpu().numpy()})
    with torch.inference_mode():
        found = network(example)
    for output, ours, theirs in zip(session.get_outputs(), found, wanted):
        require_closeness(f"PyTorch and ONNX Runtime ({path.name}, {output.name})", ours, theirs)


def require_closeness(what: str, ours: torch.Tensor, theirs: np.ndarray) -> None:
    difference = np.abs(ours.cpu().numpy() - theirs).max() / np.abs(theirs).max()
    # Not a number is not close.
    if not difference < TOLERANCE:
        raise Unusable(f"{what} differ by {difference:.1e} of the greatest number: there is nothing to time")
