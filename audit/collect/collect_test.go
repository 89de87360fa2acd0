package collect

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/redact"
	"github.com/mmaudit/mmaudit/audit/store"
)

var siteKey = bytes.Repeat([]byte{7}, 32)

func newCollector(t *testing.T) *Collector {
	t.Helper()
	c, err := New(siteKey, store.Blobs{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var token = "gh" + "p_" + strings.Repeat("aB3dE5gH7", 4)

// TestRedactReachesEveryText puts a token into each text of a predicate in turn:
// it must be gone, or be refused. What is neither is listed here, with why.
func TestRedactReachesEveryText(t *testing.T) {
	closed := map[string]string{ // cannot hold free text: Validate says so
		"Event": "enumeration", "Prev.Digest": "hexadecimal", "Time.Claimed": "time", "Actor.KeyID": "hexadecimal",
		"Time.BootID": "of the kernel", "Params.Method": "enumeration", "Params.Files.Format": "enumeration", "Params.Flags.Code": "ours",
		"Data.Fingerprint.Status": "enumeration", "Data.Fingerprint.CacheOff": "ours", "Data.AcquiredAt": "time",
		"Process.Started": "time", "Process.Ended": "time", "Process.Signal": "of the kernel", "Process.Host": "a commitment",
		"Outputs.Kind": "enumeration", "Export.From.Kind": "enumeration", "Metrics.Value": "decimal", "Metrics.Data": "hexadecimal",
		"Validation.Verdict": "enumeration", "Evaluation.Verdict": "enumeration",
		"Evaluation.Thresholds.Op": "enumeration", "Evaluation.Thresholds.Value": "decimal", "Approval.Expires": "time",
		"Deployment.Result": "enumeration", "Incident.Severity": "enumeration",
		"Ledger.Log": "verifier key", "Ledger.Keys.ID": "hexadecimal", "Ledger.Keys.Algorithm": "enumeration", "Ledger.Keys.Roles": "enumeration",
		"Ledger.Policy.Threshold": "enumeration", "Ledger.Policy.Separate": "enumeration",
		"Key.Old": "hexadecimal", "Key.Log": "verifier key", "Key.New.ID": "hexadecimal", "Key.New.Algorithm": "enumeration", "Key.New.Roles": "enumeration",
		"Policy.Threshold": "enumeration", "Policy.Separate": "enumeration",
	}
	seen := map[string]bool{}
	eachString(reflect.TypeFor[audit.Predicate](), "", func(path string) {
		seen[path] = true
		p := &audit.Predicate{}
		if !setString(reflect.ValueOf(p).Elem(), strings.Split(path, ".")[1:], "x "+token) {
			t.Fatalf("%s was not set", path)
		}
		name := strings.TrimPrefix(path, ".")
		err := Redact(p, siteKey)
		gone := !strings.Contains(fmt.Sprintf("%+v", flat(reflect.ValueOf(p))), token)
		switch {
		case closed[name] != "" || strings.Contains(name, "Digest.") || strings.HasSuffix(name, ".Digest") || strings.HasPrefix(name, "Toolchain.Summary"):
			// digests are hexadecimal; the summary was redacted when it was captured
		case errors.Is(err, ErrSecret):
			if strings.Contains(err.Error(), token) {
				t.Errorf("%s: the error repeats the secret", name)
			}
		case err != nil || !gone:
			t.Errorf("%s holds a token after Redact: %v", name, err)
		}
	})
	for name := range closed {
		if !seen["."+name] {
			t.Errorf("there is no %s", name)
		}
	}
	if len(seen) < 80 {
		t.Errorf("%d strings in a predicate", len(seen))
	}
}

// eachString calls f with the path of each string that a type can hold.
func eachString(t reflect.Type, path string, f func(string)) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		eachString(t.Elem(), path, f)
	case reflect.Map:
		if t.Elem().Kind() == reflect.String || t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.Int {
			f(path)
		} else {
			eachString(t.Elem(), path, f)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if fd := t.Field(i); fd.IsExported() && fd.Tag.Get("json") != "-" {
				eachString(fd.Type, path+"."+fd.Name, f)
			}
		}
	case reflect.String:
		f(path)
	}
}

// setString sets the string at a path, making what is on the way.
func setString(v reflect.Value, path []string, text string) bool {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return setString(v.Elem(), path, text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return setString(v.Index(0), path, text)
	case reflect.Array:
		return setString(v.Index(0), path, text)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key := reflect.New(v.Type().Key()).Elem()
		key.SetString("k")
		value := reflect.New(v.Type().Elem()).Elem()
		switch value.Kind() {
		case reflect.String:
			value.SetString(text)
		case reflect.Struct:
			if !setString(value, path, text) {
				return false
			}
		default:
			key.SetString(text)
		}
		v.SetMapIndex(key, value)
		return true
	case reflect.Struct:
		return len(path) > 0 && setString(v.FieldByName(path[0]), path[1:], text)
	case reflect.String:
		v.SetString(text)
		return len(path) == 0
	}
	return false
}

// flat follows pointers, which %+v prints as addresses.
func flat(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return flat(v.Elem())
	case reflect.Struct:
		var all []any
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				all = append(all, flat(v.Field(i)))
			}
		}
		return all
	case reflect.Slice:
		var all []any
		for i := range v.Len() {
			all = append(all, flat(v.Index(i)))
		}
		return all
	}
	return v.Interface()
}

