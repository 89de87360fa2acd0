package view

import "fmt"

// Lang is the language of a page, as BCP 47 has it. What records and problems say
// stays as it was written.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Langs lists the languages, the default first.
func Langs() []Lang { return []Lang{English, Chinese} }

// words are the texts of a page in one language.
type words struct {
	lang     string
	texts    map[string]string            // by key
	names    map[string]map[string]string // of the values of a kind, as people say them
	problems map[string]string            // what a check asks, by its code, where the language is not that of the catalogue
}

func (l Lang) words() (*words, error) {
	if l == "" {
		l = English
	}
	column := -1
	for i, k := range Langs() {
		if k == l {
			column = i
		}
	}
	if column < 0 {
		return nil, fmt.Errorf("unknown language %q, want en or zh", l)
	}
	w := &words{lang: string(l), texts: map[string]string{}, names: map[string]map[string]string{}}
	if w.lang == "zh" {
		w.lang, w.problems = "zh-CN", problemsZH
	}
	for key, t := range texts {
		w.texts[key] = t[column]
	}
	for kind, values := range names {
		w.names[kind] = map[string]string{}
		for value, t := range values {
			w.names[kind][value] = t[column]
		}
	}
	return w, nil
}

// text is get for templates: a text that is not in the table is an error.
func (w *words) text(key string) (string, error) {
	s, ok := w.texts[key]
	if !ok {
		return "", fmt.Errorf("the page has no text %q", key)
	}
	return s, nil
}

func (w *words) get(key string) string {
	s, err := w.text(key)
	if err != nil {
		panic(err) // a test asks for every key
	}
	return s
}

// of names a value of a kind; one that is not in the table stands as it is.
func (w *words) of(kind, value string) string {
	if s := w.names[kind][value]; s != "" {
		return s
	}
	return see(value)
}

