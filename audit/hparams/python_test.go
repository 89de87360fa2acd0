package hparams

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPythonHook reads what the Python client writes: every value arrives with
// the type that it had there.
func TestPythonHook(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	file := filepath.Join(t.TempDir(), "used.json")
	const script = `
import collections, dataclasses, enum, pathlib, sys
sys.dont_write_bytecode = True
sys.path.insert(0, "../../clients/python")
import auditlog_hook

class Mode(enum.Enum):
    FAST = "fast"

@dataclasses.dataclass
class Optim:
    lr: float
    betas: tuple

class Scalar:  # as numpy and torch have them
    shape = ()
    def item(self):
        return 0.5

auditlog_hook.dump({
    "none": None, "yes": True, "one": 1, "float": 1.0, "text": "1", "big": 2**70, "tiny": 1e-4,
    "nan": float("nan"), "inf": float("inf"), "minus": float("-inf"), "zero": -0.0,
    "raw": b"\x00\xff", "mode": Mode.FAST, "path": pathlib.PurePosixPath("a/b"), "scalar": Scalar(),
    "optim": Optim(0.1, (0.9, 0.999)), "set": {"b", "a"}, "odd": {"$float": 3}, "umlaut": "ä\u2028",
    "nested": collections.OrderedDict(a={"b": [1, {"c": None}]}), 7: "number as key", "a.b": "dot",
}, sys.argv[1])

for bad in (object(), open, [1, {"x": object()}]):
    try:
        auditlog_hook.dumps({"bad": bad})
    except TypeError as e:
        assert "bad" in str(e), e
    else:
        raise AssertionError(bad)
`
	if out, err := exec.Command("python3", "-c", script, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Parse("used.json", Hook, data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	form, err := doc.Set.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"params":[` +
		`{"k":"7","t":"str","v":"number as key"},` +
		`{"k":"a\\.b","t":"str","v":"dot"},` +
		`{"k":"big","t":"bigint","v":"1180591620717411303424"},` +
		`{"k":"float","t":"f64","v":"1"},` +
		`{"k":"inf","t":"f64","v":"inf"},` +
		`{"k":"minus","t":"f64","v":"-inf"},` +
		`{"k":"mode","t":"str","v":"fast"},` +
		`{"k":"nan","t":"f64","v":"nan"},` +
		`{"k":"nested.a.b","t":"list","v":[{"t":"i64","v":"1"},{"t":"map","v":[{"k":"c","t":"null","v":null}]}]},` +
		`{"k":"none","t":"null","v":null},` +
		`{"k":"odd.$float","t":"i64","v":"3"},` +
		`{"k":"one","t":"i64","v":"1"},` +
		`{"k":"optim.betas","t":"list","v":[{"t":"f64","v":"0.9"},{"t":"f64","v":"0.999"}]},` +
		`{"k":"optim.lr","t":"f64","v":"0.1"},` +
		`{"k":"path","t":"str","v":"a/b"},` +
		`{"k":"raw","t":"bytes","v":"AP8="},` +
		`{"k":"scalar","t":"f64","v":"0.5"},` +
		`{"k":"set","t":"list","v":[{"t":"str","v":"a"},{"t":"str","v":"b"}]},` +
		`{"k":"text","t":"str","v":"1"},` +
		`{"k":"tiny","t":"f64","v":"0.0001"},` +
		`{"k":"umlaut","t":"str","v":"ä` + "\u2028" + `"},` +
		`{"k":"yes","t":"bool","v":true},` +
		`{"k":"zero","t":"f64","v":"-0"}],"v":1}`
	if string(form) != want {
		t.Errorf("read as\n%s\nwant\n%s", form, want)
	}
}