// TestRedactKeepsNames: a run id that looks random is found again.
func TestRedactKeepsNames(t *testing.T) {
	p := audittest.Event(audit.TrainStarted, "bev-seg", "3.2.0", "01JDQ8Z5W3YV7T9K2M4N6P8R0S", 1)
	before := *p
	if err := Redact(p, siteKey); err != nil {
		t.Fatal(err)
	}
	if p.Run != before.Run || p.Model != before.Model {
		t.Errorf("%+v", p)
	}
	if _, err := p.Encode(); err != nil {
		t.Error(err)
	}
}

func TestParams(t *testing.T) {
	c := newCollector(t)
	yaml := write(t, "cfg.yaml", "lr: 1e-4\nopt: {name: adam, betas: [0.9, 0.999]}\nhub_token: "+token+"\n")
	toml := write(t, "more.toml", "epochs = 12\n[opt]\nname = \"sgd\"\n")
	got, err := c.Params(t.Context(), ParamsSource{Files: []string{yaml, toml}, Args: []string{"epochs=20"}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := hparams.NewSet([]hparams.Param{
		{Key: "epochs", Value: hparams.Value{Type: hparams.I64, Text: "20"}},
		{Key: "hub_token", Value: hparams.Value{Type: hparams.Redacted, Text: c.redactor.Commit(token)}},
		{Key: "lr", Value: hparams.OfFloat(1e-4)},
		{Key: "opt.betas", Value: hparams.Value{Type: hparams.List, List: []hparams.Value{hparams.OfFloat(0.9), hparams.OfFloat(0.999)}}},
		{Key: "opt.name", Value: hparams.OfString("sgd")},
	})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := want.Hash()
	if err != nil || got.Hash != hash {
		t.Errorf("hash %s, want %s, %v", got.Hash, hash, err)
	}
	form, err := want.Canonical()
	if err != nil || got.Form.Digest["sha3_512"] != audit.DigestOf(form) {
		t.Errorf("form %+v, %v", got.Form, err)
	}
	tree, err := want.Tree(store.ParamsSecret(siteKey, hash))
	if err != nil || got.Tree != tree.Root() {
		t.Errorf("tree %+v, %v", got.Tree, err)
	}
	if got.Method != "declared" || !slices.Equal(got.Redacted, []string{"hub_token"}) || len(got.Files) != 3 || got.Files[2].Format != hparams.KV {
		t.Errorf("%+v", got)
	}
	var codes []string
	for _, f := range got.Flags {
		codes = append(codes, f.Code+" "+f.Key)
	}
	if want := []string{"ambiguous lr", "overridden opt.name", "overridden epochs"}; !slices.Equal(codes, want) {
		t.Errorf("flags %q, want %q", codes, want)
	}
	again, err := c.Params(t.Context(), ParamsSource{Files: []string{yaml, toml}, Args: []string{"epochs=20"}})
	if err != nil || again.Tree != got.Tree {
		t.Errorf("the same set has another tree: %v", err)
	}
}

func TestParamsOfHook(t *testing.T) {
	c := newCollector(t)
	hook := write(t, "dump.json", `{"auditlog_hook": 1, "params": {"lr": 0.001, "x": {"$float": "nan"}}}`)
	got, err := c.Params(t.Context(), ParamsSource{Hooks: []string{hook}})
	if err != nil || got.Method != "observed" || got.Tree.Count != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestParamsSecretFlags: a flag says that something was overridden or is
// ambiguous, and not what a secret was.
func TestParamsSecretFlags(t *testing.T) {
	c := newCollector(t)
	yaml := write(t, "cfg.yaml", "db: {password: 0123}\nhub_token: "+token+"\n")
	got, err := c.Params(t.Context(), ParamsSource{Files: []string{yaml}, Args: []string{"db.password=hunter2", "hub_token=x"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Flags) < 2 {
		t.Errorf("flags %+v", got.Flags)
	}
	for _, f := range got.Flags {
		for _, secret := range []string{"0123", "123", "83", "hunter2", token} {
			if strings.Contains(f.Message, secret) {
				t.Errorf("flag %+v holds a secret", f)
			}
		}
	}
}

func TestParamsFail(t *testing.T) {
	c := newCollector(t)
	for name, from := range map[string]ParamsSource{
		"absent":  {Files: []string{"nowhere.yaml"}},
		"format":  {Files: []string{write(t, "cfg.ini", "a=1")}},
		"broken":  {Files: []string{write(t, "cfg.json", "{")}},
		"twice":   {Files: []string{write(t, "cfg.yaml", "a: 1\na: 2")}},
		"kv":      {Args: []string{"novalue"}},
		"hook":    {Hooks: []string{write(t, "h.json", `{"a": 1}`)}},
		"big":     {Files: []string{write(t, "big.json", strings.Repeat(" ", hparams.MaxFile+1))}},
		"keyname": {Args: []string{token + "=1"}},
	} {
		if got, err := c.Params(t.Context(), from); err == nil {
			t.Errorf("%s: %+v", name, got)
		} else if strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestArtifact compares digests with openssl.
func TestArtifact(t *testing.T) {
	c := newCollector(t)
	path := write(t, "model.pt", "weights")
	a, err := c.Artifact(t.Context(), path)
	if err != nil || a.Name != "model.pt" || a.Kind != "file" || a.Size != 7 {
		t.Fatalf("%+v, %v", a, err)
	}
	dir := filepath.Dir(path)
	folder, err := c.Artifact(t.Context(), dir)
	if err != nil || folder.Kind != "folder" || folder.Tree == nil || folder.Size != 7 {
		t.Fatalf("%+v, %v", folder, err)
	}
	manifest := write(t, "manifest", a.Digest["sha3_512"]+"  model.pt\n")
	ssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl to compare with")
	}
	for name, digest := range map[string]string{"sha3_512": "-sha3-512", "sha256": "-sha256"} {
		for file, got := range map[string]audit.DigestSet{path: a.Digest, manifest: folder.Digest} {
			out, err := exec.Command(ssl, "dgst", digest, "-r", file).Output()
			if want, _, _ := strings.Cut(string(out), " "); err != nil || got[name] != want {
				t.Errorf("%s of %s is %s, openssl says %s, %v", name, filepath.Base(file), got[name], want, err)
			}
		}
	}
	if _, err := c.Artifact(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("what is not there has a digest")
	}
}

func TestData(t *testing.T) {
	c := newCollector(t)
	c.Blobs = store.Blobs{}
	path := write(t, "a.txt", "a")
	d, err := c.Data(t.Context(), DataSource{Path: filepath.Dir(path), Role: "train", Source: "somewhere"})
	if err != nil || d.Listing == nil || d.Fingerprint.Files != 1 || d.Role != "train" || d.Source != "somewhere" || d.Name != filepath.Base(filepath.Dir(path)) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = c.Data(t.Context(), DataSource{Path: filepath.Dir(path), Name: "kitti", NoListing: true}); err != nil || d.Listing != nil || d.Name != "kitti" {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := c.Data(t.Context(), DataSource{Path: path + "x"}); err == nil {
		t.Error("what is not there has a fingerprint")
	}
}

func TestDocument(t *testing.T) {
	c := newCollector(t)
	a, err := c.Document(t.Context(), write(t, "plan.PDF", "%PDF"))
	if err != nil || a.MediaType != "application/pdf" || a.Name != "plan.PDF" || a.Size != 4 {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err = c.Document(t.Context(), write(t, "plan.xyz", "x")); err != nil || a.MediaType != "application/octet-stream" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, path := range []string{t.TempDir(), "nowhere", os.DevNull} {
		if _, err := c.Document(t.Context(), path); err == nil {
			t.Errorf("%s is a document", path)
		}
	}
}

func TestValidation(t *testing.T) {
	c := newCollector(t)
	const report = `{"schema_version":"1.0","tool":{"name":"mmvalidate","version":"0.3"},"scope":{"deep":false,"sample":1,"filtered":false},"totals":{"error":0,"warning":2,"info":1},"complete":true}`
	for name, test := range map[string]struct{ old, new, verdict string }{
		"pass":     {"", "", "pass"},
		"fail":     {`"error":0`, `"error":3`, "fail"},
		"partial":  {`"complete":true`, `"complete":false`, "incomplete"},
		"sample":   {`"sample":1`, `"sample":10`, "incomplete"},
		"filtered": {`"filtered":false`, `"filtered":true`, "incomplete"},
		"version":  {`"1.0"`, `"2.0"`, ""},
		"totals":   {`"totals"`, `"x"`, ""},
		"complete": {`"complete"`, `"x"`, ""},
		"tool":     {`"name":"mmvalidate"`, `"name":""`, ""},
		"text":     {report, "all is well", ""},
	} {
		v, err := c.Validation(t.Context(), write(t, "report.json", strings.Replace(report, test.old, test.new, 1)))
		if test.verdict == "" {
			if err == nil {
				t.Errorf("%s: %+v", name, v)
			}
			continue
		}
		if err != nil || v.Verdict != test.verdict || v.Tool != "mmvalidate 0.3" || v.Warnings != 2 || v.Report == nil {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

func TestNow(t *testing.T) {
	p := audittest.Event(audit.Incident, "m", "1", "", 1)
	p.Time = Now()
	if _, err := p.Encode(); err != nil {
		t.Error(err)
	}
}

// FuzzRedact: what Redact leaves has no token, whatever stands around it.
func FuzzRedact(f *testing.F) {
	f.Add("a ", " b")
	f.Add("", "")
	f.Add("https://u:", "@host")
	f.Fuzz(func(t *testing.T, before, after string) {
		p := audittest.Event(audit.Incident, "m", "1", "", 1)
		p.Note = before + " " + token + " " + after
		if err := Redact(p, siteKey); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(p.Note, token) || redact.HasToken(p.Note) && !redact.HasToken(before+" "+after) {
			t.Errorf("%q", p.Note)
		}
	})
}
