package view_test

import (
	"archive/zip"
	"bytes"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/view"
)

// unpack unpacks a bundle.
func unpack(t *testing.T, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, m := range z.File {
		r, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, m.Name), string(text))
	}
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var code = regexp.MustCompile(`(?s)<pre[^>]*><code>(.*?)</code></pre>(?:<p class="want">gives <code class="hash">([0-9a-f]+)</code></p>)?`)

// blocks are the commands of a page, as a reader copies them: the functions
// first; with each what it must print, if the page says so.
func blocks(page string) (setup string, commands, wants []string) {
	for _, m := range code.FindAllStringSubmatch(page, -1) {
		text := html.UnescapeString(m[1])
		if strings.Contains(text, "member()") {
			setup = text
			continue
		}
		commands, wants = append(commands, text), append(wants, m[2])
	}
	return setup, commands, wants
}

func shell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out) + "\n" + err.Error()
	}
	return string(out)
}

// nasty are names that mean something to a shell. None has a line break: records
// refuse those.
const nasty = "it's $(touch pwned); -rf *\\ \"q\" 100%"

// TestCommands runs the commands of a page in the bundle that the page is about,
// beside the data and artefacts: each must give what the page says.
func TestCommands(t *testing.T) {
	for _, tool := range []string{"sh", "openssl", "od", "find"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	s := newStory(t)
	s.keep(audit.DataRegistered, audit.TrainStarted, audit.TrainFinished, audit.Approved, audit.Exported) // each record costs 30 processes
	work := t.TempDir()
	// A real data set, and artefacts, with names that a shell could mistake.
	for name, text := range map[string]string{"b.txt": "b", "sub/100%.txt": "percent", "a b'c\"d\\e": "odd", "-n": "dash", "empty": ""} {
		write(t, filepath.Join(work, nasty, name), text)
	}
	result, err := fingerprint.Run(t.Context(), filepath.Join(work, nasty), fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.predicates {
		for i := range p.Data {
			if p.Data[i].Name == "nuscenes" {
				p.Data[i].Name, p.Data[i].Fingerprint = nasty, *result
			}
		}
		for i := range p.Outputs {
			if p.Outputs[i].Name == "model.pt" {
				p.Outputs[i] = audittest.Artifact("-"+nasty, "weights")
			}
		}
	}
	s.of(audit.TrainStarted).Data[0].Role = "train"
	finished := s.of(audit.TrainFinished)
	finished.Outputs = append(finished.Outputs, audit.Artifact{
		Name: nasty, Kind: "folder", Size: int64(result.Bytes), Tree: &result.Tree, Digest: audit.DigestSet{"sha3_512": result.Manifest.String()},
	})
	s.of(audit.Approved).Approval.Document = s.document("minutes.txt", "approved by the board")
	life := s.timeline()
	text := page(t, life, view.Options{Documents: s})

	bundle := unpack(t, s.bundle(life, map[string][]byte{"index.html": []byte(text)}))
	write(t, filepath.Join(work, "-"+nasty), "weights")
	write(t, filepath.Join(work, "model.onnx"), "onnx run-bev-seg-3.2.0")

	setup, commands, wants := blocks(text)
	if setup == "" || len(commands) < 2*len(life.Events) {
		t.Fatalf("the page has %d blocks of commands, and setup %q", len(commands), setup)
	}
	checked := map[string]int{}
	for i, block := range commands {
		dir := bundle
		if strings.HasPrefix(block, "manifest") || strings.Contains(block, nastyQuoted) || strings.Contains(block, "model.onnx") {
			dir = work
		}
		if block == "manifest nuscenes-test" {
			continue // made up: there is no such folder
		}
		for _, line := range strings.Split(block, "\n") {
			verb, _, _ := strings.Cut(line, " ")
			if checked[verb]++; checked[verb] > 2 && strings.Contains("included signed said", verb) {
				continue // as those before
			}
			if verb == "sed" { // package bundle runs the whole of it
				line = strings.Replace(line, "sh -e", "grep -c pkeyutl", 1)
			}
			out := strings.TrimSpace(shell(t, dir, setup+"\n"+line+"\n"))
			switch verb {
			case "included", "signed", "checkpoint":
				if !strings.HasSuffix(out, ": OK") || strings.Contains(out, "WRONG") {
					t.Errorf("%s: %s", line, out)
				}
			case "said":
				if !strings.HasPrefix(out, `{"_type":"https://in-toto.io/Statement/v1"`) {
					t.Errorf("%s: %s", line, out)
				}
			case "sed":
				if out != "2" {
					t.Errorf("%s: %s", line, out)
				}
			default: // prints a digest, which stands on the page
				digest := regexp.MustCompile(`\b([0-9a-f]{128}|[0-9a-f]{64})\b`).FindString(out)
				if digest == "" || !strings.Contains(text, ">"+digest+"<") && !strings.Contains(line, digest) {
					t.Errorf("%s: prints %q, which the page does not have", line, out)
				}
				if wants[i] != "" && digest != wants[i] {
					t.Errorf("%s: prints %s, and the page says %s", line, digest, wants[i])
				}
			}
		}
	}
	for _, verb := range []string{"openssl", "included", "signed", "said", "checkpoint", "manifest", "{", "sed"} {
		if checked[verb] == 0 {
			t.Errorf("no command %s", verb)
		}
	}
	for _, dir := range []string{bundle, work} {
		if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
			t.Error("a name was run as a command")
		}
	}
}

var nastyQuoted = strings.ReplaceAll(nasty, "'", `'\''`)

// TestCommandsRefuse changes a bundle, and runs the commands for what changed.
func TestCommandsRefuse(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl here")
	}
	s := newStory(t)
	s.keep(audit.DataRegistered, audit.TrainStarted, audit.TrainFinished, audit.Approved, audit.Exported)
	life := s.timeline()
	setup, _, _ := blocks(page(t, life, view.Options{}))
	file := s.bundle(life, nil)
	record := "records/000000000003.dsse.json"
	cases := map[string]struct {
		change  func(dir string)
		command string
	}{
		"a record was replaced": {func(dir string) { move(t, dir, "records/000000000001.dsse.json", record) }, "included 3"},
		"its payload was changed": {func(dir string) {
			edit(t, filepath.Join(dir, record), func(b []byte) []byte { b[40] ^= 1; return b })
		}, "signed 3"},
		"the key is another": {func(dir string) {
			names, err := filepath.Glob(filepath.Join(dir, "keys", "[0-9a-f]*.pem"))
			if err != nil || len(names) < 2 {
				t.Fatal(names, err)
			}
			k, err := keys.Generate(keys.Ed25519)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				write(t, name, string(k.Public().PEM()))
			}
		}, "signed 3"},
		"the root is another": {func(dir string) {
			edit(t, filepath.Join(dir, "checkpoint"), func(b []byte) []byte {
				lines := bytes.Split(b, []byte("\n"))
				lines[2] = []byte("AAAA" + string(lines[2][4:]))
				return bytes.Join(lines, []byte("\n"))
			})
		}, "included 3"},
		"the checkpoint was changed": {func(dir string) {
			edit(t, filepath.Join(dir, "checkpoint"), func(b []byte) []byte { return bytes.Replace(b, []byte("\n7\n"), []byte("\n8\n"), 1) })
		}, "checkpoint"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := unpack(t, file)
			if out := shell(t, dir, setup+"\n"+c.command); !strings.Contains(out, ": OK") {
				t.Fatalf("before: %s", out)
			}
			c.change(dir)
			if out := shell(t, dir, setup+"\n"+c.command); strings.Contains(out, ": OK") {
				t.Errorf("%s", out)
			}
		})
	}
}

