"""Guidance as a training objective: its minimiser, and the weight that it gives every sample."""

from meanfield.objective.contrastive import denoising_objective, fit, minimiser, score_objective, weights
from meanfield.objective.smallmixture import SmallMixture

__all__ = ["SmallMixture", "denoising_objective", "fit", "minimiser", "score_objective", "weights"]
