package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/redact"
)

// secrets are strings of the shapes that leak in practice. They are put together
// here, and are nobody's.
func secrets() map[string]string {
	rnd := rand.New(rand.NewPCG(11, 13))
	const upper, lower, digit = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
	const alnum = upper + lower + digit
	text := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return string(b)
	}
	return map[string]string{
		"aws id":       "AKIA" + text(upper+digit, 16),
		"aws secret":   text(alnum, 20) + "/" + text(alnum, 19),
		"github":       "gh" + "p_" + text(alnum, 36),
		"github pat":   "github" + "_pat_" + text(alnum, 22) + "_" + text(alnum, 59),
		"gitlab":       "glpat" + "-" + text(alnum, 20),
		"hugging face": "hf" + "_" + text(upper+lower, 34),
		"openai":       "sk" + "-proj-" + text(alnum+"-_", 64),
		"slack":        "xox" + "b-" + text(digit, 12) + "-" + text(alnum, 24),
		"google":       "AI" + "za" + text(alnum+"-_", 35),
		"jwt":          "eyJ" + text(alnum, 30) + ".eyJ" + text(alnum, 60) + "." + text(alnum+"-_", 43),
		"nvidia":       "nvapi" + "-" + text(alnum+"-_", 64),
		// These are known by their names only.
		"wandb key":    text(digit+"abcdef", 40),
		"password":     "hunter" + text(lower, 6),
		"passphrase":   "correct " + text(lower, 5) + " battery",
		"private part": text(alnum+"+/", 64),
	}
}

func pemOf(body string) string {
	return "-----BEGIN " + "PRIVATE KEY-----\n" + body + "\n-----END " + "PRIVATE KEY-----"
}

