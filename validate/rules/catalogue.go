// Package rules is the catalogue: every rule as one piece of data beside its
// function. A file holds one topic; Catalogue puts them in the order of their
// ids. Ids, slugs and severities are stable once released.
package rules

import (
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Short names, so that a rule reads as a table row.
type (
	Rule    = rule.Rule
	Finding = rule.Finding
	Place   = rule.Place
	Check   = rule.Check
	Ctx     = rule.Ctx
)

// Formats as the rules name them.
const (
	kittiObject   = dataset.KITTIObject
	kittiRaw      = dataset.KITTIRaw
	kittiTracking = dataset.KITTITracking
	kittiOdometry = dataset.KITTIOdometry
	semanticKITTI = dataset.SemanticKITTI
	nuScenes      = dataset.NuScenes
	lyft          = dataset.Lyft
	t4            = dataset.T4
)

type formats = []dataset.Schema

// Catalogue gives every rule, ordered by id. The rules are shared: do not
// change them.
func Catalogue() []*Rule {
	var all []*Rule
	for _, topic := range topics() {
		for i := range topic {
			all = append(all, &topic[i])
		}
	}
	slices.SortFunc(all, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// topics lists the tables of rules, one line for each file of this folder.
func topics() [][]Rule {
	return [][]Rule{
		layDetect,
		layFiles,
		layKITTI,
		layImageSets,
		layRaw,
		layTables,
		layMetadata,
		schJSON,
		schTable,
		schNames,
		schLabel,
		schCalib,
		schRaw,
		schTracklets,
		lnkReferences,
		lnkChains,
		lnkCounts,
		lnkLogs,
		lnkKeyframes,
		lnkLidarseg,
		lnkT4,
		lnkKITTI,
		tmpStreams,
		tmpRaw,
		tmpTables,
		tmpCAN,
		geoCalib,
		geoLabels,
		geoTables,
		payImages,
		payClouds,
		payLabels,
		payContainers,
		payKITTI,
		ummFields,
		ummGroups,
		ummOffsets,
		ummTrends,
		ummPartners,
		ummSidecars,
	}
}
