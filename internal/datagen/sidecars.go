package datagen

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The sidecars of generated data sets, made from what the generators wrote
// and from docs/formats.md alone: the oracle of annotate and of the rules
// about metadata.

// A mmRecord is one line of a sidecar.
type mmRecord struct {
	sample, channel, file, key, source string
	offset                             int64
	id                                 string // "": derived from key
}

// A mmSet is the metadata of one data set.
type mmSet struct {
	name, schema string
	entry        map[string]any // of the descriptor, without name
	groups       map[string][]mmRecord
	syncMap      []byte // "" for none
	times        map[string]int64
	keys         map[string]string
}

// Data sets with their sidecars.
var (
	mmRaw      = annotated("kitti-raw-mm", KITTIRaw{Seed: 1, Drives: 1, Frames: 12}.write, mmRoot{"", []oracle{describeRaw("")}})
	mmKITTI    = annotated("kitti-mm", baseKITTIPairWrite, mmRoot{"", []oracle{describeObject(""), describeRaw("")}})
	mmNuScenes = annotated("nuscenes-mm", NuScenes{Seed: 1}.write, mmRoot{"", []oracle{describeNuScenes("")}})
	mmPair     = annotated("pair-mm", Pair{Seed: 1, Frames: 12}.write,
		mmRoot{"kitti", []oracle{describeObject("kitti"), describeRaw("kitti")}}, mmRoot{"nuscenes", []oracle{describeShared("kitti", "nuscenes")}})
)

// Odometry with the raw drive that its sequence 03 was cut from.
var (
	mmOdometry      = annotated("odometry-mm", writeSequence(false), mmRoot{"odometry", []oracle{describeSequence("kitti_odometry")}}, mmRoot{"raw", []oracle{describeRaw("raw")}})
	mmSemanticKITTI = annotated("semantickitti-mm", writeSequence(true), mmRoot{"odometry", []oracle{describeSequence("semantickitti")}}, mmRoot{"raw", []oracle{describeRaw("raw")}})
)

// Annotated lists the data sets with sidecars, for the test that holds
// annotate against them.
func Annotated() []Base {
	return []Base{mmRaw, mmKITTI, mmNuScenes, mmPair, mmOdometry, mmSemanticKITTI}
}

// sequenceDrive is the raw drive of sequence 03, by the owner's table.
const sequenceDrive = kittiDate + "_drive_0067"

func sequenceKey(frame int) string { return fmt.Sprintf("kitti-raw/%s/%010d", sequenceDrive, frame) }

// writeSequence gives the first drive of raw the name that sequence 03 of
// odometry, which shows the same scene, has in raw.
func writeSequence(labels bool) func(put sink) error {
	return func(put sink) error {
		err := (KITTIRaw{Seed: 1, Drives: 1, Frames: 5}).write(func(name string, content []byte) error {
			return put("raw/"+strings.Replace(name, kittiDrive(kittiDrives[0]), sequenceDrive, 1), content)
		})
		if err != nil {
			return err
		}
		return KITTIOdometry{Seed: 1, Frames: 5, Labels: labels}.write(func(name string, content []byte) error {
			return put("odometry/"+name, content)
		})
	}
}

var sequencePayload = regexp.MustCompile(`^odometry/(sequences/03/(image_\d|velodyne)/(\d{6})\.\w+)$`)

// describeSequence gives the metadata of sequence 03. Sequence 11 has no place
// in raw, and the standard demands no records for it.
func describeSequence(schema string) oracle {
	return func(files map[string][]byte) mmSet {
		semantics := map[string]string{"velodyne": "mid"}
		s := mmSet{
			name: schema, schema: schema, groups: map[string][]mmRecord{},
			entry: map[string]any{"reference": "image_0", "clock": "relative", "stamp_semantics": semantics},
		}
		stamps := stampsOf(under(files, "raw"))
		for name := range files {
			m := sequencePayload.FindStringSubmatch(name)
			if m == nil {
				continue
			}
			stream := "velodyne_points"
			if m[2] != "velodyne" {
				stream, semantics[m[2]] = "image_0"+strings.TrimPrefix(m[2], "image_"), "trigger"
			}
			k, _ := strconv.Atoi(m[3])
			s.groups["03"] = append(s.groups["03"], mmRecord{
				sample: "03/" + m[3], channel: m[2], file: m[1], key: sequenceKey(k),
				offset: stamps[sequenceDrive+"/"+stream][k] - stamps[sequenceDrive+"/image_00"][k],
				source: fmt.Sprintf("%s/timestamps.txt:%d", stream, k+1),
			})
		}
		return s
	}
}

