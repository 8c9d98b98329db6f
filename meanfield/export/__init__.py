"""A schedule in somebody else's sampler: scales for its levels, and diffusers pipelines that use them."""

from meanfield.export.levels import levels_of
from meanfield.export.pipelines import GuidanceCallback, guided
from meanfield.export.scales import Scales, for_timesteps

__all__ = ["GuidanceCallback", "Scales", "for_timesteps", "guided", "levels_of"]
