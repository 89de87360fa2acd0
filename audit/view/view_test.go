package view_test

import (
	"bytes"
	"errors"
	"html"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/bundle"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/audit/view"
)

func TestLife(t *testing.T) {
	s := newStory(t)
	s.of(audit.DataRegistered).Data[0].Listing = s.document("nuscenes.listing.jsonl", "files")
	for _, name := range []string{"cuda.nccl", "cuda.cudnn"} {
		s.of(audit.TrainFinished).Toolchain.Summary.Fields[name] = toolchain.Field{Error: "not found", Method: toolchain.Observed}
	}
	life := s.timeline()
	text := page(t, life, view.Options{Documents: s})
	for _, want := range []string{
		"<html lang=\"en\">", "<title>bev-seg 3.2.0: retired · auditlog</title>", "Nothing that must be there is missing",
		"example.com/audit", life.Ledger.Root, "535.129.03", "vehicle-17", "R155-7", "miou <b>0.61</b>", "meets the plan",
		"<td><code>0.001</code></td><td>f64</td>", "missed a kerb", "nuscenes.listing.jsonl</bdi> <span class=\"soft\">5 B; list of files",
		"<li>cuda.cudnn, cuda.nccl: <span class=\"none\" lang=\"en\">not found</span></li>",
	} {
		if !strings.Contains(html.UnescapeString(text), want) {
			t.Errorf("lacks %q", want)
		}
	}
	for _, e := range life.Events {
		if !strings.Contains(text, e.Digest) {
			t.Errorf("lacks the digest of record %d", e.Index)
		}
		for _, signer := range e.Signers {
			if !strings.Contains(text, signer.ID) {
				t.Errorf("lacks the key of record %d", e.Index)
			}
		}
	}
	for _, d := range life.Data {
		if !strings.Contains(text, d.Fingerprint.Content.Root.String()) {
			t.Errorf("lacks %s", d.Name)
		}
	}
	if again := page(t, s.timeline(), view.Options{Documents: s}); again != text {
		t.Error("two runs differ")
	}
	if without := page(t, life, view.Options{}); !strings.Contains(without, "The document with the values is not at hand") {
		t.Error("says nothing of the document that is not there")
	}
}

// TestProblems takes out what a life must have: that comes first.
func TestProblems(t *testing.T) {
	for _, lang := range view.Langs() {
		s := newStory(t)
		s.keep(audit.TrainStarted, audit.TrainFinished, audit.Approved, audit.Deployed)
		life := s.timeline()
		if life.OK() {
			t.Fatal("the life has no problems")
		}
		text := page(t, life, view.Options{Lang: lang})
		order := []string{`class="bad"`, `<section id="problems">`, `<section id="timeline">`, `<section id="redo">`}
		at := 0
		for _, part := range order {
			i := strings.Index(text[at:], part)
			if i < 0 {
				t.Fatalf("%s: %s is not there, or not after what it should follow", lang, part)
			}
			at += i
		}
		for _, p := range life.Problems {
			if !strings.Contains(text, p.Code) {
				t.Errorf("%s: lacks %s", lang, p.Code)
			}
		}
		if n := strings.Count(text, `class="marked"`); n == 0 {
			t.Errorf("%s: no record is marked", lang)
		}
	}
}

