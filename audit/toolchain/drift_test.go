package toolchain

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func recordRow(name, content string) string {
	sum := sha256.Sum256([]byte(content))
	return fmt.Sprintf("%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(content))
}

func TestPackageDrift(t *testing.T) {
	const site, info = "venv/lib/python3.11/site-packages/", "torch-2.4.0.dist-info/"
	meta := "Name: torch\nVersion: 2.4.0\n"
	files := map[string]string{
		"venv/pyvenv.cfg":     "version = 3.11.2\n",
		"venv/bin/torchrun":   "#!python\n",
		site + "torch/cut.so": "",
		// Hidden by another of its name: not what runs.
		site + "hidden-1.dist-info/METADATA":                                     "Name: hidden\nVersion: 1\n",
		site + "hidden-1.dist-info/RECORD":                                       recordRow("gone.py", "x"),
		"home/u/.local/lib/python3.11/site-packages/hidden-2.dist-info/METADATA": "Name: hidden\nVersion: 2\n",
		site + "torch/a.py":                                                      "as installed",
		site + "torch/b, c.py":                                                   "as installed, with a comma",
		site + "torch/empty.py":                                                  "",
		site + "torch/edited.py":                                                 "editeD",
		site + "torch/longer.py":                                                 "was shorter",
		site + "torch/folder.py":                                                 "->.",
		site + info + "METADATA":                                                 meta,
	}
	files[site+info+"RECORD"] = recordRow("torch/a.py", "as installed") + recordRow(`"torch/b, c.py"`, "as installed, with a comma") +
		// The hash of nothing, as others write it.
		"torch/empty.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n" +
		recordRow("torch/edited.py", "edited") + recordRow("torch/longer.py", "shorter") + recordRow("torch/gone.py", "x") + recordRow("torch/folder.py", "y") +
		recordRow("../../../bin/torchrun", "#!python\n") + recordRow(info+"METADATA", meta) +
		"torch/__pycache__/a.pyc,,\ntorch/odd,md5=x,1\n" + info + "RECORD,,\n" + fmt.Sprintf("torch/big.so,sha256=%s,%d\n", strings.Repeat("A", 43), maxHashed+1) +
		fmt.Sprintf("torch/cut.so,sha256=%s,%d\n", strings.Repeat("A", 43), maxHashed+1)
	dir := tree(t, files)
	big, err := os.Create(filepath.Join(dir, site, "torch/big.so"))
	if err != nil || big.Truncate(maxHashed+1) != nil {
		t.Fatal(err)
	}
	big.Close()
	o := Options{Root: dir, Env: []string{"VIRTUAL_ENV=/venv", "HOME=/home/u"}}
	if f := capture(t, o).Fields["python.drift"]; f.Error != errNotAsked.Error() {
		t.Errorf("%+v", f)
	}
	o.Drift = true
	r := capture(t, o)
	at := "/" + site + "torch/"
	want(t, r, "python.drift", `{"packages":1,"files":11,"bySize":2,"changed":[{"path":"`+at+`cut.so","package":"torch","how":"changed"},`+
		`{"path":"`+at+`edited.py","package":"torch","how":"changed"},{"path":"`+at+`folder.py","package":"torch","how":"unreadable"},`+
		`{"path":"`+at+`gone.py","package":"torch","how":"missing"},{"path":"`+at+`longer.py","package":"torch","how":"changed"}]}`, "RECORD of each package")
	if !flagged(r, "files-changed") {
		t.Errorf("%v", r.Flags)
	}
}

func TestDpkgDrift(t *testing.T) {
	sum := func(content, name string) string { return fmt.Sprintf("%x  %s\n", md5.Sum([]byte(content)), name) }
	files := map[string]string{
		"proc/sys/kernel/osrelease":                           "6.1.0\n",
		"usr/lib/x86_64-linux-gnu/libcuda.so.1":               "->libcuda.so.535.129.03",
		"usr/lib/x86_64-linux-gnu/libcuda.so.535.129.03":      "driver",
		"usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1":          "->libnvidia-ml.so.535.129.03",
		"usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.129.03": "patched",
		"lib/modules/6.1.0/updates/dkms/nvidia.ko":            "built here",
		"opt/libcublas.so.12":                                 "",
		"var/lib/dpkg/info/libcuda1:amd64.md5sums":            sum("driver", "usr/lib/x86_64-linux-gnu/libcuda.so.535.129.03") + "rubbish\n" + sum("x", "usr/share/doc/libcuda1"),
		// Listed as before the merge of /usr.
		"var/lib/dpkg/info/libnvidia-ml1:amd64.md5sums": sum("unpatched", "lib/x86_64-linux-gnu/libnvidia-ml.so.535.129.03"),
		"var/lib/dpkg/info/libcublas.md5sums":           "d41d8cd98f00b204e9800998ecf8427e  opt/libcublas.so.12\n",
	}
	libs := []Library{{SONAME: "libcublas.so.12", Path: "/opt/libcublas.so.12", Method: Observed, SameFile: true}}
	r := capture(t, Options{Root: tree(t, files), Libraries: libs, Drift: true})
	want(t, r, "dpkg.drift", `{"packages":3,"files":3,"changed":[{"path":"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.129.03","package":"libnvidia-ml1:amd64","how":"changed"}],`+
		`"unowned":["/lib/modules/6.1.0/updates/dkms/nvidia.ko"]}`, "/var/lib/dpkg/info/*.md5sums")
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(recordRow("a.py", "x") + "b.pyc,,\n\"c, d\",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"))
	f.Add([]byte("\"unclosed"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, _ := records(data)
		for _, r := range rows {
			if r.path == "" || len(r.digest) != sha256.Size || r.size < -1 {
				t.Errorf("%+v", r)
			}
		}
	})
}