// An oracle gives the metadata of one data set from all files that were
// generated.
type oracle func(files map[string][]byte) mmSet

// A mmRoot is a folder with a descriptor.
type mmRoot struct {
	dir  string
	sets []oracle
}

// annotated makes a Base of what write writes, with the sidecars that the
// oracles give for it.
func annotated(name string, write func(put sink) error, roots ...mmRoot) Base {
	b := cached(name, func(put sink) error {
		files := map[string][]byte{}
		err := write(func(name string, content []byte) error {
			files[name] = content
			return put(name, content)
		})
		if err != nil {
			return err
		}
		for _, r := range roots {
			var sets []mmSet
			for _, o := range r.sets {
				sets = append(sets, o(files))
			}
			in := func(name string, content []byte) error { return put(path.Join(r.dir, name), content) }
			if err := putSidecars(in, sets); err != nil {
				return err
			}
		}
		return nil
	})
	b.Annotated = true
	return b
}

// under gives the files below a folder, with names relative to it.
func under(files map[string][]byte, dir string) map[string][]byte {
	if dir == "" {
		return files
	}
	out := map[string][]byte{}
	for name, content := range files {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			out[rest] = content
		}
	}
	return out
}

func putSidecars(put sink, sets []mmSet) error {
	var entries []any
	for _, s := range sets {
		for group, records := range s.groups {
			if err := put(".mm/"+s.name+"/"+group+".jsonl", sidecar(s, group, records)); err != nil {
				return err
			}
		}
		if s.syncMap != nil {
			s.entry["sync_map"] = ".mm/sync_map.jsonl"
			if err := put(".mm/sync_map.jsonl", s.syncMap); err != nil {
				return err
			}
		}
		entries = append(entries, ordered{s.name, s.entry})
	}
	b, err := json.MarshalIndent(struct {
		Version  string `json:"schema_version"`
		Standard string `json:"standard"`
		Datasets []any  `json:"datasets"`
	}{"1.0", "RFC-2025-04", entries}, "", "  ")
	if err != nil {
		return err
	}
	return put("mm_dataset.json", append(b, '\n'))
}

// ordered is a descriptor's entry with its members in the order of the standard.
type ordered struct {
	name   string
	values map[string]any
}

func (o ordered) MarshalJSON() ([]byte, error) {
	b := fmt.Appendf(nil, `{"name":%q`, o.name)
	for _, k := range []string{"reference", "clock", "stamp_semantics", "sync_map"} {
		if v, ok := o.values[k]; ok {
			text, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			b = fmt.Appendf(b, `,%q:%s`, k, text)
		}
	}
	return append(b, '}'), nil
}

func sidecar(s mmSet, group string, records []mmRecord) []byte {
	sort.Slice(records, func(i, j int) bool {
		a, b := records[i], records[j]
		return a.sample < b.sample || a.sample == b.sample && a.channel < b.channel
	})
	b := fmt.Appendf(nil, `{"schema_version":"1.0","standard":"RFC-2025-04","dataset":"%s","group":"%s"}`+"\n", s.name, group)
	for _, r := range records {
		if r.id == "" {
			r.id = uuid5(r.key)
		}
		b = fmt.Appendf(b, `{"dataset":"%s","sample":"%s","channel":"%s","file":"%s","sensor_sync_id":"%s","temporal_offset_ns":%d,"modality_schema":"%s","source":"%s"}`+"\n",
			s.name, r.sample, r.channel, r.file, r.id, r.offset, s.schema, r.source)
	}
	return b
}

