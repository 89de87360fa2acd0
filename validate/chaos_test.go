package validate_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/report"
)

// TestChaos damages files of valid data sets at random, several at once, and
// holds validation to what it promises whatever the input: it does not panic,
// it does not fail, and its report does not depend on the number of workers.
func TestChaos(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 1
	}
	for _, f := range datagen.Formats() {
		if f.Name == "nuscenes-tables" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := f.Write(3, 6, root); err != nil {
				t.Fatal(err)
			}
			files := tables(t, root)
			for round := range rounds {
				r := rand.New(rand.NewPCG(uint64(round), 0x6368616f73))
				what := ""
				for range 1 + r.IntN(3) {
					what += damage(t, r, files[r.IntN(len(files))]) + "; "
				}
				one, eight := jsonReport(t, root, 1), jsonReport(t, root, 8)
				if !bytes.Equal(one, eight) {
					t.Fatalf("round %d (%s): the report depends on the number of workers", round, what)
				}
			}
		})
	}
}

// tables lists the files of root that rules read rather than merely measure;
// a few of the payload stand for the rest.
func tables(t *testing.T, root string) (out []string) {
	t.Helper()
	payload := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(p) {
		case ".png", ".jpg", ".bin", ".npz", ".pcd", ".label":
			if payload++; payload%20 != 0 {
				return nil
			}
		}
		out = append(out, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// damage changes one file and says how.
func damage(t *testing.T, r *rand.Rand, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil { // an earlier round put a folder or a broken link there
		return "nothing"
	}
	at := 0
	if len(b) > 0 {
		at = r.IntN(len(b))
	}
	how := ""
	switch r.IntN(9) {
	case 0:
		b, how = b[:at], "cut"
	case 1:
		if len(b) > 0 {
			b[at], how = byte(r.IntN(256)), "one byte"
		}
	case 2:
		b, how = bytes.Replace(b, []byte("0"), []byte("1e999"), 1+r.IntN(3)), "a huge number"
	case 3:
		b, how = append(b[:at:at], append([]byte("\xff\xfe\x00[[[{{{\"NaN,"), b[at:]...)...), "noise"
	case 4:
		b, how = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), "CRLF"
	case 5:
		end := min(len(b), at+200)
		b, how = append(b[:end:end], b[at:]...), "a stretch twice"
	case 6:
		if i := bytes.IndexByte(b[at:], '"'); i >= 0 {
			b, how = append(b[:at+i:at+i], b[at+i+1:]...), "a quote less"
		}
	case 7:
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../../../../../etc", name); err != nil {
			t.Fatal(err)
		}
		return "a link out of " + name
	case 8:
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		return "a folder instead of " + name
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s in %s", how, name)
}

func jsonReport(t *testing.T, root string, jobs int) []byte {
	t.Helper()
	rep, err := validate.Run(t.Context(), []string{root}, validate.Options{Jobs: jobs})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.Write(&b, "json", rep, nil, report.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
