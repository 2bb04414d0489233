"""Step 3, one file a panel."""

from demo.wording.zh_cn.teach import bring, choose, inspect, library, proofread, record, words

PANELS = (choose, record, words, proofread, bring, inspect, library)
TEXTS = {key: text for panel in PANELS for key, text in panel.TEXTS.items()}
