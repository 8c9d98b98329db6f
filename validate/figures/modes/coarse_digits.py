"""Which digits guidance loses: scikit-learn's ten digits under two labels, even and odd, five kinds each.

    exact = of_gaussians()                    # half a minute; the exact score of a Gaussian for each digit
    learned = of_networks()                   # minutes; networks that know the labels even and odd alone (torch)
    draw(exact, learned)[0].savefig("modes-digits.png", dpi=160)

The label is even. Units, blur and halves are those of `simulate.learned.digits`; which digit a sample is, a classifier
says that has seen the other half of the images. Without guidance it finds what the label has: that is the check of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray

from meanfield import Constant, Interval, Problem, Ramp, Schedule, early_high, late_unconditional
from simulate import Mixture, count_modes, sample_mixture
from simulate.learned import Digits, Training, digit_problem, load_digits, make_classifier, train
from simulate.randomness.streams import resampling_counts
from validate.data.measures import Estimate, mean_shift, trace_ratio, with_errors
from validate.drawing import SCHEDULE, canvas, face_of, legend_below, lettered, named_lines, shades
from validate.results.tables import Show, tabulate

EVEN = (0, 2, 4, 6, 8)
LABEL = 0  # of the even digits; odd ones have 1
WEIGHTS = (1.0, 2.0, 4.0, 8.0)
RESAMPLES = 200
# A digit is chosen about t = 23, where unguided samples are sure of it to 0.6, of the label to 0.69.
SCHEDULES: dict[str, Callable[[float], Schedule]] = {
    "constant": Constant,
    "early": lambda w: early_high(w, 60.0),
    "interval": lambda w: Interval(w, 5.0, 60.0),
    "late": lambda w: Interval(w, 0.0, 5.0),
    "late unconditional": lambda w: late_unconditional(w, 20.0),
    "negative window": lambda w: Ramp(w, -1.0, 1.0, 100.0, over="log t"),
}
LOOKS = {**SCHEDULE, "late": SCHEDULE["triangular"]}
Sample = Callable[[Problem], np.ndarray]  # -> (samples, 64) of the label


def of_gaussians(
    samplers: Sequence[str] = ("ode", "sde"),
    weights: Sequence[float] = WEIGHTS,
    *,
    n_samples: int = 2000,
    n_steps: int = 60,
    seed: int = 0,
    progress: Show = None,
) -> xarray.Dataset:
    """Samples of the label by the exact score of ten Gaussians with the moments of the digits, two labels.

    Returns
    -------
    xarray.Dataset : over (sampler, schedule, w), w = 0 too: `share` (digit), of the samples that are even; `left`,
        share of those that are not; `shift` of the mean along that of the label, and `trace` of the covariance,
        against twins; `K` and `K_2` of `count_modes`, in nats. Each but `left` with its `_stderr`, over samples.
    """
    digits = load_digits()
    means, covariances = digits.moments()
    mixture = Mixture(means, covariances, weights=np.bincount(digits.labels), labels=(np.arange(10) % 2).tolist())

    def sample(problem: Problem) -> np.ndarray:
        return sample_mixture(problem, mixture, target=LABEL, n_samples=n_samples, n_steps=n_steps, seed=seed)

    found = _measured(sample, digits, samplers, weights, "ten Gaussians", progress)
    return found.assign_attrs(level="ten Gaussians", n_samples=n_samples, n_steps=n_steps, seed=seed)


def of_networks(
    samplers: Sequence[str] = ("ode", "sde"),
    weights: Sequence[float] = WEIGHTS,
    *,
    trainings: int = 3,
    steps: int = 3000,
    n_samples: int = 600,
    n_steps: int = 60,
    progress: Show = None,
) -> xarray.Dataset:
    """The same by networks trained on images that are labelled even or odd: means over trainings.

    Training i has the seed i, its samples the seed i + 1.

    Returns
    -------
    xarray.Dataset : as `of_gaussians`; `_stderr` is the standard error over trainings.
    """
    digits = load_digits()
    coarse = replace(digits, labels=digits.labels % 2, labels_held_out=digits.labels_held_out % 2)
    runs = []
    for i in range(trainings):
        score = train(Training(steps=steps, seed=i), images=coarse, progress=progress)

        def sample(problem: Problem, score: Any = score, i: int = i) -> np.ndarray:
            return score.sample(problem, np.full(n_samples, LABEL), n_steps=n_steps, seed=i + 1)

        runs.append(_measured(sample, digits, samplers, weights, "networks", progress))
    every = xarray.concat(runs, "training")
    plain = every[[name for name in every if not str(name).endswith("_stderr")]]
    mean, error = plain.mean("training"), plain.std("training", ddof=1) / math.sqrt(trainings)
    found = mean.assign({f"{name}_stderr": error[name] for name in error})
    return found.assign_attrs(level="networks", n_samples=n_samples, n_steps=n_steps, trainings=trainings, steps=steps)


def kinds(found: np.ndarray, priors: np.ndarray) -> dict[str, Any]:
    """Of samples that are these digits (samples,): shares of the even ones, K and K_2 against `priors` (5,) of those.

    Examples
    --------
    >>> half = kinds(np.array([0, 0, 2, 2, 7] * 50), np.ones(5))
    >>> round(half["left"], 2), half["share"][1].tolist(), round(half["K"], 2)  # two kinds of five are left
    (0.2, [0.5, 0.5, 0.0, 0.0, 0.0], 0.91)
    """
    even = found[found % 2 == 0] // 2
    count = count_modes(even, priors)  # type: ignore[arg-type]
    pairs = Estimate(math.log(count.pairs), count.pairs_stderr / count.pairs)
    share = np.bincount(even, minlength=len(EVEN)) / len(even)
    return {
        "share": ("digit", share),
        "share_stderr": ("digit", np.sqrt(share * (1.0 - share) / len(even))),
        "left": 1.0 - len(even) / len(found),
        **with_errors({"K": Estimate(count.K, count.K_stderr), "K_2": pairs}),
    }


def _measured(
    sample: Sample, digits: Digits, samplers: Sequence[str], weights: Sequence[float], title: str, show: Show
) -> xarray.Dataset:
    """All schedules and weights, of the first weight, 0, the twins of all others."""
    classify, label = make_classifier(digits), digits.x[digits.labels % 2 == LABEL].mean(axis=0)
    priors = np.bincount(digits.labels)[list(EVEN)]
    twins: dict[str, np.ndarray] = {}

    def measure(sampler: str, schedule: str, w: float) -> Mapping[str, Any]:
        if w == 0.0 and sampler in twins:  # the same for every schedule
            x = twins[sampler]
        else:
            x = sample(digit_problem(SCHEDULES[schedule](w) if w else 0.0, sampler))
        twin = twins.setdefault(sampler, x)
        trace = trace_ratio(x, twin, resampling_counts(len(x), RESAMPLES, seed=0))
        found = {"shift": mean_shift(x, twin, label), "trace": trace}
        return with_errors(found) | kinds(classify(x), priors)

    axes: dict[str, Any] = {"sampler": list(samplers), "schedule": list(SCHEDULES), "w": [0.0, *weights]}
    columns = tabulate(axes, measure, title=title, progress=show)
    return xarray.Dataset(columns, coords={**axes, "digit": list(EVEN)})


def draw(exact: xarray.Dataset, learned: xarray.Dataset, axes=None):
    """Shares of the digits against constant w; digits lost against the shift, of Gaussians and of networks.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 2.9), 3) as (figure, axes):
        named: dict[str, Any] = {}
        for digit, colour in zip(EVEN, shades(len(EVEN)), strict=True):
            for data in (exact, learned):
                row, own = data.sel(sampler="ode", schedule="constant", digit=digit), data is exact
                line = axes[0].errorbar(row.w, row.share, row.share_stderr, color=colour, marker="o", ms=4,
                                        mfc=colour if own else "white", ls=":" if own else "", lw=0.8)  # fmt: skip
                named |= {f"{digit}": line[0]} if own else {}
        axes[0].set(xlabel="guidance w, constant", ylabel="share of the even digits", ylim=(0, None))
        for axis, data in zip(axes[1:], (exact, learned), strict=True):
            for schedule in SCHEDULES:
                look = LOOKS[schedule]
                for n, sampler in enumerate(data.sampler.values):
                    row = data.sel(sampler=sampler, schedule=schedule)
                    axis.errorbar(row["shift"], row.K, row.K_stderr, row.shift_stderr, marker=look.marker, ms=4,
                                  color=look.colour, ls=":", lw=0.8, mfc=face_of(sampler, look.colour),
                                  label=None if n else schedule)  # fmt: skip
            axis.axhline(0.0, color="0.7", lw=0.8, zorder=0)
            axis.set(xlabel="shift of the mean", ylabel=r"digits lost, $K$ in nats")
        legend_below(axes[2], 3)
        named_lines(axes[0], named)
        lettered(axes, "which digits come", "exact scores", "networks")
    return figure, axes
