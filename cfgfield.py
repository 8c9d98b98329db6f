"""cfgfield: one door to the public names of `meanfield` (theory), `simulate` (particles) and `validate` (the judge).

No name is public in two of the packages, so that each has one meaning here; a test says so.

Examples
--------
>>> import cfgfield as cf
>>> problem = cf.Problem(classes=cf.Exponential(alpha=0.4), sigma2=0.25, guidance=1.0, sampler="sde")
>>> float(cf.solve(problem).final.m.round(4))
1.0756
>>> cf.solve is __import__("meanfield").solve
True
"""

from typing import TYPE_CHECKING

import meanfield
import simulate
import validate
from meanfield.loading import late

if TYPE_CHECKING:
    from meanfield import *
    from meanfield.tools.versions import __version__
    from simulate import *
    from validate import *

__all__ = ["__version__"]
__all__ += meanfield.__all__
__all__ += simulate.__all__
__all__ += validate.__all__

late(__name__)

if __name__ == "__main__":  # python -m cfgfield
    from validate.cli import main

    main()
