"""What keeps a pipeline from applying the scales of a schedule as (R5) says, read from the source of its call.

Nothing of diffusers or torch is imported here: a pipeline is what has their attributes.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from meanfield.export.schedulers import configured

RESHAPING = {"cat", "chunk", "split", "to", "float", "_pack_latents", "_unpack_latents"}  # calls that keep the numbers


def refusal(pipe: Any) -> str | None:
    """Why the scales of a schedule would not be applied by this pipeline as (R5) says; None if they would.

    The source of its `__call__` must hold eps_u + self.guidance_scale (eps_c - eps_u), behind the property
    `do_classifier_free_guidance`, compare no guidance scale itself, leave out no step, hand the guided prediction to
    the scheduler as it is (but for changes that arguments of the call switch on, see `switches`), and offer
    `callback_on_step_end`; and its scheduler must not clip.
    """
    cls = plain_class(pipe)
    for part, key in (("unet", "time_cond_proj_dim"), ("transformer", "guidance_embeds")):
        if getattr(getattr(getattr(pipe, part, None), "config", None), key, None) not in (None, False):
            return f"its {part} was distilled with the guidance scale as an input ({key}): there is no eps_u to mix"
    if hasattr(cls, "do_perturbed_attention_guidance"):
        return "it adds perturbed-attention guidance to the formula"
    parameters = inspect.signature(cls.__call__).parameters
    for name in ("guidance_scale", "callback_on_step_end"):
        if name not in parameters:
            return f"its call has no {name}, so that nothing can set the scale between two steps"
    if not isinstance(inspect.getattr_static(cls, "do_classifier_free_guidance", None), property):
        return "it decides on guidance by the argument of the call, not by a property that could be kept true"
    source = _source(cls)
    if source is None:
        return "the source of its __call__ cannot be read to check how it guides"
    return _wrong_in(source, parameters) or clipping(getattr(pipe, "scheduler", None))


def clipping(scheduler: Any) -> str | None:
    """Why a scheduler would change the guided prediction."""
    for key in ("clip_sample", "thresholding"):
        if configured(scheduler, key):
            return f"its scheduler clips the guided prediction of x_0 ({key}); set {key}=False in its configuration"
    return None


def switches(pipe: Any) -> dict[str, str]:
    """Arguments of the call that switch on a change of the guided prediction, and the line that makes the change."""
    cls = plain_class(pipe)
    source = _source(cls)
    if source is None:
        return {}
    changes = _changes(source, inspect.signature(cls.__call__).parameters)
    return {switch: _line(node) for node, switch in changes if switch is not None}


def plain_class(pipe: Any) -> type:
    """The class of the pipeline; of one that is guided already, the class that it had before."""
    cls = type(pipe)
    return cls.__mro__[1] if "_guidance_is_forced" in vars(cls) else cls


def _source(cls: Any) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(cls.__call__))))
    except (OSError, TypeError, SyntaxError):
        return None


def _wrong_in(source: ast.AST, parameters: Mapping[str, Any]) -> str | None:
    """What in the source of a call would make it depart from (R5) at some scale."""
    nodes = list(ast.walk(source))
    if "do_classifier_free_guidance" not in map(_name, nodes) or not any(map(_is_formula, nodes)):
        return "its __call__ does not compute eps_u + self.guidance_scale (eps_c - eps_u)"
    for node in nodes:
        if isinstance(node, ast.Compare) and {"guidance_scale", "_guidance_scale"} & _names(node):
            return f"its __call__ compares the scale itself, {ast.unparse(node)}, which no property can keep true"
    loops = [node for node in nodes if isinstance(node, ast.For) and any(map(_is_formula, ast.walk(node)))]
    for loop in loops:
        if any(isinstance(node, ast.Slice) for node in ast.walk(loop.iter)):
            return f"it makes other steps than its scheduler has: its loop runs over {ast.unparse(loop.iter)}"
    for loop in loops:
        for node, conditions in _under(loop.body):
            tests = [*map(ast.unparse, conditions)]
            if isinstance(node, ast.Continue | ast.Break) and "self.interrupt" not in tests:
                return f"its loop may leave out steps, where {(tests or ['always'])[-1]}"
    for node, switch in _changes(source, parameters):
        if switch is None:
            return f"it changes the guided prediction: {_line(node)}"
    guided = {name for node in nodes if _holds_formula(node) for name in _targets(node)}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("scheduler.step"):
            values = {word.arg: word.value for word in node.keywords}
            given = node.args[0] if node.args else values.get("model_output")
            if not isinstance(given, ast.expr) or not _variables(given) <= guided or not _keeps(given):
                return f"its scheduler does not get the guided prediction itself: {_line(node)}"
    return None


def _changes(source: ast.AST, parameters: Mapping[str, Any]) -> Iterator[tuple[ast.AST, str | None]]:
    """Statements that change eps_u, eps_c or what the formula makes of them, and the argument that switches each on."""
    formulas = [node for node in ast.walk(source) if _holds_formula(node)]
    followed = {name for node in formulas for name in _targets(node)}
    for node in formulas:
        followed |= {name for part in ast.walk(node) if _is_formula(part) for name in _variables(part)} - {"self"}
    for node, conditions in _under([source]):
        match node:
            case ast.Assign(value=value):
                changed = _targets(node) & followed and _variables(value) & followed and not _keeps(value)
            case ast.AugAssign():
                changed = _targets(node) & followed
            case ast.Expr(ast.Call(ast.Attribute(value, name))):  # a method in place, x.clamp_(...)
                changed = name.endswith("_") and _variables(value) & followed
            case _:
                changed = False
        if changed and not _holds_formula(node):
            yield node, next((s for s in map(_switched_on, conditions) if s in parameters), None)


def _under(nodes: list[Any], conditions: tuple[ast.expr, ...] = ()) -> Iterator[tuple[ast.AST, tuple[ast.expr, ...]]]:
    """All nodes, and what must hold for each to be reached: the tests of the `if` around it, their parts one by one."""
    for node in nodes:
        yield node, conditions
        if isinstance(node, ast.If):
            parts = node.test.values if _is_and(node.test) else [node.test]  # type: ignore[attr-defined]
            yield from _under(node.body, (*conditions, *parts))
            yield from _under(node.orelse, (*conditions, ast.UnaryOp(ast.Not(), node.test)))
        else:
            yield from _under(list(ast.iter_child_nodes(node)), conditions)


def _switched_on(condition: ast.expr) -> str | None:
    """The name that must be true, above something or not None for a condition to hold."""
    match condition:
        case ast.Compare(left, [ast.Gt() | ast.IsNot()], _):
            return _name(left)
        case ast.Name() | ast.Attribute():
            return _name(condition)
    return None


def _keeps(value: ast.AST) -> bool:
    """Whether an expression only selects, joins, negates or reshapes what it is made of."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and _name(node.func) not in RESHAPING:
            return False
        if isinstance(node, ast.BinOp | ast.IfExp | ast.Lambda):
            return False
    return True


def _is_formula(node: ast.AST) -> bool:
    """Whether this is u + self.guidance_scale * (c - u)."""
    match node:
        case ast.BinOp(first, ast.Add(), ast.BinOp(scale, ast.Mult(), ast.BinOp(_, ast.Sub(), last))):
            return ast.unparse(scale) == "self.guidance_scale" and ast.unparse(first) == ast.unparse(last)
    return False


def _holds_formula(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and any(map(_is_formula, ast.walk(node.value)))


def _is_and(test: ast.expr) -> bool:
    return isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And)


def _targets(node: Any) -> set[str]:
    """Names that an assignment sets."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {name for target in targets for name in _variables(target)}


def _variables(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _names(node: ast.AST) -> set[str]:
    return {name for name in map(_name, ast.walk(node)) if name}


def _name(node: ast.AST) -> str | None:
    return getattr(node, "attr", None) or getattr(node, "id", None)


def _line(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