// texts are in the order of Langs.
var texts = map[string][2]string{
	"title":     {"Life of a model version", "模型版本全生命周期"},
	"comma":     {", ", "、"},
	"whole":     {"Nothing that must be there is missing, and nothing contradicts itself.", "必备环节齐全，记录之间无矛盾。"},
	"faulty":    {"This life cannot be accounted for as it should: see the problems.", "该版本的生命周期记录存在缺陷，详见“问题”。"},
	"asOf":      {"As of", "截至"},
	"ledger":    {"ledger", "账本"},
	"size":      {"records in the ledger", "账本记录数"},
	"root":      {"tree root", "树根"},
	"now":       {"Silence of runs measured at", "判定训练无响应的基准时间"},
	"errors":    {"errors", "错误"},
	"warnings":  {"warnings", "警告"},
	"notes":     {"notes", "提示"},
	"records":   {"records", "记录"},
	"runs":      {"runs", "训练任务"},
	"devices":   {"devices", "设备"},
	"runsHead":  {"Runs", "训练任务"},
	"devHead":   {"Devices", "设备"},
	"sections":  {"Sections", "目录"},
	"original":  {"", "记录与问题的具体内容保留英文原文。"},
	"top":       {"This page proves nothing by itself: whoever made it could have written another. The commands in it redo every hash and signature.", "本页面本身不构成证据：制作者可以写出任何内容。请用页面中的命令重新计算每个摘要、核验每个签名。"},
	"proof":     {"Verification of the bundle", "证据包核验"},
	"status":    {"Status", "状态"},
	"check":     {"Check", "核验项"},
	"found":     {"What was found", "核验情况"},
	"problems":  {"Problems", "问题"},
	"none":      {"None: as far as these records tell, nothing is missing, late or contradictory.", "未发现问题：就这些记录而言，没有缺失、迟到或矛盾之处。"},
	"severity":  {"Severity", "级别"},
	"problem":   {"What is wrong", "问题描述"},
	"record":    {"Record", "记录"},
	"todo":      {"What to do", "处理建议"},
	"timeline":  {"Timeline", "时间线"},
	"order":     {"In the order of the ledger, which decides what came first. Times are what the writers claim.", "按账本顺序排列，先后以账本为准；时间为记录方所声明。"},
	"filter":    {"Filter", "筛选"},
	"time":      {"Time", "时间"},
	"event":     {"Event", "事件"},
	"what":      {"What happened", "内容"},
	"who":       {"Signed by", "签名人"},
	"nobody":    {"nobody whose signature holds", "无有效签名"},
	"says":      {"Recorded by", "记录人"},
	"run":       {"Run", "训练任务"},
	"outcome":   {"Outcome", "结果"},
	"started":   {"Began", "开始"},
	"ended":     {"Ended", "结束"},
	"beats":     {"Signs of life", "心跳次数"},
	"silence":   {"Longest silence", "最长静默"},
	"seconds":   {"s", "秒"},
	"command":   {"Command", "命令行"},
	"exit":      {"Exit status", "退出码"},
	"data":      {"Data sets", "数据集"},
	"params":    {"Hyper-parameters", "超参数"},
	"noParams":  {"The document with the values is not at hand; their hash is recorded.", "未提供参数值文件；账本中记录了其摘要。"},
	"name":      {"Name", "名称"},
	"type":      {"Type", "类型"},
	"value":     {"Value", "值"},
	"tools":     {"Toolchain", "软硬件环境"},
	"source":    {"Source", "来源"},
	"method":    {"How it is known", "获知方式"},
	"absent":    {"Not known", "未能获知"},
	"flags":     {"Worth a second look", "需关注"},
	"gaps":      {"Could not be collected", "未能采集"},
	"roles":     {"Used for", "用途"},
	"files":     {"Files", "文件数"},
	"bytes":     {"Size", "大小"},
	"complete":  {"Fingerprint", "指纹"},
	"validated": {"Validated", "校验"},
	"registered": {
		"Registered", "登记",
	},
	"manifest":       {"manifest, SHA3-512", "清单摘要 SHA3-512"},
	"tree":           {"path tree, SHA3-512", "路径树根 SHA3-512"},
	"content":        {"content tree, SHA3-512", "内容树根 SHA3-512"},
	"acquired":       {"Acquired", "获取时间"},
	"medium":         {"Medium", "存储介质"},
	"sampling":       {"Sampling", "抽样方法"},
	"licence":        {"Licence", "许可"},
	"classification": {"Classification", "数据分级"},
	"uses":           {"Named by records", "引用该数据集的记录"},
	"artifacts":      {"Artefacts", "产物"},
	"kind":           {"Kind", "种类"},
	"from":           {"Produced by", "产生于"},
	"decisions":      {"Validation, evaluation, approval, incidents", "校验、评估、审批与异常事件"},
	"reason":         {"Subject or reason", "内容或理由"},
	"verdict":        {"Verdict", "结论"},
	"thresholds":     {"Thresholds", "阈值"},
	"metrics":        {"Metrics", "指标"},
	"expires":        {"Valid until", "有效期至"},
	"device":         {"Device", "设备"},
	"since":          {"Since", "起始"},
	"runsThere":      {"Runs there now", "当前运行"},
	"swin":           {"Software number", "软件识别号"},
	"result":         {"Result", "执行结果"},
	"redo":           {"Records, and how to check them", "记录及复核方法"},
	"prepare":        {"Before you start", "准备"},
	"prepareText": {
		"Make a bundle of this version (auditlog bundle), if you have none; unpack it with unzip into an empty folder, open a shell there, and paste these functions. They need a POSIX shell and openssl 3, and nothing of ours.",
		"如尚无证据包，请先生成（auditlog bundle）；用 unzip 解压到空目录，在该目录打开 shell，粘贴以下函数。仅需 POSIX shell 与 openssl 3，不依赖我方任何软件。",
	},
	"once":        {"Redo every check at once:", "一次性完成全部复核："},
	"checkpoint":  {"That the log signed the checkpoint, on which all inclusion proofs hang:", "核验日志对检查点的签名（所有包含性证明均以此为据）："},
	"compare":     {"Then compare: the key of the log, and the keys of record 0, must be those that you were given by another way.", "最后请比对：日志公钥与 0 号记录中的公钥，须与您通过其他途径取得的一致。"},
	"inclusion":   {"included N computes the root of the log from record N and the hashes in proofs/, one for each level of the tree. Only if the record stands at place N in the log does the root of the checkpoint come out.", "included N 由 N 号记录及 proofs/ 中逐层的摘要重新计算日志树根；仅当该记录确在日志的 N 号位置时，结果才等于检查点中的树根。"},
	"digest":      {"Digest of the record, SHA3-512", "记录摘要 SHA3-512"},
	"previous":    {"Points at record", "指向前一记录"},
	"documents":   {"Documents", "所附文件"},
	"listing":     {"list of files, in a bundle only if it was asked for (--with-listings)", "文件清单，仅在要求时纳入证据包（--with-listings）"},
	"noDocuments": {"Documents are in a bundle unless they were left out or lost.", "除非被略去或遗失，所附文件均在证据包内。"},
	"gives":       {"gives", "应得"},
	"own":         {"Run it where the file or folder lies: a bundle does not hold it.", "请在该文件或目录所在位置执行：证据包不含其内容。"},
	"trees":       {"It computes the manifest's digest; the roots of the trees are computed as docs/formats.md of mmaudit says, by auditlog fingerprint DIR.", "该命令得出清单摘要；两棵树的树根按 mmaudit 的 docs/formats.md 计算（auditlog fingerprint DIR）。"},
	"seeProblems": {"has problems", "存在问题"},
	"key":         {"key", "密钥"},
	"diffTitle":   {"What two versions do not share", "两个版本的差异"},
	"diffTop":     {"Each version is taken as its newest run that finished left it. The records of each are on the page of its life.", "各版本以其最近一次完成的训练任务为准；相关记录见各版本的全生命周期页面。"},
	"allSame":     {"Nothing that was recorded differs.", "所记录的内容没有差异。"},
	"differ":      {"They differ, or could not be compared in full.", "存在差异，或未能完全比较。"},
	"unknown":     {"Could not be compared", "未能比较"},
	"sides":       {"The versions", "版本"},
	"version":     {"Version", "版本"},
	"versions":    {"Versions of tools", "工具版本"},
	"state":       {"State", "状态"},
	"commit":      {"Commit", "代码提交"},
	"dirty":       {"with changes in no commit", "含未提交的改动"},
	"notThere":    {"not there", "无"},
	"same":        {"No difference.", "无差异。"},
}

