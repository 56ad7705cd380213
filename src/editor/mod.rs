//! What can be done to a portrait: edit parameters, preparation, rendering, export.