// TestSecretsNeverEnter gives secrets in every place where one is given by
// mistake, and looks for them in all that was written: the ledger with its
// documents, what was printed, and what was complained of.
func TestSecretsNeverEnter(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, ".config"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, ".state"))
	t.Setenv("AUDITLOG_LEDGER", filepath.Join(dir, "ledger"))
	all := secrets()
	var said bytes.Buffer
	auditlog := func(want int, args ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); got != want {
			t.Errorf("auditlog %q: exit status %d, want %d: %s", args, got, want, &stderr)
		}
		fmt.Fprintf(&said, "%s%s", &stdout, &stderr)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	auditlog(0, "keys", "new", "--no-passphrase")
	auditlog(0, "init")
	if err := os.Mkdir("data", 0o755); err != nil {
		t.Fatal(err)
	}
	write("data/a.txt", "a")

	// Variables of allowed names, among others.
	t.Setenv("PYTORCH_CUDA_ALLOC_CONF", all["github"])
	t.Setenv("NCCL_EXTRA", "token="+all["wandb key"])
	t.Setenv("CUDA_PASSWORD", all["password"])
	t.Setenv("WANDB_API_KEY", all["wandb key"])
	t.Setenv("AWS_SECRET_ACCESS_KEY", all["aws secret"])
	t.Setenv("PYTHONPATH", "/x:https://u:"+all["password"]+"@host/p")
	gitWithToken(t, all["github pat"])

	// Parameters: as values of every shape, and by names.
	var yaml, toml strings.Builder
	var params []string
	n := 0
	for _, shape := range []string{"aws id", "github", "github pat", "gitlab", "hugging face", "openai", "slack", "google", "jwt", "nvidia", "aws secret"} {
		n++
		fmt.Fprintf(&yaml, "shape%d: %q\nlist%d: [1, %q]\nnested%d: {a: {b: \"x %s y\"}}\n", n, all[shape], n, all[shape], n, all[shape])
		fmt.Fprintf(&toml, "shape%d = %q\n", n, all[shape])
		params = append(params, "--param", fmt.Sprintf("p%d=%s", n, all[shape]), "--param", fmt.Sprintf("over%d=%s", n, all[shape]), "--param", fmt.Sprintf("j%d={\"a\":%q}", n, all[shape]))
	}
	fmt.Fprintf(&yaml, "wandb: {api_key: %q}\ndb: {password: %q, passphrase: %q}\nurl: \"https://u:%s@host/\"\npem: %q\n",
		all["wandb key"], all["password"], all["passphrase"], all["password"], pemOf(all["private part"]))
	write("cfg.yaml", yaml.String())
	write("cfg.toml", toml.String())
	write("hook.json", fmt.Sprintf(`{"auditlog_hook": 1, "params": {"hub": {"token": %q}, "x": %q}}`, all["wandb key"], all["jwt"]))
	params = append(params, "--params", "cfg.yaml", "--params", "cfg.toml", "--hook", "hook.json",
		"--param", "wandb_api_key="+all["wandb key"], "--param", "db.password="+all["passphrase"])
	start := append([]string{"record", "train.started", "--model", "m", "--version", "1", "--run", "r1", "--data", "data"}, params...)
	var texts []string
	for _, shape := range []string{"github", "aws id", "aws secret", "jwt", "slack", "openai"} {
		texts = append(texts, "--label", fmt.Sprintf("l%d=%s", len(texts), all[shape]))
	}
	note := fmt.Sprintf("ran with WANDB_API_KEY=%s as https://u:%s@host/ and %s, %s\n%s", all["wandb key"], all["password"], all["github"], all["aws secret"], pemOf(all["private part"]))
	texts = append(texts, "--label", "hub_token="+all["wandb key"], "--label", "password="+all["passphrase"], "--note", note,
		"--declare", "cuda.toolkit_tree="+all["hugging face"], "--data-source", "https://u:"+all["password"]+"@host/d", "--medium", all["github"], "--sampling", note, "--licence", all["jwt"], "--classification", all["slack"])
	start = append(start, texts...)
	auditlog(0, append(start, "--dry-run")...)
	auditlog(0, start...)
	for event, more := range map[string][]string{
		"approved":       {"--reason", note},
		"incident":       {"--severity", "low", "--summary", note},
		"retired":        {"--reason", note},
		"ota.updated":    {"--device", "d", "--environment", all["github"], "--before", all["jwt"], "--after", all["slack"], "--swin", all["aws secret"]},
		"train.aborted":  {"--run", "r1", "--note", note},
		"train.finished": {"--run", "r1", "--output", "data", "--note", note},
	} {
		args := append([]string{"record", event, "--model", "m", "--version", "1"}, more...)
		auditlog(0, append(args, "--dry-run")...)
		auditlog(0, args...)
	}
	auditlog(0, "record", "exported", "--model", "m", "--version", "1", "--export-format", "onnx", "--output", "data", "--tool", "x "+all["github"])
	auditlog(0, "record", "incident", "--model", "m", "--version", "1", "--severity", "low", "--summary", note, "--out", "envelope.json")
	auditlog(0, "append", "envelope.json")
	auditlog(0, "keys", "add", "bob=.config/auditlog/key.pem.pub", "--reason", note)

	// A watched command.
	exe := []string{"exec", "--model", "m", "--version", "1", "--run", "r2", "--data", "data", "--param", "lr=1", "--"}
	argv := []string{"true", "--token", all["wandb key"], "--lr", "0.1", "password=" + all["password"], "https://u:" + all["password"] + "@host/", all["github"], "--x=" + all["openai"], "--hf-token=" + all["hugging face"]}
	auditlog(0, append(exe, argv...)...)
	auditlog(0, append(append([]string{"exec", "--dry-run"}, exe[1:]...), argv...)...)

	// Where a secret cannot be taken out, it is refused, and not repeated.
	for shape, secret := range all {
		if !redact.HasToken(secret) || testing.Short() && shape != "github" {
			continue
		}
		incident := []string{"record", "incident", "--severity", "low", "--summary", "s", "--model"}
		auditlog(2, append(incident, secret, "--version", "1")...)
		auditlog(2, append(incident, "m", "--version", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--label", secret+"=1")...)
		auditlog(2, append(incident, "m", "--version", "1", "--label", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--id", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--actor", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--run", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--metric", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--metric", secret+"=1")...)
		auditlog(2, append(incident, "m", "--version", "1", "--metric", "x="+secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--param", secret+"=1")...)
		auditlog(2, append(incident, "m", "--version", "1", "--param", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--params", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--attach", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--severity", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--retention", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--key", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--passphrase", secret, "--key", "x")...)
		auditlog(2, append(incident, "m", "--version", "1", "--declare", "x="+secret, "--toolchain")...)
		auditlog(2, append(incident, "m", "--version", "1", "--progress", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--"+secret)...)
		auditlog(2, append(incident, "m", "--version", "1", "--token="+secret)...)
		auditlog(2, "record", secret)
		auditlog(2, secret)
		auditlog(2, "explain", secret)
		auditlog(2, "status", "--ledger", secret)
		auditlog(2, "init", "other", "--origin", secret+"+")
		auditlog(2, "keys", "revoke", secret)
		auditlog(2, "fingerprint", secret)
		if t.Failed() {
			t.Fatal(shape)
		}
	}

	for shape, secret := range all {
		if i := strings.Index(said.String(), secret); i >= 0 {
			t.Errorf("%s was printed: …%s…", shape, said.String()[max(0, i-200):min(said.Len(), i+200)])
		}
		written := 0
		err := filepath.WalkDir("ledger", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if written++; bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s is in %s", shape, path)
			}
			return err
		})
		if err != nil || written < 10 {
			t.Fatalf("looked into %d files, %v", written, err)
		}
	}
	if !strings.Contains(said.String(), "[redacted hmac-sha3-256:") {
		t.Error("no commitment was printed: nothing was tested")
	}
}

// gitWithToken makes the working folder a repository whose remote has a token.
func gitWithToken(t *testing.T, token string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "-q"},
		{"remote", "add", "origin", "https://ci:" + token + "@example.com/r.git"},
		{"-c", "user.name=n", "-c", "user.email=e@example.com", "commit", "-q", "--allow-empty", "-m", "m"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("git: %v: %s", err, out)
		}
	}
}
