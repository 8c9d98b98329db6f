"""All scheduler classes of the installed diffusers, and what each needs to be made and set."""

import importlib
import inspect
import pkgutil
import sys
import types

import diffusers.schedulers

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
NEEDED = {  # arguments without which they cannot be made
    "AmusedScheduler": {"mask_token_id": 1},
    "VQDiffusionScheduler": {"num_vec_classes": 4},
    "RFD4ProteinaScheduler": {"schedule_mode": "log", "noise_mode": "tan", "tsr_k": 1.0, "tsr_sigma": 1.0},
}
STEPS = {"SCMScheduler": 2, "ConsistencyDecoderScheduler": 2, "RFD4ProteinaScheduler": 20}


def scheduler_classes():
    """All of the library by name. Two need torchsde for their noise alone, which no test draws: a stand-in will do."""
    present = "torchsde" in sys.modules or importlib.util.find_spec("torchsde")
    if not present:
        sys.modules["torchsde"] = types.ModuleType("torchsde")
    found = {}
    try:
        for module in pkgutil.walk_packages(diffusers.schedulers.__path__, "diffusers.schedulers."):
            for name, cls in vars(importlib.import_module(module.name)).items():
                if inspect.isclass(cls) and cls.__module__ == module.name and name.endswith("Scheduler"):
                    found[name] = cls
    finally:
        if not present:
            del sys.modules["torchsde"]
    return found


CLASSES = scheduler_classes()
