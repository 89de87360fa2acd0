package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

func TestKnownAnomalies(t *testing.T) {
	k, err := LoadKnown()
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range k.Anomalies() {
		if a.Source == "" || a.Reason == "" || len(a.Rules) == 0 || len(a.Schemas) == 0 {
			t.Errorf("entry %d needs rules, schemas, source and reason", i+1)
		}
		if len(a.Paths)+len(a.Text)+len(a.Tokens) == 0 {
			t.Errorf("entry %d would explain every finding of its rules", i+1)
		}
		for _, s := range a.Schemas {
			if !slices.Contains(dataset.Schemas, s) {
				t.Errorf("entry %d: unknown schema %q", i+1, s)
			}
		}
	}
	for _, c := range []struct {
		name    string
		finding rule.Finding
		want    string // part of the reason; "" = not explained
	}{
		{"gap of drive 9", rule.Finding{Rule: "LAY010", Schema: dataset.KITTIRaw, Actual: "443 of 447", Place: rule.Place{Path: "2011_09_26/2011_09_26_drive_0009_sync/velodyne_points/data"}}, "177 to 180"},
		{"larger gap of drive 9", rule.Finding{Rule: "LAY010", Schema: dataset.KITTIRaw, Actual: "400 of 447", Place: rule.Place{Path: "2011_09_26/2011_09_26_drive_0009_sync/velodyne_points/data"}}, ""},
		{"scan of sequence 1", rule.Finding{Rule: "LAY008", Schema: dataset.KITTITracking, Place: rule.Place{Path: "training/velodyne/0001/000180.bin"}}, "177 to 180"},
		{"other scan of sequence 1", rule.Finding{Rule: "LAY008", Schema: dataset.KITTITracking, Place: rule.Place{Path: "training/velodyne/0001/000181.bin"}}, ""},
		{"gap of another drive", rule.Finding{Rule: "LAY010", Schema: dataset.KITTIRaw, Actual: "443 of 447", Place: rule.Place{Path: "2011_09_26/2011_09_26_drive_0001_sync/velodyne_points/data"}}, ""},
		{"gap of another stream", rule.Finding{Rule: "LAY010", Schema: dataset.KITTIRaw, Actual: "443 of 447", Place: rule.Place{Path: "2011_09_26/2011_09_26_drive_0009_sync/image_00/data"}}, ""},
		{"another rule", rule.Finding{Rule: "LAY022", Schema: dataset.KITTIRaw, Place: rule.Place{Path: "2011_09_26/2011_09_26_drive_0009_sync/velodyne_points/data/0000000001.bin"}}, ""},
		{"another format", rule.Finding{Rule: "LAY010", Schema: dataset.KITTIObject, Actual: "443 of 447", Place: rule.Place{Path: "2011_09_26/2011_09_26_drive_0009_sync/velodyne_points/data"}}, ""},
		{"odometry without Tr", rule.Finding{Rule: "SCH029", Schema: dataset.KITTIOdometry, Message: "key Tr is missing", Place: rule.Place{Path: "sequences/04/calib.txt"}}, "no Tr"},
		{"odometry without P2", rule.Finding{Rule: "SCH029", Schema: dataset.KITTIOdometry, Message: "key P2 is missing", Place: rule.Place{Path: "sequences/04/calib.txt"}}, ""},
		{"cut scan of Lyft", rule.Finding{Rule: "PAY007", Schema: dataset.Lyft, Place: rule.Place{Path: "lidar/host-a011_lidar1_1233090652702363606.bin"}}, "cut off"},
		{"other cut scan of Lyft", rule.Finding{Rule: "PAY007", Schema: dataset.Lyft, Place: rule.Place{Path: "lidar/host-a011_lidar1_1233090652702363607.bin"}}, ""},
		{"radar file named twice", rule.Finding{Rule: "LAY017", Schema: dataset.NuScenes, Message: "samples/RADAR_FRONT_RIGHT/n008-2018-08-30-10-33-52-0400__RADAR_FRONT_RIGHT__1535639656688279.pcd belongs to two rows"}, "issue 1136"},
		{"without a data set", rule.Finding{Rule: "LAY010", Actual: "443 of 447", Place: rule.Place{Path: "2011_09_26/2011_09_26_drive_0009_sync/velodyne_points/data"}}, ""},
	} {
		got := k.Suppress(&c.finding)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
