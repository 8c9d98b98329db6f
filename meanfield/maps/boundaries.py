"""Boundaries between the two sides of a yes-or-no question on a grid, as lines to plot.

A boundary is not read off the grid: on every edge whose two ends differ the crossing is bisected by new trajectories,
and crossings are joined from cell to cell. Features smaller than a cell are missed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.tools.progress import Progress, shifted

BISECTIONS = 26  # of an edge of the grid: boundaries to 1e-8 of a cell

Side = Callable[[np.ndarray, np.ndarray, Callable[[int], Any]], np.ndarray]  # x, y, progress -> on which side they are


def polylines(
    side: Side, x: np.ndarray, y: np.ndarray, on_grid: np.ndarray, progress: Any, bisections: int = BISECTIONS
) -> np.ndarray:
    """The boundary as lines, one after another, with a row of nan between two of them: (points, 2).

    side : answers for points (x, y). on_grid : its answers on the grid, of shape (len(y), len(x)).
    """
    numbers, out, into = _edges(x, y, on_grid)
    if not numbers:
        return np.empty((0, 2))
    with Progress(progress, bisections * len(numbers), "boundaries") as show:
        for n in range(bisections):
            middle = 0.5 * (out + into)
            found = side(middle[:, 0], middle[:, 1], shifted(show, n * len(numbers)))
            out, into = np.where(found[:, None], out, middle), np.where(found[:, None], middle, into)
    lines = [into[chain] for chain in _chains(_neighbours(numbers, len(x), len(y)))]
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, gap)][:-1])


def _edges(x: np.ndarray, y: np.ndarray, on_grid: np.ndarray) -> tuple[dict, np.ndarray, np.ndarray]:
    """Edges that the boundary crosses: (along x or y, row, column) -> number, and their ends outside and inside."""
    numbers: dict[tuple[int, int, int], int] = {}
    ends: list[Any] = []
    for axis in (0, 1):  # edges along x, then along y
        low = on_grid[:, :-1] if axis == 0 else on_grid[:-1]
        high = on_grid[:, 1:] if axis == 0 else on_grid[1:]
        for j, i in zip(*np.nonzero(low != high), strict=True):
            numbers[axis, int(j), int(i)] = len(ends)
            a = (x[i], y[j])
            b = (x[i + 1], y[j]) if axis == 0 else (x[i], y[j + 1])
            ends.append((a, b) if not low[j, i] else (b, a))  # outside first
    out, into = np.array(ends).reshape(-1, 2, 2).transpose(1, 0, 2)
    return numbers, out, into


def _neighbours(numbers: dict[tuple[int, int, int], int], width: int, height: int) -> list[list[int]]:
    """Marching squares: for every crossed edge those that the boundary crosses next, through the cell on each side."""
    found: list[list[int]] = [[] for _ in numbers]
    for j in range(height - 1):
        for i in range(width - 1):
            sides = [(0, j, i), (1, j, i), (1, j, i + 1), (0, j + 1, i)]  # low, left, right, high
            cut = [numbers[side] for side in sides if side in numbers]
            for a, b in zip(cut[::2], cut[1::2], strict=True):  # two edges, or four, at a saddle
                found[a].append(b)
                found[b].append(a)
    return found


def _chains(neighbours: list[list[int]]) -> list[list[int]]:
    """Edges in the order of the lines through them: open lines from an end, then closed ones, back to their start."""
    left = set(range(len(neighbours)))
    chains = []
    for start in sorted(left, key=lambda n: (len(neighbours[n]), n)):
        if start not in left:
            continue
        chain = [start]
        left.discard(start)
        while ahead := [n for n in neighbours[chain[-1]] if n in left]:
            chain.append(ahead[0])
            left.discard(ahead[0])
        if len(chain) > 2 and start in neighbours[chain[-1]]:
            chain.append(start)
        chains.append(chain)
    return chains
