"""A trajectory with a second condition under construction: as `meanfield.theory.path`, with phases of its own."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.problem.statement import Problem
from meanfield.theory.motion import Motion
from meanfield.theory.pairs.point import Pair, rivals_of
from meanfield.theory.pairs.sharing import Sharing, as_pair, owners_at
from meanfield.theory.path import Path
from meanfield.theory.trajectory import Piece

TIE = 1e-12  # log-weights nearer to each other are level


class PairPath(Path):
    """The phases of who has the weight: the rest, class 1, class 2, or several of them."""

    def __init__(self, problem: Problem, alpha: float) -> None:
        super().__init__(problem, ((alpha, 0.0),))
        self.competing = rivals_of(problem, alpha)

    def run(self, d: float) -> str:
        """Start, follow the phases to t = 0, and say how the result stands at dimension d."""
        p = as_pair(self._started(*self.problem.start(self.groups.alpha)))
        motion, ahead = self._motion_at(p.tau), p.weights[list(self.competing)]
        level = tuple(k for k, x in zip(self.competing, ahead, strict=True) if x >= ahead.max() - TIE)
        self.phase = Sharing(motion, p, owners_at(motion, p, level), self.competing)
        self._follow_all()
        if not motion.rule.competes:  # no class enters but the two: true at every d
            return "exact"
        return self.standing if math.isinf(d) or self.standing == "approximate" else "asymptotic"

    def _record(self, phase: Sharing, tau: float, end: float, solution: Callable) -> None:
        def read(x: np.ndarray) -> np.ndarray:
            states = solution(x)
            return np.vstack([states, phase.F(x, states)])

        self.pieces.append(Piece(phase.name, tau, end, read))
        if phase.name == "sliding" or phase.glass:
            self._label("approximate" if phase.glass else "asymptotic")

    def _label_glass(self, tau: float, end: float) -> None:
        """Every glass has its label already."""

    def _leave(self, which: int, p: Any) -> None:
        """Who has the weight after exit number `which` of the current phase at p."""
        phase, motion = self.phase, self._motion_at(p.tau)
        way, who = phase.ways[which]
        owners = phase.owners
        if way == "gain":
            owners = owners_at(motion, p, tuple(sorted((*owners, who))))
        elif way == "lose":
            owners = tuple(j for j in owners if j != who)
        self._share(motion, p, owners)

    def _restart(self, p: Any, motion: Motion) -> None:
        """The same are level, and the next piece of the schedule says who keeps the weight."""
        self._share(motion, p, owners_at(motion, p, self.phase.owners))

    def _share(self, motion: Motion, p: Pair, owners: tuple[int, ...]) -> None:
        before, self.phase = self.phase, Sharing(motion, p, owners, self.competing)
        kind = {
            "target": "speciation",
            "second": "second",
            "sliding": "sliding",
            "glass": "condensation" if before.name == "crowd" else "despeciation",
            "crowd": "decondensation" if before.name == "glass" else "despeciation",
        }[self.phase.name]
        if before.owners != owners or before.name != self.phase.name:
            self._note(kind, p)
