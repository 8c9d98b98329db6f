"""What a drawing says: texts in panels, titles, legends of panels and of the figure."""

import numpy as np


def words(axes) -> set[str]:
    """All texts in these axes, and in the legends of theirs and of their figure."""
    flat = [axis for axis in np.ravel(axes)]
    legends = [axis.get_legend() for axis in flat] + [legend for axis in flat[:1] for legend in axis.figure.legends]
    texts = [*(text for axis in flat for text in axis.texts)]
    texts += [text for legend in legends if legend is not None for text in legend.get_texts()]
    return {text.get_text() for text in texts}
