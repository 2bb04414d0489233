"""The page as a whole, and what several steps share."""

TEXTS = {
    "app.title": "Attune",
    "app.tagline": "教语音识别模型更懂你，看它学会了什么、忘了什么。",
    "app.other_language": "English",
    "app.damaged": "{name} 已损坏。能读取的内容已保留；损坏的部分另存为同一文件夹下的 {kept}。",
    "app.damaged.title": "文件已损坏",
    "app.private": "录音只保存在运行 Attune 的电脑上。",
    "anew.ask": "重新开始",
    "anew.title": "要清空并重新开始吗？",
    "anew.about": "此浏览器在这里留下的一切都会永久删除：录音、数据集、微调及其模型。下一位用户将看到全新的页面。",
    "anew.forget": "全部删除并重新开始",
    "anew.keep": "否，保留",
    "job.stop": "停止",
    "job.stopping": "当前部分完成后停止。",
    "job.done": "完成，用时 {time}。",
    "job.interrupted": "进程意外结束，此前的结果见下方。请重新开始。",
}
