"""A schedule in somebody else's sampler: scales for its levels, and diffusers pipelines that use them."""

from meanfield.export.pipelines import GuidanceCallback, guided
from meanfield.export.scales import Scales, for_timesteps
from meanfield.export.schedulers import levels_of

__all__ = ["GuidanceCallback", "Scales", "for_timesteps", "guided", "levels_of"]
