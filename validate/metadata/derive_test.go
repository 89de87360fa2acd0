package metadata

import (
	"testing"

	"github.com/google/uuid"
)

// TestNamespace derives the namespace of the standard as docs/formats.md says.
func TestNamespace(t *testing.T) {
	if ns := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/mmaudit/mmaudit")); ns != Namespace {
		t.Errorf("%s, want %s", ns, Namespace)
	}
}

// TestDerive holds the derivation against vectors made by Python:
//
//	ns = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/mmaudit/mmaudit")
//	uuid.uuid5(ns, key)
func TestDerive(t *testing.T) {
	for key, want := range map[string]string{
		"kitti-raw/2011_09_26_drive_0001/0000000001":                            "befdbd7e-78bc-5f67-85e2-27733c527cfd",
		"kitti-raw/2011_09_26_drive_0001/0000000004":                            "fd0df411-a777-5d11-9bcb-c0a73e9d9f40",
		"kitti-object/testing/000123":                                           "bb049fcd-f123-5ddf-a62e-cbf3526860a6",
		"kitti-tracking/testing/0003/000017":                                    "96493c70-79c9-57f1-880a-2c319f52c4d1",
		"nuscenes/ca9a282c9e77460f8360f564131a8af5":                             "4e5834d8-fc3a-5c15-b41b-d08fe07b5d42",
		"t4/dataset-1/ca9a282c9e77460f8360f564131a8af5":                         "1b07f7e7-3383-5983-8f62-4c8f6386abe7",
		"lyft/24b0962e44420e6322de3f25d9e4e5cc3c7a348ec00bfa69db21517e4ca92cc8": "a3ab3389-d47f-5348-948f-ec04f89b7414",
	} {
		if got := Derive(key).String(); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// FuzzParseID holds the parser of ids against the library: what it accepts,
// the library reads alike, and prints again unless digits were upper case.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{
		"befdbd7e-78bc-5f67-85e2-27733c527cfd", "BEFDBD7E-78BC-5F67-85E2-27733C527CFD",
		"{befdbd7e-78bc-5f67-85e2-27733c527cfd}", "urn:uuid:befdbd7e-78bc-5f67-85e2-27733c527cfd", "befdbd7e78bc5f6785e227733c527cfd", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, upper, ok := ParseID(s)
		want, err := uuid.Parse(s)
		if ok && (err != nil || id != want || !upper && id.String() != s) {
			t.Errorf("%q: %s %v, the library says %s %v", s, id, upper, want, err)
		}
		if !ok && len(s) == 36 && err == nil {
			t.Errorf("%q was refused, the library reads %s", s, want)
		}
	})
}
