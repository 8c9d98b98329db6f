"""Mean-field theory of classifier-free guidance in Gaussian mixtures of many classes (d = infinity, and finite d)."""

from meanfield.diagrams import phase_diagram
from meanfield.dynamics import solve
from meanfield.ensemble import Ensemble, Observable
from meanfield.errors import CfgfieldError, ConvergenceError, ProblemError, ScheduleError
from meanfield.finitesize import reduced
from meanfield.guidance import Constant, Custom, Interval, Linear, Piecewise, Schedule, Tabulated
from meanfield.landscape import potential
from meanfield.measures import Distortion, distortion
from meanfield.problem import Continuum, Exponential, Fixed, Polynomial, Problem
from meanfield.quenching import quenched
from meanfield.spectral import SpectralTrajectory
from meanfield.spectrum import Spectrum, power_law
from meanfield.theorems import dose
from meanfield.trajectory import Event, Trajectory

__all__ = [
    "CfgfieldError",
    "Constant",
    "Continuum",
    "ConvergenceError",
    "Custom",
    "Distortion",
    "Ensemble",
    "Event",
    "Exponential",
    "Fixed",
    "Interval",
    "Linear",
    "Observable",
    "Piecewise",
    "Polynomial",
    "Problem",
    "ProblemError",
    "Schedule",
    "ScheduleError",
    "SpectralTrajectory",
    "Spectrum",
    "Tabulated",
    "Trajectory",
    "distortion",
    "dose",
    "phase_diagram",
    "potential",
    "power_law",
    "quenched",
    "reduced",
    "solve",
]
