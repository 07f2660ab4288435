"""Labels beside points that overlap neither each other nor a point nor the edge; what finds no room is returned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Label = tuple[float, float, str]  # x, y in data coordinates, text
RADII = (9, 16, 26, 38, 52, 70, 92, 118, 150, 190, 240)  # pixels at 100 dots per inch
ANGLES = (20, -20, 0, 45, -45, 90, -90, 135, -135, 160, -160, 180)  # degrees, the first ones preferred
MARKER = 5.0  # half the side of what a point covers


def place(figure: Any, axes: Any, labels: Sequence[Label], points: Sequence[tuple[float, float]], size: float = 7) -> list[str]:
    """Annotate; the figure's layout is fixed before, so that nothing moves afterwards. Returns the texts without room."""
    figure.canvas.draw()
    figure.set_layout_engine("none")
    renderer = figure.canvas.get_renderer()
    scale = figure.dpi / 100
    edge = axes.get_window_extent(renderer)
    taken = [_around(*axes.transData.transform(point), MARKER * scale) for point in points]
    without_room = []
    for x, y, text in labels:
        where = axes.transData.transform((x, y))
        box = _size(axes, text, size, renderer)
        free = (spot for spot in _spots(where, box, scale) if _inside(spot, edge) and not any(_overlap(spot, one) for one in taken))
        spot = next(free, None)
        if spot is None:
            without_room.append(text)
            continue
        taken.append(spot)
        to_points = 72 / figure.dpi
        offset = ((spot[0] - where[0]) * to_points, (spot[1] - where[1]) * to_points)
        far = math.hypot(*offset) > 14
        axes.annotate(
            text,
            (x, y),
            xytext=offset,
            textcoords="offset points",
            fontsize=size,
            va="bottom",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "#777777", "shrinkA": 0, "shrinkB": 2} if far else None,
        )
    return without_room


Box = tuple[float, float, float, float]  # left, bottom, right, top in pixels


def _around(x: float, y: float, half: float) -> Box:
    return x - half, y - half, x + half, y + half


def _size(axes: Any, text: str, size: float, renderer: Any) -> tuple[float, float]:
    artist = axes.text(0, 0, text, fontsize=size)
    extent = artist.get_window_extent(renderer)
    artist.remove()
    return extent.width + 2, extent.height + 2


def _spots(where: Any, box: tuple[float, float], scale: float) -> Any:
    """Boxes of this size whose nearest edge lies at a radius in some direction, the nearest first."""
    width, height = box
    for radius in RADII:
        for angle in ANGLES:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            x = where[0] + radius * scale * cos + (0 if cos > 0.01 else -width if cos < -0.01 else -width / 2)
            y = where[1] + radius * scale * sin - height / 2
            yield x, y, x + width, y + height


def _inside(box: Box, edge: Any) -> bool:
    return bool(box[0] >= edge.x0 and box[1] >= edge.y0 and box[2] <= edge.x1 and box[3] <= edge.y1)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
