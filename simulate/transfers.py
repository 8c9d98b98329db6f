"""Between memory and registers: what plain loops cannot tell a compiler.

* Rows of an array that are wanted a little later are fetched into the cache now. Memory answers after some hundred
  nanoseconds: short rows, each with work behind it, are read at a fraction of its rate unless they are asked for
  ahead. That is a hint: it changes no number, and an address that does not exist does no harm.
* A square of 4 x 4 numbers changes rows for columns in the registers, eight shuffles of vectors, where a loop would
  move number by number. The instruction is LLVM's own, for whatever machine it compiles for.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from meanfield.tools.compiling import inner

intrinsic: Any = extending.intrinsic  # declared to keep the context, which numba gives, among the arguments
LINE = 64  # bytes of a line of the cache, of most machines
LINES = 32  # of a row, at most: by then a processor has noticed that it is read in order
PART = 32  # float64 numbers fetched at once of long rows: more of them would have to wait for each other
SIDE = 4
U1, U2, U3 = np.uintp(1), np.uintp(2), np.uintp(3)  # signed numbers are checked, and divided, at some cost


def _fetching(lines: int) -> Any:
    """What has so many lines from array[row, column] on, row and column unsigned, brought into all caches."""

    @intrinsic
    def fetch(_: Any, array: Any, row: Any, column: Any) -> tuple:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            layout, byte, flag = signature.args[0], ir.IntType(8).as_pointer(), ir.IntType(32)
            there = context.make_array(layout)(context, builder, given[0])
            address = cgutils.get_item_pointer(context, builder, layout, there, given[1:], wraparound=False)
            shape = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
            prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], shape)
            for line in range(lines):
                place = builder.gep(builder.bitcast(address, byte), [flag(LINE * line)])
                builder.call(prefetch, [place, flag(0), flag(3), flag(1)])  # to read, to keep, data
            return context.get_dummy_value()

        return types.void(array, row, column), generate

    return fetch


fetch_line, fetch_part = _fetching(1), _fetching(PART * 8 // LINE)


@inner(forceinline=True)
def fetch_four(array, first):  # pragma: no cover - compiled
    """Have the beginnings of four rows of an array (rows, columns) brought into the cache, where it has all four."""
    if first + 4 <= array.shape[0]:
        step, s = np.uintp(LINE // array.itemsize), np.uintp(first)
        columns = min(np.uintp(array.shape[1]), np.uintp(LINES) * step)
        for k in range((columns + step - U1) // step):
            fetch_line(array, s, k * step)
            fetch_line(array, s + U1, k * step)
            fetch_line(array, s + U2, k * step)
            fetch_line(array, s + U3, k * step)


@intrinsic
def transpose_square(_: Any, source: Any, o: Any, target: Any, p: Any, row: Any) -> tuple:
    """target[p + i row + j] <- source[o + j row + i] for i, j < `SIDE`: float32, contiguous; o, p, row unsigned."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        vector = ir.VectorType(ir.FloatType(), SIDE)

        def places(number: int, first: Any) -> list:
            data = context.make_array(signature.args[number])(context, builder, given[number]).data
            offsets = (builder.add(first, builder.mul(given[4], given[4].type(i))) for i in range(SIDE))
            return [builder.bitcast(builder.gep(data, [offset]), vector.as_pointer()) for offset in offsets]

        def exchanged(upper: Any, lower: Any, bit: int) -> tuple[Any, Any]:
            """The numbers of `upper` at places with this bit change places with those of `lower` without it."""
            stay = [i if not i & bit else SIDE + (i ^ bit) for i in range(SIDE)]
            come = [i ^ bit if not i & bit else SIDE + i for i in range(SIDE)]
            mask = ir.VectorType(ir.IntType(32), SIDE)
            return builder.shuffle_vector(upper, lower, mask(stay)), builder.shuffle_vector(upper, lower, mask(come))

        rows = [builder.load(place, align=4) for place in places(0, given[1])]
        for bit in (2, 1):
            for i in range(SIDE):
                if not i & bit:
                    rows[i], rows[i | bit] = exchanged(rows[i], rows[i | bit], bit)
        for value, place in zip(rows, places(2, given[3]), strict=True):
            builder.store(value, place, align=4)
        return context.get_dummy_value()

    return types.void(source, o, target, p, row), generate
