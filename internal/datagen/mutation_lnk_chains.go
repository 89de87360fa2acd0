package datagen

// Rows of the generated tables, by their place: scene-0061 has the samples 0
// to 4 and scene-0655 the samples 5 to 9; each object has its annotations
// together, five a scene.

// linkRow makes a mutation that sets a link of the row at one position to the
// token of the row at another.
func linkRow(table string, at int, key string, to int) func(*Dir) error {
	return linkAmong(table, nil, at, key, to)
}

// linkAmong is linkRow among the rows that pick accepts, in the order of their
// time or, without, of the table.
func linkAmong(table string, pick func(*Record) bool, at int, key string, to int) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditTable(table, func(rows []*Record) []*Record {
			chosen := chosenRows(rows, pick)
			chosen[at].Set(key, chosen[to].Str("token"))
			return rows
		})
	}
}

// chosenRows gives the rows that pick accepts along their chain, which begins
// with the only one that has no prev; nil picks all, in the table's order.
func chosenRows(rows []*Record, pick func(*Record) bool) []*Record {
	if pick == nil {
		return rows
	}
	byToken := map[string]*Record{}
	var out []*Record
	for _, r := range rows {
		byToken[r.Str("token")] = r
		if pick(r) && r.Str("prev") == "" {
			out = []*Record{r}
		}
	}
	for r := byToken[out[0].Str("next")]; r != nil; r = byToken[r.Str("next")] {
		out = append(out, r)
	}
	return out
}

// cutChain makes a mutation that ends the chain at a row, and begins another with
// the next.
func cutChain(table string, pick func(*Record) bool, at int) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditTable(table, func(rows []*Record) []*Record {
			chosen := chosenRows(rows, pick)
			chosen[at].Set("next", "")
			chosen[at+1].Set("prev", "")
			return rows
		})
	}
}

// leaveOutRow makes a mutation that joins the neighbours of a row.
func leaveOutRow(table string, pick func(*Record) bool, at int) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditTable(table, func(rows []*Record) []*Record {
			chosen := chosenRows(rows, pick)
			before, r, behind := chosen[at-1], chosen[at], chosen[at+1]
			before.Set("next", behind.Str("token"))
			behind.Set("prev", before.Str("token"))
			r.Set("next", "")
			r.Set("prev", "")
			return rows
		})
	}
}

// swapRows makes a mutation that exchanges a row with the one behind it.
func swapRows(table string, pick func(*Record) bool, at int) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditTable(table, func(rows []*Record) []*Record {
			c := chosenRows(rows, pick)
			order := []*Record{c[at-1], c[at+1], c[at], c[at+2]}
			for i := range 3 {
				order[i].Set("next", order[i+1].Str("token"))
				order[i+1].Set("prev", order[i].Str("token"))
			}
			return rows
		})
	}
}

var (
	frontData = has("filename", "CAM_FRONT/n015")
	t4Back    = has("filename", "CAM_BACK")
)

