package rules

import (
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var lnkChains = []Rule{
	{
		ID: "LNK004", Slug: "chain-dangling", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: `next and prev name a row of their own table, or are "".`,
		Why:     "Walking a scene or a track stops with a KeyError at the missing row, and everything behind it is lost.",
		Example: `{"token": "ca9a282c…", "next": "39586f9d…", …} in sample.json, which has no row 39586f9d…`,
		Hint:    `restore the missing row, or end the chain with ""`,
		Checks: chainChecks(func(c *Ctx, v *chainView) {
			for f := range v.faults(nuscenes.ChainDangling) {
				token := v.token(f.Row, f.Field)
				where := "names no row of " + v.Table
				if elsewhere := v.t.Elsewhere(v.Table, token); len(elsewhere) > 0 {
					where = fmt.Sprintf("names a row of %s, not of %s", strings.Join(elsewhere, " and "), v.Table)
				}
				c.Report(v.finding(f, Finding{Message: f.Field + " " + where, Expected: "a token of " + v.Table, Actual: v.t.Text(token)}))
			}
		}),
	},
	{
		ID: "LNK005", Slug: "chain-asymmetric", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "The row that next names has this row as prev, and the other way round.",
		Why:     "Reading forward and reading backward visit different rows: velocities, sweeps and tracks depend on the direction.",
		Example: "a.next is b, but b.prev is c",
		Hint:    "make both links name each other",
		Checks: chainChecks(func(c *Ctx, v *chainView) {
			for f := range v.faults(nuscenes.ChainAsymmetric) {
				back := "prev"
				if f.Field == "prev" {
					back = "next"
				}
				answer := "is empty"
				if k := v.token(f.Other, back); !k.Zero() {
					answer = "is " + v.t.Text(k)
				}
				x := Finding{
					Message: fmt.Sprintf("%s is %s, whose %s %s", f.Field, v.text(f.Other), back, answer),
					Actual:  v.text(f.Other), Related: []Place{v.at(f.Other)},
				}
				if f.Want >= 0 {
					x.Expected = v.text(f.Want)
				}
				c.Report(v.finding(f, x))
			}
		}),
	},
	{
		ID: "LNK006", Slug: "chain-cycle", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "Following next or prev never comes back to a row.",
		Why:     "A reader that walks the chain to its end never stops.",
		Example: "c.next is a in a chain a, b, c",
		Hint:    `end the chain with "", or name the row that follows`,
		Checks: chainChecks(func(c *Ctx, v *chainView) {
			for f := range v.faults(nuscenes.ChainCycle) {
				m := f.Field + " names the row itself"
				if f.N > 1 {
					m = fmt.Sprintf("%s is %s and closes a ring of %d rows", f.Field, v.text(f.Other), f.N)
				}
				c.Report(v.finding(f, Finding{Message: m, Actual: v.text(f.Other)}))
			}
		}),
	},
	{
		ID: "LNK007", Slug: "chain-ends", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "The samples of a scene, the data of a channel in a scene and the annotations of an instance are one chain each, with one first and one last row.",
		Why:     "Readers begin at the first row and follow next: the rows of a second chain are never seen.",
		Example: "a chain a, b, c, d of which b.next and c.prev are empty",
		Hint:    "join the chains by next and prev",
		Checks: chainChecks(func(c *Ctx, v *chainView) {
			for f := range v.faults(nuscenes.ChainEnds) {
				c.Report(v.finding(f, Finding{
					Message:  fmt.Sprintf("%s is %d chains: one begins here, another at %s", v.group(v.Group[f.Row]), f.N, v.text(f.Other)),
					Expected: "1 chain", Actual: fmt.Sprintf("%d chains", f.N), Related: []Place{v.at(f.Other)},
				}))
			}
		}),
	},
	{
		ID: "LNK008", Slug: "chain-crosses", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "next and prev stay within one scene, one channel, one instance.",
		Why:     "A walk through one scene or one object wanders into another: two tracks melt into one.",
		Example: "the last sample of scene-0061 has the first sample of scene-0553 as next",
		Hint:    "name a row of the same scene, channel or instance, or correct the token that assigns the row to it",
		Checks: chainChecks(func(c *Ctx, v *chainView) {
			for f := range v.faults(nuscenes.ChainCrosses) {
				own, other := v.group(v.Group[f.Row]), v.group(v.Group[f.Other])
				m := fmt.Sprintf("%s leads from %s to %s", f.Field, own, other)
				if f.Field == "" {
					m = fmt.Sprintf("the row says that it belongs to %s, but next and prev lead to %s", own, other)
				}
				c.Report(v.finding(f, Finding{Message: m, Expected: own, Actual: other, Related: []Place{v.at(f.Other)}}))
			}
		}),
	},
	{
		ID: "LNK009", Slug: "chain-gap", Severity: rule.Warning, Formats: formats{nuScenes, t4},
		Summary: "A chain joins consecutive keyframes: none is left out between two that are joined, and annotations follow the order of their samples.",
		Why:     "Trackers take neighbours in the chain as neighbours in time: a keyframe that was passed over, or lies out of order, makes jumps that did not happen.",
		Example: "a, b, c are samples of one scene in this order; a.next is c, and b stands alone",
		Hint:    "put the keyframe where its time belongs",
		Checks: chainChecks(func(c *Ctx, v *chainView) {
			for f := range v.faults(nuscenes.ChainGap) {
				m := fmt.Sprintf("the keyframe is left out of the chain: it belongs behind %s", v.text(f.Other))
				if f.Field != "" {
					m = fmt.Sprintf("follows %s, which belongs to a later sample", v.text(f.Other))
				}
				c.Report(v.finding(f, Finding{Message: m, Related: []Place{v.at(f.Other)}}))
			}
		}),
	},
	{
		ID: "LNK010", Slug: "first-last", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "A scene's first and last sample, and an instance's first and last annotation, are the ends of their chains.",
		Why:     "Readers begin at the first_ token: what lies before it in the chain is never seen.",
		Example: "first_sample_token names the second sample of the scene",
		Hint:    "name the row whose prev is empty as first, and the row whose next is empty as last",
		Checks: []Check{
			rule.On(sceneEnds).Needing("scene", "sample"),
			rule.On(instanceEnds).Needing("instance", "sample_annotation"),
		},
	},
}

// chainChecks makes the checks of a rule about chains: one for each kind of
// chain, so that a broken table stops only those that it has to do with.
func chainChecks(f func(*Ctx, *chainView)) []Check {
	return []Check{
		rule.On(func(c *Ctx, t *nuscenes.Tables) { f(c, sampleChain(t)) }).Needing("sample", "scene"),
		rule.On(func(c *Ctx, t *nuscenes.Tables) { f(c, dataChain(t)) }).
			Needing("sample_data", "sample", "scene", "calibrated_sensor", "sensor"),
		rule.On(func(c *Ctx, t *nuscenes.Tables) { f(c, annotationChain(t)) }).Needing("sample_annotation", "instance"),
	}
}

// A chainView is a chain with what findings say about it.
type chainView struct {
	*nuscenes.Chain
	t     *nuscenes.Tables
	path  string
	at    func(row int32) Place
	token func(row int32, field string) nuscenes.Token // next or prev
	group func(group int32) string
}

func sampleChain(t *nuscenes.Tables) *chainView {
	return &chainView{
		t: t, path: t.Sample.Path, Chain: t.Chains().Sample,
		at: func(i int32) Place { return nuscenes.At(t, &t.Sample, i) },
		token: func(i int32, field string) nuscenes.Token {
			r := &t.Sample.Rows[i]
			return either(field, r.Next, r.Prev)
		},
		group: func(g int32) string { return t.Scene.Rows[g].Name },
	}
}

func dataChain(t *nuscenes.Tables) *chainView {
	return &chainView{
		t: t, path: t.SampleData.Path, Chain: t.Chains().SampleData,
		at: func(i int32) Place { return captureAt(t, i) },
		token: func(i int32, field string) nuscenes.Token {
			r := &t.SampleData.Rows[i]
			return either(field, r.Next, r.Prev)
		},
		group: func(g int32) string {
			s := t.Chains().Streams[g]
			return t.Sensor.Rows[s.Sensor].Channel + " in " + t.Scene.Rows[s.Scene].Name
		},
	}
}

func annotationChain(t *nuscenes.Tables) *chainView {
	return &chainView{
		t: t, path: t.SampleAnnotation.Path, Chain: t.Chains().SampleAnnotation,
		at: func(i int32) Place { return nuscenes.At(t, &t.SampleAnnotation, i) },
		token: func(i int32, field string) nuscenes.Token {
			r := &t.SampleAnnotation.Rows[i]
			return either(field, r.Next, r.Prev)
		},
		group: func(g int32) string { return "instance " + t.Text(t.Instance.Rows[g].Token) },
	}
}

func either(field string, next, prev nuscenes.Token) nuscenes.Token {
	if field == "prev" {
		return prev
	}
	return next
}

func (v *chainView) text(row int32) string { return v.at(row).Token }

// faults visits the faults of one kind.
func (v *chainView) faults(kind nuscenes.ChainKind) func(yield func(nuscenes.ChainFault) bool) {
	return func(yield func(nuscenes.ChainFault) bool) {
		for _, f := range v.Faults {
			if f.Kind == kind && !yield(f) {
				return
			}
		}
	}
}

func (v *chainView) finding(f nuscenes.ChainFault, x Finding) Finding {
	x.Place = v.at(f.Row)
	x.Key = strings.Join([]string{x.Table, x.Token, f.Field}, " ")
	return x
}

func sceneEnds(c *Ctx, t *nuscenes.Tables) {
	l, v := t.Links(), sampleChain(t)
	ends(c, v, func(g, first, last int32) {
		r := &t.Scene.Rows[g]
		end(c, v, nuscenes.At(t, &t.Scene, g), "first_sample_token", r.First, l.Scene.First[g], first)
		end(c, v, nuscenes.At(t, &t.Scene, g), "last_sample_token", r.Last, l.Scene.Last[g], last)
	})
}

func instanceEnds(c *Ctx, t *nuscenes.Tables) {
	l, v := t.Links(), annotationChain(t)
	// T4: an instance may name its own object_ann instead, and nothing if it has
	// no chain.
	image := func(g int32, k nuscenes.Token) bool {
		i, ok := t.ObjectAnn.Find(k)
		return ok && l.ObjectAnn.Instance[i] == g
	}
	is4 := t.Dataset.Schema == dataset.T4
	ends(c, v, func(g, first, last int32) {
		r := &t.Instance.Rows[g]
		for _, e := range []struct {
			column string
			k      nuscenes.Token
			is     int32
			want   int32
		}{
			{"first_annotation_token", r.First, l.Instance.First[g], first},
			{"last_annotation_token", r.Last, l.Instance.Last[g], last},
		} {
			if is4 && (e.is == nuscenes.Empty || e.is == nuscenes.Dangling) && !image(g, e.k) {
				if _, ok := t.ObjectAnn.Find(e.k); ok || e.k.Zero() {
					c.Report(endFinding(v, nuscenes.At(t, &t.Instance, g), e.column, e.k, e.want))
				}
				continue
			}
			end(c, v, nuscenes.At(t, &t.Instance, g), e.column, e.k, e.is, e.want)
		}
	})
}

// refuted says, for a rule that was not applied everywhere, which rules may
// have found why in a table.
func refuted(path string) string { return "LNK001 to LNK008 on " + path }

// ends visits the groups whose ends are known.
func ends(c *Ctx, v *chainView, visit func(group, first, last int32)) {
	unknown := false
	filled := make([]bool, v.Groups())
	for _, g := range v.Group {
		if g >= 0 {
			filled[g] = true
		}
	}
	for g := range int32(v.Groups()) {
		first, last := v.Head(g), v.Tail(g)
		if first >= 0 && last >= 0 {
			visit(g, first, last)
		} else if filled[g] {
			unknown = true
		}
	}
	if unknown {
		c.Skip(refuted(v.path))
	}
}

// end compares one token with the end of the chain that it should name.
func end(c *Ctx, v *chainView, at Place, column string, k nuscenes.Token, is, want int32) {
	if is >= 0 && is != want {
		c.Report(endFinding(v, at, column, k, want))
	}
}

func endFinding(v *chainView, at Place, column string, k nuscenes.Token, want int32) Finding {
	end := "first"
	if strings.HasPrefix(column, "last") {
		end = "last"
	}
	m := fmt.Sprintf("%s is not the %s row of the chain", column, end)
	if k.Zero() {
		m = column + " is empty, but there is a chain"
	}
	return Finding{
		Message: m, Place: at, Key: strings.Join([]string{at.Table, at.Token, column}, " "),
		Expected: v.text(want), Actual: v.t.Text(k), Related: []Place{v.at(want)},
	}
}
