package validate_test

import (
	"slices"
	"testing"

	"github.com/mmaudit/mmaudit/validate"
)

// TestRealKITTIRaw holds the key of the sample data's README.
func TestRealKITTIRaw(t *testing.T) {
	const drive = "2011_09_26_drive_0001_sync/2011_09_26/2011_09_26_drive_0001_sync/"
	var recorded []string
	for _, camera := range []string{"image_00", "image_01", "image_02", "image_03"} {
		recorded = append(recorded,
			"LAY021 "+drive+camera+"/data/0000000000.png",
			"LAY011 "+drive+camera+"/timestamps.txt",
			"TMP016 "+drive+camera+"/timestamps.txt")
	}
	recorded = append(recorded,
		"LAY003 2011_09_26_calib/2011_09_26",
		"LAY011 "+drive+"oxts/timestamps.txt",
		"LAY021 "+drive+"velodyne_points/data/0000000000.bin",
		"LAY011 "+drive+"velodyne_points/timestamps.txt",
		"LAY011 "+drive+"velodyne_points/timestamps_end.txt",
		"LAY011 "+drive+"velodyne_points/timestamps_start.txt")

	for _, c := range []struct {
		folder string
		want   []string
	}{
		{"JarnoRalli+python_camera_library/test_data/kitti", recorded},
		{"open-mmlab+mmdetection3d/tests/data/semantickitti", nil}, // 50 points, 50 labels
		// A drive without its folders, its stamps and most of its streams. The
		// sizes of its tracklets are at random.
		{"openvinotoolkit+datumaro/tests/assets/kitti_dataset/kitti_raw", []string{
			"GEO022 tracklet_labels.xml:7", "GEO022 tracklet_labels.xml:7", "GEO022 tracklet_labels.xml:36", "GEO022 tracklet_labels.xml:82",
			"LAY011 IMAGE_00/timestamps.txt",
			"LAY011 velodyne_points/timestamps.txt",
			"LAY011 velodyne_points/timestamps_end.txt",
			"LAY011 velodyne_points/timestamps_start.txt",
			"LAY012 image_01", "LAY012 image_02", "LAY012 image_03", "LAY012 oxts",
			"LAY024 IMAGE_00",
			"LAY025 velodyne_points/data/0000000000.pcd",
			"LAY025 velodyne_points/data/0000000001.pcd",
			"LAY025 velodyne_points/data/0000000002.pcd",
			"PAY002 IMAGE_00/data/0000000000.png",
			"PAY002 IMAGE_00/data/0000000001.png",
			"PAY002 IMAGE_00/data/0000000002.png",
			"PAY006 IMAGE_00/data/0000000002.png",
			"SCH038 tracklet_labels.xml:5", // 4 for 3 items
			"SCH039 tracklet_labels.xml:7", "SCH039 tracklet_labels.xml:36", "SCH039 tracklet_labels.xml:62", "SCH039 tracklet_labels.xml:82",
			"SCH040 tracklet_labels.xml:44", "SCH040 tracklet_labels.xml:90",
		}},
	} {
		got := findings(t, validate.Options{}, c.folder)
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.folder, got, c.want)
		}
	}
}