// uuid5 is RFC 9562 version 5 in the namespace of the standard.
func uuid5(key string) string {
	h := sha1.New()
	h.Write([]byte{0xa5, 0x78, 0xfa, 0xfa, 0x4c, 0xdf, 0x56, 0x73, 0x81, 0xcf, 0x7d, 0xe1, 0x2f, 0xe2, 0xd6, 0x61})
	h.Write([]byte(key))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

var rawPayload = regexp.MustCompile(`^\d{4}_\d\d_\d\d/(\d{4}_\d\d_\d\d_drive_\d{4})_sync/(\w+)/data/(\d{10})\.\w+$`)

// stampsOf reads the stamps of every stream: drive/folder -> ns.
func stampsOf(files map[string][]byte) map[string][]int64 {
	out := map[string][]int64{}
	for name, content := range files {
		dir, base := path.Split(name)
		if base != "timestamps.txt" {
			continue
		}
		drive := strings.TrimSuffix(path.Base(path.Dir(path.Clean(dir))), "_sync")
		for line := range strings.Lines(string(content)) {
			t, err := time.Parse("2006-01-02 15:04:05.000000000", strings.TrimSpace(line))
			if err != nil {
				panic(err) // the generator wrote it
			}
			out[drive+"/"+path.Base(dir)] = append(out[drive+"/"+path.Base(dir)], t.UnixNano())
		}
	}
	return out
}

// describeRaw gives the metadata of a KITTI raw data set.
func describeRaw(dir string) oracle {
	return func(files map[string][]byte) mmSet { return rawSet(under(files, dir)) }
}

func rawSet(files map[string][]byte) mmSet {
	s := mmSet{
		name: "kitti_raw", schema: "kitti_raw", groups: map[string][]mmRecord{}, times: map[string]int64{}, keys: map[string]string{},
		entry: map[string]any{"reference": "image_00", "clock": "local", "stamp_semantics": map[string]string{
			"image_00": "trigger", "image_01": "trigger", "image_02": "trigger", "image_03": "trigger", "velodyne": "mid",
		}},
	}
	stamps := stampsOf(files)
	for name := range files {
		m := rawPayload.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		k, _ := strconv.Atoi(m[3])
		sample := m[1] + "/" + m[3]
		ref := stamps[m[1]+"/image_00"][k]
		s.times[sample], s.keys[sample] = ref, "kitti-raw/"+sample
		s.groups[m[1]] = append(s.groups[m[1]], mmRecord{
			sample: sample, channel: strings.TrimSuffix(m[2], "_points"), file: name, key: "kitti-raw/" + sample,
			offset: stamps[m[1]+"/"+m[2]][k] - ref, source: fmt.Sprintf("%s/timestamps.txt:%d", m[2], k+1),
		})
	}
	return s
}

// describeObject gives the metadata of the KITTI object data set that lies
// beside the raw data set of its seed.
func describeObject(dir string) oracle {
	return func(files map[string][]byte) mmSet { return objectSet(under(files, dir)) }
}

func objectSet(files map[string][]byte) mmSet {
	s := mmSet{
		name: "kitti_v2.1", schema: "kitti_v2.1", groups: map[string][]mmRecord{},
		entry: map[string]any{"reference": "image_00", "clock": "local", "stamp_semantics": map[string]string{
			"image_02": "trigger", "image_03": "trigger", "velodyne": "mid",
		}},
	}
	stamps := stampsOf(files)
	lines := strings.Split(string(files["mapping/train_mapping.txt"]), "\n")
	for i, n := range strings.Split(strings.TrimSpace(string(files["mapping/train_rand.txt"])), ",") {
		line, _ := strconv.Atoi(n)
		f := strings.Fields(lines[line-1])
		drive := strings.TrimSuffix(f[1], "_sync")
		k, _ := strconv.Atoi(f[2])
		for _, c := range []struct{ channel, file, stream string }{
			{"image_02", "image_2/%06d.png", "image_02"},
			{"image_03", "image_3/%06d.png", "image_03"},
			{"velodyne", "velodyne/%06d.bin", "velodyne_points"},
		} {
			s.groups["training"] = append(s.groups["training"], mmRecord{
				sample: fmt.Sprintf("training/%06d", i), channel: c.channel, file: fmt.Sprintf("training/"+c.file, i),
				key: "kitti-raw/" + drive + "/" + f[2], offset: stamps[drive+"/"+c.stream][k] - stamps[drive+"/image_00"][k],
				source: fmt.Sprintf("%s/timestamps.txt:%d", c.stream, k+1),
			})
		}
	}
	return s
}

// describeNuScenes gives the metadata of a nuScenes data set.
func describeNuScenes(dir string) oracle {
	return func(files map[string][]byte) mmSet { return nuScenesSet(under(files, dir)) }
}

func nuScenesSet(files map[string][]byte) mmSet {
	version := ""
	for name := range files {
		if path.Base(name) == "sample_data.json" {
			version = path.Dir(name)
		}
	}
	s := mmSet{
		name: "nuscenes_v1.0/" + version, schema: "nuscenes_v1.0", groups: map[string][]mmRecord{}, times: map[string]int64{}, keys: map[string]string{},
		entry: map[string]any{"reference": "LIDAR_TOP", "clock": "utc"},
	}
	table := func(name string) map[string]*Record {
		rows, err := parseTable(files[version+"/"+name+".json"])
		if err != nil {
			panic(err) // the generator wrote it
		}
		out := map[string]*Record{}
		for _, r := range rows {
			out[r.Str("token")] = r
		}
		return out
	}
	scenes, samples, sensors, mounted := table("scene"), table("sample"), table("sensor"), table("calibrated_sensor")
	semantics := map[string]string{}
	for token, r := range table("sample_data") {
		if r.Literal("is_key_frame") != "true" {
			continue
		}
		sample := samples[r.Str("sample_token")]
		channel := sensors[mounted[r.Str("calibrated_sensor_token")].Str("sensor_token")].Str("channel")
		switch {
		case strings.HasPrefix(channel, "CAM_"):
			semantics[channel] = "trigger"
		case channel == "LIDAR_TOP":
			semantics[channel] = "end"
		}
		group, name := scenes[sample.Str("scene_token")].Str("name"), sample.Str("token")
		s.times[name], s.keys[name] = sample.Int("timestamp")*1000, "nuscenes/"+name
		s.groups[group] = append(s.groups[group], mmRecord{
			sample: name, channel: channel, file: r.Str("filename"), key: "nuscenes/" + name,
			offset: (r.Int("timestamp") - sample.Int("timestamp")) * 1000, source: "sample_data.json:" + token,
		})
	}
	s.entry["stamp_semantics"] = semantics
	return s
}

// describeShared gives the metadata of a nuScenes data set whose moments are
// frames of the KITTI raw data set beside it: they have the ids of those.
func describeShared(kitti, nuscenes string) oracle {
	return func(files map[string][]byte) mmSet {
		return sharedSet(rawSet(under(files, kitti)), nuScenesSet(under(files, nuscenes)))
	}
}

func sharedSet(raw, s mmSet) mmSet {
	type match struct{ a, b string }
	const clock = -kittiZone // raw shows the time in Karlsruhe
	var all []match
	for b, tb := range s.times {
		best := match{b: b}
		for a, ta := range raw.times {
			if best.a == "" || distanceOf(tb, ta+clock) < distanceOf(tb, raw.times[best.a]+clock) {
				best.a = a
			}
		}
		all = append(all, best)
	}
	slices.SortFunc(all, func(x, y match) int { return strings.Compare(x.a, y.a) })
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"schema_version":"1.0","standard":"RFC-2025-04","a":"%s","b":"%s","clock_offset_ns":%d}`+"\n", raw.name, s.name, int64(clock))
	id := map[string]string{}
	for _, m := range all {
		id[m.b] = uuid5(raw.keys[m.a])
		fmt.Fprintf(&b, `{"a":{"dataset":"%s","sample":"%s"},"b":{"dataset":"%s","sample":"%s"},"clock_offset_ns":%d,"sensor_sync_id":"%s"}`+"\n",
			raw.name, m.a, s.name, m.b, int64(clock), id[m.b])
	}
	for _, records := range s.groups {
		for i := range records {
			records[i].id = id[records[i].sample]
		}
	}
	s.syncMap = b.Bytes()
	return s
}

func distanceOf(a, b int64) int64 { return max(a-b, b-a) }
