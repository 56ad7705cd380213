"use strict";
// Both pictures of a pair share one zoom and one place; fractions of a frame, so that sizes do not matter.
for (const pair of document.querySelectorAll(".pair")) {
  const pictures = [...pair.querySelectorAll("img")];
  let zoom = 1, x = 0, y = 0, held = null;
  const show = () => {
    const least = 1 - zoom;
    x = Math.min(0, Math.max(least, x));
    y = Math.min(0, Math.max(least, y));
    for (const picture of pictures) {
      picture.style.transform = `translate(${x * 100}%, ${y * 100}%) scale(${zoom})`;
    }
  };
  const zoomAt = (factor, atX, atY) => {
    const next = Math.min(12, Math.max(1, zoom * factor));
    x = atX - (atX - x) * next / zoom;
    y = atY - (atY - y) * next / zoom;
    zoom = next;
    show();
  };
  const reset = () => { zoom = 1; x = 0; y = 0; show(); };
  for (const frame of pair.querySelectorAll(".frame")) {
    frame.addEventListener("wheel", (event) => {
      if (zoom === 1 && event.deltaY > 0) return;
      event.preventDefault();
      const box = frame.getBoundingClientRect();
      const factor = Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.002));
      zoomAt(factor, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    }, { passive: false });
    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      held = { px: event.clientX, py: event.clientY };
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener("pointermove", (event) => {
      if (!held) return;
      const box = frame.getBoundingClientRect();
      x += (event.clientX - held.px) / box.width;
      y += (event.clientY - held.py) / box.height;
      held = { px: event.clientX, py: event.clientY };
      show();
    });
    const release = () => { held = null; };
    frame.addEventListener("pointerup", release);
    frame.addEventListener("pointercancel", release);
    frame.addEventListener("dblclick", reset);
  }
  pair.addEventListener("keydown", (event) => {
    const step = 0.1;
    const keys = {
      "+": () => zoomAt(1.25, 0.5, 0.5),
      "=": () => zoomAt(1.25, 0.5, 0.5),
      "-": () => zoomAt(0.8, 0.5, 0.5),
      "0": reset,
      ArrowLeft: () => { x += step; show(); },
      ArrowRight: () => { x -= step; show(); },
      ArrowUp: () => { y += step; show(); },
      ArrowDown: () => { y -= step; show(); },
    };
    const arrow = event.key.startsWith("Arrow");
    if (keys[event.key] && !(arrow && zoom === 1)) {
      event.preventDefault();
      keys[event.key]();
    }
  });
}
