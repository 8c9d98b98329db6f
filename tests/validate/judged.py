"""What the tests of the open judge share: a problem whose theory is exact at every d, and its theory as a function."""

from validation_cases import PROBLEM

from meanfield import Continuum, Problem, solve

CONTINUUM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, t_start=20.0)
ODE = PROBLEM.replace(sampler="ode")


def curve(problem=CONTINUUM):
    theory = solve(problem)
    return lambda t: (float(theory.at(t).m), float(theory.at(t).v))
