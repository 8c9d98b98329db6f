"""One schedule of every kind in the library, and random ones; shared by tests of theory, particles and closed forms."""

from hypothesis import strategies as st

from meanfield import (
    ClampLinear,
    Constant,
    Continuum,
    Exponential,
    ExponentialRamp,
    Fixed,
    Interval,
    Linear,
    Piecewise,
    PowerLaw,
    Problem,
    Ramp,
    Schedule,
    Spectrum,
    Tabulated,
    Triangular,
    early_high,
    late_unconditional,
)

LIBRARY: dict[str, Schedule] = {
    "constant": Constant(1.0),
    "interval": Interval(3.0, 0.3, 4.0),
    "linear rising": Ramp(0.0, 4.0, 0.0, 6.0),
    "linear falling": Ramp(4.0, -0.5, 0.1, 6.0),
    "cosine rising": Ramp(0.0, 4.0, 0.05, 6.0, shape="cosine"),
    "cosine falling": Ramp(4.0, 0.0, 0.05, 6.0, shape="cosine", over="log t"),
    "power rising": Ramp(0.0, 4.0, 0.1, 6.0, power=2.0),
    "power falling": Ramp(4.0, 0.0, 0.1, 6.0, power=3.0, over="log t"),
    "clamp-linear rising": ClampLinear(0.0, 4.0, 1.0, 0.0, 6.0),
    "clamp-linear falling": ClampLinear(4.0, -2.0, -0.5, 0.1, 6.0, over="log t"),
    "triangular": Triangular(0.0, 5.0, 0.1, 1.0, 6.0),
    "triangular in log t": Triangular(0.5, 3.0, 0.1, 1.0, 6.0, over="log t"),
    "exponential falling": ExponentialRamp(4.0, 2.0, 0.05, 6.0),
    "exponential rising": ExponentialRamp(0.3, -2.5, 0.05, 6.0, offset=-1.0, over="log t"),
    "early high": early_high(5.0, 2.0),
    "late unconditional": late_unconditional(5.0, 2.0),
    "piecewise": Piecewise([0.5, 2.0, 5.0], [1.0, -0.5, 3.0, 0.5]),
    "tabulated": Tabulated([0.1, 1.0, 3.0, 8.0], [0.0, 2.0, 1.0, 3.0]),
}


@st.composite
def random_schedules(draw, low: float = -1.0, high: float = 8.0):
    """A schedule of any kind with weights between low and high."""
    w = st.floats(low, high)
    t1 = draw(st.floats(0.01, 1.0))
    t3 = t1 * draw(st.floats(1.5, 30.0))
    t2 = t1 + (t3 - t1) * draw(st.floats(0.1, 0.9))
    over = draw(st.sampled_from(["t", "log t"]))
    shape, power = st.sampled_from(["linear", "cosine"]), st.floats(0.3, 4.0)
    kinds = [
        lambda: Ramp(draw(w), draw(w), t1, t3, draw(shape), draw(power), over),
        lambda: ClampLinear(draw(w), draw(w), draw(w), t1, t3, over),
        lambda: Triangular(draw(w), draw(w), t1, t2, t3, over),
        lambda: ExponentialRamp(draw(st.floats(max(low, 0.0), high)), draw(st.floats(0.0, 6.0)), t1, t3, over=over),
        lambda: Interval(draw(w), t1, t3),
        lambda: Piecewise([t1, t2, t3], [draw(w), draw(w), draw(w), draw(w)]),
        lambda: Tabulated([t1, t2, t3], [draw(w), draw(w), draw(w)]),
    ]
    return draw(st.sampled_from(kinds))()


def timed_problems() -> dict[str, Problem]:
    """Problems of every kind of cost: what benchmarks time `solve` on."""
    base = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
    spectrum = Problem(classes=Exponential(0.4), spectrum=Spectrum(c=[0.25, 0.5], u=[1.25, 4.5]), guidance=1.0)
    late = base.replace(t_start=50.0)
    named = {
        "constant, sde": base,
        "constant, ode": base.replace(sampler="ode"),
        "constant, eta = 0.5": base.replace(sampler=0.5),
        "constant, ode, T = 1000": base.replace(sampler="ode", t_start=1000.0),
        "constant, vp-linear": base.replace(noise="vp-linear", t_start=1.0),
        "unguided": base.replace(guidance=0.0),
        "continuum, sde": base.replace(classes=Continuum()),
        "continuum, ode": base.replace(classes=Continuum(), sampler="ode"),
        "few classes": base.replace(classes=Fixed(10)),
        "glass, ode": base.replace(classes=Exponential(0.7), guidance=5.0, sampler="ode"),
        "glass, w < 0": base.replace(classes=Exponential(0.45), guidance=-0.25),
        "capture, ode": base.replace(classes=Exponential(0.45), guidance=-1.0, sampler="ode"),
        "capture in a window": late.replace(classes=Exponential(0.6), guidance=late_unconditional(5.0, 3.0)),
        "sliding": base.replace(classes=Exponential(0.5), sampler=2.0),
        "power law": late.replace(guidance=PowerLaw(2.0, 0.5)),
        "negative window": late.replace(guidance=Linear(-0.5, 2.0)),
        "ramp, vp-cosine": base.replace(guidance=Ramp(0.0, 4.0, 0.1, 0.9), noise="vp-cosine", t_start=0.99),
        "spectrum": spectrum,
        "spectrum, continuum": spectrum.replace(classes=Continuum()),
        "spectrum, capture": spectrum.replace(guidance=-1.0, sampler="ode"),
    }
    return named | {f"library: {name}": late.replace(guidance=schedule) for name, schedule in LIBRARY.items()}
