"""Step 6: download the adapted model and the report."""

TEXTS = {
    "home.title": "导出",
    "home.sentence": "下载自适应后的模型：一个可由 Hugging Face transformers 加载的文件夹。",
    "home.empty": "还没有可导出的模型：请先微调。",
    "home.download": "下载自适应后的模型（zip，{mb} MB）",
    "home.use": "解压并使用",
    "home.again": "不用浏览器，用命令行重做一遍",
    "home.where": "模型及这次微调的全部记录也保存在运行 Attune 的电脑上：{folder}",
    "report.title": "报告",
    "report.about": "这次微调的全部内容汇成一个独立网页：数字、图、每一段留出的录音、训练方案、版本、随机种子，以及重做一遍的命令。",
    "report.html": "下载报告",
    "report.md": "Markdown 格式",
    "report.json": "JSON 格式",
}
