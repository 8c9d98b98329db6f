"""A training that survives: its state between two steps, and the loop that writes checkpoints and goes on from them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from meanfield.errors import ProblemError, short, whole
from meanfield.tools.progress import Progress
from simulate.learned.checkpoint import damaged, read_checkpoint, write_checkpoint
from simulate.learned.digits import Digits
from simulate.learned.extra import library, one_thread


class Run:
    """What a training depends on between two steps. A kind of training adds `advance`, one step.

    Attributes
    ----------
    step : steps done. losses : (steps,), nan where they are to come.
    """

    parts: ClassVar[tuple[str, ...]] = ()  # attributes that have a state of their own
    step: int
    losses: Any

    def advance(self) -> None:
        """One step."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on."""
        found = {name: getattr(self, name).state_dict() for name in self.parts}
        return {**found, "step": self.step, "losses": self.losses, "generator": library("torch").get_rng_state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; whatever it raises, the state is not of this training."""
        whole("step", state["step"], low=0, high=len(self.losses))
        if state["losses"].shape != self.losses.shape:
            raise ValueError(f"it has {len(state['losses'])} losses")
        for name in self.parts:
            getattr(self, name).load_state_dict(state[name])
        optimiser: Any = getattr(self, "optimiser")  # noqa: B009 - of the kinds, not of the base
        if any(v.shape not in ((), w.shape) for w, s in optimiser.state.items() for v in s.values()):
            raise ValueError("its optimiser is of another network")
        self.losses, self.step = state["losses"], state["step"]
        library("torch").set_rng_state(state["generator"])


class Saving(NamedTuple):
    """Where the checkpoints of a training are, None for none, and how many steps are from one to the next."""

    path: Path | None
    every: int


def saving(checkpoint: Any, every: Any) -> Saving:
    """Both, checked."""
    if not isinstance(checkpoint, str | Path | None) or (checkpoint is not None and Path(checkpoint).is_dir()):
        raise ProblemError(f"checkpoint must be the name of a file; got {checkpoint!r}.")
    return Saving(None if checkpoint is None else Path(checkpoint), whole("every", every, low=1))


def finished(start: Callable[[], Run], settings: Mapping[str, Any], data: Digits, to: Saving, progress: Any) -> Any:
    """The run that `start` begins, or that its checkpoint holds, after its last step; on one thread, resumable."""
    torch, steps, path = library("torch"), settings["steps"], to.path
    with one_thread(), torch.random.fork_rng(devices=[]), Progress(progress, steps, "training") as show:
        run = start()
        if path is not None and path.exists():
            state = read_checkpoint(path, settings, data, steps)
            try:
                run.restore(state)
            except Exception as cause:  # made by hand, and torch refuses it in many ways
                raise damaged(path, cause) from cause
            show(run.step)
        while run.step < steps:
            run.advance()
            if path is not None and (run.step % to.every == 0 or run.step == steps):
                write_checkpoint(path, run.state(), settings, data)
            show(run.step)
    return run


def require_digits(images: Any) -> None:
    """Refuse what are no images in two halves."""
    if not isinstance(images, Digits):
        raise ProblemError(f"images must be those that load_digits() returns; got {short(images)}.")
