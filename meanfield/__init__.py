"""Mean-field theory of classifier-free guidance in Gaussian mixtures of many classes (d = infinity, and finite d)."""

from typing import TYPE_CHECKING

from meanfield.errors import CfgfieldError, ConvergenceError, ExportError, NoMinimiserError, ProblemError, ScheduleError
from meanfield.guidance.by_norm import PowerLaw
from meanfield.guidance.by_ratio import DensityRatio
from meanfield.guidance.ramps import ClampLinear, ExponentialRamp, Ramp, Triangular, early_high, late_unconditional
from meanfield.guidance.schedules import Constant, Custom, Interval, Linear, Piecewise, Schedule, Tabulated
from meanfield.loading import late
from meanfield.problem.given import GivenSpectrum, spectrum_of
from meanfield.problem.growth import Continuum, Exponential, Fixed, Polynomial
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.noise import EDM, VE, Noise, OrnsteinUhlenbeck, RectifiedFlow, VPCosine, VPLinear
from meanfield.problem.populations import Populations
from meanfield.problem.spectrum import Spectrum, power_law
from meanfield.problem.statement import Problem
from meanfield.rules.base import Rule
from meanfield.rules.by_group import ByGroup
from meanfield.rules.custom import CustomRule
from meanfield.rules.free import Free
from meanfield.rules.pairs.composed import Composed
from meanfield.rules.pairs.negative import Negative
from meanfield.rules.projected import Projected
from meanfield.rules.rescaled import Rescale
from meanfield.rules.tangential import Tangential
from meanfield.rules.weak_model import WeakModel
from meanfield.rules.zero_star import ZeroStar

if TYPE_CHECKING:
    from meanfield.adapters.diffusers import from_diffusers
    from meanfield.adapters.k_diffusion import from_k_diffusion
    from meanfield.designs.designing import design
    from meanfield.designs.keeping_modes import ModesDesign, design_modes
    from meanfield.designs.result import Design
    from meanfield.ensemble import Ensemble, Observable
    from meanfield.exact.crossover import many_classes
    from meanfield.exact.directions import shift_in_class_widths
    from meanfield.exact.nogo import NoGo, no_go
    from meanfield.exact.speciation import (
        SpeciationTime,
        collapse_time,
        excess_entropy,
        information_drawn,
        information_orthogonal,
        information_two,
        phi_drawn,
        phi_orthogonal,
        phi_two,
        speciation_time,
    )
    from meanfield.exact.theorems import dose
    from meanfield.exact.widths import phi_widths, speciation_time_widths
    from meanfield.export import GuidanceCallback, for_timesteps, guided, levels_of
    from meanfield.finite.few import few_classes, few_limits
    from meanfield.finite.models import quenched, reduced
    from meanfield.line import Normal, PiecewiseConstant, TwoClasses, Uniform, end_law
    from meanfield.maps.diagrams import phase_diagram
    from meanfield.maps.over_grid import curves
    from meanfield.objective.fading import Fade, fade, ratio_limits
    from meanfield.sampler.levels import karras_sigmas, sd_sigmas
    from meanfield.sampler.model import Level
    from meanfield.sampler.native import dpmpp_2m, dpmpp_2m_sde, euler, euler_ancestral, heun, unipc
    from meanfield.theory.landscape import potential
    from meanfield.theory.measures import Distortion, distortion
    from meanfield.theory.modes.fronts import modes_front
    from meanfield.theory.modes.trajectory import ModesTrajectory
    from meanfield.theory.solver import solve
    from meanfield.theory.trajectory import Event, SpectralTrajectory, Trajectory
    from meanfield.vector.law import SamplerLaw
    from meanfield.vector.order import Order, order_of
    from meanfield.vector.solver import solve_sampler

__all__ = [
    # the statement
    "Problem",
    "Exponential",
    "Polynomial",
    "Fixed",
    "Continuum",
    "Populations",
    "Hierarchy",
    "Spectrum",
    "power_law",
    "GivenSpectrum",
    "spectrum_of",
    # guidance schedules
    "Schedule",
    "Constant",
    "Interval",
    "Linear",
    "Piecewise",
    "Tabulated",
    "Custom",
    "Ramp",
    "ClampLinear",
    "Triangular",
    "ExponentialRamp",
    "early_high",
    "late_unconditional",
    "PowerLaw",
    "DensityRatio",
    # rules of guidance
    "Rule",
    "Rescale",
    "Projected",
    "ZeroStar",
    "Tangential",
    "WeakModel",
    "Free",
    "Negative",
    "Composed",
    "ByGroup",
    "CustomRule",
    # noise processes
    "Noise",
    "VE",
    "EDM",
    "OrnsteinUhlenbeck",
    "VPLinear",
    "VPCosine",
    "RectifiedFlow",
    # theory at d = infinity
    "solve",
    "distortion",
    "dose",
    "shift_in_class_widths",
    "potential",
    "curves",
    "phase_diagram",
    # theory at finite d
    "reduced",
    "quenched",
    "few_classes",
    "few_limits",
    "many_classes",
    "fade",
    "ratio_limits",
    # a sampler's own code
    "solve_sampler",
    "order_of",
    "Level",
    "from_diffusers",
    "from_k_diffusion",
    "euler",
    "euler_ancestral",
    "heun",
    "dpmpp_2m",
    "dpmpp_2m_sde",
    "unipc",
    "karras_sigmas",
    "sd_sigmas",
    # designed schedules
    "design",
    "design_modes",
    "modes_front",
    "no_go",
    # speciation and collapse
    "speciation_time",
    "speciation_time_widths",
    "collapse_time",
    "excess_entropy",
    "phi_two",
    "phi_orthogonal",
    "phi_drawn",
    "phi_widths",
    "information_two",
    "information_orthogonal",
    "information_drawn",
    # one dimension
    "TwoClasses",
    "Normal",
    "Uniform",
    "PiecewiseConstant",
    "end_law",
    # real samplers
    "for_timesteps",
    "guided",
    "levels_of",
    "GuidanceCallback",
    # results
    "Trajectory",
    "SpectralTrajectory",
    "ModesTrajectory",
    "Event",
    "Distortion",
    "SamplerLaw",
    "Order",
    "Ensemble",
    "Observable",
    "Fade",
    "Design",
    "ModesDesign",
    "NoGo",
    "SpeciationTime",
    # errors
    "CfgfieldError",
    "ProblemError",
    "ScheduleError",
    "ConvergenceError",
    "ExportError",
    "NoMinimiserError",
]

late(__name__)