// TestProof shows bundles: one that is fine, and one that was changed, whose
// verification comes before all else.
func TestProof(t *testing.T) {
	s := newStory(t)
	file := s.bundle(s.timeline(), nil)
	r, err := bundle.Verify(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := page(t, r.Life, view.Options{Proof: r})
	proof, problems := strings.Index(text, `<section id="proof">`), strings.Index(text, `<section id="problems">`)
	if proof < problems || problems < 0 || !strings.Contains(text, "internally consistent, held against no trust file") || strings.Contains(text, `class="bad"`) {
		t.Error("a good bundle is not shown as it should be")
	}

	edit(t, file, func(b []byte) []byte {
		i := bytes.Index(b, []byte(`"sig":"`))
		b[i+20] ^= 1
		return b
	})
	r, err = bundle.Verify(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != bundle.Failed {
		t.Fatal("the bundle still verifies")
	}
	life := r.Life
	if life == nil {
		life = &lifecycle.Timeline{V: 1, Model: r.Model, Version: r.Version}
	}
	text = page(t, life, view.Options{Proof: r})
	proof, problems = strings.Index(text, `<section id="proof">`), strings.Index(text, `<section id="problems">`)
	if proof < 0 || proof > problems || !strings.Contains(text, `class="bad"`) {
		t.Error("a bad bundle is not shown as one")
	}
}

// hostile would be markup, a script, an attribute, a template, or run backwards.
const hostile = "</script></style><img src=x onerror=alert(1)>\"'`{{.}}&lt;\u202e\u2066\u200b]]>"

// TestHostile puts it into every text of every record that takes it.
func TestHostile(t *testing.T) {
	s := newStory(t)
	started := s.of(audit.TrainStarted)
	started.Gaps = []audit.Gap{{What: "x", Reason: "x"}}
	started.Labels = map[string]string{"x": "x"}
	started.Toolchain.Versions = map[string]string{hostile: hostile}
	for name, f := range started.Toolchain.Summary.Fields {
		f.Source = hostile
		started.Toolchain.Summary.Fields[name] = f
	}
	started.Toolchain.Summary.Fields["x"] = toolchain.Field{Error: hostile, Method: toolchain.Observed}
	s.of(audit.TrainFinished).Toolchain = started.Toolchain
	started.Params.Form = s.document("x", `{"params":[{"k":"`+strings.ReplaceAll(hostile, `"`, `\"`)+`","t":"str","v":"`+strings.ReplaceAll(hostile, `"`, `\"`)+`"}],"v":1}`)
	d := &s.of(audit.DataRegistered).Data[0]
	d.Source, d.Medium, d.Sampling, d.Licence, d.Classification = "x", "x", "x", "x", "x"
	changed := 0
	for _, p := range s.predicates {
		changed += poison(p, reflect.ValueOf(p).Elem(), "")
	}
	if changed < 80 {
		t.Fatalf("only %d texts were changed", changed)
	}
	for _, lang := range view.Langs() {
		text := page(t, s.timeline(), view.Options{Documents: s, Lang: lang})
		// The page's own tags, and none of the records'.
		for tag, n := range map[string]int{"<script": 1, "</script": 1, "<style": 1, "</style": 1, "<img": 0} {
			if got := strings.Count(text, tag); got != n {
				t.Errorf("%s: %d times %s, want %d", lang, got, tag, n)
			}
		}
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s: %U is on the page", lang, r)
				break
			}
		}
		if strings.Count(text, "&lt;/script&gt;") < 50 {
			t.Errorf("%s: the text does not stand there", lang)
		}
		attributes := regexp.MustCompile(`<[a-z][^<>]*\son[a-z]+=`)
		if m := attributes.FindString(text); m != "" {
			t.Errorf("%s: %s", lang, m)
		}
	}
}

// poison sets every text below v to hostile, unless the predicate would not be
// valid then, and counts. Model and version stay: the life is found by them.
func poison(p *audit.Predicate, v reflect.Value, name string) (changed int) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			changed += poison(p, v.Elem(), name)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Model" && f.Name != "Version" && f.Name != "Prev" {
				changed += poison(p, v.Field(i), f.Name)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			changed += poison(p, v.Index(i), name)
		}
	case reflect.String:
		old := v.String()
		if old == "" || name == "KeyID" || !v.CanSet() {
			return 0
		}
		v.SetString(hostile)
		if _, err := p.Encode(); err != nil {
			v.SetString(old)
			return 0
		}
		return 1
	}
	return changed
}

