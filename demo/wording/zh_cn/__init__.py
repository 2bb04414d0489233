"""What the page says in Simplified Chinese: one file a step."""

from demo.wording.zh_cn import adapt, app, compare, errors, gradio, listen, model, stage, take_home, teach, waiting, your_data

STEPS = (app, stage, model, listen, teach, adapt, compare, take_home, your_data, gradio, waiting, errors)
TEXTS = {key: text for step in STEPS for key, text in step.TEXTS.items()}