// TestSignedBySeveral checks a record that keys of both algorithms signed.
func TestSignedBySeveral(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl here")
	}
	dir := t.TempDir()
	var signers []*keys.Private
	for _, a := range keys.Algorithms {
		k, err := keys.Generate(a)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, k)
		write(t, filepath.Join(dir, "keys", k.Public().ID()+".pem"), string(k.Public().PEM()))
	}
	record, err := audit.Seal(audittest.Event(audit.Retired, "m", "1", "", 0), signers...)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "records/000000000000.dsse.json"), string(record))
	setup, err := os.ReadFile("page/check.sh")
	if err != nil {
		t.Fatal(err)
	}
	if out := shell(t, dir, string(setup)+"\nsigned 0"); strings.Count(out, ": OK") != 2 || strings.Contains(out, "WRONG") {
		t.Error(out)
	}

	// Signed by a key that is not the one of that id.
	id := signers[0].Public().ID()
	forged := strings.Repeat("0", len(id))
	move(t, dir, "keys/"+id+".pem", "keys/"+forged+".pem")
	write(t, filepath.Join(dir, "records/000000000000.dsse.json"), strings.ReplaceAll(string(record), id, forged))
	if out := shell(t, dir, string(setup)+"\nsigned 0"); !strings.Contains(out, "key "+forged+": WRONG") {
		t.Error(out)
	}
}

func move(t *testing.T, dir, from, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, from))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, to), string(text))
}

func edit(t *testing.T, file string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(change(text)))
}
