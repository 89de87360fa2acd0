package datagen

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// baseT4Bag is a T4 data set with the recording that it was made from.
var baseT4Bag = Base{Name: "t4-bag", Generate: func(root string) error {
	if err := baseT4.Generate(root); err != nil {
		return err
	}
	return (&Dir{Root: root}).Write("input_bag/input_bag_0.mcap", recordingMCAP())
}}

var payContainersMutations = []Mutation{
	{Rule: "PAY031", Base: baseT4Bag, Apply: func(d *Dir) error {
		return d.Edit("input_bag/input_bag_0.mcap", cut(30))
	}},
	{Rule: "PAY031", Name: "crc", Base: baseT4Bag, Apply: func(d *Dir) error {
		return d.Edit("input_bag/input_bag_0.mcap", func(b []byte) []byte {
			b[bytes.LastIndex(b, []byte("profile"))]++ // inside the summary
			return b
		})
	}},
	{Rule: "PAY031", Name: "index", Base: baseT4Bag, Apply: func(d *Dir) error {
		return d.Write("input_bag/input_bag_0.mcap", mcap(8))
	}},
}

// recordingMCAP is a sound MCAP recording of one chunk without messages.
func recordingMCAP() []byte { return mcap(0) }

// mcap writes a recording whose chunk index is off by so many bytes.
func mcap(off uint64) []byte {
	u32, u64 := binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	text := func(b []byte, s string) []byte { return append(u32(b, uint32(len(s))), s...) }
	record := func(b []byte, op byte, body []byte) []byte {
		return append(u64(append(b, op), uint64(len(body))), body...)
	}
	magic := []byte("\x89MCAP0\r\n")

	b := record(slices.Clone(magic), 0x01, text(text(nil, "ros2"), "datagen")) // header
	at := uint64(len(b))
	chunk := u64(u64(nil, 100), 200)                    // first and last log_time
	chunk = u32(u64(chunk, 0), crc32.ChecksumIEEE(nil)) // size and CRC of the records
	chunk = u64(text(chunk, ""), 0)                     // no compression
	b = record(b, 0x06, chunk)
	length := uint64(len(b)) - at
	b = record(b, 0x0F, u32(nil, 0)) // end of the data section

	start := uint64(len(b))
	index := u64(u64(u64(u64(nil, 100), 200), at+off), length)
	index = u64(u32(index, 0), 0) // no message indexes
	index = u64(u64(text(index, ""), 0), 0)
	b = record(b, 0x08, index)
	statistics := u32(append(u64(nil, 0), 0, 0), 0)     // messages, schemas, channels
	statistics = u32(u32(u32(statistics, 0), 0), 1)     // attachments, metadata, chunks
	statistics = u32(u64(u64(statistics, 100), 200), 0) // times, messages by channel
	b = record(b, 0x0B, statistics)
	b = record(b, 0x0C, text(text(nil, "profile"), "")) // a record that readers skip here

	footer := u64(u64(nil, start), 0)
	crc := crc32.ChecksumIEEE(append(slices.Clone(b[start:]), append(u64([]byte{0x02}, 20), footer...)...))
	b = record(b, 0x02, u32(footer, crc))
	return append(b, magic...)
}
