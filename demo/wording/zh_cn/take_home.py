"""Step 6: download the adapted model and the report."""

TEXTS = {
    "home.title": "带走",
    "home.sentence": "保存适应后的模型：一个可由 Hugging Face transformers 载入的文件夹。",
    "home.empty": "还没有可带走的模型：请先微调。",
    "home.download": "下载适应后的模型（zip，{mb} MB）",
    "home.use": "解压并使用",
    "home.again": "不用浏览器，重做一遍",
    "home.where": "模型及本次训练的全部记录也保存在运行 Attune 的电脑上：{folder}",
    "report.title": "报告",
    "report.about": "这次训练的一切都在一个网页里，不需要别的文件：数字、图、每一段留出的录音、配方、版本、随机种子，以及重做一遍的命令。",
    "report.html": "下载报告",
    "report.md": "Markdown 格式",
    "report.json": "JSON 格式",
}
