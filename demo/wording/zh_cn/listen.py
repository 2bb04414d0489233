"""Step 2: record a clip and read its transcript; try other models on it."""

TEXTS = {
    "listen.title": "识别",
    "listen.sentence": "说一句话，或上传一段录音（wav、flac、mp3、ogg 或 m4a，最长 10 分钟），看看原模型识别成什么。",
    "listen.record": "麦克风或文件",
    "listen.empty": "还没有录音。请按“录音”，说一句话，再按“停止”。",
    "listen.took": "{model} 用 {seconds} 秒识别了 {sound} 秒的声音。录音已保存。",
    "listen.language": "语言：{language}",
    "listen.language_detected": "语言：{language}（自动检测）",
    "listen.working": "正在保存并识别录音",
    "listen.spectrogram": "频谱图",
    "listen.spectrogram_about": "对数梅尔能量，即 Whisper 模型的输入：80 个频带，窗长 25 毫秒，每 10 毫秒一帧。横轴为时间（秒），纵轴为频率（kHz）。",
    "listen.which": "该选哪个模型？",
    "listen.try_all": "用所有已就绪的模型识别我的录音",
    "listen.trying": "正在依次用 {count} 个模型识别你的录音：{models}。每个模型都要先加载。",
    "listen.play": "播放录音",
    "trials.model": "模型及识别结果",
    "trials.seconds": "用时",
    "trials.parameters": "参数量",
    "trials.no_reference": "还没有 WER：请先在第 3 步改正文本并加入这段录音，然后再试。",
    "trials.note": "只凭一段录音只能有个大致印象，算不上测评。这里只试已下载的模型，其他模型请先在第 1 步下载。用时仅指这段录音，不含加载。",
}
