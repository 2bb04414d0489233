"""The page as a whole, and what several steps share."""

TEXTS = {
    "app.title": "Attune",
    "app.tagline": "让语音识别模型更懂你：从一个预训练模型出发，加上几段带标注的录音，看它学会了什么、又忘掉了什么。",
    "app.other_language": "English",
    "app.insecure": "本页是从另一台电脑以普通 http 打开的，浏览器因此禁用了麦克风。请改为上传文件，或在运行 Attune 的电脑上打开。",
    "app.damaged": "{name} 已损坏。能读取的内容已保留；损坏的部分保存在同一文件夹的 {kept} 中。",
    "app.damaged.title": "文件已损坏",
    "app.private": "录音只保存在运行 Attune 的电脑上。",
    "time.seconds": "{n} 秒",
    "time.minutes": "{n} 分钟",
    "job.stop": "停止",
    "job.waiting": "正在启动，或在排队：同一时间只计算一项。",
    "job.stopping": "手头这一步做完就停。",
    "job.done": "完成，用时 {time}。",
    "job.interrupted": "进程意外结束。此前测得的结果在下面；请重新开始。",
}
