package dsse

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/keys"
)

// TestForeign holds envelopes against go-securesystemslib, and the statements
// in them against in-toto's attestation: they verify ours, and we theirs.
func TestForeign(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another program: run without -short")
	}
	var stderr bytes.Buffer
	build := exec.Command("go", "-C", filepath.Join("..", "..", "tools"), "tool", "-n", "envelope")
	build.Stderr = &stderr
	built, err := build.Output()
	if err != nil {
		t.Skipf("go-securesystemslib cannot be built here: %v\n%s", err, &stderr)
	}
	program, dir := strings.TrimSpace(string(built)), t.TempDir()
	run := func(input []byte, env string, args ...string) (string, error) {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env, cmd.Stdin = dir, append(os.Environ(), env), bytes.NewReader(input)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	signers := generate(t, 3)
	var private, publics []string
	for i, k := range signers {
		file, err := k.Marshal(nil)
		if err != nil {
			t.Fatal(err)
		}
		name := "key" + strconv.Itoa(i)
		write(t, dir, name, file)
		write(t, dir, name+".pub", k.Public().PEM())
		private, publics = append(private, name), append(publics, name+".pub")
	}
	for n := 1; n <= 3; n++ {
		envelope := sign(t, statement, signers[:n]...)
		var want []string
		for _, k := range signers[:n] {
			want = append(want, k.Public().ID())
		}
		slices.Sort(want)
		out, err := run(envelope, "", append([]string{"verify", strconv.Itoa(n)}, publics...)...)
		if err != nil || out != strings.Join(append(want, statement), "\n") {
			t.Errorf("%d of 3: it says %s, %v", n, out, err)
		}
		if n < 3 {
			if out, err := run(envelope, "", append([]string{"verify", strconv.Itoa(n + 1)}, publics...)...); err == nil {
				t.Errorf("%d of 3: it says %s", n+1, out)
			}
		}
		bad := bytes.Replace(envelope, []byte("eyJf"), []byte("eyJg"), 1)
		if out, err := run(bad, "", append([]string{"verify", "1"}, publics...)...); err == nil {
			t.Errorf("a changed payload: it says %s", out)
		}
		// Theirs, with key IDs as we make them and as they do.
		for _, env := range []string{"FOREIGN_IDS=", "FOREIGN_IDS=1"} {
			out, err := run([]byte(statement), env, append([]string{"sign"}, private[:n]...)...)
			if err != nil {
				t.Fatal(out, err)
			}
			e, err := ParseForeign([]byte(out))
			if err != nil {
				t.Fatal(err)
			}
			if by, err := e.Verify(n, public(signers...)...); err != nil || len(by) != n || string(e.Payload) != statement {
				t.Errorf("%s: %v, %v", out, by, err)
			}
			if n < 3 {
				if by, err := e.Verify(n+1, public(signers...)...); err == nil {
					t.Errorf("%s: %v", out, by)
				}
			}
		}
	}
	// Ed25519 has one signature, so theirs is ours.
	out, err := run([]byte(statement), "", "sign", private[0])
	if err != nil {
		t.Fatal(out, err)
	}
	e, err := ParseForeign([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := e.Marshal(); err != nil || !bytes.Equal(ours, sign(t, statement, signers[0])) {
		t.Errorf("%s, %v", ours, err)
	}
}

// TestByHand runs the commands of docs/formats.md, as they stand there.
func TestByHand(t *testing.T) {
	for _, tool := range []string{"sh", "sed", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## Envelope\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```sh\n")
	if len(blocks) != 2 {
		t.Fatalf("docs/formats.md has %d blocks of commands for envelopes", len(blocks)-1)
	}
	commands, _, _ := strings.Cut(blocks[1], "```")
	comment := map[keys.Algorithm]string{keys.Ed25519: "# Ed25519", keys.ECDSAP256: "# ECDSA"}
	large := `{"padding":"` + strings.Repeat("x", 45_000) + `"}`
	for _, payload := range []string{statement, "", large} {
		signers := generate(t, 2)
		for _, k := range signers {
			for _, damaged := range []bool{false, true} {
				dir := t.TempDir()
				envelope := sign(t, payload, signers...)
				if damaged {
					e := parseOK(t, envelope)
					e.Payload = append(e.Payload, ' ')
					if envelope, err = e.Marshal(); err != nil {
						t.Fatal(err)
					}
				}
				write(t, dir, "envelope", envelope)
				write(t, dir, "key.pub", k.Public().PEM())
				script := "set -e\n"
				for line := range strings.Lines(commands) {
					if !strings.Contains(line, " # ") || strings.Contains(line, comment[k.Public().Algorithm()]) {
						script += line
					}
				}
				cmd := exec.Command("sh", "-c", script)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				ok := err == nil && (strings.Contains(string(out), "Signature Verified Successfully") || strings.Contains(string(out), "Verified OK"))
				if ok == damaged {
					t.Errorf("%s, damaged %v: %v\n%s\n%s", k.Public().Algorithm(), damaged, err, script, out)
				}
				if !damaged && !strings.Contains(string(out), k.Public().ID()) {
					t.Errorf("the key's ID is %s:\n%s", k.Public().ID(), out)
				}
			}
		}
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
