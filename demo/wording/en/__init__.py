"""What the page says in English, a file a step."""

from demo.wording.en import adapt, collect, compare, errors, panels, sets, start, your_data

TEXTS = start.TEXTS | collect.TEXTS | sets.TEXTS | adapt.TEXTS | compare.TEXTS | panels.TEXTS | errors.TEXTS | your_data.TEXTS
