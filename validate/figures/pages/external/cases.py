"""All cases in the order of docs/external-agreement.md.

`python -m validate.figures.pages.external.cases` prints the tables of the page and the processor time they took.
"""

import time
from collections.abc import Callable, Iterable

from validate.figures.pages.external import clouds, clusters, late_window, planes, trained
from validate.figures.pages.external.rows import Row, markdown

CASES: dict[str, Callable[[], list[Row]]] = {
    "clones": clouds.clones_of_two,
    "integral": clouds.the_integral,
    "collapse": clouds.collapse,
    "strong guidance": clusters.strong_guidance,
    "power law": clusters.power_law,
    "ODE moments": clusters.ode_moments,
    "sampler laws": clusters.sampler_laws,
    "path integrals": clusters.path_integrals,
    "branching": planes.branching,
    "non-commuting": planes.non_commuting,
    "weak model": planes.weak_model,
}


def external_agreement(names: Iterable[str] = tuple(CASES)) -> list[Row]:
    """The rows of the cases of these names.

    Examples
    --------
    >>> rows = external_agreement(["integral", "sampler laws"])
    >>> len(rows), all(row.agree for row in rows)
    (9, True)
    """
    return [row for name in names for row in CASES[name]()]


if __name__ == "__main__":
    print(markdown(external_agreement()))
    print(trained.markdown())
    print(late_window.markdown(late_window.late_windows()))
    print(f"{time.process_time():.0f} s of processor time")