var lnkChainsMutations = []Mutation{
	{Rule: "LNK004", Base: baseNuScenes, Apply: assign("sample", nth(1, nil), "next", none)},
	{Rule: "LNK004", Name: "data", Base: baseNuScenes, Apply: assign("sample_data", has("filename", "sweeps/CAM_FRONT/"), "prev", none)},
	{Rule: "LNK004", Name: "other table", Base: baseNuScenes, Apply: assignFrom("sample_annotation", nil, "next", "instance", nth(0, nil), "token")},
	{Rule: "LNK004", Name: "Lyft", Base: baseLyft, Apply: assign("sample_annotation", nil, "next", none64)},
	{Rule: "LNK005", Base: baseNuScenes, Apply: linkRow("sample_annotation", 1, "next", 3)},
	{Rule: "LNK005", Name: "prev", Base: baseNuScenes, Apply: linkRow("sample_annotation", 2, "prev", 0)},
	{Rule: "LNK005", Name: "data", Base: baseNuScenes, Apply: linkAmong("sample_data", frontData, 3, "next", 6)},
	{Rule: "LNK005", Name: "samples", Base: baseNuScenes, Apply: linkRow("sample", 1, "next", 3)},
	{Rule: "LNK005", Name: "one end", Base: baseNuScenes, Apply: assign("sample", nth(1, nil), "next", "")},
	{Rule: "LNK005", Name: "T4", Base: baseT4, Apply: linkAmong("sample_data", t4Back, 3, "prev", 1)},
	{Rule: "LNK006", Base: baseNuScenes, Apply: linkRow("sample_annotation", 3, "next", 1)},
	{Rule: "LNK006", Name: "self", Base: baseNuScenes, Apply: linkAmong("sample_data", frontData, 3, "next", 3)},
	{Rule: "LNK006", Name: "tail to head", Base: baseNuScenes, Apply: linkRow("sample", 4, "next", 0)},
	{Rule: "LNK006", Name: "prev", Base: baseNuScenes, Apply: linkRow("sample", 0, "prev", 2)},
	{Rule: "LNK006", Name: "T4", Base: baseT4, Apply: linkAmong("sample_data", t4Back, 5, "next", 2)},
	{Rule: "LNK007", Base: baseNuScenes, Apply: cutChain("sample_annotation", nil, 1)},
	{Rule: "LNK007", Name: "data", Base: baseNuScenes, Apply: cutChain("sample_data", frontData, 4)},
	{Rule: "LNK007", Name: "samples", Base: baseNuScenes, Apply: cutChain("sample", nil, 1)},
	{Rule: "LNK007", Name: "Lyft", Base: baseLyft, Apply: leaveOutRow("sample_annotation", nil, 2)},
	{Rule: "LNK008", Base: baseNuScenes, Apply: linkRow("sample", 2, "next", 7)},
	{Rule: "LNK008", Name: "joined", Base: baseNuScenes, Apply: func(d *Dir) error {
		if err := linkRow("sample", 4, "next", 5)(d); err != nil {
			return err
		}
		return linkRow("sample", 5, "prev", 4)(d)
	}},
	{Rule: "LNK008", Name: "scene of a sample", Base: baseNuScenes, Apply: assignFrom("sample", nth(2, nil), "scene_token", "scene", nth(1, nil), "token")},
	{Rule: "LNK008", Name: "instance of an annotation", Base: baseNuScenes, Apply: assignFrom("sample_annotation", nth(2, nil), "instance_token", "instance", nth(1, nil), "token")},
	{Rule: "LNK008", Name: "channels", Base: baseNuScenes, Apply: func(d *Dir) error {
		rows, err := d.Rows("sample_data")
		if err != nil {
			return err
		}
		back := chosenRows(rows, has("filename", "CAM_BACK/n015"))
		return assign("sample_data", where("token", chosenRows(rows, frontData)[3].Str("token")), "next", back[4].Str("token"))(d)
	}},
	{Rule: "LNK009", Base: baseNuScenes, Apply: leaveOutRow("sample_annotation", nil, 2)},
	{Rule: "LNK009", Name: "order", Base: baseNuScenes, Apply: swapRows("sample_annotation", nil, 1)},
	{Rule: "LNK009", Name: "samples", Base: baseNuScenes, Apply: leaveOutRow("sample", nil, 2)},
	{Rule: "LNK009", Name: "T4", Base: baseT4, Apply: swapRows("sample_annotation", nil, 1)},
	{Rule: "LNK010", Base: baseNuScenes, Apply: assignFrom("scene", nil, "first_sample_token", "sample", nth(1, nil), "token")},
	{Rule: "LNK010", Name: "instance", Base: baseNuScenes, Apply: assignFrom("instance", nil, "last_annotation_token", "sample_annotation", nth(3, nil), "token")},
	{Rule: "LNK010", Name: "Lyft", Base: baseLyft, Apply: assignFrom("scene", nil, "last_sample_token", "sample", nth(1, nil), "token")},
	{Rule: "LNK010", Name: "T4 empty", Base: baseT4, Apply: assign("instance", nil, "first_annotation_token", "")},
	{Rule: "LNK010", Name: "T4 other object", Base: baseT4, Apply: assignFrom("instance", nil, "first_annotation_token", "object_ann", nth(0, nil), "token")},
}
