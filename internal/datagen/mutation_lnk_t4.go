package datagen

var lnkT4Mutations = []Mutation{
	{Rule: "LNK030", Base: baseT4, Apply: editInfo(func(source *Record) { source.Set("idx_begin", source.Int("idx_begin")+1) })},
	{Rule: "LNK030", Name: "overlap", Base: baseT4, Apply: editInfo(func(source *Record) {
		source.Set("idx_begin", source.Int("idx_begin")-1)
		source.Set("length", source.Int("length")+1)
	})},
	{Rule: "LNK030", Name: "short", Base: baseT4, Apply: editInfo(func(source *Record) { source.Set("length", source.Int("length")-1) })},
	{Rule: "LNK030", Name: "sensor", Base: baseT4, Apply: editInfo(func(source *Record) { source.Set("sensor_token", "none") })},
	{Rule: "LNK030", Name: "shape", Base: baseT4, Apply: editInfo(func(source *Record) { source.Delete("length") })},
	{Rule: "LNK031", Base: baseT4, Apply: assign("traffic_light", nil, "primitive_id", "1002")},
	{Rule: "LNK031", Name: "absent", Base: baseT4, Apply: assign("traffic_light", nil, "primitive_id", "7")},
	{Rule: "LNK031", Name: "torn map", Base: baseT4, Apply: func(d *Dir) error {
		return d.Edit("map/lanelet2_map.osm", func(b []byte) []byte { return b[:len(b)/2] })
	}},
}

// editInfo makes a mutation of the last source of the first cloud's
// description.
func editInfo(edit func(source *Record)) func(*Dir) error {
	return func(d *Dir) error {
		var failed error
		err := d.Edit(t4Description, func(b []byte) []byte {
			rows, err := parseTable([]byte("[" + string(b) + "]"))
			if err != nil {
				failed = err
				return b
			}
			sources, err := parseTable([]byte(rows[0].Literal("sources")))
			if err != nil {
				failed = err
				return b
			}
			edit(sources[len(sources)-1])
			rows[0].Set("sources", sources)
			return append(rows[0].append(nil), '\n')
		})
		if failed != nil {
			return failed
		}
		return err
	}
}
