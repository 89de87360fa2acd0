package audit_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
)

// TestDocuments: whatever is an attachment in the type of a predicate is found.
func TestDocuments(t *testing.T) {
	p := &audit.Predicate{}
	want := map[string]bool{}
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		if a, ok := v.Addr().Interface().(*audit.Attachment); ok {
			a.Name = fmt.Sprintf("document %d", len(want))
			want[a.Name] = true
			return
		}
		switch v.Kind() {
		case reflect.Pointer:
			if v.Type().Elem().PkgPath() == reflect.TypeFor[audit.Predicate]().PkgPath() {
				v.Set(reflect.New(v.Type().Elem()))
				fill(v.Elem())
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					fill(v.Field(i))
				}
			}
		}
	}
	fill(reflect.ValueOf(p).Elem())
	got := map[string]bool{}
	for _, d := range p.Documents() {
		got[d.Name] = true
		if d.Listing != (d.Member == "data[0].listing" || d.Member == "data[1].listing") {
			t.Errorf("%s: listing %v", d.Member, d.Listing)
		}
	}
	if !reflect.DeepEqual(got, want) || len(want) < 12 {
		t.Errorf("%v, want %v", got, want)
	}
}
