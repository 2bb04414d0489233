"""What the page says in Simplified Chinese, a file a step."""

from demo.wording.zh_cn import adapt, collect, compare, errors, panels, sets, start, your_data

TEXTS = start.TEXTS | collect.TEXTS | sets.TEXTS | adapt.TEXTS | compare.TEXTS | panels.TEXTS | errors.TEXTS | your_data.TEXTS
