package nuscenes

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// A Name is the path of a file: a shape that many names share, and the number
// that tells them apart, in nuScenes the time stamp. The zero Name is "".
// Tables.Name gives the path.
type Name struct {
	number uint64
	shape  uint32 // position in names.shapes + 1
}

// A RareName is a Name in 4 bytes, for columns that most rows leave empty. The
// zero RareName is ""; Tables.RareName gives the Name.
type RareName uint32

// A nameShape is a path without the last run of digits that a Name can hold.
type nameShape struct {
	head, tail string
	width      int // of the number, with leading zeros; 0: there is none
}

// maxWidth is the number of digits that surely fit a uint64.
const maxWidth = 19

// shapeOf takes a path apart.
func shapeOf(path string) (sh nameShape, number uint64) {
	end := len(path)
	for end > 0 && path[end-1]-'0' > 9 {
		end--
	}
	begin := end
	for begin > 0 && path[begin-1]-'0' <= 9 && end-begin < maxWidth {
		begin--
	}
	for _, c := range []byte(path[begin:end]) {
		number = number*10 + uint64(c-'0')
	}
	return nameShape{path[:begin], path[end:], end - begin}, number
}

// names keeps the shapes of names, each once. It is safe for concurrent use.
// A data set whose names have not much in common takes a shape for each.
type names struct {
	mu     sync.Mutex                   // guards number, rare, and who writes shapes
	number map[nameShape]uint32         // position in shapes + 1
	shapes atomic.Pointer[[]knownShape] // grows behind what was seen
	rare   []Name                       // by RareName - 1
}

type knownShape struct {
	nameShape
	plain bool // written without escapes
	// parts are those of each path of this shape but for the digits of Stamp,
	// which are the number, if uniform.
	parts   FileName
	uniform bool
}

// add gives the number of a shape. s is the schema of the data set.
func (n *names) add(sh nameShape, s dataset.Schema) uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k, ok := n.number[sh]; ok {
		return k
	}
	sh.head, sh.tail = strings.Clone(sh.head), strings.Clone(sh.tail)
	quoted := `"` + sh.path(0) + `"`
	k := knownShape{nameShape: sh, plain: jsonrow.PlainString([]byte(quoted)) == len(quoted), parts: ParseFileName(s, sh.path(0))}
	k.uniform = sh.width > 0 && k.parts.Stamp == strings.Repeat("0", sh.width) && strings.HasSuffix(sh.head, "__")
	var all []knownShape
	if old := n.shapes.Load(); old != nil {
		all = *old
	} else {
		n.number = map[nameShape]uint32{}
	}
	all = append(all, k)
	n.shapes.Store(&all)
	n.number[sh] = uint32(len(all))
	return uint32(len(all))
}

func (n *names) of(x Name) *knownShape { return &(*n.shapes.Load())[x.shape-1] }

func (sh *nameShape) path(number uint64) string {
	b := append(make([]byte, 0, len(sh.head)+sh.width+len(sh.tail)), sh.head...)
	if sh.width > 0 {
		digits := strconv.AppendUint(nil, number, 10)
		for range sh.width - len(digits) {
			b = append(b, '0')
		}
		b = append(b, digits...)
	}
	return string(append(b, sh.tail...))
}

// name gives the Name of a path.
func (t *Tables) name(path string) Name {
	if path == "" {
		return Name{}
	}
	sh, number := shapeOf(path)
	return Name{number, t.names.add(sh, t.Dataset.Schema)}
}

// keep gives the RareName of a Name.
func (n *names) keep(x Name) RareName {
	if x.shape == 0 {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rare = append(n.rare, x)
	return RareName(len(n.rare))
}

// RareName gives the Name that x stands for.
func (t *Tables) RareName(x RareName) Name {
	if x == 0 {
		return Name{}
	}
	t.names.mu.Lock()
	defer t.names.mu.Unlock()
	return t.names.rare[x-1]
}

// Name gives the path that n stands for.
func (t *Tables) Name(n Name) string {
	if n.shape == 0 {
		return ""
	}
	return t.names.of(n).path(n.number)
}

// FileName is ParseFileName of the path that n stands for. It leaves Stamp out
// where that is the number of n.
func (t *Tables) FileName(n Name) FileName {
	if n.shape == 0 {
		return FileName{}
	}
	k := t.names.of(n)
	if !k.uniform {
		return ParseFileName(t.Dataset.Schema, t.Name(n))
	}
	f := k.parts
	f.Stamp = ""
	return f
}

// NamedTime is the function of that name for the path that n stands for.
func (t *Tables) NamedTime(n Name) (ns, tolerance int64, ok bool) {
	if n.shape == 0 {
		return 0, 0, false
	}
	if k := t.names.of(n); k.uniform && t.Dataset.Schema == dataset.NuScenes {
		if k.width != stampDigits {
			return 0, 0, false
		}
		return int64(n.number) * 1000, 0, true
	}
	return NamedTime(t.Dataset.Schema, t.Name(n))
}

// A namer makes names for one worker, and remembers the last shapes.
type namer struct {
	t    *Tables
	last []rememberedShape // by hash
	here *rememberedShape  // of the last name
}

type rememberedShape struct {
	nameShape
	number uint32
	plain  bool
	next   *rememberedShape // of the name that followed
}

const rememberedShapes = 256

func newNamer(t *Tables) *namer {
	m := &namer{t: t, last: make([]rememberedShape, rememberedShapes)}
	m.here = &m.last[0]
	return m
}

// name gives the Name of a path, whose memory it does not keep.
func (m *namer) name(path []byte) Name {
	if len(path) == 0 {
		return Name{}
	}
	sh, number := shapeOf(unsafe.String(&path[0], len(path)))
	h := uint32(len(sh.head))
	for i := max(0, len(sh.head)-8); i < len(sh.head); i++ {
		h = h*31 + uint32(sh.head[i])
	}
	e := &m.last[h%rememberedShapes]
	if e.nameShape != sh {
		k := m.t.names.add(sh, m.t.Dataset.Schema)
		known := m.t.names.of(Name{shape: k})
		*e = rememberedShape{nameShape: known.nameShape, number: k, plain: known.plain}
	}
	m.here.next, m.here = e, e
	return Name{number, e.number}
}

// next gives the length of the plain string at the front of b, if it is a path
// of the shape that followed when the last one came before: the channels of a
// recording take turns. The path is moved to x.
func (m *namer) next(b []byte, x *Name) int {
	e := m.here.next
	if e == nil || e.width != stampDigits || !e.plain {
		return 0
	}
	n := 1 + len(e.head) + stampDigits + len(e.tail) + 1
	if len(b) < n || b[0] != '"' || b[n-1] != '"' || string(b[1:1+len(e.head)]) != e.head || string(b[n-1-len(e.tail):n-1]) != e.tail {
		return 0
	}
	number, ok := jsonrow.PlainStamp(b[1+len(e.head):])
	if !ok {
		return 0
	}
	m.here = e
	*x = Name{number, e.number}
	return n
}

// stampDigits is the number of digits of a time stamp in microseconds.
const stampDigits = 16
