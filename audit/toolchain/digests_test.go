//go:build linux

package toolchain

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filled gives digests of two files that could be remembered, and their form on
// disk.
func filled(t testing.TB) (*Digests, []byte) {
	t.Helper()
	d := &Digests{changed: true, m: map[fileID]remembered{
		{1, 2, 3, 4, -5}:            {digest: sha3Text("a"), used: true, local: true},
		{1 << 63, 9, 1 << 40, 6, 7}: {digest: sha3Text("b"), local: true},
		{1, 3, 3, 4, 5}:             {digest: sha3Text("on NFS"), used: true},
	}}
	name := filepath.Join(t.TempDir(), "digests")
	if err := d.Save(name); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return d, data
}

func TestDigestsOnDisk(t *testing.T) {
	_, data := filled(t)
	body := "1 2 3 4 -5 " + sha3Text("a") + "\n9223372036854775808 9 1099511627776 6 7 " + sha3Text("b") + "\n"
	if want := "auditlog/digests/v1 " + sha3Text(body) + "\n" + body; string(data) != want {
		t.Errorf("\n got %s\nwant %s", data, want)
	}
	name := filepath.Join(t.TempDir(), "digests")
	var d Digests
	if err := d.Load(name); err != nil || len(d.m) != 0 {
		t.Errorf("a file that does not exist: %v", err)
	}
	if err := d.Save(name); err != nil {
		t.Error(err)
	} else if _, err := os.Stat(name); err == nil {
		t.Error("nothing was written, and it exists")
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// What this process knows itself is better.
	d.m = map[fileID]remembered{{1, 2, 3, 4, -5}: {digest: sha3Text("own"), used: true, local: true}}
	if err := d.Load(name); err != nil || len(d.m) != 2 || d.m[fileID{1, 2, 3, 4, -5}].digest != sha3Text("own") || d.m[fileID{1 << 63, 9, 1 << 40, 6, 7}].digest != sha3Text("b") {
		t.Errorf("%+v, %v", d.m, err)
	}
	if err := os.Chmod(name, 0o620); err != nil {
		t.Fatal(err)
	}
	if err := new(Digests).Load(name); !errors.Is(err, ErrDigests) {
		t.Errorf("a file that the group may write: %v", err)
	}
}

// Every flipped bit and every cut is found; nothing of a damaged file is used.
func TestDigestsDamage(t *testing.T) {
	_, data := filled(t)
	whole, ok := parseDigests(data)
	if !ok || len(whole) != 2 {
		t.Fatal(whole)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if _, ok := parseDigests(bad); ok {
			t.Errorf("byte %d flipped", i)
		}
		if _, ok := parseDigests(data[:i]); ok {
			t.Errorf("cut at %d", i)
		}
	}
	name := filepath.Join(t.TempDir(), "digests")
	if err := os.WriteFile(name, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	d, _ := filled(t)
	before := maps.Clone(d.m)
	if err := d.Load(name); !errors.Is(err, ErrDigests) || !maps.Equal(d.m, before) {
		t.Errorf("%v", err)
	}
	d.changed = true
	if err := d.Save(name); err != nil {
		t.Error(err)
	}
	if err := new(Digests).Load(name); err != nil {
		t.Errorf("made anew: %v", err)
	}
}

// What rests on remembered digests says so, in each field.
func TestCachedIsSaid(t *testing.T) {
	dir := tree(t, workstation)
	name := filepath.Join(t.TempDir(), "digests")
	first := &Digests{}
	for _, file := range []string{"usr/local/cuda-11.5/bin/nvcc", "lib/firmware/nvidia/535.129.03/gsp_ga10x.bin"} {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		digest, method, err := first.hash(context.Background(), f)
		if err != nil || method != Observed {
			t.Fatal(method, err)
		}
		// The files of a test are too young to be remembered.
		id, err := identify(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if first.m == nil {
			first.m = map[fileID]remembered{}
		}
		first.m[id] = remembered{digest: digest, used: true, local: true}
		first.changed = true
	}
	if err := first.Save(name); err != nil {
		t.Fatal(err)
	}
	digests := &Digests{}
	if err := digests.Load(name); err != nil {
		t.Fatal(err)
	}
	plain := capture(t, Options{Root: dir, Toolkit: true})
	r := capture(t, Options{Root: dir, Toolkit: true, Digests: digests})
	for _, field := range []string{"cuda.toolkit_tree", "nvidia.driver_files"} {
		if plain.Fields[field].Method != Observed || r.Fields[field].Method != Cached || show(plain.Fields[field].Value) != show(r.Fields[field].Value) {
			t.Errorf("%s: %s and %s", field, show(plain.Fields[field]), show(r.Fields[field]))
		}
	}
	libs := []Library{{SONAME: "libcuda.so.1", Path: "/x", Method: Observed, SameFile: true}, {SONAME: "libcudart.so.12", Path: "/y", Method: Cached, SameFile: true}}
	for n, want := range map[int]Method{1: Observed, 2: Cached} {
		if got := capture(t, Options{Root: dir, Libraries: libs[:n]}).Fields["cuda.runtime_set"].Method; got != want {
			t.Errorf("of %d libraries: %s", n, got)
		}
	}
	if r.Fields["cuda.toolkit"].Method != Observed {
		t.Error("a field without digests is cached")
	}
}

func FuzzDigests(f *testing.F) {
	_, data := filled(f)
	f.Add(data)
	f.Add([]byte("auditlog/digests/v1 " + sha3Text("") + "\n"))
	f.Add([]byte("auditlog/digests/v1 " + sha3Text("1 2 3 4 5 x\n") + "\n1 2 3 4 5 x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, ok := parseDigests(data)
		if !ok && found != nil {
			t.Error("not taken, and not nothing")
		}
		for id, digest := range found {
			if len(digest) != 128 || strings.ContainsAny(digest, " \n") {
				t.Errorf("%+v: %q", id, digest)
			}
		}
	})
}
