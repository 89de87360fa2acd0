package suggest

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"kitti_v2.1", "nuscenes_v1.0", "Pedestrian", "Person_sitting", "Car"}
	for in, want := range map[string]string{
		"kitti-v2.1":  "kitti_v2.1",
		"nuscene_v10": "nuscenes_v1.0",
		"pedestrain":  "Pedestrian",
		"car":         "Car",
		"Cra":         "Car",
		"Tram":        "",
		"":            "",
	} {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		d    int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"ca", "abc", 3}} {
		if d := distance(c.a, c.b); d != c.d {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, d, c.d)
		}
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("kitti-v2.1", "kitti_v2.1")
	f.Fuzz(func(t *testing.T, a, b string) {
		if distance(a, b) != distance(b, a) {
			t.Fatal("not symmetric")
		}
		if a != "" && Nearest(a, []string{b, a}) == "" {
			t.Fatal("a name is nearest to itself")
		}
	})
}
