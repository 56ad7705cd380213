#!/usr/bin/env python3
"""Filters > Enhance > Remove Double Chin (Jawline): a plug-in for GIMP 2.10.

GIMP 2.10 has no Python 3 of its own, so this talks to its library through ctypes; nothing has to be
compiled or installed beside it. Copy it into a folder of its own below GIMP's folder of plug-ins and
make it executable (docs/integrations.md). The program is `jawline` on the PATH, or what the environment
variable JAWLINE names.

The visible picture goes to `jawline retouch`, and the result comes back as a new layer on top, which
differs from the picture below only at the neck.
"""

import ctypes
import ctypes.util
import os
import subprocess
import sys
import tempfile

PROCEDURE = b"plug-in-jawline"

# Of libgimp/gimpenums.h and libgimpbase/gimpbaseenums.h, 2.10.
PDB_INT32, PDB_FLOAT, PDB_IMAGE, PDB_LAYER, PDB_DRAWABLE, PDB_STATUS = 0, 3, 13, 14, 16, 21
STATUS_ERROR, STATUS_SUCCESS = 0, 3
TYPE_PLUGIN = 1
RUN_NONINTERACTIVE = 1
CLIP_TO_IMAGE = 1
PRECISION_U16_GAMMA = 250
PRECISIONS_OF_8_BITS = (100, 150)


class ParamData(ctypes.Union):
    """A value; the largest kind is a colour of four doubles."""

    _fields_ = [
        ("int32", ctypes.c_int32),
        ("float", ctypes.c_double),
        ("color", ctypes.c_double * 4),
    ]


class Param(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("data", ParamData)]


class ParamDef(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
    ]


NOTHING = ctypes.CFUNCTYPE(None)
RUN = ctypes.CFUNCTYPE(
    None,
    ctypes.c_char_p,
    ctypes.c_int,
    ctypes.POINTER(Param),
    ctypes.POINTER(ctypes.c_int),
    ctypes.POINTER(ctypes.POINTER(Param)),
)


class PlugInInfo(ctypes.Structure):
    _fields_ = [("init", NOTHING), ("quit", NOTHING), ("query", NOTHING), ("run", RUN)]


gimp = ctypes.CDLL(ctypes.util.find_library("gimp-2.0") or "libgimp-2.0.so.0")


class Failed(Exception):
    """Something that the user should hear."""


@NOTHING
def query():
    parameters = (ParamDef * 4)(
        ParamDef(PDB_INT32, b"run-mode", b"Interactive or not"),
        ParamDef(PDB_IMAGE, b"image", b"The picture"),
        ParamDef(PDB_DRAWABLE, b"drawable", b"Not used"),
        ParamDef(PDB_FLOAT, b"amount", b"How much to remove, 0 to 100; -1 for as much as is needed"),
    )
    results = (ParamDef * 1)(ParamDef(PDB_LAYER, b"layer", b"The retouched layer"))
    gimp.gimp_install_procedure(
        PROCEDURE,
        b"Removes double chins from portraits",
        b"Retouches the visible picture with Jawline and puts the result on top as a layer.",
        b"Jawline",
        b"MIT OR Apache-2.0",
        b"2026",
        b"Remove Double Chin (Jawline)",
        b"RGB*, GRAY*",
        TYPE_PLUGIN,
        len(parameters),
        len(results),
        parameters,
        results,
    )
    gimp.gimp_plugin_menu_register(PROCEDURE, b"<Image>/Filters/Enhance")


# GIMP reads the results after the procedure has returned.
results = (Param * 2)()


@RUN
def run(_name, count, parameters, count_results, returned):
    results[0].type = PDB_STATUS
    results[0].data.int32 = STATUS_ERROR
    count_results[0] = 1
    returned[0] = ctypes.cast(results, ctypes.POINTER(Param))
    try:
        image = parameters[1].data.int32
        is_told = parameters[0].data.int32 == RUN_NONINTERACTIVE and count > 3
        amount = parameters[3].data.float if is_told else -1.0
        results[1].type = PDB_LAYER
        results[1].data.int32 = retouch(image, amount)
        results[0].data.int32 = STATUS_SUCCESS
        count_results[0] = 2
    except (Failed, OSError) as error:
        gimp.gimp_message(f"Jawline: {error}".encode())


def retouch(image, amount):
    with tempfile.TemporaryDirectory(prefix="jawline-") as folder:
        before, after = (os.path.join(folder, name) for name in ("before.tif", "after.tif"))
        save_visible(image, before)
        command = [os.environ.get("JAWLINE", "jawline"), "retouch", "--quiet", before, "--out", after]
        if amount >= 0.0:
            command += ["--amount", str(amount)]
        gimp.gimp_progress_init(b"Jawline retouches the picture")
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failed(done.stderr.decode(errors="replace").strip() or "the program failed")
        gimp.gimp_image_undo_group_start(image)
        layer = gimp.gimp_file_load_layer(RUN_NONINTERACTIVE, image, after.encode())
        if layer < 0:
            raise Failed("GIMP could not load the result")
        gimp.gimp_item_set_name(layer, b"Retouched neck")
        gimp.gimp_image_insert_layer(image, layer, 0, 0)
        gimp.gimp_image_undo_group_end(image)
        gimp.gimp_displays_flush()
        return layer


def save_visible(image, path):
    """Writes what is seen of the image as TIFF, in 8 or 16 bits."""
    copy = gimp.gimp_image_duplicate(image)
    try:
        if gimp.gimp_image_get_precision(copy) not in PRECISIONS_OF_8_BITS:
            gimp.gimp_image_convert_precision(copy, PRECISION_U16_GAMMA)
        layer = gimp.gimp_image_merge_visible_layers(copy, CLIP_TO_IMAGE)
        gimp.gimp_layer_resize_to_image_size(layer)
        name = path.encode()
        if not gimp.gimp_file_save(RUN_NONINTERACTIVE, copy, layer, name, name):
            raise Failed("GIMP could not write the picture")
    finally:
        gimp.gimp_image_delete(copy)


def main():
    info = PlugInInfo(NOTHING(), NOTHING(), query, run)
    arguments = (ctypes.c_char_p * len(sys.argv))(*(word.encode() for word in sys.argv))
    return gimp.gimp_main(ctypes.byref(info), len(sys.argv), arguments)


if __name__ == "__main__":
    sys.exit(main())
