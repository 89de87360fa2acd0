package redact

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

const (
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower = "abcdefghijklmnopqrstuvwxyz"
	digit = "0123456789"
	alnum = upper + lower + digit
	b64   = alnum + "+/"
	b64u  = alnum + "-_"
)

// tokens makes strings of the shapes that leak in practice. They are made here,
// and are nobody's.
func tokens(rnd *rand.Rand) map[string]string {
	text := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return string(b)
	}
	return map[string]string{
		"aws id":        "AKIA" + text(upper+digit, 16),
		"aws session":   "ASIA" + text(upper+digit, 16),
		"aws secret":    text(alnum, 40),
		"github":        "gh" + "p_" + text(alnum, 36),
		"github oauth":  "gh" + "o_" + text(alnum, 36),
		"github pat":    "github" + "_pat_" + text(alnum, 22) + "_" + text(alnum, 59),
		"gitlab":        "glpat" + "-" + text(b64u, 20),
		"hugging face":  "hf" + "_" + text(upper+lower, 34),
		"openai":        "sk" + "-" + text(alnum, 48),
		"openai proj":   "sk" + "-proj-" + text(b64u, 64),
		"anthropic":     "sk" + "-ant-api03-" + text(b64u, 80),
		"slack":         "xox" + "b-" + text(digit, 12) + "-" + text(alnum, 24),
		"google":        "AI" + "za" + text(b64u, 35),
		"google oauth":  "ya" + "29." + text(b64u, 60),
		"npm":           "npm" + "_" + text(alnum, 36),
		"pypi":          "pypi" + "-AgEIcHlwaS5vcmc" + text(b64u, 60),
		"nvidia":        "nvapi" + "-" + text(b64u, 64),
		"vault":         "hv" + "s." + text(alnum, 24),
		"stripe":        "sk" + "_live_" + text(alnum, 24),
		"sendgrid":      "SG" + "." + text(alnum, 22) + "." + text(alnum, 43),
		"jwt":           "eyJ" + text(alnum, 30) + ".eyJ" + text(alnum, 60) + "." + text(b64u, 43),
		"random":        text(alnum, 31) + text(digit, 1),
		"random base64": text(alnum, 43) + "=",
		"age":           "AGE" + "-SECRET-KEY-1" + text(upper+digit, 58),
	}
}

