"""Mean-field theory of classifier-free guidance in Gaussian mixtures of many classes (d = infinity, and finite d)."""

from meanfield.densityratio import DensityRatio
from meanfield.designed import Design
from meanfield.designing import design
from meanfield.diagrams import phase_diagram
from meanfield.dynamics import solve
from meanfield.empirical import GivenSpectrum, spectrum_of
from meanfield.ensemble import Ensemble, Observable
from meanfield.errors import CfgfieldError, ConvergenceError, ExportError, NoMinimiserError, ProblemError, ScheduleError
from meanfield.fading import Fade, fade, ratio_limits
from meanfield.finitesize import reduced
from meanfield.guidance import Constant, Custom, Interval, Linear, Piecewise, Schedule, Tabulated
from meanfield.landscape import potential
from meanfield.line import Normal, PiecewiseConstant, TwoClasses, Uniform, end_law
from meanfield.measures import Distortion, distortion
from meanfield.nogo import NoGo, no_go
from meanfield.noise import EDM, VE, Noise, OrnsteinUhlenbeck, RectifiedFlow, VPCosine, VPLinear
from meanfield.powerlaw import PowerLaw
from meanfield.problem import Continuum, Exponential, Fixed, Polynomial, Problem
from meanfield.quenching import quenched
from meanfield.ramps import ClampLinear, ExponentialRamp, Ramp, Triangular, early_high, late_unconditional
from meanfield.speciation import (
    SpeciationTime,
    collapse_time,
    excess_entropy,
    phi_drawn,
    phi_orthogonal,
    phi_two,
    speciation_time,
)
from meanfield.spectral import SpectralTrajectory
from meanfield.spectrum import Spectrum, power_law
from meanfield.theorems import dose
from meanfield.trajectory import Event, Trajectory

__all__ = [
    "EDM",
    "VE",
    "CfgfieldError",
    "ClampLinear",
    "Constant",
    "Continuum",
    "ConvergenceError",
    "Custom",
    "DensityRatio",
    "Design",
    "Distortion",
    "Ensemble",
    "Event",
    "Exponential",
    "ExponentialRamp",
    "ExportError",
    "Fade",
    "Fixed",
    "GivenSpectrum",
    "Interval",
    "Linear",
    "NoGo",
    "NoMinimiserError",
    "Noise",
    "Normal",
    "Observable",
    "OrnsteinUhlenbeck",
    "Piecewise",
    "PiecewiseConstant",
    "Polynomial",
    "PowerLaw",
    "Problem",
    "ProblemError",
    "Ramp",
    "RectifiedFlow",
    "Schedule",
    "ScheduleError",
    "SpeciationTime",
    "SpectralTrajectory",
    "Spectrum",
    "Tabulated",
    "Trajectory",
    "Triangular",
    "TwoClasses",
    "Uniform",
    "VPCosine",
    "VPLinear",
    "collapse_time",
    "design",
    "distortion",
    "dose",
    "early_high",
    "end_law",
    "excess_entropy",
    "fade",
    "late_unconditional",
    "no_go",
    "phase_diagram",
    "phi_drawn",
    "phi_orthogonal",
    "phi_two",
    "potential",
    "power_law",
    "quenched",
    "ratio_limits",
    "reduced",
    "solve",
    "speciation_time",
    "spectrum_of",
]
