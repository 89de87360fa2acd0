package report

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/mmaudit/mmaudit/validate/rule"
)

const (
	// sarifResults is how many results of a run GitHub takes.
	sarifResults = 25000
	// sarifRoot is the base that tools replace by the root of their checkout.
	sarifRoot   = "%SRCROOT%"
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// writeSARIF prints SARIF 2.1.0 on one line. Paths below the working folder
// are relative to %SRCROOT%; a region is given only where a line is known;
// findings that a baseline explains are results with a suppression.
func writeSARIF(w *bufio.Writer, v *view) error {
	doc := sarif.NewReport()
	doc.Schema = sarifSchema
	doc.AddRun(v.sarifRun())
	if err := doc.Write(w); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

func (v *view) sarifRun() *sarif.Run {
	run := sarif.NewRunWithInformationURI(cmp.Or(v.Tool.Name, "mmvalidate"), Home)
	switch version := v.Tool.Version; {
	case semantic(version):
		run.Tool.Driver.WithSemanticVersion(version)
	case version != "":
		run.Tool.Driver.WithVersion(version)
	}
	run.WithColumnKind("unicodeCodePoints")
	run.WithOriginalUriBaseIds(map[string]sarif.ArtifactLocation{
		sarifRoot: *sarif.NewArtifactLocation().WithDescription(sarif.NewTextMessage("the folder in which mmvalidate ran")),
	})

	index := map[string]int{}
	for i, id := range v.used() {
		index[id] = i
		run.Tool.Driver.AddRule(v.sarifRule(id))
	}
	seen := map[string]int{}
	for _, f := range v.gravest(sarifResults) {
		seen[f.Fingerprint]++
		run.AddResult(v.sarifResult(f, index[f.Rule], seen[f.Fingerprint]))
	}
	run.AddInvocation(v.sarifInvocation(index))
	return run
}

func (v *view) sarifRule(id string) *sarif.ReportingDescriptor {
	r := v.rule(id)
	d := sarif.NewRule(id).WithHelpURI(HelpURI(r))
	if r.Slug != "" {
		d.WithName(r.Slug)
	}
	config := sarif.NewReportingConfiguration().WithLevel(sarifLevel(r.Severity))
	d.WithDefaultConfiguration(config)
	if r.Summary != "" {
		d.WithShortDescription(sarif.NewMultiformatMessageString().WithText(oneLine(r.Summary)))
		d.WithFullDescription(sarif.NewMultiformatMessageString().WithText(oneLine(r.Summary + " " + r.Why)))
	}
	var text strings.Builder
	b := bufio.NewWriter(&text)
	explainText(b, r)
	b.Flush()
	d.WithHelp(sarif.NewMultiformatMessageString().WithText(text.String()).WithMarkdown(markdown(r)))
	// What GitHub sorts and filters by.
	bag := sarif.NewPropertyBag().Add("precision", "high").Add("problem.severity", problemSeverity(r.Severity))
	if len(id) >= 3 {
		bag.AddTag(id[:3])
	}
	return d.WithProperties(bag)
}

func (v *view) sarifResult(f *rule.Finding, index, nth int) *sarif.Result {
	text := sarifText(sentence(f))
	if a := about(f); a != "" {
		text += " (" + sarifText(a) + ")"
	}
	if h := cmp.Or(f.Hint, v.rule(f.Rule).Hint); h != "" {
		text += "\nhint: " + sarifText(h)
	}
	r := sarif.NewRuleResult(f.Rule).WithRuleIndex(index).WithLevel(sarifLevel(f.Severity)).
		WithMessage(sarif.NewTextMessage(text)).
		WithLocations([]*sarif.Location{v.sarifLocation(f.Dataset, &f.Place)}).
		WithSuppressions([]*sarif.Suppression{})
	if f.Fingerprint != "" {
		r.WithPartialFingerprints(map[string]string{
			"mmvalidate/v1": f.Fingerprint,
			// By this one GitHub follows an alert from run to run.
			"primaryLocationLineHash": f.Fingerprint + ":" + strconv.Itoa(nth),
		})
	}
	for i := range f.Related {
		r.AddRelatedLocation(v.sarifLocation(f.Dataset, &f.Related[i]).WithID(i + 1))
	}
	if f.Suppressed != "" {
		r.AddSuppression(sarif.NewSuppression().WithKind("external").WithStatus("accepted").WithJustification(Visible(f.Suppressed)))
	}
	return r
}

// sarifLocation gives the file, with a region if the line is known, and the
// row as a logical location.
func (v *view) sarifLocation(root string, p *rule.Place) *sarif.Location {
	phys := sarif.NewPhysicalLocation().WithArtifactLocation(v.sarifArtifact(root, p.Path))
	if p.Line >= 1 {
		region := sarif.NewRegion().WithStartLine(p.Line)
		if p.Column >= 1 {
			region.WithStartColumn(p.Column)
		}
		phys.WithRegion(region)
	}
	loc := sarif.NewLocation().WithPhysicalLocation(phys)
	if p.Token != "" {
		loc.AddLogicalLocation(sarif.NewLogicalLocation().WithKind("object").WithName(Visible(p.Token)).
			WithFullyQualifiedName(Visible(p.Table + "/" + p.Token)))
	}
	bag := sarif.NewPropertyBag()
	for name, s := range map[string]string{"channel": p.Channel, "frame": p.Frame} {
		if s != "" {
			bag.Add(name, Visible(s))
		}
	}
	if p.Line < 1 && p.ByteOffset > 0 {
		bag.Add("byteOffset", p.ByteOffset)
	}
	if len(bag.Properties) > 0 {
		loc.WithProperties(bag)
	}
	return loc
}

// sarifArtifact gives a URI: relative to %SRCROOT% for what lies below the
// working folder, absolute for what does not.
func (v *view) sarifArtifact(root, name string) *sarif.ArtifactLocation {
	p := filepath.Join(root, filepath.FromSlash(name))
	if v.Dir != "" {
		if !filepath.IsAbs(p) {
			p = filepath.Join(v.Dir, p)
		}
		if rel, err := filepath.Rel(v.Dir, p); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			p = rel
		}
	}
	uri := percent(filepath.ToSlash(p))
	if name == "" && !strings.HasSuffix(uri, "/") { // a folder
		uri = cmp.Or(uri, ".") + "/"
	}
	if filepath.IsAbs(p) {
		return sarif.NewArtifactLocation().WithURI("file://" + uri)
	}
	return sarif.NewArtifactLocation().WithURI(uri).WithURIBaseID(sarifRoot)
}

// percent escapes a slash-separated path, byte by byte, for a URI.
func percent(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(segments, "/")
}

func (v *view) sarifInvocation(index map[string]int) *sarif.Invocation {
	inv := sarif.NewInvocation().WithExecutionSuccessful(v.Complete)
	notify := func(level, text string) *sarif.Notification {
		n := sarif.NewNotification().WithLevel(level).WithMessage(sarif.NewTextMessage(sarifText(text)))
		inv.AddToolExecutionNotification(n)
		return n
	}
	if !v.Complete {
		notify(sarif.LevelError, "the run did not finish: "+cmp.Or(v.Incomplete, "reason unknown"))
	}
	if n := len(v.Findings) - sarifResults; n > 0 {
		notify(sarif.LevelWarning, fmt.Sprintf("%d results beyond the gravest %d are left out; the JSON report has them", n, sarifResults))
	}
	kept := v.kept()
	for _, id := range slices.Sorted(maps.Keys(v.Counts)) {
		if n := v.Counts[id]; n > kept[id] {
			notify(sarif.LevelNote, fmt.Sprintf("%s: %d findings, of which the report keeps %d", id, n, kept[id]))
		}
	}
	for _, s := range v.Skipped {
		n := notify(sarif.LevelNote, fmt.Sprintf("%s skipped: needs %s", s.Rule, s.Needs))
		n.WithAssociatedRule(sarif.NewReportingDescriptorReference().WithID(s.Rule).WithIndex(index[s.Rule]))
	}
	return inv
}

// sarifText is a message without the links that SARIF lets plain text hold.
func sarifText(s string) string { return strings.ReplaceAll(Visible(s), "](", "] (") }

func sarifLevel(s rule.Severity) string {
	switch s {
	case rule.Warning:
		return sarif.LevelWarning
	case rule.Info:
		return sarif.LevelNote
	}
	return sarif.LevelError
}

func problemSeverity(s rule.Severity) string {
	switch s {
	case rule.Warning:
		return "warning"
	case rule.Info:
		return "recommendation"
	}
	return "error"
}

// semantic reports whether s looks like a semantic version.
func semantic(s string) bool {
	parts := strings.SplitN(strings.TrimPrefix(s, "v"), ".", 3)
	if len(parts) != 3 {
		return false
	}
	_, err1 := strconv.Atoi(parts[0])
	_, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil
}