func TestTokensNeverPass(t *testing.T) {
	r, err := New([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	rounds := 50
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		for shape, token := range tokens(rnd) {
			for where, text := range map[string]string{
				"alone":     token,
				"in text":   "logging in with " + token + " to the hub",
				"in JSON":   `{"auth": "` + token + `"}`,
				"in query":  "https://host/path?t=" + token + "&x=1",
				"in a path": "/home/u/" + token,
				"in a URL":  "https://" + token + "@host/repo.git",
				"password":  "https://user:" + token + "@host/repo.git",
			} {
				out, redacted := r.Value("note", text)
				if !redacted || strings.Contains(out, token) {
					t.Fatalf("%s %s: %q gives %q", shape, where, text, out)
				}
			}
			out := strings.Join(r.Args([]string{"train", "--lr", "0.1", token, "--x=" + token, "wandb.key=" + token}), " ")
			if strings.Contains(out, token) {
				t.Fatalf("%s in argv: %q", shape, out)
			}
		}
	}
}

func TestPrivateKey(t *testing.T) {
	r, _ := New(nil)
	key := "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\nAAAA\n-----END " + "PRIVATE KEY-----"
	for _, text := range []string{key, "x " + key + " y", key[:50]} {
		if out, redacted := r.Text(text); !redacted || strings.Contains(out, "MC4CAQ") {
			t.Errorf("%q gives %q", text, out)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{
		"WANDB_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "password", "db.passwd", "userPassword",
		"GITHUB_TOKEN", "client_secret", "apiKey", "OPENAI_API_KEY", "logger.wandb.api_key", "ssh-key", "MYSQL_PWD", "auth_token", "token",
		"CI_JOB_TOKEN", "smtp_pass", "azure_storage_key", "Authorization",
	} {
		if !SecretName(name) {
			t.Errorf("%q should be a secret", name)
		}
	}
	for _, name := range []string{
		"use_cls_token", "num_tokens", "max_tokens", "pad_token", "eos_token_id", "tokenizer", "key_frames", "num_keys", "monkey",
		"passes", "num_pass", "forward_pass", "compass", "secretary", "model.cls_token", "distillation_token_weight", "bypass", "keyframe", "author",
		"attention.key_dim", "", "lr", "pathway",
	} {
		if SecretName(name) {
			t.Errorf("%q should be no secret", name)
		}
	}
}

// Ordinary values of training runs must stay readable.
func TestOrdinaryValuesPass(t *testing.T) {
	r, _ := New(nil)
	for _, v := range []string{
		"0.0001", "1e-4", "AdamW", "cosine_annealing_warm_restarts", "/data/sets/nuscenes/v1.0-trainval/samples/LIDAR_TOP",
		"torchvision.models.resnet50", "ResNet50_Weights.IMAGENET1K_V2", "configs/nuscenes/det/centerhead/lssfpn/camera/256x704/resnet/default.yaml",
		"models--org--resnet/snapshots/da39a3ee5e6b4b0d3255bfef95601890afd80709/model.safetensors",
		"auditlog/pins/1179954b8ff0a906245c2f2b33bcd37d8e07271a9272f548b508e6c97c5e7fd2.checkpoint",
		"2026-11-23T03:43:20.123456789Z", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "123e4567-e89b-42d3-a456-426614174000",
		"https://github.com/mmaudit/mmaudit.git", "s3://bucket/path/to/object.parquet", ":4096:8", "nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04",
		"0,1,2,3", "/usr/local/cuda-12.4/lib64:/usr/lib/x86_64-linux-gnu", "cudaMallocAsync,expandable_segments:True",
		"max_split_size_mb:128,garbage_collection_threshold:0.8", "n015-2018-07-24-11-22-45+0800__LIDAR_TOP__1532402927647951.pcd.bin",
		"mmdet3d_plugin.models.detectors.bevformer_fp16", "bert-base-multilingual-uncased-sentiment", "openmmlab/upernet-convnext-small",
		"user@example.org", "[redacted]", "SyncBatchNormalizationLayerWithAffineTransform",
	} {
		if out, redacted := r.Value("note", v); redacted {
			t.Errorf("%q gives %q", v, out)
		}
	}
}

func TestArgs(t *testing.T) {
	r, _ := New(nil)
	got := r.Args([]string{"train.py", "--token", "abc", "--lr", "0.1", "--password=p w", "db.passwd=x", "-v", "--use_cls_token", "true", "--api-key", "-weird", "git+https://u:p@h/x"})
	want := []string{"train.py", "--token", Mark, "--lr", "0.1", "--password=" + Mark, "db.passwd=" + Mark, "-v", "--use_cls_token", "true", "--api-key", "-weird", "git+https://" + Mark + "@h/x"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestCommitments(t *testing.T) {
	if _, err := New([]byte("short")); !errors.Is(err, ErrShortKey) {
		t.Errorf("a short key: %v", err)
	}
	a, _ := New([]byte("0123456789abcdef"))
	b, _ := New([]byte("0123456789abcdeg"))
	// printf 'auditlog/redact/v1\nx' | openssl dgst -sha3-256 -hmac 0123456789abcdef
	const want = "[redacted hmac-sha3-256:4c2e481a908d3258f374e13fd9646204cd243606048de43f958ac4d5871e5aa8]"
	if got := a.Commit("x"); got != want {
		t.Errorf("got %s", got)
	}
	if a.Commit("x") == a.Commit("y") || a.Commit("x") == b.Commit("x") {
		t.Error("commitments must depend on the value and on the key")
	}
	if !IsRedacted(a.Commit("x")) || IsRedacted("[redacted hmac-sha3-256:x]") {
		t.Error("IsRedacted does not know what Commit gives")
	}
	// Redacting twice is redacting once.
	out, _ := a.Value("password", "hunter2")
	if again, redacted := a.Value("password", out); redacted || again != out {
		t.Errorf("%q became %q", out, again)
	}
}

func FuzzText(f *testing.F) {
	f.Add("password=hunter2 https://u:p@h/ eyJhbGciOiJI.eyJzdWIiOiIx.x")
	f.Fuzz(func(t *testing.T, text string) {
		r, _ := New(nil)
		r.Text(text)
		r.Args(strings.Fields(text))
	})
}