// TestContained looks for anything that the page would fetch or run.
func TestContained(t *testing.T) {
	text := page(t, newStory(t).timeline(), view.Options{})
	if m := regexp.MustCompile(`(?i)\b(src|href|action|data|poster)="?[^#"\s>]|url\(|@import|<(link|iframe|object|embed|base|form)\b`).FindString(text); m != "" {
		t.Errorf("the page has %q", m)
	}
	if !strings.Contains(text, `content="default-src &#39;none&#39;; style-src &#39;sha256-`) {
		t.Error("the page has no policy")
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bid="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] {
			t.Errorf("id %q twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if !ids[m[1]] {
			t.Errorf("link to %q, which is not there", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`<th\b[^>]*>`).FindAllString(text, -1) {
		if !strings.Contains(m, "scope=") {
			t.Errorf("a head of a table without scope: %s", m)
		}
	}
}

func TestErrors(t *testing.T) {
	s := newStory(t)
	life := s.timeline()
	if err := view.Life(io.Discard, life, view.Options{Lang: "fr"}); err == nil || !strings.Contains(err.Error(), `"fr"`) {
		t.Errorf("a language that there is not: %v", err)
	}
	for digest := range s.documents {
		s.documents[digest] += " "
	}
	var out bytes.Buffer
	if err := view.Life(&out, life, view.Options{Documents: s}); err == nil || out.Len() > 0 {
		t.Errorf("another document: %v, %d bytes", err, out.Len())
	}
	broken := errors.New("disk")
	failing := opener(func(string) (io.ReadCloser, error) { return nil, broken })
	if err := view.Life(&out, life, view.Options{Documents: failing}); !errors.Is(err, broken) {
		t.Errorf("a document that cannot be read: %v", err)
	}
}

// TestUnread shows a life with a record that cannot be read, and one of nothing.
func TestUnread(t *testing.T) {
	life := lifecycle.Life{Model: "m", Version: "1", Records: []lifecycle.Record{{
		Index: 7, Bytes: []byte("x"), Err: errors.New("garbled <b>"),
	}}}
	text := page(t, life.Timeline(), view.Options{})
	if !strings.Contains(text, "garbled &lt;b&gt;") || !strings.Contains(text, "nobody whose signature holds") {
		t.Error(text)
	}
	page(t, &lifecycle.Timeline{}, view.Options{Lang: view.Chinese})
}

// TestTexts holds the page to its table of texts: none is missing, none idle.
func TestTexts(t *testing.T) {
	var sources []byte
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "page/page.html", "page/diff.html", "page/common.html") {
		if file == "texts.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, text...)
	}
	table, err := os.ReadFile("texts.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t"([a-zA-Z]+)":\s+\{$|^\t"([a-zA-Z]+)":\s+\{"`).FindAllStringSubmatch(string(table), -1) {
		key := m[1] + m[2]
		keys[key] = true
		if !bytes.Contains(sources, []byte(`"`+key+`"`)) {
			t.Errorf("text %q is not used", key)
		}
	}
	for _, m := range regexp.MustCompile(`\bt "([a-zA-Z]+)"|\.get\("([a-zA-Z]+)"\)`).FindAllStringSubmatch(string(sources), -1) {
		if !keys[m[1]+m[2]] {
			t.Errorf("text %q is not there", m[1]+m[2])
		}
	}
}

func TestDiff(t *testing.T) {
	s := newStory(t)
	a := s.timeline()
	other := newStory(t)
	started := other.of(audit.TrainStarted)
	started.Params = audittest.Params("lr=0.002", "warmup=5")
	started.Params.Form = other.document("params.json", string(lifetest.ParamsForm("lr=0.002", "warmup=5")))
	started.Toolchain.Versions = map[string]string{"driver": hostile, "cuda": "12.4"}
	other.of(audit.TrainFinished).Params = started.Params
	other.of(audit.TrainFinished).Toolchain = started.Toolchain
	both := opener(func(digest string) (io.ReadCloser, error) {
		if r, err := s.Open(digest); err == nil {
			return r, nil
		}
		return other.Open(digest)
	})
	d := lifecycle.Diff(a, other.timeline(), both)
	for _, lang := range view.Langs() {
		var b bytes.Buffer
		if err := view.Diff(&b, d, view.Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		text := html.UnescapeString(b.String())
		for _, want := range []string{"0.001", "0.002", "warmup", "epochs", "535.129.03", `\u202e`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: lacks %q", lang, want)
			}
		}
		if strings.Contains(b.String(), "<img") || strings.Contains(b.String(), "\u202e") {
			t.Errorf("%s: a record is markup", lang)
		}
	}
	var b bytes.Buffer
	if err := view.Diff(&b, lifecycle.Diff(a, a, s), view.Options{}); err != nil || !strings.Contains(b.String(), "Nothing that was recorded differs.") {
		t.Errorf("a version against itself: %v\n%s", err, &b)
	}
}
