"""The most shift of a label for the modes that it loses, in closed form: (M11)-(M13) of docs/modes-kept.md."""

import math
from typing import Any

import numpy as np

from meanfield.errors import array, require
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.theory.modes.weights import Mode, Place, Tree
from meanfield.tools.door import Numbers, door


@door()
def modes_front(problem: Problem, lost: Numbers, *, d: float = math.inf) -> Any:
    """The largest m(0) of a schedule with K_div <= lost: which keeps exp((alpha_2 - lost) d) modes of a label.

    Of all with v_B <= tau: those with w >= 0, and negative windows that pay back no more variance than was lost. Proved
    where the label comes first; where the mode does, at lost = 0 and w >= 0 (docs/modes-kept.md), and there it takes
    guidance without a bound on w.

    Parameters
    ----------
    problem : its classes are a `Hierarchy` with label 1. Its guidance and its start are left out: T = infinity.
    lost : bounds on K_div, 0 <= lost < alpha_2, a number or an array.
    d : dimension whose rates are taken, infinite by default.

    Returns
    -------
    numpy.ndarray | float : m(0), of the shape of `lost`; nan where modes are not apart at t = 0.

    Raises
    ------
    ProblemError : other classes, or a bound out of range.

    Examples
    --------
    >>> from meanfield import Hierarchy, Problem
    >>> problem = Problem(classes=Hierarchy((0.1, 0.3), rho=0.7), sigma2=0.05, sampler="sde")
    >>> modes_front(problem, [0.0, 0.001, 0.01]).round(4)
    array([1.    , 1.0342, 1.108 ])
    """
    law = superclass_of(problem)
    lost = array(lost, "lost must be numbers")
    second = law.level_rates(d)[1]
    inside = bool(np.all((lost >= 0.0) & (lost < second)))
    require(inside, f"lost must be at least 0 and below alpha_2 = {second:g}", lost, "All modes are lost there.")
    tree = Tree.of(law, d)
    found = [1.0 + _most(problem, tree, float(x)) for x in lost.ravel()]
    return np.array(found).reshape(lost.shape)[()]


def superclass_of(problem: Problem) -> Hierarchy:
    """The classes of a problem whose label has many modes of equal weight; others are refused."""
    law = problem.classes
    rule = "a label with many modes of equal weight is asked for"
    known = isinstance(law, Hierarchy) and law.label == 1 and law.spread == 0.0 and problem.spectrum is None
    remedy = (
        "Give classes=Hierarchy(alpha, rho) with label 1, without a spectrum; of unequal weights, where the label "
        "comes first, with alpha_2 - spread^2/2 for alpha_2 (docs/modes.md)."
    )
    require(known, rule, repr(law), remedy)
    assert isinstance(law, Hierarchy)
    return law


def _most(problem: Problem, tree: Tree, lost: float) -> float:
    """m(0) - 1 after modes B = beta A + N(0, tau I) were chosen, beta > 0, with K_div = lost; nan if none is apart."""
    e, end, tau = problem.e, problem.sigma2, tree.tau
    D = tau / math.expm1(2.0 * (tree.alpha_2 - lost))  # (M11)
    if D <= end:
        return math.nan
    mode = Mode(math.sqrt(2.0 * tau * lost / tree.rho), tau)
    a = 1.0 + mode.beta * (tau + D) / tau
    far = Place(a, 0.0, tau + D)
    if tree.phi_label(D, tree.q_label(far)) < tree.phi_all(D, tree.q(far)):
        a = pushed(tree, D, mode, Place(a, 1.0, D))
    return mode.beta + (a - 1.0 - mode.beta) * (end / D) ** e


def pushed(tree: Tree, D: float, mode: Mode, p: Place) -> float:
    """The overlap a to which infinitely strong guidance at D takes a sample until its mode outweighs all (M13).

    It moves x along a line, to (1 + D)(A + B) - s Z with Z = (1 + D)(A + B) - x, and shrinks v by s^2.
    """
    far = (1.0 + D) * (1.0 + mode.beta)
    M2 = tree.rho * (1.0 + mode.beta) ** 2 + mode.u
    Z2 = tree.rho * (far - p.a) ** 2 + mode.u * (1.0 + D - p.b) ** 2
    s2 = (M2 - 2.0 * (tree.alpha_1 + tree.alpha_2) + math.log1p(1.0 / D)) * D * (1.0 + D) / (Z2 + p.v)
    return far - math.sqrt(min(max(s2, 0.0), 1.0)) * (far - p.a)