// names are in the order of Langs. English texts that are the value itself are
// left empty.
var names = map[string]map[string][2]string{
	"state": {
		"unknown": {"", "状态未知"}, "planned": {"", "已计划评估"}, "training": {"", "训练中"}, "failed": {"", "训练失败"},
		"aborted": {"", "训练中止"}, "trained": {"", "已训练"}, "evaluated": {"", "已评估"}, "approved": {"", "已批准"},
		"rejected": {"", "已否决"}, "deployed": {"", "已部署"}, "retired": {"", "已退出使用"},
	},
	"event": {
		"ledger.created": {"", "账本建立"}, "key.added": {"", "密钥增加"}, "key.rotated": {"", "密钥更换"}, "key.revoked": {"", "密钥吊销"},
		"policy.changed": {"", "签名策略变更"}, "data.registered": {"", "数据登记"}, "data.validated": {"", "数据校验"},
		"train.started": {"", "训练开始"}, "train.heartbeat": {"", "训练心跳"}, "train.finished": {"", "训练完成"},
		"train.failed": {"", "训练失败"}, "train.aborted": {"", "训练中止"}, "eval.preregistered": {"", "评估预登记"},
		"eval.finished": {"", "评估完成"}, "approved": {"", "审批通过"}, "rejected": {"", "审批否决"}, "exported": {"", "模型导出"},
		"bridge.mapped": {"", "算子映射"}, "deployed": {"", "部署"}, "ota.updated": {"", "OTA 升级"}, "ota.rolledback": {"", "OTA 回退"},
		"incident": {"", "异常事件"}, "retired": {"", "退出使用"},
	},
	"role": {
		"admin": {"", "管理员"}, "engineer": {"", "开发"}, "validator": {"", "验证"}, "approver": {"", "审批"}, "releaser": {"", "发布"},
	},
	"severity": {"error": {"", "错误"}, "warning": {"", "警告"}, "note": {"", "提示"}},
	"outcome": {
		"running": {"", "运行中"}, "finished": {"", "完成"}, "failed": {"", "失败"}, "aborted": {"", "中止"}, "unclear": {"", "不明"},
	},
	"onDevice": {
		"in use": {"", "使用中"}, "replaced": {"", "已被替换"}, "rolled back": {"", "已回退"}, "failed": {"not taken", "未成功"}, "retired": {"", "已退出使用"},
	},
	"proof": {
		"verified": {"", "核验通过"}, "consistent": {"", "自洽但未锚定"}, "ok": {"", "通过"}, "failed": {"", "未通过"},
		"skipped": {"", "未执行"}, "noted": {"", "说明"},
	},
	"method":  {"observed": {"", "实测"}, "declared": {"", "声明"}, "cached": {"", "缓存"}},
	"status":  {"complete": {"", "完整"}, "partial": {"", "不完整"}},
	"verdict": {"pass": {"", "通过"}, "fail": {"", "未通过"}, "incomplete": {"", "未完成"}},
	"gravity": {"low": {"", "低"}, "medium": {"", "中"}, "high": {"", "高"}, "critical": {"", "严重"}},
	"kind":    {"file": {"", "文件"}, "folder": {"", "目录"}},
}
